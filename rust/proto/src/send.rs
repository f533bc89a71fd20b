//! The story of a packet that leaves: an Opus frame, its RTP header, the transport seal.

use crate::cipher::{CipherError, MAX_OVERHEAD, Sealer};
use crate::frame::{MAX_OPUS_LEN, OpusFrame};
use crate::rtp::{HEADER_LEN, Header};
use crate::timeline::Timeline;

/// The most that end-to-end encryption adds to a frame.
const MAX_E2EE_OVERHEAD: usize = 32;
/// Bytes that any packet fits in.
pub const MAX_PACKET_LEN: usize = HEADER_LEN + MAX_OPUS_LEN + MAX_E2EE_OVERHEAD + MAX_OVERHEAD;

/// Turns frames into packets of one voice session.
#[derive(Debug)]
pub struct SendPath {
    ssrc: u32,
    sealer: Sealer,
}

impl SendPath {
    /// For the SSRC of Ready and the key of Session Description.
    #[must_use]
    pub fn new(ssrc: u32, sealer: Sealer) -> Self {
        Self { ssrc, sealer }
    }

    /// Writes the packet of `frame` for the slot at `now_ms` into `out` and returns its length.
    ///
    /// # Errors
    /// [`CipherError::NoncesExhausted`] when the session's key has sealed 2^32 packets.
    pub fn packet(
        &mut self,
        frame: &OpusFrame,
        timeline: &mut Timeline,
        now_ms: u64,
        out: &mut [u8; MAX_PACKET_LEN],
    ) -> Result<usize, CipherError> {
        let (sequence, timestamp) = timeline.next(now_ms);
        let header = Header { sequence, timestamp, ssrc: self.ssrc };
        out[..HEADER_LEN].copy_from_slice(&header.encode());

        let payload = frame.as_bytes();
        let end = HEADER_LEN + payload.len();
        out[HEADER_LEN..end].copy_from_slice(payload);

        self.sealer.seal(out, HEADER_LEN, end)
    }

    /// Whether the transport key is so worn that a new session should be asked for.
    #[must_use]
    pub fn needs_new_session(&self) -> bool {
        self.sealer.nearly_exhausted()
    }
}
