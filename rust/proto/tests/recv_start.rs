//! A user's first words are heard as soon as the network allows, and told of before that.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod recv_support;

use isocord_proto::frame::SILENCE;
use isocord_proto::recv::{EndToEnd, Listening, NotOpened, PlainFrames, Speaking};
use recv_support::*;
use std::time::Duration;

const CALLS: u64 = 400;

/// How long the first words of many users were held, in ms in ascending order, and of how many of their
/// packets it was too late.
fn first_words(faults: Faults) -> (Vec<u128>, u64) {
    let (mut held, mut late) = (Vec::new(), 0);
    for seed in 1..=CALLS {
        let mut call = Call::new(Listening::Opus);
        call.random = Random(seed);
        call.faults = faults;
        call.assign(5, 500);
        let mut sender = Sender::new(5, 65_000, u32::MAX - 50_000);
        for number in 0..100 {
            call.send(ms(20 * u64::from(number)), sender.packet(&numbered(number), 960));
        }
        let first = call.first_arrival();
        call.run_until(ms(5_000));
        held.push((call.take()[0].at - first).as_millis());
        late += call.user(500).late;
    }
    held.sort_unstable();
    (held, late)
}

#[test]
fn the_first_words_are_held_as_long_as_the_network_needs() {
    let jitter = |jitter_ms| Faults { jitter_ms, ..Faults::default() };
    let bad = Faults { loss: 0.10, jitter_ms: 30.0, reorder: 0.05, duplicates: 0.02 };
    // Half of them, 99 of 100 of them, and packets in ten thousand that come too late.
    for (name, faults, p50, p99, too_late) in [
        ("calm", Faults::default(), 60, 60, 0),
        ("5 ms", jitter(5.0), 105, 110, 0),
        ("10 ms", jitter(10.0), 130, 170, 0),
        ("30 ms", jitter(30.0), 200, 200, 0),
        ("bad", bad, 200, 200, 1),
        ("80 ms", jitter(80.0), 200, 200, 80),
        ("120 ms", jitter(120.0), 200, 200, 190),
    ] {
        let (held, late) = first_words(faults);
        let (half, most) = (held[held.len() / 2], held[held.len() * 99 / 100]);
        println!("{name}: held {half} ms, p99 {most} ms, {late} of {} too late", 100 * CALLS);
        assert!(half <= p50 && most <= p99, "{name}: {half} and {most} ms");
        assert!(late <= too_late * CALLS / 100, "{name}: {late}");
    }
}

#[test]
fn speech_is_told_with_its_first_packet() {
    let mut call = Call::new(Listening::Pcm);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for spurt in 0..3u64 {
        let start = 1_000 + spurt * 1_000;
        for slot in 0..20 {
            let media = if slot < 15 { numbered(slot) } else { SILENCE.to_vec() };
            call.wire(ms(start + 20 * u64::from(slot)), sender.packet(&media, 960));
        }
        sender.pause(600);
        call.run_until(ms(start));
        assert_eq!(call.listener.speaking.last(), Some(&(500, Speaking::Started, start * 48)), "{spurt}");
        assert!(call.take().is_empty(), "its sound is not due yet");
        call.run_until(ms(start + 900));
        assert_eq!(call.take()[0].position, start * 48);
        assert_eq!(call.listener.speaking.len() as u64, 2 * (spurt + 1));
    }
}

#[test]
fn words_right_behind_a_silence_are_one_more_beginning() {
    let mut call = Call::new(Listening::Pcm);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    // The next words come while the silence before them waits for its time.
    for slot in 0..60 {
        let media = if (30..35).contains(&slot) { SILENCE.to_vec() } else { numbered(slot) };
        call.wire(ms(20 * u64::from(slot)), sender.packet(&media, 960));
    }
    call.run_until(ms(3_000));
    let told: Vec<_> =
        call.listener.speaking.iter().map(|(_, speaking, at)| (*speaking, *at / 960)).collect();
    let expected =
        [(Speaking::Started, 0), (Speaking::Stopped, 30), (Speaking::Started, 35), (Speaking::Stopped, 60)];
    assert_eq!(told, expected);
}

