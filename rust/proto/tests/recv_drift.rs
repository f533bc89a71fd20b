//! A clock that is off, and a network that is slower than it seemed, are not heard.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod recv_support;

use isocord_proto::frame::MAX_OPUS_LEN;
use isocord_proto::opus::{Encoder, EncoderOptions};
use isocord_proto::recv::Listening;
use recv_support::*;
use std::time::Duration;

/// An amplitude whose second differences are 27 at 440 Hz.
const LOUD: f64 = 8_000.0;

fn sine(sample: u64) -> i16 {
    ((sample as f64 * 440.0 / 48_000.0 * std::f64::consts::TAU).sin() * LOUD) as i16
}

/// Somebody holds a tone for so many seconds, by a clock that is off by parts in a million.
fn tone(ppm: f64, jitter_ms: f64, seconds: u64, seed: u64) -> Call {
    let mut call = Call::new(Listening::Pcm);
    call.random = Random(seed);
    call.faults.jitter_ms = jitter_ms;
    call.assign(5, 500);
    let mut encoder = Encoder::new(&EncoderOptions::default()).expect("an encoder");
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..50 * seconds {
        let pcm: Vec<i16> = (0..960u64).flat_map(|i| [sine(number * 960 + i); 2]).collect();
        let mut opus = [0; MAX_OPUS_LEN];
        let len = encoder.encode(&pcm, &mut opus).expect("encoded");
        let at = Duration::from_secs_f64(number as f64 * 0.02 * (1.0 + ppm / 1e6));
        call.send(at, sender.packet(&opus[..len], 960));
        call.run_until(at);
    }
    call.run_until(ms(seconds * 1_000 + 3_000));
    call
}

/// The sound as a recording has it: one channel, silence where there is no frame.
fn timeline(heard: &[Heard]) -> Vec<i16> {
    let start = heard[0].position;
    let mut sound = Vec::new();
    for frame in heard {
        sound.resize((frame.position - start) as usize, 0);
        sound.extend(frame.pcm.chunks(2).map(|pair| pair[0]));
    }
    sound
}

/// The greatest second difference behind the first 40 ms and before the last: a hole or a skip makes thousands.
fn roughness(sound: &[i16]) -> i32 {
    let sound: Vec<i32> = sound[1_920..sound.len() - 1_920].iter().map(|&value| i32::from(value)).collect();
    sound.windows(3).map(|three| (three[0] - 2 * three[1] + three[2]).abs()).max().unwrap()
}

#[test]
fn a_clock_that_is_off_is_not_heard_but_counted() {
    for (ppm, seconds) in [(0.0, 10), (100.0, 100), (-100.0, 100), (300.0, 60), (-300.0, 60)] {
        let mut call = tone(ppm, 5.0, seconds, 1);
        let (heard, stats) = (call.take(), call.user(500));
        let rough = roughness(&timeline(&heard));
        assert!(rough < 60, "{ppm} ppm: {rough}");
        let drift = (seconds as f64 * 0.048 * ppm) as i64;
        let counted = stats.inserted as i64 - stats.removed as i64;
        assert!((counted - drift).abs() < 400, "{ppm} ppm: {counted} of {drift}");
        // The sound ends in its place: within 15 ms, and the last frame is filled with silence.
        let last = heard.last().map(|frame| frame.position as i64).unwrap();
        let truth = ((seconds * 50 - 1) as f64 * 960.0 * (1.0 + ppm / 1e6)) as i64;
        assert!((-720..960 + 720).contains(&(last - truth)), "{ppm} ppm: {}", last - truth);
    }
}

#[test]
fn a_network_that_is_faster_than_it_seemed_is_not_heard() {
    for jitter_ms in [40.0, 80.0, 120.0] {
        for seed in 1..=6 {
            let mut call = tone(0.0, jitter_ms, 5, seed);
            let (heard, stats) = (call.take(), call.user(500));
            // What comes too late is a loss, and concealed as one: that may be heard a little.
            let limit = if stats.lost > 0 { 600 } else { 60 };
            let rough = roughness(&timeline(&heard));
            assert!(rough < limit, "{jitter_ms} ms: {rough}, {stats:?}");
            assert!(heard.windows(2).all(|pair| pair[1].position == pair[0].position + 960));
        }
    }
}

#[test]
fn opus_packets_are_left_out_or_spaced_whole() {
    for (ppm, gapped, fewer) in [(300.0, 1, 0), (-300.0, 0, 2)] {
        let mut call = Call::new(Listening::Opus);
        call.faults.jitter_ms = 5.0;
        call.assign(5, 500);
        let mut sender = Sender::new(5, 0, 0);
        for number in 0..5_000u32 {
            let at = Duration::from_secs_f64(f64::from(number) * 0.02 * (1.0 + ppm / 1e6));
            call.send(at, sender.packet(&numbered(number), 960));
        }
        call.run_until(ms(105_000));
        let heard = call.take();
        assert_eq!(5_000 - heard.len(), fewer, "{ppm} ppm");
        let gaps: Vec<u64> = heard.windows(2).map(|pair| pair[1].position - pair[0].position - 960).collect();
        assert!(gaps.iter().all(|&gap| gap == 0 || gap == 960), "{ppm} ppm");
        assert_eq!(gaps.iter().filter(|&&gap| gap > 0).count(), gapped, "{ppm} ppm");
        assert_eq!(call.user(500).lost, 0);
    }
}
