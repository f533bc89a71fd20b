//! Entries that are heard one after the other, without a gap or one going over into the next.
//!
//! [`Queue`] is held by who controls it, [`QueueSource`] by who plays it. What is asked for is put down in a list, which
//! the source looks at when it makes frames, and when it goes back to make some anew. What is told of (the present entry,
//! the place in it, events) is what is heard, not what is made.

mod compose;
mod control;
mod entry;
mod events;
mod joining;
mod list;
mod loading;
mod part;
mod player;
mod revise;
mod shared;
mod source;
mod spool;
mod state;

pub use control::{MAX_CROSSFADE, Queue, QueueError, QueueOptions};
pub use entry::{Entry, Given, Opened, Opening};
pub use events::{Event, Events};
pub use list::{MAX_ENTRIES, Repeat};
pub use source::QueueSource;

#[cfg(test)]
pub(crate) mod tests;
