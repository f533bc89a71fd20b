//! What is made of sources, and is a source itself.

mod taped;

pub use taped::taped;

#[cfg(test)]
mod stage;
