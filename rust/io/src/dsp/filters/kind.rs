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

/// A filter with its numbers.
#[derive(Clone)]
pub struct FilterSpec {
    kind: &'static Kind,
    values: Box<[f64]>,
}

/// A filter that cannot be.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// No such kind.
    #[error("there is no filter {0:?}")]
    Unknown(String),
    /// Another count of numbers than the kind has.
    #[error("{kind} has {expected} parameters, not {given}")]
    Count {
        /// The kind's name.
        kind: &'static str,
        /// How many it has.
        expected: usize,
        /// How many were given.
        given: usize,
    },
    /// A number out of its range.
    #[error("{kind}: {parameter} must be {min} to {max}, not {given}")]
    Range {
        /// The kind's name.
        kind: &'static str,
        /// The parameter's.
        parameter: &'static str,
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// What was given.
        given: f64,
    },
    /// Two filters change the tempo.
    #[error("a chain has one timescale at most: multiply their numbers")]
    Timescales,
    /// More filters than a chain has.
    #[error("a chain has at most {most} filters, not {0}", most = super::chain::MAX_FILTERS)]
    Many(usize),
}

impl FilterSpec {
    /// The filter `name` with its numbers in the order of the kind.
    ///
    /// # Errors
    /// There is none of that name, or its numbers are too many, too few, or out of their ranges.
    pub fn new(name: &str, values: &[f64]) -> Result<Self, FilterError> {
        let kind = super::KINDS.iter().find(|kind| kind.name == name);
        let kind = kind.ok_or_else(|| FilterError::Unknown(name.to_owned()))?;
        if values.len() != kind.parameters.len() {
            let (expected, given) = (kind.parameters.len(), values.len());
            return Err(FilterError::Count { kind: kind.name, expected, given });
        }
        for (parameter, &given) in kind.parameters.iter().zip(values) {
            let (min, max) = parameter.range;
            if !(min..=max).contains(&given) {
                let parameter = parameter.name;
                return Err(FilterError::Range { kind: kind.name, parameter, min, max, given });
            }
        }
        Ok(Self { kind, values: values.into() })
    }

    /// The filter `name` with its numbers as they are unless said otherwise.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn default_of(name: &str) -> Result<Self, FilterError> {
        let kind = super::KINDS.iter().find(|kind| kind.name == name);
        let kind = kind.ok_or_else(|| FilterError::Unknown(name.to_owned()))?;
        Ok(Self { kind, values: kind.parameters.iter().map(|parameter| parameter.default).collect() })
    }

    pub(super) fn is_timescale(&self) -> bool {
        self.kind.name == super::timescale::KIND.name
    }

    /// Sample pairs that it takes for each that it gives.
    pub(super) fn tempo(&self) -> f64 {
        if self.is_timescale() { super::timescale::tempo(&self.values) } else { 1.0 }
    }

    pub(super) fn make(&self, history: usize) -> Box<dyn Filter> {
        (self.kind.make)(&self.values, history)
    }
}

impl PartialEq for FilterSpec {
    fn eq(&self, other: &Self) -> bool {
        self.kind.name == other.kind.name && self.values == other.values
    }
}

impl std::fmt::Debug for FilterSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:?}", self.kind.name, self.values)
    }
}
