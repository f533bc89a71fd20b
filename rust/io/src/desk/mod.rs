//! What is made of sources, and is a source itself.

mod filtered;
mod looped;
pub mod mixer;
mod outcome;
mod past;
mod prebuffered;
pub mod queue;
mod taped;
pub mod written;

pub use filtered::{Filtered, Filters};
pub use outcome::{Errands, Listener, Outcome};
pub use prebuffered::prebuffered;
pub use taped::taped;

#[cfg(test)]
pub(crate) mod stage;
