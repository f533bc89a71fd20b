//! Sealing of outgoing frames, on the clock thread: no lock, no allocation, no MLS.

use core::fmt;

use isocord_prefetch::prefetch;

use super::cipher::SealCipher;
use super::frame;
use super::nonce;
use super::ratchet::SenderRatchet;
use crate::secrets::made_apart;

/// What the sender does from now on; handed over as a whole by the session when a transition executes.
#[derive(Debug, Default)]
pub enum SenderChange {
    /// Seal with this key; the nonce starts anew.
    Key(Box<SenderKey>),
    /// Send frames as they are: the call has transport encryption only.
    Passthrough,
    /// Send nothing: the call is encrypted and there is no key yet.
    #[default]
    Blocked,
}

impl SenderChange {
    /// Seal with the keys of this ratchet.
    #[must_use]
    pub fn key(ratchet: SenderRatchet) -> Self {
        Self::Key(made_apart(|| Box::new(SenderKey(Sealing::new(ratchet)))))
    }

    /// The key, if it is one.
    #[must_use]
    pub fn into_key(self) -> Option<Box<SenderKey>> {
        match self {
            Self::Key(key) => Some(key),
            Self::Passthrough | Self::Blocked => None,
        }
    }
}

/// A ratchet with its first key derived. It lives in a box: it is made and freed where that costs nothing, and
/// leaves no copy behind on its way through queues.
#[derive(Debug)]
pub struct SenderKey(Sealing);

/// Why a frame was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The call is encrypted and this member has no key yet; the frame must not leave.
    #[error("the call is encrypted and there is no key yet")]
    NoKey,
    /// The caller's buffer is shorter than the sealed frame.
    #[error("the buffer is too small: {needed} bytes are needed")]
    BufferTooSmall {
        /// Bytes that the sealed frame takes.
        needed: usize,
    },
    /// The frame is longer than AES-GCM allows: 64 GiB.
    #[error("the frame is too long to be sealed")]
    TooLong,
}

/// Seals the frames of one sender. A new one is [blocked](SenderChange::Blocked).
#[derive(Debug, Default)]
pub struct FrameSealer {
    state: SenderChange,
}

struct Sealing {
    ratchet: SenderRatchet,
    cipher: SealCipher,
    generation: u32,
    count: u64,
}

impl FrameSealer {
    /// A sealer that sends nothing until it is told what to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// Obeys the session. The key of before is given back, to be dropped where memory may be freed.
    pub fn apply(&mut self, change: SenderChange) -> Option<Box<SenderKey>> {
        core::mem::replace(&mut self.state, change).into_key()
    }

    /// Whether frames may leave at all.
    pub fn is_blocked(&self) -> bool {
        matches!(self.state, SenderChange::Blocked)
    }

    /// Whether frames leave encrypted.
    pub fn is_sealing(&self) -> bool {
        matches!(self.state, SenderChange::Key(_))
    }

    /// Has the key brought near.
    pub(crate) fn fetch(&self) {
        if let SenderChange::Key(key) = &self.state {
            prefetch(&**key);
        }
    }

    /// Writes the frame as it has to leave to the front of `out` and returns its length in bytes.
    ///
    /// `out` with [`MAX_OVERHEAD`](frame::MAX_OVERHEAD) bytes more than the frame is always long enough.
    /// The silence frame F8 FF FE is sealed like any other: only the voice server, which has no key, may put in
    /// plain ones (whitepaper, "Silence Packets").
    ///
    /// # Errors
    /// [`SealError`]; nothing has been sent and no nonce used then.
    pub fn seal(&mut self, opus: &[u8], out: &mut [u8]) -> Result<usize, SealError> {
        if self.is_blocked() {
            return Err(SealError::NoKey);
        }
        // What has no room for the frame itself is refused as what has none for all of it.
        let room = out.len().min(opus.len());
        out[..room].copy_from_slice(&opus[..room]);
        self.seal_in_place(opus.len(), out)
    }

