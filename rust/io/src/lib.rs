//! Clock, sockets, threads and rings.
