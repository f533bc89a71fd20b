//! Clock, sockets, threads and rings around `isocord-proto`: the only place that reads
//! the time or sleeps.
//!
//! Threads: [`clock`] prepares, waits and sends; [`recv`] polls every socket and decodes ([`receive`]);
//! [`events`] hands what happened to its owner; the pool of [`source`] decodes files. What crosses
//! between them is typed and bounded ([`messages`]).

pub mod clock;
pub mod connection;
pub mod engine;
pub mod events;
pub mod file_track;
mod gate;
mod inbox;
pub mod messages;
mod outlet;
pub mod receive;
mod recv;
pub mod sink;
mod slots;
pub mod source;
pub mod stats;
mod thread;
pub mod track;
