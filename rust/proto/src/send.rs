//! The story of a packet that leaves: an Opus frame, the DAVE seal, the RTP header, the transport seal.

mod gate;
mod stream;

pub use stream::{FrameSupply, SendStream, SingleUse, SlotUse};

use isocord_prefetch::prefetch;

use crate::cipher::{CipherError, MAX_OVERHEAD, Sealer};
use crate::dave::{self, FrameSealer, SealError, SenderChange, SenderKey};
use crate::frame::{MAX_OPUS_LEN, OpusFrame};
use crate::rtp::{HEADER_LEN, Header};
use crate::timeline::Timeline;

/// Room for any packet.
pub type PacketBuffer = [u8; MAX_PACKET_LEN];
/// Bytes that any packet fits in.
pub const MAX_PACKET_LEN: usize = HEADER_LEN + MAX_OPUS_LEN + dave::MAX_OVERHEAD + MAX_OVERHEAD;

/// Why no packet was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The end-to-end encryption has no key yet.
    #[error(transparent)]
    EndToEnd(#[from] SealError),
    /// The transport key is used up.
    #[error(transparent)]
    Transport(#[from] CipherError),
}

/// Turns frames into packets of one voice session.
///
/// A new one is blocked: until [`Self::change_sender`] says whether the call is encrypted end to
/// end, and with which key, no frame can leave, so that none leaves unencrypted by mistake.
#[derive(Debug)]
pub struct SendPath {
    ssrc: u32,
    end_to_end: FrameSealer,
    transport: Sealer,
}

impl SendPath {
    /// For the SSRC of Ready and the key of Session Description.
    #[must_use]
    pub fn new(ssrc: u32, transport: Sealer) -> Self {
        Self { ssrc, end_to_end: FrameSealer::new(), transport }
    }

    /// Takes the place of `before`, if that is the same stream's: the transport has another key, and the
    /// end-to-end encryption goes on.
    pub fn succeed(&mut self, before: &mut Self) {
        if before.ssrc == self.ssrc {
            std::mem::swap(&mut self.end_to_end, &mut before.end_to_end);
        }
    }

    /// Obeys the DAVE session: the next packet is sealed with another key, or with none. The key of before is
    /// given back, to be dropped where memory may be freed.
    pub fn change_sender(&mut self, change: SenderChange) -> Option<Box<SenderKey>> {
        self.end_to_end.apply(change)
    }

    /// Whether frames have to wait for a key of the end-to-end encryption.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.end_to_end.is_blocked()
    }

    /// Has what [`Self::packet`] will need brought near: itself, then its keys.
    fn fetch(&self, step: usize) {
        match step {
            0 => prefetch(self),
            1 => {
                self.end_to_end.fetch();
                self.transport.fetch();
            }
            _ => {}
        }
    }

    /// Writes the packet of `frame` for the slot at `now_ms` into `out` and returns its length.
    ///
    /// # Errors
    /// [`SealError::NoKey`] while it [is blocked](Self::is_blocked); [`CipherError::NoncesExhausted`]
    /// when the session's key has sealed 2^32 packets.
    pub fn packet(
        &mut self,
        frame: &OpusFrame,
        timeline: &mut Timeline,
        now_ms: u64,
        out: &mut PacketBuffer,
    ) -> Result<usize, SendError> {
        let frame = frame.as_bytes();
        out[HEADER_LEN..][..frame.len()].copy_from_slice(frame);
        self.seal(frame.len(), timeline, now_ms, out)
    }

    /// The same for a frame of so many bytes that stands in `out`, behind the room for the header.
    ///
    /// # Errors
    /// As [`Self::packet`].
    pub fn seal(
        &mut self,
        len: usize,
        timeline: &mut Timeline,
        now_ms: u64,
        out: &mut PacketBuffer,
    ) -> Result<usize, SendError> {
        let end = HEADER_LEN + self.end_to_end.seal_in_place(len, &mut out[HEADER_LEN..])?;

        let (sequence, timestamp) = timeline.next(now_ms);
        let header = Header { sequence, timestamp, ssrc: self.ssrc };
        out[..HEADER_LEN].copy_from_slice(&header.encode());

        Ok(self.transport.seal(out, HEADER_LEN, end)?)
    }

    /// Whether the transport key is so worn that a new session should be asked for.
    #[must_use]
    pub fn needs_new_session(&self) -> bool {
        self.transport.nearly_exhausted()
    }
}
