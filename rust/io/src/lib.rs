//! Clock, sockets, threads and rings around `isocord-proto`: the only place that reads
//! the time or sleeps.
//!
//! Threads: [`send`]'s clock prepares, waits and sends; [`receive`]'s polls every socket and decodes;
//! that of [`threads::events`] hands what happened to its owner; the pool of [`play`] decodes files. What crosses
//! between them is typed and bounded ([`messages`]).

pub mod connection;
pub mod dsp;
pub mod engine;
pub mod messages;
pub mod play;
pub mod receive;
pub mod record;
mod send;
pub mod source;
pub mod stats;
pub mod threads;
