//! One datagram after the other.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};

use super::{AT_ONCE, Came, Rooms, Taken};

pub(in crate::receive) struct Intake {
    rooms: Box<Rooms>,
    came: [Came; AT_ONCE],
}

/// A socket as the poll knows it: its own handle, for the poll of some systems wants to see all that is read.
pub(crate) struct Line(mio::net::UdpSocket);

impl Line {
    pub(crate) fn new(socket: &Arc<UdpSocket>) -> io::Result<Self> {
        Ok(Self(mio::net::UdpSocket::from_std(socket.try_clone()?)))
    }

    pub(in crate::receive) fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.send(datagram)
    }
}

impl Source for Line {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.0.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.0.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.deregister(registry)
    }
}

impl Intake {
    pub(in crate::receive) fn new() -> Self {
        Self { rooms: Rooms::new(), came: [Came::default(); AT_ONCE] }
    }

    /// Reads what is there. As far as is known it came just now.
    pub(in crate::receive) fn read(&mut self, line: &Line) -> io::Result<Taken> {
        for (count, room) in self.rooms.0.iter_mut().enumerate() {
            match line.0.recv(room) {
                Ok(len) => self.came[count] = (len, Duration::ZERO),
                Err(error) if count == 0 => return Err(error),
                Err(error) => {
                    let all = error.kind() == ErrorKind::WouldBlock;
                    return Ok(Taken { count, all, refused: !all });
                }
            }
        }
        Ok(Taken { count: AT_ONCE, all: false, refused: false })
    }

    /// The first of what was read.
    pub(in crate::receive) fn datagrams(
        &mut self,
        count: usize,
    ) -> impl Iterator<Item = (&mut [u8], Duration)> {
        self.rooms.datagrams(&self.came[..count])
    }
}
