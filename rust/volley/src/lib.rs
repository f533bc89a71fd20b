//! Sends the packets of many sockets with one system call, where the system has one for that: `io_uring` of Linux.
//!
//! Whoever sends for a thousand connections goes into the system and out again for each packet, which is a tenth of what
//! the send costs. Here the packets are loaded one by one, and leave together.

#[cfg_attr(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")), path = "uring.rs")]
#[cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    path = "none.rs"
)]
mod system;

use std::io;
use std::time::Instant;

pub use system::Volley;

/// What became of a packet, and when it left.
#[derive(Debug)]
pub struct Departed {
    /// As the place of the packet in its list.
    pub place: usize,
    /// Between the first and the last of those that left together, by its turn.
    pub at: Instant,
    /// As [`std::net::UdpSocket::send`] has it.
    pub result: io::Result<usize>,
}