#[test]
fn the_end_of_speech_is_told_after_its_last_frame() {
    for lost in [None, Some(33), Some(34)] {
        let mut call = Call::new(Listening::Pcm);
        call.assign(5, 500);
        let mut sender = Sender::new(5, 0, 0);
        for slot in 0..35 {
            let media = if slot >= 30 { SILENCE.to_vec() } else { numbered(slot) };
            let packet = sender.packet(&media, 960);
            if lost != Some(slot) {
                call.wire(ms(20 * u64::from(slot)), packet);
            }
        }
        let mut told = None;
        for at in 0..2_000 {
            call.run_until(ms(at));
            let frames = call.take();
            if told.is_some() {
                assert!(frames.is_empty(), "a frame after the end, {lost:?}");
            }
            told = told
                .or_else(|| call.listener.speaking.iter().find(|told| told.1 == Speaking::Stopped).copied());
        }
        assert_eq!(told, Some((500, Speaking::Stopped, 30 * 960)), "{lost:?}");
    }
}

#[test]
fn silence_without_an_end_is_no_speech() {
    let mut call = Call::new(Listening::Pcm);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for slot in 0..200 {
        let media = if slot >= 30 { SILENCE.to_vec() } else { numbered(slot) };
        call.wire(ms(20 * u64::from(slot)), sender.packet(&media, 960));
    }
    call.run_until(ms(20 * 50));
    assert_eq!(call.listener.speaking.last(), Some(&(500, Speaking::Stopped, 30 * 960)));
    call.run_until(ms(6_000));
    assert_eq!(call.listener.speaking.len(), 2);
}

/// Opens everything once it has its key.
struct Key(bool);

impl EndToEnd for Key {
    fn open(
        &mut self,
        user_id: u64,
        frame: &[u8],
        out: &mut [u8],
        now: Duration,
    ) -> Result<usize, NotOpened> {
        if self.0 { PlainFrames.open(user_id, frame, out, now) } else { Err(NotOpened::NoKey) }
    }
}

#[test]
fn words_that_come_before_their_user_or_their_key_wait_for_nothing_else() {
    for waited in [0, 1, 19, 50, 61, 130, 300, 1_000] {
        for key_is_last in [false, true] {
            let mut call = Call::with(Listening::Pcm, Key(!key_is_last), MODE);
            if key_is_last {
                call.assign(5, 500);
            }
            let mut sender = Sender::new(5, 65_530, u32::MAX - 10_000);
            for number in 0..100 {
                call.wire(ms(1_000 + 20 * u64::from(number)), sender.packet(&numbered(number), 960));
            }
            let known = ms(1_000 + waited);
            call.run_until(known);
            assert!(call.listener.speaking.is_empty());
            if key_is_last {
                call.path.change_keys(known, &mut call.workspace, &mut call.listener, |key| key.0 = true);
            } else {
                call.assign(5, 500);
            }
            let name = format!("{waited} ms, key last: {key_is_last}");
            assert_eq!(call.listener.speaking, [(500, Speaking::Started, 48_000)], "{name}");
            // The connection looks every 10 ms.
            let mut first = None;
            for look in 1..400 {
                call.run_until(known + ms(look));
                call.path.poll(call.now, &mut call.workspace, &mut call.listener);
                first = first.or(call.listener.heard.first().map(|_| call.now));
            }
            let heard = call.take();
            assert_eq!((heard[0].position, heard[1].position), (48_000, 48_960), "{name}");
            let first = (first.unwrap() - ms(1_000)).as_millis() as u64;
            assert!(first <= waited.max(60) + 1, "{name}: heard after {first} ms");
        }
    }
}
