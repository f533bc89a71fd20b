//! Sound from a real UDP server on 127.0.0.1 to those who listen.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod receive_support;

use std::time::{Duration, Instant};

use isocord_io::receive::pump::{Appetite, FrameConsumer, Pump};
use isocord_io::receive::queue::{Form, Item};
use isocord_proto::recv::{FrameKind, Speaking};

use receive_support::{BOUND, Call, KEY, MODE, Speaker, discover, hear, speak};

#[test]
fn several_listen_to_several() {
    let call = Call::new();
    let mut pcm = call.connection.listen(Form::Pcm, 1_000).expect("taken");
    let mut opus = call.connection.listen(Form::Opus, 1_000).expect("taken");
    call.connection.assign_ssrc(1, 100).expect("taken");
    let mut speakers = [Speaker::new(1), Speaker::new(2)];
    speak(&call, &mut speakers, 50);
    // The second one is known later.
    call.connection.assign_ssrc(2, 200).expect("taken");
    let report =
        call.report_with(|report| report.users.iter().map(|(_, user)| user.received).sum::<u64>() == 100);
    // On a machine that stands still for a moment some come too late to be handed out.
    let late: u64 = report.users.iter().map(|(_, user)| user.late).sum();
    for (reader, is_pcm) in [(&mut pcm, true), (&mut opus, false)] {
        let heard = hear(reader, 100 - late as usize);
        for (user_id, user) in &report.users {
            let of_user: Vec<_> = heard.iter().filter(|(id, ..)| id == user_id).collect();
            assert!(of_user.windows(2).all(|pair| pair[1].1 >= pair[0].1 + 960), "user {user_id}");
            let voice = of_user.iter().filter(|(.., kind, _)| *kind == FrameKind::Voice);
            assert_eq!(voice.clone().count() as u64, 50 - user.late, "user {user_id}");
            let loud = voice.filter(|(.., loudest)| *loudest > 8_000).count();
            assert!(!is_pcm || loud > 25, "user {user_id}: {loud} loud frames");
        }
    }
    assert_eq!((report.connection.rtp, report.connection.forged, report.users.len()), (100, 0, 2));
    assert!(call.engine.stop());
}

#[test]
fn who_does_not_drain_loses_frames_and_nobody_else_does() {
    let call = Call::new();
    let slow = call.connection.listen(Form::Opus, 10).expect("taken");
    let mut quick = call.connection.listen(Form::Opus, 1_000).expect("taken");
    call.connection.assign_ssrc(1, 100).expect("taken");
    speak(&call, &mut [Speaker::new(1)], 50);
    // On a machine that stands still for a moment some come too late to be handed out.
    let report = call.report_with(|report| report.users.iter().any(|(_, user)| user.received == 50));
    let in_time = 50 - report.users[0].1.late;
    assert_eq!(hear(&mut quick, in_time as usize).len() as u64, in_time);
    assert_eq!((slow.len() as u64, slow.len() as u64 + slow.dropped()), (10, in_time + 1));
}

#[test]
fn nobody_listens_and_packets_are_only_counted() {
    let call = Call::new();
    call.connection.assign_ssrc(1, 100).expect("taken");
    let mut speakers = [Speaker::new(1)];
    speak(&call, &mut speakers, 20);
    let report = call.report_with(|report| report.connection.unheard == 20);
    assert!(report.users.is_empty());
    // One comes, goes, and then they are only counted again.
    let mut reader = call.connection.listen(Form::Pcm, 100).expect("taken");
    speak(&call, &mut speakers, 20);
    assert_eq!(hear(&mut reader, 20).len(), 20);
    drop(reader);
    let deadline = Instant::now() + BOUND;
    while call.connection.receive_report().connection.unheard == 20 {
        speak(&call, &mut speakers, 2);
        assert!(Instant::now() < deadline);
    }
}

#[derive(Default)]
struct Notes {
    frames: Vec<u64>,
    speaking: Vec<Speaking>,
    clock: Vec<u64>,
}

impl FrameConsumer for Notes {
    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Frame(frame) => self.frames.push(frame.position),
            Item::Speaking(100, speaking, _) => self.speaking.push(speaking),
            Item::Speaking(..) | Item::Left(_) => panic!("a stranger speaks, or leaves"),
        }
    }

    fn advance(&mut self, position: u64) -> Appetite {
        self.clock.push(position);
        Appetite::More
    }

    fn finish(&mut self, position: u64) {
        self.clock.push(position);
    }
}

#[test]
fn a_native_consumer_has_a_thread_of_its_own_and_a_new_server_does_not_end_it() {
    let mut call = Call::new();
    let reader = call.connection.listen(Form::Pcm, 1_000).expect("taken");
    let mut pump =
        Pump::spawn("isocord-test", reader, Notes::default(), call.engine.common_clock()).expect("a thread");
    for ssrc in [1, 2] {
        call.connection.assign_ssrc(ssrc, 100).expect("taken");
        speak(&call, &mut [Speaker::new(ssrc)], 25);
        call.report_with(|report| report.users.iter().any(|(_, user)| user.received == 25 * u64::from(ssrc)));
        if ssrc == 1 {
            call.connection.open(call.server.local_addr().expect("bound"), 99, BOUND).expect("a socket");
            call.client = discover(&call.server);
            call.connection.start_session(MODE, &KEY).expect("taken");
        }
    }
    call.connection.close();
    let deadline = Instant::now() + BOUND;
    while !pump.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let notes = pump.finish(BOUND).expect("it ended with the connection");
    assert_eq!(notes.frames.len(), 50);
    assert!(notes.frames.is_sorted() && notes.clock.is_sorted());
    let last = notes.clock.last().copied().unwrap_or(0);
    assert!(last >= notes.frames[24] + 960);
    assert_eq!(notes.speaking.first(), Some(&Speaking::Started));
    assert_eq!(notes.speaking.last(), Some(&Speaking::Stopped));
}
