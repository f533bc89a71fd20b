//! What nobody listens to may not even be read. Who begins to listen misses nothing all the same, and all is counted.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod receive_support;

use std::sync::mpsc::channel;
use std::time::Instant;

use isocord_io::engine::Engine;
use isocord_io::receive::bell::Trigger;
use isocord_io::receive::queue::Form;

use receive_support::{BOUND, Call, Speaker, hear, tone};

/// Says something until nobody hears it any more; returns how often.
fn speak_unheard(call: &Call, speaker: &mut Speaker) -> u64 {
    let deadline = Instant::now() + BOUND;
    let before = call.connection.receive_report().connection.unheard;
    let mut said = 0;
    while call.connection.receive_report().connection.unheard == before {
        assert!(Instant::now() < deadline, "somebody still listens");
        call.send(&speaker.packet(&tone()));
        said += 1;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    said
}

#[test]
fn who_begins_to_listen_hears_the_very_next_packet_and_all_are_counted() {
    let call = Call::new();
    call.connection.assign_ssrc(1, 100).expect("taken");
    let mut speaker = Speaker::new(1);
    let (mut sent, mut heard) = (0, 0);
    for _ in 0..20 {
        sent += speak_unheard(&call, &mut speaker);
        let before = call.report_with(|report| report.connection.rtp == sent);
        heard = heard.max(before.users.first().map_or(0, |(_, user)| user.received));
        assert_eq!(before.connection.unheard + heard, sent, "what was not heard was counted");

        let mut reader = call.connection.listen(Form::Opus, 100).expect("taken");
        call.send(&speaker.packet(&tone()));
        (sent, heard) = (sent + 1, heard + 1);
        hear(&mut reader, 1);
        let after = call.report_with(|report| report.connection.rtp == sent);
        assert_eq!(after.connection.unheard, before.connection.unheard);
        assert_eq!(after.users[0].1.received, heard);
        assert_eq!(call.connection.stats().packets_received, sent);
    }
    call.connection.close();
    assert_eq!(call.connection.stats().packets_received, sent, "counts outlive the socket");
}

#[test]
fn the_very_next_packet_rings() {
    let call = Call::new();
    call.connection.assign_ssrc(1, 100).expect("taken");
    let mut speaker = Speaker::new(1);
    for _ in 0..5 {
        speak_unheard(&call, &mut speaker);
        let (ring, rung) = channel();
        let ring = Box::new(move |rung| _ = ring.send(rung));
        let _bell = call.connection.bell(Trigger::Packet, None, ring).expect("taken");
        call.send(&speaker.packet(&tone()));
        assert_eq!(rung.recv_timeout(BOUND).map(|rung| rung.user_id), Ok(100));
    }
}

#[test]
fn a_new_socket_is_not_listened_to_either_and_counts_go_on() {
    let mut call = Call::new();
    call.connection.assign_ssrc(1, 100).expect("taken");
    let mut speaker = Speaker::new(1);
    for round in 1..=3 {
        (0..10).for_each(|_| call.send(&speaker.packet(&tone())));
        let report = call.report_with(|report| report.connection.rtp == 10 * round);
        assert_eq!(report.connection.unheard, 10 * round);
        call.connection.open(call.server.local_addr().expect("bound"), 99, BOUND).expect("a socket");
        call.client = receive_support::discover(&call.server);
    }
}

#[test]
fn who_is_held_up_on_one_thread_delays_nobody_on_another() {
    let engine = Engine::start_with(2).expect("threads");
    let (held, free) = (Call::on(&engine), Call::on(&engine));
    for call in [&held, &free] {
        call.connection.assign_ssrc(1, 100).expect("taken");
    }
    let ((ring, rung), (release, released)) = (channel(), channel());
    let ring = Box::new(move |_| {
        let _ = ring.send(());
        let _ = released.recv_timeout(BOUND);
    });
    let _bell = held.connection.bell(Trigger::Packet, None, ring).expect("taken");
    let mut waits = held.connection.listen(Form::Opus, 100).expect("taken");
    held.send(&Speaker::new(1).packet(&tone()));
    rung.recv_timeout(BOUND).expect("it rings");

    let mut reader = free.connection.listen(Form::Opus, 100).expect("taken");
    free.send(&Speaker::new(1).packet(&tone()));
    assert_eq!(hear(&mut reader, 1).len(), 1);
    assert!(waits.is_empty(), "the other one waits still");
    release.send(()).expect("it waits");
    assert_eq!(hear(&mut waits, 1).len(), 1);
    assert!(engine.stop());
}
