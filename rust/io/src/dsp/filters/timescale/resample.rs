//! Reads the sound at another pace, by a windowed sinc.

use std::f64::consts::PI;

use crate::dsp::filters::line::{Line, Pair};
use crate::dsp::filters::memory::Memory;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 20.0;
/// Places between two samples for which the sinc is known; between them it is a straight line.
const PLACES: usize = 256;
/// What passes, of what could.
const PASS: f64 = 0.94;
/// Pairs that are taken in before some are given.
const PIECE: usize = 256;
const LANES: usize = 4;

/// A resampler for one ratio, which may be any.
pub(super) struct Resampler {
    /// Pairs of input for each of output.
    ratio: f64,
    /// Pairs of input that one of output is made of.
    taps: usize,
    /// The sinc for each place, one more than [`PLACES`], so that there always is a next one.
    table: Box<[f32]>,
    line: Line,
    /// Where the next pair is read.
    place: f64,
    output: Vec<f32>,
}

impl Resampler {
    pub(super) fn new(ratio: f64, history: usize) -> Self {
        // What is read faster holds sound that would be too high to be heard.
        let cutoff = PASS * (1.0 / ratio).min(1.0);
        let half = ((CROSSINGS / cutoff).ceil() as usize).next_multiple_of(LANES / 2);
        let taps = 2 * half;
        let weight = |place: usize, tap: usize| {
            let x = tap as f64 - (half as f64 - 1.0) - place as f64 / PLACES as f64;
            let sinc = if x.abs() < 1e-9 { cutoff } else { (PI * cutoff * x).sin() / (PI * x) };
            sinc * window(0.5 + x / taps as f64)
        };
        let rows = (0..=PLACES).flat_map(|place| {
            // Silence of no frequency is as loud as it was.
            let sum: f64 = (0..taps).map(|tap| weight(place, tap)).sum();
            (0..taps).map(move |tap| (weight(place, tap) / sum) as f32)
        });
        let line = Line::new(taps + PIECE + 4, taps, history);
        Self { ratio, taps, table: rows.collect(), line, place: 0.0, output: Vec::new() }
    }

    pub(super) fn process(&mut self, pcm: &mut Vec<f32>) {
        self.output.clear();
        for piece in pcm.as_chunks::<2>().0.chunks(PIECE) {
            piece.iter().for_each(|pair| self.line.push(*pair));
            while self.place + self.taps as f64 / 2.0 + 1.0 <= self.line.at() as f64 {
                let pair = self.read();
                self.output.extend_from_slice(&pair);
                self.place += self.ratio;
            }
        }
        std::mem::swap(pcm, &mut self.output);
    }

    fn read(&self) -> Pair {
        let whole = self.place.floor();
        let place = (self.place - whole) * PLACES as f64;
        let way = place.fract() as f32;
        let rows = &self.table[place as usize * self.taps..][..2 * self.taps];
        let (one, other) = rows.split_at(self.taps);
        let pairs = self.line.slice(whole as i64 - (self.taps as i64 / 2 - 1), self.taps);
        // Four sums of each channel, which the processor does side by side.
        let mut sums = [[0.0; 2]; LANES];
        let pieces = pairs.as_chunks::<LANES>().0.iter();
        for ((pairs, one), other) in pieces.zip(one.as_chunks::<LANES>().0).zip(other.as_chunks::<LANES>().0)
        {
            for lane in 0..LANES {
                let weight = one[lane] + (other[lane] - one[lane]) * way;
                sums[lane][0] += pairs[lane][0] * weight;
                sums[lane][1] += pairs[lane][1] * weight;
            }
        }
        sums.iter().fold([0.0; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
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

/// Blackman's window.
fn window(way: f64) -> f64 {
    if !(0.0..=1.0).contains(&way) {
        return 0.0;
    }
    let turn = 2.0 * PI * way;
    0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos()
}
