//! The sending side of connections: the clock threads, and what they hold of each connection.

pub(crate) mod clock;
pub(crate) mod clocks;
pub(crate) mod outlet;
pub(crate) mod tap;

use std::net::UdpSocket;

/// In the queues of this machine's network cards, of which nothing is seen outside: other networks may take marks on
/// packets amiss.
pub(crate) fn go_first(socket: &UdpSocket) {
    // As the kernel calls it, interactive: the highest that takes no privilege.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::Priority, &6);
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}
