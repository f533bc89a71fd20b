//! A connection against a real UDP server on 127.0.0.1.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod call_support;

use std::collections::HashSet;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use call_support::{BOUND, Call, Hear, Heard, KEY, MODE};
use isocord_io::connection::{Connection, ConnectionError};
use isocord_io::engine::Engine;
use isocord_io::events::Event;
use isocord_io::play::track::{TrackEnd, TrackWriter, track};
use isocord_proto::cipher::Opener;
use isocord_proto::dave::SenderChange;
use isocord_proto::frame::{OpusFrame, SILENCE};
use isocord_proto::rtp::{self, Datagram};

fn fill(writer: &mut TrackWriter, bytes: impl IntoIterator<Item = u8>) {
    for byte in bytes {
        assert!(writer.push(&OpusFrame::new(&[0xFC, byte]).expect("short")), "no room");
    }
}

#[test]
fn a_track_arrives_whole_and_in_time_order_and_ends_with_silence() {
    let call = Call::new();
    call.start();
    let (mut writer, reader) = track(25);
    fill(&mut writer, 0..10);
    writer.finish();
    call.connection.play(reader).expect("taken");

    let heard: Vec<Heard> = (0..15).map(|_| call.hear()).collect();
    for (index, packet) in heard.iter().enumerate() {
        let expected = if index < 10 { vec![0xFC, index as u8] } else { SILENCE.to_vec() };
        assert_eq!(packet.opus, expected);
        assert_eq!(packet.sequence, heard[0].sequence.wrapping_add(index as u16));
        // A stalled machine makes gaps of whole slots; time never runs short or out of step.
        let since = packet.timestamp.wrapping_sub(heard[0].timestamp);
        assert!(
            since >= 960 * index as u32 && since.is_multiple_of(960),
            "packet {index} is {since} after the first"
        );
    }
    assert!(matches!(call.event(), Event::TrackEnded(_, TrackEnd::Finished)));
    assert_eq!(writer.state().frames_sent(), 10);
    // A packet is counted after the system has taken it, so it can be heard before it is counted.
    let deadline = Instant::now() + BOUND;
    while call.connection.stats().packets_sent < 15 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let stats = call.connection.stats();
    assert_eq!((stats.packets_sent, stats.silence_sent), (15, 5));
    assert!(call.engine.stop());
}

#[test]
fn what_plays_waits_for_its_session_and_survives_a_new_socket() {
    let call = Call::new();
    let (mut writer, reader) = track(25);
    fill(&mut writer, 0..4);
    call.connection.play(reader).expect("taken");
    call.start();
    assert_eq!(call.hear().opus, [0xFC, 0]);

    call.connection.end_session().expect("taken");
    assert!(matches!(call.connection.send_packet(OpusFrame::SILENCE), Err(ConnectionError::NoSession)));
    call.connection.open(call.server.local_addr().expect("bound"), 99, BOUND).expect("a new socket");
    // Packets of the old session may still be under way to us before the new socket asks.
    let mut next = 1;
    let mut datagram = [0; 100];
    while call.server.peek(&mut datagram).is_ok_and(|len| len != 74) {
        assert_eq!(call.hear().opus[1], next);
        next += 1;
    }
    call.discover();
    call.start();
    assert_eq!(call.hear().opus, [0xFC, next]);
    call.connection.close();
    while !matches!(call.event(), Event::TrackEnded(_, TrackEnd::Closed)) {}
    assert!(matches!(call.connection.send_packet(OpusFrame::SILENCE), Err(ConnectionError::NoSession)));
}

#[test]
fn alone_in_an_encrypted_call_a_track_goes_on_unsent() {
    let call = Call::new();
    call.connection.start_session(MODE, &KEY).expect("a session");
    let (mut writer, reader) = track(25);
    fill(&mut writer, 0..10);
    writer.finish();
    call.connection.play(reader).expect("taken");
    assert_eq!(writer.state().wait_end(BOUND), Some(TrackEnd::Finished));
    assert_eq!(writer.state().frames_sent(), 10);
    let stats = call.connection.stats();
    assert_eq!((stats.withheld, stats.packets_sent, stats.underruns), (10, 0, 0));

    // Somebody joins: from the key on, everything is sent.
    let (mut writer, reader) = track(25);
    fill(&mut writer, 20..22);
    call.connection.change_sender(SenderChange::Passthrough).expect("taken");
    call.connection.play(reader).expect("taken");
    assert_eq!(call.hear().opus, [0xFC, 20]);
}

