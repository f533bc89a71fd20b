//! The sockets of the receive threads, what is read from one at once, and when each datagram came: by the kernel's time where the system
//! has it, so that a thread that was held up does not make the network look bad.

use std::time::Duration;

#[cfg(target_os = "linux")]
#[path = "intake/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "intake/other.rs"]
mod system;

pub(super) use system::Intake;
pub(crate) use system::Line;

/// Bigger than any datagram of Discord's.
const DATAGRAM: usize = 2_048;
/// Datagrams that are read at once at most.
pub(super) const AT_ONCE: usize = 16;

/// How much there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// Datagrams that were read.
    pub count: usize,
    /// Whether there were no more: the poll tells when there are.
    pub all: bool,
    /// Whether the socket reported after them what became of an earlier packet.
    pub refused: bool,
}

/// A datagram's length, and how long ago it came.
type Came = (usize, Duration);

/// Room for datagrams, one for each receive thread.
struct Rooms([[u8; DATAGRAM]; AT_ONCE]);

impl Rooms {
    fn new() -> Box<Self> {
        Box::new(Self([[0; DATAGRAM]; AT_ONCE]))
    }

    fn datagrams<'a>(&'a mut self, came: &'a [Came]) -> impl Iterator<Item = (&'a mut [u8], Duration)> {
        self.0.iter_mut().zip(came).map(|(room, &(len, age))| (&mut room[..len], age))
    }
}
