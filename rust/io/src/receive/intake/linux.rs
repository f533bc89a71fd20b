//! Many datagrams with one system call, each with its time.

use std::io::{self, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::socket::{self, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, recvmmsg};
use nix::sys::time::TimeSpec;

use super::{AT_ONCE, Came, Rooms, Taken};

/// No datagram lies in a socket for longer; a wall clock that jumps says so.
const MAX_AGE: Duration = Duration::from_secs(1);

pub(in crate::receive) struct Intake {
    rooms: Box<Rooms>,
    headers: MultiHeaders<()>,
    came: [Came; AT_ONCE],
}

/// A socket as the poll knows it: the one that is sent from as well, so that a connection takes one file.
pub(crate) struct Line(Arc<UdpSocket>);

impl Line {
    /// From now on the socket's datagrams say when they came. A kernel that does not know it leaves the times out.
    pub(crate) fn new(socket: &Arc<UdpSocket>) -> io::Result<Self> {
        let _ = socket::setsockopt(socket, socket::sockopt::ReceiveTimestampns, &true);
        Ok(Self(Arc::clone(socket)))
    }

    pub(in crate::receive) fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.send(datagram)
    }
}

impl Source for Line {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(registry)
    }
}

impl Intake {
    pub(in crate::receive) fn new() -> Self {
        let headers = MultiHeaders::preallocate(AT_ONCE, Some(nix::cmsg_space!(TimeSpec)));
        Self { rooms: Rooms::new(), headers, came: [Came::default(); AT_ONCE] }
    }

    /// Reads what is there.
    pub(in crate::receive) fn read(&mut self, line: &Line) -> io::Result<Taken> {
        let mut parts = self.rooms.0.each_mut().map(|room| [IoSliceMut::new(room)]);
        let read = recvmmsg(line.0.as_raw_fd(), &mut self.headers, &mut parts, MsgFlags::empty(), None)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut count = 0;
        for (came, message) in self.came.iter_mut().zip(read) {
            *came = (message.bytes, age(&message, now));
            count += 1;
        }
        // An error in the midst of them is kept for the next time, and the poll tells of it: it came after the last look.
        Ok(Taken { count, all: count < AT_ONCE, refused: false })
    }

    /// The first of what was read.
    pub(in crate::receive) fn datagrams(
        &mut self,
        count: usize,
    ) -> impl Iterator<Item = (&mut [u8], Duration)> {
        self.rooms.datagrams(&self.came[..count])
    }
}

fn age(message: &RecvMsg<'_, '_, ()>, now: Duration) -> Duration {
    let came = message.cmsgs().ok().and_then(|mut notes| {
        notes.find_map(|note| match note {
            ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
            _ => None,
        })
    });
    let age = came.and_then(|came| now.checked_sub(came));
    age.filter(|&age| age <= MAX_AGE).unwrap_or_default()
}
