//! Sound lies where it was made: for late joiners, after pauses, after an hour, across every wrap.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod recv_support;

use isocord_proto::frame::{MAX_OPUS_LEN, SILENCE};
use isocord_proto::opus::{Encoder, EncoderOptions};
use isocord_proto::recv::Listening;
use recv_support::*;
use std::time::Duration;

const HOUR_FRAMES: u64 = 3_600 * 50;

/// How much earlier or later than `truth` frames were placed: least and most.
fn errors(heard: &[Heard], truth: impl Fn(u32) -> u64) -> (i64, i64) {
    let errors = heard.iter().map(|frame| frame.position as i64 - truth(frame.number()) as i64);
    errors.fold((i64::MAX, i64::MIN), |(least, most), error| (least.min(error), most.max(error)))
}

#[test]
fn clicks_lie_where_they_were_made_for_late_joiners_too() {
    for (seed, jitter_ms) in [(1, 0.0), (2, 30.0), (3, 30.0), (4, 30.0)] {
        let mut call = Call::new(Listening::Pcm);
        call.random = Random(seed);
        call.faults =
            Faults { jitter_ms, loss: if jitter_ms > 0.0 { 0.02 } else { 0.0 }, ..Faults::default() };
        let joined = [0u64, 3_000, 7_340];
        for (index, &from) in joined.iter().enumerate() {
            let id = index as u64 + 1;
            call.assign(id as u32, id);
            let mut encoder = Encoder::new(&EncoderOptions::default()).expect("an encoder");
            let mut sender =
                Sender::new(id as u32, (id * 30_000) as u16, (id as u32).wrapping_mul(1_500_000_000));
            for slot in (from..20_000).step_by(20) {
                let mut opus = [0; MAX_OPUS_LEN];
                let len = encoder.encode(&clicks(slot, 500), &mut opus).expect("encoded");
                let packet = sender.packet(&opus[..len], 960);
                call.send(ms(slot), packet);
            }
        }
        call.run_until(ms(22_000));
        let heard = call.take();
        for (index, &from) in joined.iter().enumerate() {
            let found = find_clicks(&heard, index as u64 + 1);
            let expected = (20_000 - from) / 500;
            assert!(found.len() as u64 + 4 >= expected, "{} of {expected}", found.len());
            for at in found {
                let off = at % 24_000;
                let off = off.min(24_000 - off);
                assert!(off < 960, "user {index}, jitter {jitter_ms}: {off} samples off at {at}");
            }
        }
    }
}

#[test]
fn an_hour_of_talk_has_no_drift() {
    for (seed, jitter_ms) in [(1, 0.0), (2, 30.0)] {
        let mut call = Call::new(Listening::Opus);
        call.random = Random(seed);
        call.faults.jitter_ms = jitter_ms;
        call.assign(5, 500);
        let mut sender = Sender::new(5, 0, u32::MAX - 1_000_000);
        let mut from = 0;
        for minute in 0..60 {
            for number in minute * 3_000..(minute + 1) * 3_000u64 {
                call.send(ms(20 * number), sender.packet(&numbered(number as u32), 960));
            }
            call.run_until(ms((minute + 1) * 60_000));
            let heard = call.take();
            from += heard.len();
            let (least, most) = errors(&heard, |number| u64::from(number) * 960);
            assert!(least > -576 && most < 960, "minute {minute}: {least} to {most}");
            if jitter_ms == 0.0 {
                assert_eq!((least, most), (0, 0));
            }
        }
        assert!(from as u64 >= HOUR_FRAMES - 10, "{from}");
        assert_eq!(call.user(500).lost, 0);
    }
}

#[test]
fn an_hour_of_talk_with_pauses_has_no_drift() {
    let mut call = Call::new(Listening::Opus);
    call.faults = Faults { jitter_ms: 30.0, loss: 0.05, ..Faults::default() };
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 12_345);
    // 2.5 s of talk, five frames of silence, a pause to the next five seconds.
    for spurt in 0..720u64 {
        for slot in 0..130u64 {
            let number = spurt * 250 + slot;
            let media = if slot < 125 { numbered(number as u32) } else { SILENCE.to_vec() };
            call.send(ms(20 * number), sender.packet(&media, 960));
        }
        sender.pause(5_000 - 130 * 20);
        call.run_until(ms((spurt + 1) * 5_000));
    }
    let heard: Vec<_> = call.take().into_iter().filter(|frame| frame.opus.len() > 3).collect();
    let (least, most) = errors(&heard, |number| u64::from(number) * 960);
    assert!(least > -576 && most < 960, "{least} to {most}");
    let (least, most) = errors(&heard[5_000..], |number| u64::from(number) * 960);
    assert!(least >= 0 && most < 48, "once settled: {least} to {most}");
}

