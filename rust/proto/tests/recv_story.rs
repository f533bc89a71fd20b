//! Every datagram takes its right way: opened, stripped, given to its user, or counted and dropped.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod recv_support;

use isocord_proto::cipher::{Opener, TransportMode};
use isocord_proto::dave::{FrameSealer, Openers, ReceiverChange, SenderChange, SenderRatchet};
use isocord_proto::frame::SILENCE;
use isocord_proto::recv::{EndToEnd, FrameKind, Listening, NotOpened, PlainFrames, Speaking};
use recv_support::*;
use std::time::Duration;

fn sound(heard: &[Heard]) -> Vec<Vec<u8>> {
    heard.iter().map(|frame| frame.opus.clone()).collect()
}

#[test]
fn every_mode_is_opened_and_stripped() {
    for mode in TransportMode::ALL {
        let mut call = Call::with(Listening::Opus, PlainFrames, mode);
        call.assign(5, 500);
        let mut sender = Sender::with_mode(mode, 5, 0, 0);
        // PlainFrames, with padding, with CSRCs and an extension, with all of it, and nothing but padding.
        for (number, first) in [0x80u8, 0xA0, 0x92, 0xB2, 0xA0].into_iter().enumerate() {
            let mut clear = vec![first, 0x78];
            clear.extend((number as u16).to_be_bytes());
            clear.extend((number as u32 * 960).to_be_bytes());
            clear.extend(5u32.to_be_bytes());
            clear.resize(12 + 4 * usize::from(first & 15), 0xEE);
            let mut body = Vec::new();
            if first & 0x10 != 0 {
                let preamble = [0xBE, 0xDE, 0, 2];
                if mode.is_rtpsize() {
                    clear.extend(preamble)
                } else {
                    body.extend(preamble)
                }
                body.extend([0x51; 8]);
            }
            if number < 4 {
                body.extend(numbered(number as u32));
            }
            if first & 0x20 != 0 {
                body.extend([0, 0, 0, 0, 0, 0, 7]);
            }
            let packet = sender.seal(&clear, &body);
            call.wire(ms(20 * number as u64), packet);
        }
        call.run_until(ms(2_000));
        let heard = call.take();
        assert_eq!(sound(&heard), (0..4).map(numbered).collect::<Vec<_>>(), "{}", mode.name());
        let stats = call.path.stats();
        assert_eq!((stats.rtp, stats.padding, stats.forged, stats.malformed), (5, 1, 0, 0));
        assert_eq!(call.user(500).received, 4);
    }
}

#[test]
fn other_kinds_of_packets_are_counted_and_leave_the_sound_alone() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..50u32 {
        let at = ms(u64::from(number) * 20);
        let packet = sender.packet(&numbered(number), 960);
        let mut video = packet.clone();
        video[1] = 103;
        call.wire(at, video);
        let mut forged = packet.clone();
        *forged.last_mut().unwrap() ^= 1;
        call.wire(at, forged);
        let mut moved = packet.clone();
        moved[2] ^= 0x40;
        call.wire(at, moved);
        for len in [0, 1, 8, 11, 12, 20, packet.len() - 1] {
            call.wire(at, packet[..len].to_vec());
        }
        call.wire(at, vec![0x81, 201, 0, 1, 0, 0, 0, 5]);
        call.wire(at, vec![0; 74]);
        call.wire(at, vec![0xFF; 300]);
        call.wire(at, packet);
    }
    call.run_until(ms(3_000));
    let heard = call.take();
    assert_eq!(sound(&heard), (0..50).map(numbered).collect::<Vec<_>>());
    // The first video packet came before the user was heard.
    let (user, stats) = (call.user(500), call.path.stats());
    assert_eq!((user.received, user.lost, user.late, user.duplicate, user.ignored), (50, 0, 0, 0, 49));
    assert_eq!((stats.rtcp, stats.ignored), (50, 50));
    // Forged, moved, three cut ones that still have a header, and the RTCP packet without a tag.
    assert_eq!(stats.forged, 50 * 6);
    assert_eq!(stats.malformed, 50 * 5);
}

