//! Floods and rubbish are counted, cost bounded memory, and leave the sound alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod recv_support;

use std::time::Duration;

use isocord_proto::cipher::{Opener, TransportMode};
use isocord_proto::recv::{DelayBounds, Listening, PlainFrames, ReceivePath, Workspace};
use proptest::prelude::*;
use recv_support::*;

fn modes() -> impl Strategy<Value = TransportMode> {
    proptest::sample::select(TransportMode::ALL.to_vec())
}

proptest! {
    #[test]
    fn any_bytes_are_taken(mode in modes(), datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        let mut listener = Listener::default();
        let mut workspace = Workspace::new();
        let mut path = ReceivePath::new(PlainFrames, DelayBounds::default());
        path.start_session(Opener::new(mode, &KEY));
        path.listen(Listening::Pcm, Duration::ZERO, &mut workspace, &mut listener);
        for mut datagram in datagrams {
            path.datagram(&mut datagram, Duration::ZERO, &mut workspace, &mut listener);
        }
        prop_assert_eq!((listener.frames, path.users().count()), (0, 0));
    }

    /// Packets that the server vouches for, with anything inside.
    #[test]
    fn any_media_is_taken(mode in modes(), media in prop::collection::vec((any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..60), 0u64..400), 0..60)) {
        let mut call = Call::with(Listening::PcmAndOpus, PlainFrames, mode);
        call.listener.keep_pcm = false;
        call.assign(5, 500);
        let mut sender = Sender::with_mode(mode, 5, 0, 0);
        let mut at = 0;
        for (sequence, timestamp, media, wait) in media {
            // Half of the packets go on where the last one ended.
            if wait % 2 == 0 {
                (sender.sequence, sender.timestamp) = (sequence, timestamp);
            }
            at += wait;
            let packet = sender.packet(&media, 960);
            call.wire(ms(at), packet);
        }
        call.run_until(ms(at + 10_000));
        let stats = call.user(500);
        prop_assert!(stats.recovered + stats.concealed <= stats.lost);
    }

    #[test]
    fn a_changed_packet_changes_nothing(at in 0usize..60, bit in 0u8..8) {
        let mut call = Call::new(Listening::Opus);
        call.assign(5, 500);
        let mut sender = Sender::new(5, 0, 0);
        for number in 0..20u32 {
            let packet = sender.packet(&numbered(number), 960);
            let mut changed = packet.clone();
            let index = at % changed.len();
            changed[index] ^= 1 << bit;
            call.wire(ms(20 * u64::from(number)), changed);
            call.wire(ms(20 * u64::from(number)), packet);
        }
        call.run_until(ms(2_000));
        prop_assert_eq!(call.take().iter().map(Heard::number).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
        let stats = call.user(500);
        prop_assert_eq!((stats.received, stats.late, stats.duplicate, stats.failed_to_open), (20, 0, 0, 0));
    }
}

#[test]
fn a_flood_of_rubbish_leaves_the_sound_alone() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    let mut flood = Random(7);
    let mut thief = Sender::new(5, 0, 0);
    for number in 0..200u32 {
        let at = ms(20 * u64::from(number));
        let packet = sender.packet(&numbered(number), 960);
        for _ in 0..100 {
            let len = flood.next() as usize % 200;
            let mut rubbish: Vec<u8> = (0..len).map(|_| flood.next() as u8).collect();
            if len > 12 && flood.next().is_multiple_of(2) {
                // One that looks like the user's.
                rubbish[..12].copy_from_slice(&packet[..12]);
            }
            call.wire(at, rubbish);
        }
        // Sealed with another key, and cut.
        thief.sealer = isocord_proto::cipher::Sealer::new(MODE, &[8; 32]);
        call.wire(at, thief.packet(&numbered(7_777), 960));
        call.wire(at, packet[..packet.len() / 2].to_vec());
        call.wire(at, packet);
    }
    call.run_until(ms(6_000));
    let heard = call.take();
    assert_eq!(heard.iter().map(Heard::number).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
    assert!(heard.iter().all(|frame| frame.position == u64::from(frame.number()) * 960));
    let (user, stats) = (call.user(500), call.path.stats());
    assert_eq!((user.received, user.lost, user.late, user.duplicate), (200, 0, 0, 0));
    assert!(stats.forged > 8_000 && stats.malformed > 5_000, "{stats:?}");
}
