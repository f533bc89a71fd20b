//! `io_uring`: what is to be sent is written down in memory that the system sees as well, and one call has it sent.

use std::fmt;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use io_uring::{IoUring, Probe, opcode, types::Fd};

use crate::Departed;

/// Packets of one call; more take more of them.
const BATCH: usize = 128;
/// Calls for those of one batch: a signal ends a call early.
const ATTEMPTS: usize = 16;

/// Packets that are loaded one by one, and leave with one system call.
pub struct Volley {
    ring: IoUring,
    shots: Vec<Shot>,
    fired: Option<(Instant, Duration)>,
    /// A call has failed, or is under way. What it was to send may still be written down, so there is no other.
    jammed: bool,
}

/// A packet that is to leave, or has left.
#[derive(Clone, Copy)]
struct Shot {
    socket: RawFd,
    place: u32,
    len: u32,
    /// Bytes that were sent, or the number of an error below zero; none before it is known.
    outcome: Option<i32>,
}

impl fmt::Debug for Volley {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Volley").field("jammed", &self.jammed).finish_non_exhaustive()
    }
}

impl Volley {
    /// For so many packets at once. Nothing is allocated or freed later.
    ///
    /// # Errors
    /// The system has no such call, or does not allow it: send them one by one.
    pub fn new(most: usize) -> io::Result<Self> {
        let ring = IoUring::new(BATCH as u32)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Send::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Self { ring, shots: Vec::with_capacity(most), fired: None, jammed: false })
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
            self.shots.push(Shot { socket: socket.as_raw_fd(), place, len, outcome: None });
        }
    }

    /// Sends all that are loaded, without waiting for room in any socket. Those whose packet is not there, or shorter than
    /// was said, do not leave.
    pub fn fire<const N: usize>(&mut self, packets: &[[u8; N]]) {
        let began = Instant::now();
        for batch in self.shots.chunks_mut(BATCH) {
            if self.jammed {
                break;
            }
            self.jammed = true;
            self.jammed = send(&mut self.ring, batch, packets).is_none();
        }
        self.fired = Some((began, began.elapsed()));
    }

    /// What became of them, in the order in which they were loaded. One that is missing has not been sent, and can be by
    /// other means.
    pub fn departed(&self) -> impl Iterator<Item = Departed> + '_ {
        let count = self.shots.len().max(1) as u32;
        let at = move |turn| self.fired.map(|(began, lasted)| began + lasted * turn / count);
        (1..).zip(&self.shots).filter_map(move |(turn, shot)| {
            let told = shot.outcome?;
            let result = usize::try_from(told).map_err(|_| io::Error::from_raw_os_error(-told));
            Some(Departed { place: shot.place as usize, at: at(turn)?, result })
        })
    }
}

/// Sends a batch and waits until the system says of each what became of it; none if it does not.
fn send<const N: usize>(ring: &mut IoUring, batch: &mut [Shot], packets: &[[u8; N]]) -> Option<()> {
    let mut left = 0;
    for (index, shot) in batch.iter().enumerate() {
        let packet = packets.get(shot.place as usize).and_then(|packet| packet.get(..shot.len as usize));
        let Some(packet) = packet else { continue };
        // With these flags a send is over when the call is: it waits for nothing, and raises no signal.
        let send = opcode::Send::new(Fd(shot.socket), packet.as_ptr(), shot.len)
            .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            .build()
            .user_data(index as u64);
        // SAFETY: the packet is borrowed until this function returns. By then the system has said that it is done with
        // it; or else nothing that is written down here is ever handed to the system any more, and all that it ever does
        // with a packet is to read it.
        unsafe { ring.submission().push(&send) }.ok()?;
        left += 1;
    }
    for _ in 0..ATTEMPTS {
        let told = ring.submit_and_wait(left);
        for done in ring.completion() {
            if let Some(shot) = batch.get_mut(done.user_data() as usize) {
                shot.outcome = Some(done.result());
                left -= 1;
            }
        }
        match told {
            _ if left == 0 => return Some(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    None
}
