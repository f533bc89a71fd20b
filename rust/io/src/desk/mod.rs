//! What is made of sources, and is a source itself.

pub mod queue;
mod taped;

pub use taped::taped;

#[cfg(test)]
mod stage;
