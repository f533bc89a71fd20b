//! What is made of sources, and is a source itself.

mod prebuffered;
mod taped;

pub use prebuffered::prebuffered;
pub use taped::taped;

#[cfg(test)]
mod stage;
