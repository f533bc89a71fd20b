//! Reads the sound at another pace, by a windowed sinc.

use crate::dsp::filters::line::{Line, Pair};
use crate::dsp::filters::memory::Memory;
use crate::dsp::sinc::Sinc;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 20.0;
/// Pairs that are taken in before some are given.
const PIECE: usize = 256;

/// A resampler for one ratio, which may be any.
pub(super) struct Resampler {
    /// Pairs of input for each of output.
    ratio: f64,
    sinc: Sinc,
    line: Line,
    /// Where the next pair is read.
    place: f64,
    output: Vec<f32>,
}

impl Resampler {
    pub(super) fn new(ratio: f64, history: usize) -> Self {
        let sinc = Sinc::new(ratio, CROSSINGS);
        let taps = sinc.taps();
        let line = Line::new(taps + PIECE + 4, taps, history);
        Self { ratio, sinc, line, place: 0.0, output: Vec::new() }
    }

    pub(super) fn process(&mut self, pcm: &mut Vec<f32>) {
        self.output.clear();
        for piece in pcm.as_chunks::<2>().0.chunks(PIECE) {
            piece.iter().for_each(|pair| self.line.push(*pair));
            while self.place + self.sinc.taps() as f64 / 2.0 + 1.0 <= self.line.at() as f64 {
                let pair = self.read();
                self.output.extend_from_slice(&pair);
                self.place += self.ratio;
            }
        }
        std::mem::swap(pcm, &mut self.output);
    }

    fn read(&self) -> Pair {
        let whole = self.place.floor();
        let taps = self.sinc.taps();
        let pairs = self.line.slice(whole as i64 - (taps as i64 / 2 - 1), taps);
        self.sinc.read(pairs, self.place - whole)
    }

    pub(super) fn tempo(&self) -> f64 {
        self.ratio
    }

    pub(super) fn most(&self, pairs: usize) -> usize {
        (pairs as f64 / self.ratio) as usize + 2
    }

    pub(super) fn behind(&self) -> f64 {
        self.line.at() as f64 - self.place
    }

    pub(super) fn remember(&mut self, memory: &mut Memory) {
        self.line.remember(memory);
        memory.number(&mut self.place);
    }
}
