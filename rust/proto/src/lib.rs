//! What the bytes of a Discord voice connection mean.
//!
//! No threads, no sockets, no clock: time comes in as an argument, bytes go out
//! through the caller's buffer. Invariant: no function of this crate blocks.
#![forbid(unsafe_code)]

pub mod dave;