    /// The same for a frame of so many bytes that stands in `out`.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_in_place(&mut self, len: usize, out: &mut [u8]) -> Result<usize, SealError> {
        match &mut self.state {
            SenderChange::Blocked => Err(SealError::NoKey),
            SenderChange::Key(key) => key.0.seal(len, out),
            SenderChange::Passthrough if out.len() < len => Err(SealError::BufferTooSmall { needed: len }),
            SenderChange::Passthrough => Ok(len),
        }
    }
}

impl Sealing {
    fn new(mut ratchet: SenderRatchet) -> Self {
        let generation = ratchet.generation();
        let cipher = SealCipher::new(&ratchet.next_key());
        Self { ratchet, cipher, generation, count: 0 }
    }

    fn seal(&mut self, len: usize, out: &mut [u8]) -> Result<usize, SealError> {
        // The first nonce of an epoch is 1, as in the reference implementation.
        let count = self.count + 1;
        let nonce = count as u32;
        let needed = len + frame::trailer_len(nonce);
        let out = out.get_mut(..needed).ok_or(SealError::BufferTooSmall { needed })?;
        if nonce::generation(count) != self.generation {
            self.generation = self.ratchet.generation();
            self.cipher = SealCipher::new(&self.ratchet.next_key());
        }
        self.count = count;
        let (media, trailer) = out.split_at_mut(len);
        let tag = self.cipher.seal(&nonce::expand(nonce), media).ok_or(SealError::TooLong)?;
        frame::write_trailer(nonce, &tag, trailer);
        Ok(needed)
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("count", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
impl FrameSealer {
    /// Moves the count on, as if that many frames had been sealed.
    pub(super) fn skip_to(&mut self, count: u64) {
        if let SenderChange::Key(key) = &mut self.state {
            let sealing = &mut key.0;
            let generation = nonce::generation(count);
            if generation != sealing.generation {
                let key = sealing.ratchet.key_at(generation).expect("a sealer goes forward");
                sealing.cipher = SealCipher::new(&key);
                sealing.generation = generation;
            }
            sealing.count = count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dave::frame::SILENCE;

    fn sealer() -> FrameSealer {
        let mut sealer = FrameSealer::new();
        sealer.apply(SenderChange::key(SenderRatchet::new(&[1; 16])));
        sealer
    }

    #[test]
    fn without_a_key_nothing_leaves() {
        let mut out = [0; 64];
        let mut sealer = FrameSealer::new();
        assert_eq!(sealer.seal(&[1, 2, 3], &mut out), Err(SealError::NoKey));
        assert_eq!(sealer.seal(&SILENCE, &mut out), Err(SealError::NoKey));
        sealer.apply(SenderChange::Passthrough);
        assert_eq!(sealer.seal(&[1, 2, 3], &mut out), Ok(3));
        assert_eq!(out[..3], [1, 2, 3]);
    }

    #[test]
    fn silence_is_sealed_like_any_other_frame() {
        let mut sealer = sealer();
        let mut out = [0; 64];
        let len = sealer.seal(&SILENCE, &mut out).unwrap();
        let frame = frame::Frame::parse(&out[..len]).unwrap();
        assert_eq!((frame.nonce, frame.media.len()), (1, SILENCE.len()));
        assert_ne!(frame.media, SILENCE);
    }

    #[test]
    fn a_short_buffer_costs_no_nonce() {
        let mut sealer = sealer();
        let mut out = [0; 64];
        assert_eq!(sealer.seal(&[5; 20], &mut out[..31]), Err(SealError::BufferTooSmall { needed: 32 }));
        let len = sealer.seal(&[5; 20], &mut out[..32]).unwrap();
        assert_eq!((len, frame::Frame::parse(&out[..len]).unwrap().nonce), (32, 1));
    }

    #[test]
    fn the_longest_trailer_fits_the_announced_overhead() {
        assert_eq!(frame::trailer_len(u32::MAX), frame::MAX_OVERHEAD);
    }
}
