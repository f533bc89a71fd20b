//! Clock, sockets, threads and rings around `isocord-proto`: the only place that reads
//! the time or sleeps.
//!
//! Threads: [`send`]'s clock prepares, waits and sends; [`receive`]'s polls every socket and decodes; one hands what
//! happened ([`events`]) to its owner; the pool of [`play`] decodes files. What crosses between them is typed and
//! bounded: each thread's commands stand beside it. Folders import downwards only.

pub mod connection;
pub mod desk;
pub mod dsp;
pub mod engine;
pub mod events;
pub mod play;
pub mod receive;
pub mod record;
mod send;
pub mod source;
pub mod stats;
mod threads;

pub use threads::lock;
pub use threads::setup::prefer_exact_wakeups;
