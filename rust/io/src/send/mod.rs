//! The sending side of connections: the clock thread, and what it holds of each connection.

pub(crate) mod clock;
pub(crate) mod outlet;
pub(crate) mod tap;
