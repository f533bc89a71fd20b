//! The receiving side of connections: what a datagram becomes on the receive thread, and how it gets
//! to those who listen.
//!
//! [`ear`] holds one connection's [`isocord_proto::recv::ReceivePath`] on the receive thread, [`queue`]
//! brings frames to a consumer on any other thread, [`pump`] is such a thread for native consumers,
//! [`recording`] is one that writes files, [`shape`] and
//! [`resample`] make of frames what a live listener wants, [`report`] is what can be read of it from outside.

pub(crate) mod ear;
pub mod pump;
pub mod queue;
pub mod recording;
pub mod report;
pub mod resample;
pub mod shape;
