//! Filters: what a bot's author may do to the sound, by the names and numbers of Lavalink v4, and some more.
//!
//! Each is a file here and a line of [`KINDS`]. A [`Chain`] runs some of them one after the other; it can write down
//! where it stands and go back to there.

mod chain;
mod channel_mix;
mod compressor;
mod distortion;
mod echo;
mod equalizer;
mod high_pass;
mod karaoke;
mod kind;
mod line;
mod low_pass;
mod memory;
mod normalize;
mod oscillator;
mod reverb;
mod rotation;
mod timescale;
mod tremolo;
mod vibrato;

pub(crate) use chain::Chain;
pub use chain::MAX_FILTERS;
pub use kind::{FilterError, FilterSpec, Kind, Parameter};
pub(crate) use memory::Memory;

/// Every kind of filter.
pub static KINDS: &[Kind] = &[
    equalizer::KIND,
    karaoke::KIND,
    timescale::KIND,
    tremolo::KIND,
    vibrato::KIND,
    rotation::KIND,
    distortion::KIND,
    channel_mix::KIND,
    low_pass::KIND,
    high_pass::KIND,
    compressor::KIND,
    reverb::KIND,
    echo::KIND,
    normalize::KIND,
];

#[cfg(test)]
mod tests;
