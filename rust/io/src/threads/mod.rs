//! What threads have in common: how they are set up, the way into one, and the way out to the one that calls out.

pub(crate) mod child;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod setup;
pub(crate) mod wakeup;

/// Names a connection in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);
