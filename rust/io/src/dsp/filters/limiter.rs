//! What filters have made louder than full scale is made quieter as a whole, instead of being cut.

use isocord_proto::frame::SAMPLES_PER_MS;

use super::memory::Memory;

/// Pairs in which the gain goes down: 1 ms. It is ready when the loudest sample of the next piece comes.
const PIECE: usize = SAMPLES_PER_MS as usize;
/// Where it holds the peaks: a little below full scale, for what comes after.
const CEILING: f32 = 0.98;
/// How much of the way back the gain goes in one piece: most of it in 100 ms.
const RELEASE: f32 = 0.01;

/// A gain that never lets a piece be louder than full scale. Without delay: sound that is quieter stays untouched.
pub(super) struct Limiter {
    gain: f32,
}

impl Limiter {
    pub(super) fn new() -> Self {
        Self { gain: 1.0 }
    }

    pub(super) fn process(&mut self, pcm: &mut [f32]) {
        for at in (0..pcm.len()).step_by(PIECE * 2) {
            let piece = &pcm[at..(at + PIECE * 2).min(pcm.len())];
            // The next piece is looked at too, so that the gain is down before its peak.
            let ahead = &pcm[at..(at + PIECE * 4).min(pcm.len())];
            let (own, next) = (needed(piece), needed(ahead));
            let len = piece.len();
            let from = self.gain.min(own);
            let to = (self.gain + (1.0 - self.gain) * RELEASE).min(own).min(next);
            self.gain = if to > 0.9999 { 1.0 } else { to };
            if from == 1.0 && self.gain == 1.0 {
                continue;
            }
            let change = (self.gain - from) / (len / 2) as f32;
            let mut gain = from;
            for pair in pcm[at..at + len].as_chunks_mut::<2>().0 {
                gain += change;
                *pair = pair.map(|sample| sample * gain);
            }
        }
    }

    pub(super) fn remember(&mut self, memory: &mut Memory) {
        memory.sample(&mut self.gain);
    }
}

fn needed(pcm: &[f32]) -> f32 {
    let peak = pcm.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak > 1.0 { CEILING / peak } else { 1.0 }
}
