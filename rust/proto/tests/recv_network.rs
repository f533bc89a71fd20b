//! What a bad network does is heard as little as can be, and counted as it was.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod recv_support;

use isocord_proto::frame::{FRAME_LEN, MAX_OPUS_LEN, SILENCE};
use isocord_proto::opus::{Application, Encoder, EncoderOptions, Signal};
use isocord_proto::recv::{FrameKind, Listening};
use isocord_proto::toc;
use recv_support::*;

const BAD: Faults = Faults { loss: 0.10, jitter_ms: 30.0, reorder: 0.05, duplicates: 0.02 };

/// `frames` of numbered packets through the faults; what was heard.
fn through(faults: Faults, listening: Listening, frames: u32, seed: u64) -> Call {
    let mut call = Call::new(listening);
    call.listener.keep_pcm = false;
    call.random = Random(seed);
    call.faults = faults;
    call.assign(5, 500);
    let mut sender = Sender::new(5, 65_000, u32::MAX - 50_000);
    for number in 0..frames {
        let packet = sender.packet(&numbered(number), 960);
        call.send(ms(20 * u64::from(number)), packet);
    }
    call.run_until(ms(20 * u64::from(frames) + 3_000));
    call
}

#[test]
fn what_is_lost_is_concealed_and_nothing_else() {
    for seed in 1..=5 {
        let call = through(BAD, Listening::Pcm, 6_000, seed);
        let stats = call.user(500);
        // The network's own losses at the very end leave no trace, as nothing follows them.
        assert!(call.lost.abs_diff(stats.lost) <= 6, "lost {} of {}: {stats:?}", stats.lost, call.lost);
        assert_eq!(stats.concealed + stats.recovered, stats.lost);
        assert!(stats.late <= 6, "{stats:?}");
        assert!(stats.duplicate > 60 && stats.restarts == 0 && stats.malformed == 0, "{stats:?}");
        let count = |kind| call.listener.heard.iter().filter(|frame| frame.kind == kind).count() as u64;
        // A correction of the place in the first moments may cut out one of them.
        assert!(stats.concealed - count(FrameKind::Concealed) <= 2, "{stats:?}");
        assert!(stats.delay >= 40 * 48 && stats.delay <= 90 * 48, "{stats:?}");
        assert!((200..900).contains(&stats.jitter), "{stats:?}");
    }
}

#[test]
fn the_order_is_restored_and_the_places_hold() {
    for seed in 1..=5 {
        let mut call = through(BAD, Listening::Opus, 6_000, seed);
        let heard = call.take();
        let numbers: Vec<u32> = heard.iter().map(Heard::number).collect();
        assert!(numbers.is_sorted_by(|one, other| one < other));
        // Dropped in the first moments at most, where the delay is not yet known.
        assert!(numbers.len() as u64 + call.lost >= 6_000 - 6, "{} + {}", numbers.len(), call.lost);
        for frame in &heard {
            let truth = u64::from(frame.number()) * 960;
            assert!(frame.position.abs_diff(truth) < 960, "{} for {truth}", frame.position);
        }
        // With the luck of the first packets forgotten, the places are those of the fastest packets.
        for frame in &heard[3_000..] {
            assert!(frame.position.abs_diff(u64::from(frame.number()) * 960) < 720);
        }
    }
}

#[test]
fn a_good_network_costs_nothing() {
    let mut call = through(Faults::default(), Listening::Opus, 1_000, 1);
    let stats = call.user(500);
    assert_eq!((stats.received, stats.lost, stats.late, stats.jitter), (1_000, 0, 0, 0));
    for (number, frame) in call.take().iter().enumerate() {
        assert_eq!(frame.position, number as u64 * 960);
        assert!(frame.at <= ms(20 * number as u64 + 61));
    }
}

#[test]
fn the_delay_grows_with_the_jitter_and_shrinks_with_it() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    let mut delays = Vec::new();
    for (spurt, jitter_ms) in [0.0, 120.0, 120.0, 120.0, 0.0, 0.0, 0.0].into_iter().enumerate() {
        call.faults.jitter_ms = jitter_ms;
        let start = spurt as u64 * 20_000;
        for slot in 0..500 {
            let media = if slot < 495 { numbered(slot) } else { SILENCE.to_vec() };
            call.send(ms(start + 20 * u64::from(slot)), sender.packet(&media, 960));
        }
        sender.pause(10_000);
        call.run_until(ms(start + 20_000));
        delays.push(call.user(500).delay / 48);
    }
    assert!(delays[0] <= 60 && delays[3] >= 110 && delays[3] <= 150 && delays[6] == 40, "{delays:?}");
}

#[test]
fn a_stall_loses_nothing_if_the_packets_come_after_all() {
    let mut call = Call::new(Listening::Opus);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..300u32 {
        let sent = 20 * u64::from(number);
        // For 600 ms nothing passes, then all at once.
        let arrives = if (2_000..2_600).contains(&sent) { 2_600 } else { sent };
        call.wire(ms(arrives), sender.packet(&numbered(number), 960));
    }
    call.run_until(ms(10_000));
    let heard = call.take();
    assert_eq!((heard.len(), call.user(500).lost), (300, 0));
    assert!(heard.iter().all(|frame| frame.position == u64::from(frame.number()) * 960));
}

