//! Filters: what a bot's author may do to the sound, by the names and numbers of Lavalink v4, and some more.
//!
//! Each is a file here and a line of `table.rs`. A [`Chain`] runs some of them one after the other; it can write down
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
mod spec;
mod table;
mod timescale;
mod tremolo;
mod vibrato;
mod volume;

pub(crate) use chain::Chain;
pub(crate) use kind::Filter;
pub use kind::{Kind, Parameter};
pub(crate) use memory::Memory;
pub(crate) use normalize::normalizer;
pub use spec::{FilterError, FilterSpec, MAX_FILTERS};
pub use table::KINDS;

#[cfg(test)]
mod tests;
