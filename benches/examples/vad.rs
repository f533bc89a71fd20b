//! What isocord's voice activity detector makes of sound: the native half of `benches/python/vad.py`.
//!
//! Sound of 48 kHz, s16le, stereo, comes on the standard input. Scores of each 20 ms go to the standard output as
//! floating point of 32 bits. The share of a core that the detector took is told on the standard error.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::time::Instant;

use isocord_io::dsp::speech::SpeechDetector;
use isocord_proto::frame::{FRAME_BYTES, FRAME_LEN, FRAME_SAMPLES};

fn main() {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).expect("sound");
    let frames: Vec<[i16; FRAME_LEN]> = bytes
        .chunks_exact(FRAME_BYTES)
        .map(|frame| std::array::from_fn(|at| i16::from_le_bytes([frame[2 * at], frame[2 * at + 1]])))
        .collect();
    let mut detector = SpeechDetector::new();
    let began = Instant::now();
    let scores: Vec<f32> =
        (0u64..).zip(&frames).map(|(at, pcm)| detector.frame(at * FRAME_SAMPLES as u64, pcm)).collect();
    let share = began.elapsed().as_secs_f64() / (frames.len() as f64 * 0.02);
    eprintln!("{share:.6}");
    let written: Vec<u8> = scores.into_iter().flat_map(f32::to_le_bytes).collect();
    std::io::stdout().write_all(&written).expect("the other end reads");
}