/// A sender whose clock is off by parts in a million.
fn hour_of_a_wrong_clock(ppm: f64, pauses: bool) -> (i64, i64, u64) {
    let mut call = Call::new(Listening::Opus);
    call.faults.jitter_ms = 10.0;
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    let sent_at = |number: u64| Duration::from_secs_f64(number as f64 * 0.02 * (1.0 + ppm / 1e6));
    for number in 0..HOUR_FRAMES {
        let in_spurt = number % 250;
        if pauses && in_spurt >= 200 {
            sender.pause(20);
            continue;
        }
        let media = if pauses && in_spurt >= 195 { SILENCE.to_vec() } else { numbered(number as u32) };
        call.send(sent_at(number), sender.packet(&media, 960));
        call.run_until(sent_at(number));
    }
    call.run_until(sent_at(HOUR_FRAMES) + ms(2_000));
    let heard: Vec<_> = call.take().into_iter().filter(|frame| frame.opus.len() > 3).collect();
    let (least, most) = errors(&heard, |number| samples(sent_at(u64::from(number))));
    let voiced = if pauses { HOUR_FRAMES / 250 * 195 } else { HOUR_FRAMES };
    (least, most, voiced - heard.len() as u64)
}

#[test]
fn a_wrong_clock_is_taken_up_between_spurts_without_loss() {
    for ppm in [-100.0, 100.0] {
        let (least, most, missing) = hour_of_a_wrong_clock(ppm, true);
        assert!(least > -240 && most < 720, "{ppm} ppm: {least} to {most}");
        assert_eq!(missing, 0);
    }
}

#[test]
fn a_wrong_clock_that_never_pauses_stays_within_a_frame() {
    for ppm in [-100.0, 100.0] {
        let (least, most, missing) = hour_of_a_wrong_clock(ppm, false);
        assert!(least > -960 && most < 960, "{ppm} ppm: {least} to {most}");
        // A frame for each 20 ms of drift: 360 ms in the hour.
        assert!(missing <= 20, "{missing}");
    }
}

#[test]
fn a_sender_whose_rtp_time_stands_still_in_pauses_is_placed_by_arrival() {
    let mut call = Call::new(Listening::Opus);
    call.faults.jitter_ms = 10.0;
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for spurt in 0..60u64 {
        for slot in 0..50u64 {
            let number = spurt * 500 + slot;
            call.send(ms(20 * number), sender.packet(&numbered(number as u32), 960));
        }
        call.run_until(ms((spurt + 1) * 10_000));
    }
    let heard = call.take();
    assert_eq!((heard.len(), call.user(500).lost), (3_000, 0));
    let (least, most) = errors(&heard, |number| u64::from(number) * 960);
    assert!(least > -576 && most < 960, "{least} to {most}");
}

#[test]
fn numbers_wrap_without_a_trace() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    for (sequence, timestamp) in [(65_500u16, 5u32), (0, u32::MAX - 9_600), (65_530, u32::MAX - 5_000)] {
        let mut sender = Sender::new(5, sequence, timestamp);
        let start = call.now.as_millis() as u64 + 1_000;
        for number in 0..100u32 {
            call.wire(ms(start + 20 * u64::from(number)), sender.packet(&numbered(number), 960));
        }
        call.run_until(ms(start + 5_000));
        let heard = call.take();
        assert_eq!(heard.len(), 100);
        for frame in heard {
            assert_eq!(frame.position, (start + 20 * u64::from(frame.number())) * 48);
        }
    }
    assert_eq!((call.user(500).lost, call.user(500).late), (0, 0));
}

#[test]
fn a_stream_that_restarts_in_the_midst_of_a_spurt_goes_on() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 1_000, 0);
    for number in 0..200u32 {
        match number {
            // New numbers and a new time; then only a new time; then an old number range.
            50 => (sender.sequence, sender.timestamp) = (40_000, 0x9000_0000),
            100 => sender.timestamp = 77,
            150 => sender.sequence = 20_000,
            _ => {}
        }
        call.wire(ms(20 * u64::from(number)), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(6_000));
    let heard = call.take();
    let numbers: Vec<u32> = heard.iter().map(Heard::number).collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    assert_eq!(errors(&heard, |number| u64::from(number) * 960), (0, 0));
    assert_eq!((call.user(500).restarts, call.user(500).lost), (3, 0));
}

#[test]
fn a_pause_is_no_loss_and_a_loss_is_no_pause() {
    let mut call = Call::new(Listening::Pcm);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..20u32 {
        if number == 10 {
            sender.pause(100);
        }
        let late = if number >= 10 { 100 } else { 0 };
        call.wire(ms(20 * u64::from(number) + late), sender.packet(&numbered(number), 960));
    }
    // A pause and a loss behind it.
    sender.packet(&numbered(20), 960);
    sender.pause(400);
    for number in 21..30u32 {
        call.wire(ms(20 * u64::from(number) + 500), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(3_000));
    let (heard, stats) = (call.take(), call.user(500));
    assert_eq!((stats.lost, stats.concealed, stats.restarts), (1, 1, 0));
    assert_eq!(heard.len(), 30);
    assert_eq!(heard[10].position, 15 * 960);
    assert_eq!(heard.last().map(|frame| frame.position), Some((29 * 20 + 500) * 48));
}