#[test]
fn a_long_outage_fades_to_silence_and_ends() {
    for outage_ms in [200, 1_000, 4_000, 30_000u64] {
        let mut call = Call::new(Listening::Pcm);
        call.assign(5, 500);
        let mut sender = Sender::new(5, 0, 0);
        for number in 0..100u32 {
            let packet = sender.packet(&numbered(number), 960);
            let after = if number < 50 { 0 } else { outage_ms };
            call.wire(ms(20 * u64::from(number) + after), packet);
            if number == 49 {
                let packets = outage_ms / 20;
                sender.sequence = sender.sequence.wrapping_add(packets as u16);
                sender.pause(outage_ms);
            }
        }
        call.run_until(ms(40_000));
        let (heard, stats) = (call.take(), call.user(500));
        assert_eq!(stats.lost, outage_ms / 20, "{outage_ms}");
        assert_eq!(stats.concealed, stats.lost);
        let concealed: Vec<_> = heard.iter().filter(|frame| frame.kind == FrameKind::Concealed).collect();
        assert!(concealed.len() <= 5, "{outage_ms}: {}", concealed.len());
        if let Some(last) = concealed.get(4) {
            assert_eq!(last.pcm[FRAME_LEN - 2..], [0, 0]);
        }
        let voices: Vec<_> = heard.iter().filter(|frame| frame.kind == FrameKind::Voice).collect();
        assert_eq!(voices.len(), 100);
        assert_eq!(voices[99].position, (20 * 99 + outage_ms) * 48);
    }
}

/// Something like a vowel: harmonics of 140 Hz that come and go four times a second.
fn voice(sample: u64) -> i16 {
    let time = sample as f64 / 48_000.0;
    let tone = |k: f64| (time * 140.0 * k * std::f64::consts::TAU).sin() / k;
    let sum: f64 = (1..12).map(|k| tone(f64::from(k))).sum();
    (sum * 8_000.0 * (0.6 + 0.4 * (time * 4.0 * std::f64::consts::TAU).sin())) as i16
}

#[test]
fn fec_restores_what_one_packet_lost() {
    let options = EncoderOptions {
        fec: true,
        expected_packet_loss: 0.3,
        signal: Signal::Voice,
        application: Application::Voip,
        bitrate: 40,
        ..EncoderOptions::default()
    };
    let mut encoder = Encoder::new(&options).expect("an encoder");
    let mut call = Call::new(Listening::Pcm);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    let (mut lost, mut restorable) = (0, 0);
    for number in 0..500u64 {
        let pcm: Vec<i16> = (0..960u64).flat_map(|i| [voice(number * 960 + i); 2]).collect();
        let mut opus = [0; MAX_OPUS_LEN];
        let len = encoder.encode(&pcm, &mut opus).expect("encoded");
        let packet = sender.packet(&opus[..len], 960);
        if number % 10 == 5 {
            lost += 1;
        } else {
            if number % 10 == 6 {
                restorable += u64::from(toc::parse(&opus[..len]).is_some_and(|toc| toc.fec));
            }
            call.wire(ms(20 * number), packet);
        }
    }
    call.run_until(ms(20_000));
    let (heard, stats) = (call.take(), call.user(500));
    assert_eq!((stats.lost, stats.recovered, stats.concealed), (lost, restorable, lost - restorable));
    assert!(restorable > 20, "the encoder put FEC into {restorable} packets only");
    assert_eq!(heard.len(), 500);
    // What was restored is as loud as the tone.
    for frame in heard.iter().filter(|frame| frame.kind == FrameKind::Recovered) {
        let power: f64 = frame.pcm.iter().map(|&value| f64::from(value).powi(2)).sum();
        let level = (power / frame.pcm.len() as f64).sqrt();
        assert!(level > 1_000.0, "{level}");
    }
}

#[test]
fn packets_of_all_lengths_make_frames_of_20_ms() {
    for (toc, samples) in [(0xE4u8, 120), (0xEC, 240), (0xF4, 480), (0xFC, 960), (0x54, 1_920), (0x5C, 2_880)]
    {
        let mut call = Call::new(Listening::Pcm);
        call.assign(5, 500);
        let mut sender = Sender::new(5, 65_500, 0);
        let count = 96_000 / samples;
        for number in 0..count {
            let mut media = vec![toc];
            media.resize(30, 0x33);
            let at = std::time::Duration::from_micros(u64::from(number * samples) * 1_000 / 48);
            let packet = sender.packet(&media, samples);
            if number != 40 {
                call.wire(at, packet);
            }
        }
        call.run_until(ms(10_000));
        let (heard, stats) = (call.take(), call.user(500));
        assert_eq!((stats.malformed, u32::from(stats.lost == 1)), (0, u32::from(count > 40)), "{samples}");
        assert_eq!(heard.len() as u32, (count * samples).div_ceil(960), "{samples}");
        assert!(heard.windows(2).all(|pair| pair[1].position == pair[0].position + 960), "{samples}");
    }
}

#[test]
fn rubbish_inside_a_packet_is_counted_and_concealed() {
    let mut call = Call::new(Listening::Pcm);
    call.assign(5, 500);
    let mut sender = Sender::new(5, 0, 0);
    for number in 0..100u32 {
        let media = match number {
            50 => vec![3],
            // The sizes inside say more than there is.
            60 => vec![0xFF, 0x82, 250, 1],
            _ => numbered(number),
        };
        call.wire(ms(20 * u64::from(number)), sender.packet(&media, 960));
    }
    call.run_until(ms(4_000));
    assert_eq!((call.take().len() >= 99, call.user(500).malformed), (true, 2));
}
