//! What is made of sources, and is a source itself.

mod looped;
pub mod mixer;
mod outcome;
mod past;
pub mod queue;
mod taped;

pub use outcome::{Errands, Listener};
pub use taped::taped;

#[cfg(test)]
mod stage;
