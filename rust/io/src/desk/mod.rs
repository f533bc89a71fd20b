//! What is made of sources, and is a source itself.

mod filtered;
mod taped;

pub use filtered::{Filtered, Filters};
pub use taped::taped;

#[cfg(test)]
mod stage;
