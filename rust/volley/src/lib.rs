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
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// What became of a packet, and when it left.
#[derive(Debug)]
pub struct Departed {
    /// As the place of the packet in its list.
    pub place: usize,
    /// Between the first and the last of those that left together, by its turn.
    pub at: Instant,
    /// As [`UdpSocket::send`] has it.
    pub result: io::Result<usize>,
}

/// A packet that is to leave, or has left.
#[derive(Debug, Clone, Copy)]
struct Shot {
    socket: system::Handle,
    place: u32,
    len: u32,
    /// Bytes that were sent, or the number of an error below zero; none before it is known.
    outcome: Option<i32>,
}

/// Packets that are loaded one by one, and leave with one system call.
#[derive(Debug)]
pub struct Volley {
    gun: system::Gun,
    shots: Vec<Shot>,
    fired: Option<(Instant, Duration)>,
}

impl Volley {
    /// For so many packets at once. Nothing is allocated or freed later.
    ///
    /// # Errors
    /// The system has no such call, or does not allow it: send them one by one.
    pub fn new(most: usize) -> io::Result<Self> {
        Ok(Self { gun: system::Gun::new()?, shots: Vec::with_capacity(most), fired: None })
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.shots.clear();
        self.fired = None;
    }

    /// Has the first `len` bytes of packet `place` sent by a connected socket with the next [`Self::fire`]. The socket
    /// stays open until then.
    pub fn load(&mut self, socket: &UdpSocket, place: usize, len: usize) {
        if self.shots.len() < self.shots.capacity()
            && let (Ok(place), Ok(len)) = (u32::try_from(place), u32::try_from(len))
        {
            self.shots.push(Shot { socket: system::handle(socket), place, len, outcome: None });
        }
    }

    /// Sends all that are loaded, without waiting for room in any socket. Those whose packet is not there, or shorter than
    /// was said, do not leave.
    pub fn fire<const N: usize>(&mut self, packets: &[[u8; N]]) {
        let began = Instant::now();
        self.gun.fire(&mut self.shots, packets);
        self.fired = Some((began, began.elapsed()));
    }

    /// What became of them, in the order in which they were loaded. One that is missing has not been sent, and can be by
    /// other means.
    pub fn departed(&self) -> impl Iterator<Item = Departed> + '_ {
        let count = self.shots.len().max(1) as u32;
        let at = move |turn| self.fired.map(|(began, lasted)| began + lasted * turn / count);
        (1..).zip(&self.shots).filter_map(move |(turn, shot)| {
            let result = usize::try_from(shot.outcome?)
                .map_err(|_| io::Error::from_raw_os_error(-shot.outcome.unwrap_or_default()));
            Some(Departed { place: shot.place as usize, at: at(turn)?, result })
        })
    }
}
