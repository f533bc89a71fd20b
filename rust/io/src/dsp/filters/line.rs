//! The last sound, to be read again: what delays, stretches and resamples.

use super::memory::Memory;

/// Quieter than anything that is heard; smaller numbers are slow to compute with.
pub(super) const NOTHING: f32 = 1e-15;
/// Louder than any sound, and far from where numbers end.
const TOO_LOUD: f32 = 1e6;

/// One pair of samples.
pub(super) type Pair = [f32; 2];

/// A ring of sample pairs. It holds more than is read, so that going back is only a matter of where it stands.
pub(super) struct Line {
    pairs: Box<[Pair]>,
    mask: usize,
    /// So many pairs of the beginning stand once more at the end, so that what is read is in one piece.
    margin: usize,
    /// Pairs written so far.
    at: u64,
}

impl Line {
    /// A line of which the last `reach` pairs can be read, `margin` at once, and that may go back by `history`.
    pub(super) fn new(reach: usize, margin: usize, history: usize) -> Self {
        let len = (reach + margin + history + 1).next_power_of_two();
        Self { pairs: vec![[0.0; 2]; len + margin].into(), mask: len - 1, margin, at: 0 }
    }

    /// Pairs written so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Appends a pair. What is no number, or nothing that can be heard, is zero.
    pub(super) fn push(&mut self, pair: Pair) {
        let pair = pair.map(|sample| match sample.abs() {
            NOTHING..TOO_LOUD => sample,
            _ => 0.0,
        });
        let index = self.at as usize & self.mask;
        self.pairs[index] = pair;
        if index < self.margin {
            self.pairs[self.mask + 1 + index] = pair;
        }
        self.at += 1;
    }

    /// The pair that was written `back` pairs ago; 1 is the last.
    pub(super) fn back(&self, back: usize) -> Pair {
        self.pairs[(self.at as usize).wrapping_sub(back) & self.mask]
    }

    /// `len` pairs, at most the margin, from the one on that was written as number `from`. Before the first is silence.
    pub(super) fn slice(&self, from: i64, len: usize) -> &[Pair] {
        let index = from as usize & self.mask;
        &self.pairs[index..index + len]
    }

    /// Shows where it stands.
    pub(super) fn remember(&mut self, memory: &mut Memory) {
        memory.count(&mut self.at);
    }
}
