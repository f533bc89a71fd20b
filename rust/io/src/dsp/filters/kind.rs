//! What every filter is written as: its name, its parameters, and how it is made.

use super::memory::Memory;

/// One number of a filter.
#[derive(Debug)]
pub struct Parameter {
    /// As bots write it.
    pub name: &'static str,
    /// What it is unless said otherwise.
    pub default: f64,
    /// The least and the greatest.
    pub range: (f64, f64),
}

/// Shorthand for the tables.
pub(super) const fn parameter(name: &'static str, default: f64, min: f64, max: f64) -> Parameter {
    Parameter { name, default, range: (min, max) }
}

/// A kind of filter: one file, and one line of [`super::KINDS`].
pub struct Kind {
    /// As bots write it.
    pub name: &'static str,
    /// Its numbers, in order.
    pub parameters: &'static [Parameter],
    /// Makes one with checked numbers that may go back by so many sample pairs.
    pub(super) make: fn(&[f64], usize) -> Box<dyn Filter>,
}

/// Sound in, sound out: interleaved stereo of 48 kHz, block by block.
pub(crate) trait Filter: Send {
    /// Works on a block of any length in place. Only one that changes the tempo gives another length than it takes.
    fn process(&mut self, pcm: &mut Vec<f32>);

    /// Shows all that it remembers from one block to the next.
    fn remember(&mut self, memory: &mut Memory) {
        let _ = memory;
    }

    /// Sample pairs for which it is still heard after the sound has ended.
    fn tail(&self) -> u64 {
        0
    }

    /// Sample pairs that it takes for each that it gives.
    fn tempo(&self) -> f64 {
        1.0
    }

    /// The most sample pairs that it gives when it takes so many.
    fn most(&self, pairs: usize) -> usize {
        pairs
    }

    /// Sample pairs that it has taken and not given yet.
    fn behind(&self) -> f64 {
        0.0
    }
}
