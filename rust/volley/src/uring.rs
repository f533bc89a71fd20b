//! `io_uring`: what is to be sent is written down in memory that the system sees as well, and one call has it sent.

use std::fmt;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};

use io_uring::{IoUring, Probe, opcode, types::Fd};

use crate::Shot;

/// Packets of one call; more take more of them.
const BATCH: usize = 128;
/// Calls for those of one batch: a signal ends a call early.
const ATTEMPTS: usize = 16;

pub(crate) type Handle = RawFd;

pub(crate) fn handle(socket: &UdpSocket) -> Handle {
    socket.as_raw_fd()
}

pub(crate) struct Gun {
    ring: IoUring,
    /// A call has failed, or is under way. What it was to send may still be written down, so there is no other.
    jammed: bool,
}

impl fmt::Debug for Gun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gun").field("jammed", &self.jammed).finish_non_exhaustive()
    }
}

impl Gun {
    pub(crate) fn new() -> io::Result<Self> {
        let ring = IoUring::new(BATCH as u32)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Send::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Self { ring, jammed: false })
    }

    pub(crate) fn fire<const N: usize>(&mut self, shots: &mut [Shot], packets: &[[u8; N]]) {
        for batch in shots.chunks_mut(BATCH) {
            if self.jammed {
                return;
            }
            self.jammed = true;
            self.jammed = self.send(batch, packets).is_none();
        }
    }

    /// Sends a batch and waits until the system says of each what became of it; none if it does not.
    fn send<const N: usize>(&mut self, batch: &mut [Shot], packets: &[[u8; N]]) -> Option<()> {
        let mut left = 0;
        for (index, shot) in batch.iter().enumerate() {
            let packet = packets.get(shot.place as usize).and_then(|packet| packet.get(..shot.len as usize));
            let Some(packet) = packet else { continue };
            // With these flags a send is over when the call is: it waits for nothing, and raises no signal.
            let send = opcode::Send::new(Fd(shot.socket), packet.as_ptr(), shot.len)
                .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
                .build()
                .user_data(index as u64);
            // SAFETY: the packet is borrowed until this function returns. By then the system has said that it is done
            // with it; or else nothing that is written down here is ever handed to the system any more, and all that it
            // ever does with a packet is to read it.
            unsafe { self.ring.submission().push(&send) }.ok()?;
            left += 1;
        }
        for _ in 0..ATTEMPTS {
            let told = self.ring.submit_and_wait(left);
            for done in self.ring.completion() {
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
}
