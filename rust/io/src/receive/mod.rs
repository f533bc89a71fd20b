//! The receiving side of connections: what a datagram becomes on the receive thread, and how it gets
//! to those who listen.
//!
//! [`receiver`] is the thread that reads all sockets, [`socket`] is one of them, [`inlet`] holds one connection's
//! [`isocord_proto::recv::ReceivePath`] there, [`queue`] brings frames to a consumer on any other thread,
//! [`pump`] is such a thread for native consumers, [`bell`] rings when somebody begins to speak, [`echo_guard`] tells that
//! from our own sound, [`shape`] makes of frames what a live listener wants, [`utterances`] cuts them into what is said,
//! `tray` has that ready for an event loop, [`report`] is what can be read of it from outside.

pub mod bell;
pub mod common_clock;
pub(crate) mod echo_guard;
pub(crate) mod inlet;
pub(crate) mod intake;
pub mod pump;
pub mod queue;
pub(crate) mod receiver;
pub mod report;
pub mod shape;
pub(crate) mod sieve;
pub(crate) mod socket;
#[cfg(unix)]
pub mod tray;
pub mod utterances;
