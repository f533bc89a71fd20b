//! Clock, sockets, threads and rings.

pub mod source;
