//! What hearing costs in the native threads: CPU of the receive threads for each packet of an encrypted call, beside
//! bare loops that read the same packets from as many sockets, and beside libopus that decodes them in the same rhythm.
//!
//! `cargo bench -p isocord-benches --bench hearing`, on Linux, which counts the nanoseconds of a thread. Everybody is
//! sent 50 packets a second over 127.0.0.1, each connection's in its own millisecond of 20. Those who are compared take
//! turns, so that a noisy machine disturbs all alike. On the loopback device the sender pays for the way of a packet
//! through the kernel, up to the socket.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bare;
mod calls;
mod speaker;

use std::time::Duration;

use isocord_io::receive::queue::Form;

use bare::{Decoding, Reading, Sockets};
use calls::Calls;
use speaker::Speaker;

const ROUNDS: usize = 4;
const PHASE: Duration = Duration::from_secs(2);

/// Who is sent packets, or has them already.
trait Contestant {
    fn name(&self) -> String;

    /// Does its work while `speaker` speaks.
    fn hear(&mut self, speaker: &mut Speaker, time: Duration);

    /// How its threads' names begin.
    fn threads(&self) -> &'static str;

    /// Packets that came.
    fn packets(&self) -> u64;
}

/// Nanoseconds that the threads of this name have run.
fn spent(threads: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let ours = tasks.flatten().map(|task| task.path()).filter(|task| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with(threads))
    });
    let times = ours.filter_map(|task| std::fs::read_to_string(task.join("schedstat")).ok());
    times.filter_map(|times| times.split(' ').next()?.parse::<u64>().ok()).sum()
}

fn compare(title: &str, contestants: &mut [Box<dyn Contestant>]) {
    println!("{title}");
    let mut sums = vec![(0, 0); contestants.len()];
    let mut speakers: Vec<Speaker> = contestants.iter().map(|_| Speaker::new()).collect();
    for round in 0..=ROUNDS {
        for ((contestant, speaker), sum) in contestants.iter_mut().zip(&mut speakers).zip(&mut sums) {
            let before = (spent(contestant.threads()), contestant.packets());
            contestant.hear(speaker, PHASE);
            // The first round is to warm up.
            if round > 0 {
                sum.0 += spent(contestant.threads()) - before.0;
                sum.1 += contestant.packets() - before.1;
            }
        }
    }
    let figures: Vec<f64> =
        sums.iter().map(|(spent, packets)| *spent as f64 / 1e3 / *packets as f64).collect();
    for ((contestant, figure), sum) in contestants.iter().zip(&figures).zip(&sums) {
        let name = contestant.name();
        println!("{name:>44}: {figure:7.2} us a packet, {:5.2} x, {} packets", figure / figures[0], sum.1);
    }
}

fn main() {
    for count in [1, 100, 1_000] {
        compare(
            &format!("{count} connections, nobody listens"),
            &mut [
                Box::new(Sockets::open(count, Reading::One)),
                Box::new(Sockets::open(count, Reading::Batch)),
                Box::new(Calls::open(count, None)),
            ],
        );
    }
    for count in [1, 100] {
        compare(
            &format!("{count} connections, packets handed out as they are"),
            &mut [
                Box::new(Sockets::open(count, Reading::Batch)),
                Box::new(Calls::open(count, Some(Form::Opus))),
            ],
        );
    }
    for count in [1, 10, 100] {
        compare(
            &format!("{count} connections, decoded"),
            &mut [Box::new(Decoding::start(count)), Box::new(Calls::open(count, Some(Form::Pcm)))],
        );
    }
}