#[test]
fn a_changed_address_is_noticed_and_new_transport_keys_leave_the_track_alone() {
    let call = Call::new();
    call.start();
    let (mut writer, reader) = track(25);
    fill(&mut writer, 0..2);
    call.connection.play(reader).expect("taken");
    assert_eq!(call.hear().opus, [0xFC, 0]);
    assert_eq!(call.hear().opus, [0xFC, 1]);

    // The server is asked again later on, and again if it does not answer.
    let mut asked = 0;
    let mut request = [0; 100];
    let from = loop {
        let (len, from) = call.server.recv_from(&mut request).expect("a datagram");
        asked += u32::from(len == 74);
        if asked == 2 {
            break from;
        }
    };
    let mut answer = request[..74].to_vec();
    answer[1] = 2;
    answer[8..19].copy_from_slice(b"203.0.113.7");
    answer[72..].copy_from_slice(&50_004u16.to_be_bytes());
    for _ in 0..2 {
        call.server.send_to(&answer, from).expect("sent");
    }
    let Event::Discovered(external) = call.event() else { panic!("not discovered") };
    assert_eq!((external.address.to_string().as_str(), external.port), ("203.0.113.7", 50_004));

    // No word of the end-to-end encryption: what was in force before goes on.
    call.connection.start_session(MODE, &[2; 32]).expect("a session");
    fill(&mut writer, [2]);
    let opener = Opener::new(MODE, &[2; 32]);
    loop {
        let mut datagram = [0; 2_048];
        let len = call.server.recv(&mut datagram).expect("a packet in time");
        let datagram = &mut datagram[..len];
        let Datagram::Rtp(packet) = rtp::parse(datagram) else { continue };
        let len = opener.open(datagram, packet.clear_len()).expect("sealed with the new key");
        if datagram[packet.clear_len()..][..len] == [0xFC, 2] {
            break;
        }
    }
    assert!(call.events.try_recv().is_err(), "told of one address twice");
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_is_gone_is_noticed_and_failed_sends_are_counted() {
    let call = Call::new();
    call.start();
    let Call { connection, events, server, .. } = call;
    drop(server);
    // Probes come every 5 s, and two of them have to be refused.
    let failed = events.recv_timeout(BOUND).expect("noticed in time");
    assert!(matches!(failed, Event::DiscoveryFailed(_)), "{failed:?}");
    assert!(connection.stats().send_errors > 0);
}

#[test]
fn pause_stop_and_single_packets() {
    let call = Call::new();
    assert!(call.connection.send_packet(OpusFrame::SILENCE).is_err());
    call.start();
    call.connection.send_packet(OpusFrame::new(&[0xFC, 77]).expect("short")).expect("sent");
    assert_eq!(call.hear().opus, [0xFC, 77]);
    for _ in 0..5 {
        assert_eq!(call.hear().opus, SILENCE);
    }
    let (mut writer, reader) = track(25);
    fill(&mut writer, 0..20);
    call.connection.play(reader).expect("taken");
    let first = call.hear();
    assert_eq!(first.opus, [0xFC, 0]);
    call.connection.pause().expect("taken");
    let mut played = 1;
    loop {
        let heard = call.hear().opus;
        if heard == SILENCE {
            break;
        }
        assert_eq!(heard, [0xFC, played]);
        played += 1;
    }
    for _ in 0..4 {
        assert_eq!(call.hear().opus, SILENCE);
    }
    call.connection.resume().expect("taken");
    assert_eq!(call.hear().opus, [0xFC, played]);
    call.connection.stop().expect("taken");
    assert_eq!(writer.state().wait_end(BOUND), Some(TrackEnd::Stopped));
}

#[test]
fn a_silent_server_fails_discovery_in_time() {
    let engine = Engine::start().expect("threads");
    let (sender, events) = channel();
    let connection = Connection::new(engine, Arc::new(Hear(sender.into()))).expect("a connection");
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    connection.open(server.local_addr().expect("bound"), 5, Duration::from_millis(150)).expect("a socket");
    assert!(matches!(events.recv_timeout(BOUND), Ok(Event::DiscoveryFailed(_))));
}

/// Says a frame and waits for it at the server. Every packet that comes until then has a nonce of its own.
fn say(call: &Call, connection: &Connection, opener: &Opener, byte: u8, nonces: &mut HashSet<u32>) {
    connection.send_packet(OpusFrame::new(&[0xFC, byte]).expect("short")).expect("taken");
    let mut datagram = [0; 2_048];
    loop {
        let len = call.server.recv(&mut datagram).expect("a packet in time");
        let datagram = &mut datagram[..len];
        let Datagram::Rtp(packet) = rtp::parse(datagram) else { continue };
        let nonce = u32::from_be_bytes(datagram[len - 4..].try_into().expect("four bytes"));
        let Ok(len) = opener.open(datagram, packet.clear_len()) else { continue };
        assert!(nonces.insert(nonce), "nonce {nonce} is used again");
        if datagram[packet.clear_len()..][..len] == [0xFC, byte] {
            return;
        }
    }
}

#[test]
fn a_key_that_comes_again_goes_on_with_its_nonces() {
    let call = Call::new();
    let mut nonces = HashSet::new();
    let mut say = |connection: &Connection, byte| say(&call, connection, &call.opener, byte, &mut nonces);
    call.start();
    say(&call.connection, 0);
    // To the same session, to one that has ended, with another key in between, and over another socket.
    call.connection.start_session(MODE, &KEY).expect("taken");
    say(&call.connection, 1);
    call.connection.end_session().expect("taken");
    call.start();
    say(&call.connection, 2);
    call.connection.start_session(MODE, &[9; 32]).expect("taken");
    call.start();
    say(&call.connection, 3);
    let server = call.server.local_addr().expect("bound");
    call.connection.open(server, 99, BOUND).expect("another socket");
    call.start();
    say(&call.connection, 4);
    // And to another connection.
    let handler = Arc::new(Hear(channel().0.into()));
    let other = Connection::new(Arc::clone(&call.engine), handler).expect("a connection");
    other.open(server, 98, BOUND).expect("a socket");
    other.start_session(MODE, &KEY).expect("taken");
    other.change_sender(SenderChange::Passthrough).expect("taken");
    say(&other, 5);
    call.engine.stop();
}
