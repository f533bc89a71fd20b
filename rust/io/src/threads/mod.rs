//! Threads: how they are set up, the way into one, and the one that calls out.

pub mod events;
pub(crate) mod inbox;
pub(crate) mod thread;
