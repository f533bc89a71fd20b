//! When a datagram came: by the kernel's time where the system has it, so that a thread that was held up does not make
//! the network look bad.

use std::io;
use std::time::Duration;

use mio::net::UdpSocket;

/// No datagram lies in a socket for longer; a wall clock that jumps says so.
#[cfg(target_os = "linux")]
const MAX_AGE: Duration = Duration::from_secs(1);

/// A socket whose datagrams say when they came.
pub(super) struct Arrivals {
    #[cfg(target_os = "linux")]
    room: Vec<u8>,
}

#[cfg(target_os = "linux")]
impl Arrivals {
    /// A kernel that does not know it leaves the times out.
    pub(super) fn of(socket: &UdpSocket) -> Self {
        use nix::sys::{socket, time::TimeSpec};
        let _ = socket::setsockopt(socket, socket::sockopt::ReceiveTimestampns, &true);
        Self { room: nix::cmsg_space!(TimeSpec) }
    }

    /// One datagram's length, and how long ago it came.
    pub(super) fn receive(
        &mut self,
        socket: &UdpSocket,
        datagram: &mut [u8],
    ) -> io::Result<(usize, Duration)> {
        use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
        use std::os::fd::AsRawFd;
        use std::time::{SystemTime, UNIX_EPOCH};

        let mut parts = [io::IoSliceMut::new(datagram)];
        let room = Some(&mut self.room[..]);
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, room, MsgFlags::empty())?;
        let came = message.cmsgs().ok().and_then(|mut notes| {
            notes.find_map(|note| match note {
                ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                _ => None,
            })
        });
        let age = came.and_then(|came| SystemTime::now().duration_since(UNIX_EPOCH + came).ok());
        Ok((message.bytes, age.filter(|&age| age <= MAX_AGE).unwrap_or_default()))
    }
}

#[cfg(not(target_os = "linux"))]
impl Arrivals {
    pub(super) fn of(_: &UdpSocket) -> Self {
        Self {}
    }

    /// One datagram's length, and how long ago it came: just now, as far as is known.
    pub(super) fn receive(
        &mut self,
        socket: &UdpSocket,
        datagram: &mut [u8],
    ) -> io::Result<(usize, Duration)> {
        Ok((socket.recv(datagram)?, Duration::ZERO))
    }
}