#[test]
fn nobody_listens_nothing_is_opened() {
    let mut call = Call::new(Listening::Off);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..10 {
        call.wire(ms(20 * u64::from(number)), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(1_000));
    assert_eq!((call.path.stats().unheard, call.path.users().count(), call.listener.frames), (10, 0, 0));
}

#[test]
fn sound_before_its_user_waits_and_is_placed_where_it_was() {
    let mut call = Call::new(Listening::Opus);
    let mut sender = Sender::new(5, 100, 0);
    for number in 0..100u32 {
        call.wire(ms(1_000 + 20 * u64::from(number)), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(2_400));
    assert!(call.take().is_empty());
    call.assign(5, 500);
    call.run_until(ms(5_000));
    let heard = call.take();
    assert_eq!(sound(&heard), (0..100).map(numbered).collect::<Vec<_>>());
    assert_eq!(heard[0].position, 48_000);
    assert_eq!(heard[99].position, 48_000 + 99 * 960);
    assert_eq!((call.user(500).received, call.path.stats().unknown_dropped), (100, 0));
}

#[test]
fn sound_without_a_user_is_forgotten_after_two_seconds() {
    let mut call = Call::new(Listening::Opus);
    let mut senders: Vec<Sender> = (0..200).map(|ssrc| Sender::new(ssrc, 0, 0)).collect();
    for number in 0..400u32 {
        for sender in &mut senders {
            let packet = sender.packet(&numbered(number), 960);
            call.wire(ms(20 * u64::from(number)), packet);
        }
    }
    call.run_until(ms(20_000));
    assert_eq!(call.path.stats().unknown_dropped, 400 * 200);
    call.assign(3, 500);
    assert!(call.take().is_empty());
}

#[test]
fn a_new_ssrc_of_the_same_user_goes_on() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut first = Sender::new(5, 100, 1 << 30);
    let mut second = Sender::new(6, 60_000, 77);
    for number in 0..50u32 {
        let at = ms(20 * u64::from(number));
        let sender = if number < 25 { &mut first } else { &mut second };
        call.wire(at, sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(600));
    call.assign(6, 500);
    call.run_until(ms(2_000));
    let heard = call.take();
    assert_eq!(sound(&heard), (0..50).map(numbered).collect::<Vec<_>>());
    for (number, frame) in heard.iter().enumerate() {
        assert_eq!(frame.position, number as u64 * 960);
    }
    assert_eq!(call.user(500).lost, 0);
}

#[test]
fn a_new_session_repeats_no_time() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 100, 0);
    for number in 0..10 {
        call.wire(ms(20 * u64::from(number)), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(181));
    let now = call.now;
    // What waits is handed out ahead of its time, and the next session begins at once.
    call.path.end_session(now, &mut call.workspace, &mut call.listener);
    call.path.start_session(Opener::new(MODE, &KEY));
    call.assign(6, 500);
    let mut sender = Sender::new(6, 7, 1 << 20);
    for number in 10..20 {
        call.wire(ms(20 * u64::from(number) - 15), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(2_000));
    let heard = call.take();
    assert!(heard.len() >= 19, "{}", heard.len());
    assert!(heard.windows(2).all(|pair| pair[1].position >= pair[0].position + 960));
}

#[test]
fn an_ssrc_taken_over_by_another_user_changes_hands_at_once() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..10 {
        call.wire(ms(20 * u64::from(number)), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(500));
    call.assign(5, 600);
    let mut sender = Sender::new(5, 9_000, 1 << 20);
    for number in 10..20 {
        call.wire(ms(500 + 20 * u64::from(number)), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(2_000));
    let heard = call.take();
    let owners: Vec<u64> = heard.iter().map(|frame| frame.user_id).collect();
    assert_eq!(owners, [vec![500; 10], vec![600; 10]].concat());
}

#[test]
fn who_leaves_is_heard_to_the_end() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..10 {
        call.wire(ms(20 * u64::from(number)), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(181));
    call.path.user_left(500, call.now, &mut call.workspace, &mut call.listener);
    assert_eq!(call.take().len(), 10);
    assert_eq!(call.listener.speaking.last().map(|(_, speaking, _)| *speaking), Some(Speaking::Stopped));
    call.wire(ms(200), sender.packet(&numbered(10), 960));
    call.run_until(ms(60_000));
    assert!(call.take().is_empty());
    assert_eq!(call.path.stats().unknown_dropped, 1);
}

#[test]
fn a_new_server_starts_from_nothing_and_the_counts_go_on() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    let mut packets: Vec<_> = (0..20).map(|number| sender.packet(&numbered(number), 960)).collect();
    let rest = packets.split_off(10);
    for (number, packet) in packets.into_iter().enumerate() {
        call.wire(ms(20 * number as u64), packet);
    }
    call.run_until(ms(185));
    call.path.end_session(call.now, &mut call.workspace, &mut call.listener);
    for packet in rest {
        call.wire(ms(190), packet);
    }
    call.run_until(ms(1_000));
    assert_eq!((call.take().len(), call.path.stats().forged), (10, 10));
    call.path.start_session(Opener::new(MODE, &KEY));
    let mut sender = Sender::new(5, 9_999, 5);
    call.wire(ms(1_000), sender.packet(&numbered(20), 960));
    call.run_until(ms(1_100));
    assert!(call.take().is_empty());
    call.assign(5, 500);
    call.run_until(ms(2_000));
    let heard = call.take();
    assert_eq!((heard.len(), heard[0].position, call.user(500).received), (1, 48_000, 11));
}

#[test]
fn speaking_follows_the_silence_frames() {
    let mut call = Call::new(Listening::Pcm);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for spurt in 0..3u64 {
        for slot in 0..15u64 {
            let media = if slot < 10 { numbered(slot as u32) } else { SILENCE.to_vec() };
            let packet = sender.packet(&media, 960);
            call.wire(ms(spurt * 1_000 + slot * 20), packet);
        }
        sender.pause(1_000 - 300);
    }
    call.run_until(ms(5_000));
    let expected: Vec<_> = (0..3u64)
        .flat_map(|spurt| {
            let start = spurt * 48_000;
            [(500, Speaking::Started, start), (500, Speaking::Stopped, start + 9_600)]
        })
        .collect();
    assert_eq!(call.listener.speaking, expected);
    let heard = call.take();
    assert_eq!(heard.len(), 45, "silence between spurts is a gap");
    assert!(heard.iter().all(|frame| frame.kind == FrameKind::Voice));
    assert_eq!(heard[15].position, 48_000);
    assert_eq!(call.user(500).lost + call.user(500).concealed, 0);
}

/// Opens with one byte of key in front of the frame.
struct Keyed(Option<u8>);

impl EndToEnd for Keyed {
    fn open(&mut self, _: u64, frame: &[u8], out: &mut [u8], _: Duration) -> Result<usize, NotOpened> {
        match (frame, self.0) {
            ([0, ..], _) => Err(NotOpened::Final),
            ([key, rest @ ..], Some(mine)) if *key == mine => {
                out[..rest.len()].copy_from_slice(rest);
                Ok(rest.len())
            }
            _ => Err(NotOpened::NoKey),
        }
    }
}

#[test]
fn sound_before_its_key_waits_and_what_no_key_opens_is_counted() {
    let mut call = Call::with(Listening::Opus, Keyed(None), MODE);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..60u32 {
        let key = if number < 30 { 1 } else { 2 };
        let media = [vec![key], numbered(number)].concat();
        call.wire(ms(20 * u64::from(number)), sender.packet(&media, 960));
    }
    call.run_until(ms(300));
    call.path.change_keys(call.now, &mut call.workspace, &mut call.listener, |keys| keys.0 = Some(1));
    call.run_until(ms(700));
    call.path.change_keys(call.now, &mut call.workspace, &mut call.listener, |keys| keys.0 = Some(2));
    call.run_until(ms(3_000));
    let heard = call.take();
    assert_eq!(sound(&heard), (0..60).map(numbered).collect::<Vec<_>>());
    assert_eq!(heard[0].position, 0);
    for key in [0, 9] {
        let media = [vec![key], numbered(1)].concat();
        call.wire(ms(3_000), sender.packet(&media, 960));
    }
    call.run_until(ms(6_000));
    let stats = call.user(500);
    assert_eq!((stats.failed_to_open, stats.received, stats.lost), (2, 60, 0));
}

#[test]
fn dave_frames_are_opened_and_those_of_the_next_epoch_wait_for_its_keys() {
    let ratchet = |epoch: u8| SenderRatchet::new(&[epoch; 16]);
    let epoch = |number: u8| ReceiverChange::Epoch(vec![(500, ratchet(number))]);
    let mut call = Call::with(Listening::Opus, Openers::new(), MODE);
    call.assign(5, 500);
    let mut member = FrameSealer::new();
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..150u32 {
        match number {
            0 => drop(member.apply(SenderChange::key(ratchet(1)))),
            50 => drop(member.apply(SenderChange::key(ratchet(2)))),
            100 => drop(member.apply(SenderChange::Passthrough)),
            _ => {}
        }
        let mut sealed = [0; 64];
        let len = member.seal(&numbered(number), &mut sealed).expect("sealed");
        let packet = sender.packet(&sealed[..len], 960);
        call.wire(ms(20 * u64::from(number)), packet.clone());
        // A thief plays it again, later.
        call.wire(ms(20 * u64::from(number) + 300), packet);
    }
    for (at, change) in [(200, epoch(1)), (1_200, epoch(2)), (2_100, ReceiverChange::AllowPlain)] {
        call.run_until(ms(at));
        let now = call.now;
        call.path
            .change_keys(now, &mut call.workspace, &mut call.listener, |openers| openers.apply(change, now));
    }
    call.run_until(ms(6_000));
    let heard = call.take();
    assert_eq!(sound(&heard), (0..150).map(numbered).collect::<Vec<_>>());
    let stats = call.user(500);
    assert_eq!((stats.lost, stats.late), (0, 0), "{stats:?}");
    // The plain ones again are duplicates, the sealed ones do not open twice.
    assert_eq!((stats.received, stats.duplicate, stats.failed_to_open), (200, 50, 100), "{stats:?}");
}
