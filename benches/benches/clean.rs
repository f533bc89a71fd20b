//! What clean voices cost in a recording, beside libopus's decoding of them.
//!
//! `cargo bench -p isocord-benches --bench clean`. They work in turns, and the fastest of many turns counts: so a busy
//! machine changes little.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use isocord_benches::music;
use isocord_io::record::{Cleaning, Format, FrameSink, Layout, Payload, Recorder, RecorderOptions, Target};
use isocord_proto::frame::{FRAME_LEN, MAX_OPUS_LEN};
use isocord_proto::opus::{Decoder, Encoder, EncoderOptions, MAX_DECODED_LEN};

const TURNS: usize = 60;
const FRAMES: usize = 50;

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn recorder(cleaning: Cleaning) -> Recorder {
    let layout = Layout::PerUser(Box::new(|_, _| Ok(Target::Stream(Box::new(io::sink())))));
    let options = RecorderOptions { format: Format::Pcm, cleaning, ..RecorderOptions::default() };
    Recorder::new(options, layout).unwrap()
}

fn main() {
    let sound: Vec<i16> = music().concat();
    // As most voices on Discord, both channels are one.
    let sound: Vec<i16> = sound.chunks_exact(2).flat_map(|pair| [pair[0]; 2]).collect();
    let mut encoder = Encoder::new(&EncoderOptions::default()).unwrap();
    let packets: Vec<Vec<u8>> = sound
        .chunks_exact(FRAME_LEN)
        .map(|pcm| {
            let mut packet = [0; MAX_OPUS_LEN];
            let len = encoder.encode(pcm, &mut packet).unwrap();
            packet[..len].to_vec()
        })
        .collect();
    let denoise = Cleaning { denoise: true, normalize: None };
    let normalize = Cleaning { denoise: false, normalize: Some(-16.0) };
    let kinds = [("written as it is", Cleaning::default()), ("denoised", denoise), ("normalized", normalize)];
    let mut decoder = Decoder::new().unwrap();
    let mut recorders = kinds.map(|(_, cleaning)| recorder(cleaning));
    let (mut decoded, mut taken) = (Duration::MAX, [Duration::MAX; 3]);
    let mut at = 0;
    for _ in 0..TURNS {
        decoded = decoded.min(timed(|| {
            let mut pcm = vec![0; MAX_DECODED_LEN];
            for packet in &packets {
                black_box(decoder.decode(packet, &mut pcm).unwrap());
            }
        }));
        for (recorder, least) in recorders.iter_mut().zip(&mut taken) {
            *least = (*least).min(timed(|| {
                for (index, pcm) in (0..).zip(sound.chunks_exact(FRAME_LEN)) {
                    recorder.frame(1, at + index * 960, Payload::Pcm(pcm));
                }
            }));
            recorder.advance(at + FRAMES as u64 * 960);
        }
        at += FRAMES as u64 * 960;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / FRAMES as f64;
    println!("decoded by libopus: {:.1} us a frame of 20 ms", each(decoded));
    for ((name, _), time) in kinds.iter().zip(taken) {
        let ratio = (time.saturating_sub(taken[0])).as_secs_f64() / decoded.as_secs_f64();
        println!("{name}: {:.1} us, which is {ratio:.2} of the decoding more", each(time));
    }
}
