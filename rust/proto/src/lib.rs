//! What the bytes of a Discord voice connection mean.
//!
//! No threads, no sockets, no clock: time comes in as an argument, bytes go out
//! through the caller's buffer. Invariants: no function of this crate blocks, and
//! nothing on the way of a packet ([`send::SendPath`]) allocates once it is built.
//!
//! The way out, a file for each step:
//! [`opus`] -> [`send`] = ([`dave`] seal -> [`rtp`] header -> [`cipher`] seal), timed by [`timeline`].
//! [`send::SendStream`] decides with [`pacing`] what leaves in a slot; [`timetable`] says whose slot it is.
//!
//! The way in: [`recv`] = ([`rtp`] / [`rtcp`] -> [`cipher`] open -> [`ssrc`] to user, or [`waiting`] ->
//! [`dave`] open -> [`jitter`] buffer -> [`opus`] decode or conceal).
#![forbid(unsafe_code)]

pub mod cipher;
pub mod dave;
pub mod discovery;
pub mod frame;
pub mod jitter;
pub mod keepalive;
pub mod opus;
pub mod pacing;
pub mod recv;
pub mod rtcp;
pub mod rtp;
mod secrets;
pub mod send;
pub mod ssrc;
pub mod timeline;
pub mod timetable;
pub mod toc;
pub mod waiting;
