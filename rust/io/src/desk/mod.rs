//! What is made of sources, and is a source itself.

mod looped;
pub mod mixer;
mod outcome;
mod past;
mod taped;

pub use outcome::{Errands, Listener, Outcome};
pub use taped::taped;

#[cfg(test)]
mod stage;
