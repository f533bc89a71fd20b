//! How late packets leave while this process works on MLS commits of a call of 25, against how late without.
//!
//! `cargo bench -p isocord-benches --bench lateness`, and `taskset -c 0` before it for one core. Phases with and
//! without commits take turns, so that a noisy machine disturbs both alike.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../rust/proto/tests/dave_support/mod.rs"]
mod dave_support;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dave_support::Call;
use isocord_benches::{Deaf, serve};
use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::play::track::track;
use isocord_io::stats::Stats;
use isocord_proto::cipher::TransportMode;
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::frame::OpusFrame;

const CONNECTIONS: u32 = 25;
const MEMBERS: u64 = 25;
const ROUNDS: usize = 4;
const PHASE: Duration = Duration::from_secs(5);
const BOUND: Duration = Duration::from_secs(10);

/// Connections that send a frame of 128 kbit/s every 20 ms, encrypted end to end; their counts at the end.
fn play(engine: &Arc<Engine>, server: &UdpSocket, work: impl FnOnce(&[Connection])) -> Vec<Stats> {
    let connections: Vec<Connection> = (0..CONNECTIONS)
        .map(|ssrc| {
            let connection = Connection::new(Arc::clone(engine), Arc::new(Deaf)).unwrap();
            connection.open(server.local_addr().unwrap(), ssrc, BOUND).unwrap();
            connection.start_session(TransportMode::Aes256GcmRtpsize, &[1; 32]).unwrap();
            connection.change_sender(SenderChange::key(SenderRatchet::new(&[1; 16]))).unwrap();
            connection
        })
        .collect();
    let _writers: Vec<_> = connections
        .iter()
        .map(|connection| {
            let (mut writer, reader) = track(1_000);
            let frame = OpusFrame::new(&[0x5a; 320]).unwrap();
            while writer.push(&frame) {}
            connection.play(reader).unwrap();
            writer
        })
        .collect();
    work(&connections);
    connections
        .iter()
        .map(|connection| {
            let stats = connection.stats();
            connection.close();
            stats
        })
        .collect()
}

/// Somebody joins and leaves a call of 25 again and again; each commit changes the keys of all connections.
fn commits(connections: &[Connection], call: &mut Call, count: &mut u32) {
    let end = Instant::now() + PHASE;
    while Instant::now() < end {
        for step in 0..2 {
            if step == 0 {
                call.join(MEMBERS + 1)
            } else {
                call.leave(MEMBERS + 1)
            }
            *count += 1;
            for connection in connections {
                connection.change_sender(SenderChange::key(SenderRatchet::new(&[*count as u8; 16]))).unwrap();
            }
        }
    }
}

fn report(name: &str, phases: &[Vec<Stats>]) {
    let all = || phases.iter().flatten();
    let mut p99: Vec<Duration> = all().map(|stats| stats.lateness_p99).collect();
    let mut p50: Vec<Duration> = all().map(|stats| stats.lateness_p50).collect();
    p99.sort_unstable();
    p50.sort_unstable();
    println!(
        "{name:>16}: p50 {:?}, p99 {:?}, latest {:?} (medians over connections, then the worst of all); {} packets, {} slots missed",
        p50[p50.len() / 2],
        p99[p99.len() / 2],
        all().map(|stats| stats.lateness_max).max().unwrap(),
        all().map(|stats| stats.packets_sent).sum::<u64>(),
        all().map(|stats| stats.missed_slots).sum::<u64>(),
    );
}

fn main() {
    let server = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let serving = std::thread::spawn({
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        move || serve(&server, &stop, |_| {})
    });
    let engine = Engine::start().unwrap();
    let mut call = Call::with(1..=MEMBERS);
    let (mut quiet, mut busy, mut count) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        quiet.push(play(&engine, &server, |_| std::thread::sleep(PHASE)));
        busy.push(play(&engine, &server, |connections| commits(connections, &mut call, &mut count)));
    }
    println!("{CONNECTIONS} connections, {} s each way", PHASE.as_secs() * ROUNDS as u64);
    report("without commits", &quiet);
    report("with commits", &busy);
    println!("{count} commits in a call of {MEMBERS}, each worked on by all of its members in this process");
    stop.store(true, Ordering::Relaxed);
    serving.join().unwrap();
    engine.stop();
}
