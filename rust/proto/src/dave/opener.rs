//! Opening of one sender's frames: the keys of several epochs, each with its replay window.

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;

use super::cipher::OpenCipher;
use super::frame::{Frame, SILENCE};
use super::nonce;
use super::ratchet::{MediaKey, SenderRatchet};
use super::replay::ReplayWindow;
use crate::secrets::made_apart;

/// How long keys of past epochs and generations are kept, and plain frames pass after an upgrade.
pub const RETENTION: Duration = Duration::from_secs(10);

/// Epochs whose keys are kept at most; the oldest goes first.
const MAX_EPOCHS: usize = 32;

/// What came out of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A DAVE frame that was authentic.
    Decrypted(usize),
    /// A plain frame, which passes while the call is not or not yet encrypted.
    Passthrough(usize),
    /// The silence frame F8 FF FE, which always passes.
    Silence(usize),
}

impl Opened {
    /// Bytes of the Opus frame in the caller's buffer.
    pub fn len(self) -> usize {
        match self {
            Self::Decrypted(len) | Self::Passthrough(len) | Self::Silence(len) => len,
        }
    }

    /// Whether the Opus frame is empty.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Why a frame was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameOpenError {
    /// A plain frame in an encrypted call.
    #[error("the frame is not encrypted, which this call does not allow")]
    NotEncrypted,
    /// No key of this sender is known, or none of the frame's generation.
    #[error("there is no key for the frame")]
    NoKey,
    /// No key that is known belongs to the frame, or its bytes were changed.
    #[error("the frame is not authentic")]
    NotAuthentic,
    /// A frame with this nonce has been opened before, or it is too late to know.
    #[error("the frame was opened before")]
    Replayed,
    /// The caller's buffer is shorter than the frame.
    #[error("the buffer is too small: {needed} bytes are needed")]
    BufferTooSmall {
        /// Bytes that the Opus frame takes.
        needed: usize,
    },
}

/// Opens the frames of one sender.
#[derive(Default)]
pub struct FrameOpener {
    /// Newest first.
    epochs: VecDeque<Epoch>,
    /// Joins the parts of frames that are only partly encrypted; Opus frames never need it.
    scratch: Vec<u8>,
}

/// The keys of one sender in one epoch.
struct Epoch {
    ratchet: SenderRatchet,
    newest: Box<Generation>,
    previous: Option<(Box<Generation>, Duration)>,
    replay: ReplayWindow,
    installed: Duration,
    expires: Option<Duration>,
}

struct Generation {
    number: u32,
    cipher: OpenCipher,
}

impl Generation {
    fn new(number: u32, key: &MediaKey) -> Box<Self> {
        Box::new(Self { number, cipher: OpenCipher::new(key) })
    }
}

impl FrameOpener {
    /// An opener without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the key of the next epoch. Those before it are kept for [`RETENTION`].
    ///
    /// `now` is the time since any fixed moment, the same one in every call.
    pub fn install(&mut self, ratchet: SenderRatchet, now: Duration) {
        self.expire(now);
        self.epochs.truncate(MAX_EPOCHS - 1);
        self.epochs.push_front(Epoch::new(ratchet, now));
    }

    /// Keeps all keys only for [`RETENTION`] from now: the sender left or the call was downgraded.
    pub fn expire(&mut self, now: Duration) {
        self.forget_expired(now);
        let expires = now + RETENTION;
        for epoch in &mut self.epochs {
            epoch.expires = Some(epoch.expires.map_or(expires, |earlier| earlier.min(expires)));
        }
    }

    /// Whether no key is left.
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    /// Drops the keys whose time is over.
    pub fn forget_expired(&mut self, now: Duration) {
        self.epochs.retain(|epoch| epoch.expires.is_none_or(|expires| now < expires));
    }

    /// Opens one frame into the front of `out`, which is long enough if it is as long as `frame`.
    ///
    /// `allow_plain` says whether frames that are no DAVE frames pass. The newest epoch is tried first.
    ///
    /// # Errors
    /// [`FrameOpenError`]; the frame is to be dropped and counted.
    pub fn open(
        &mut self,
        frame: &[u8],
        out: &mut [u8],
        allow_plain: bool,
        now: Duration,
    ) -> Result<Opened, FrameOpenError> {
        if frame == SILENCE {
            return copy(frame, out).map(Opened::Silence);
        }
        let Some(frame) = Frame::parse(frame) else {
            if !allow_plain {
                return Err(FrameOpenError::NotEncrypted);
            }
            return copy(frame, out).map(Opened::Passthrough);
        };
        let needed = frame.media.len();
        let out = out.get_mut(..needed).ok_or(FrameOpenError::BufferTooSmall { needed })?;
        self.forget_expired(now);
        let mut error = FrameOpenError::NoKey;
        for epoch in &mut self.epochs {
            match epoch.open(&frame, out, &mut self.scratch, now) {
                Ok(()) => return Ok(Opened::Decrypted(needed)),
                Err(reason) => error = more_telling(error, reason),
            }
        }
        Err(error)
    }
}

/// One frame is tried with several keys: the reason that says most about it is reported.
fn more_telling(one: FrameOpenError, other: FrameOpenError) -> FrameOpenError {
    let rank = |error| match error {
        FrameOpenError::Replayed => 2,
        FrameOpenError::NotAuthentic => 1,
        _ => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

fn copy(frame: &[u8], out: &mut [u8]) -> Result<usize, FrameOpenError> {
    let needed = frame.len();
    out.get_mut(..needed).ok_or(FrameOpenError::BufferTooSmall { needed })?.copy_from_slice(frame);
    Ok(needed)
}

impl Epoch {
    fn new(mut ratchet: SenderRatchet, now: Duration) -> Self {
        let number = ratchet.generation();
        let newest = made_apart(|| Generation::new(number, &ratchet.next_key()));
        Self { ratchet, newest, previous: None, replay: ReplayWindow::new(), installed: now, expires: None }
    }

    fn open(
        &mut self,
        frame: &Frame,
        out: &mut [u8],
        scratch: &mut Vec<u8>,
        now: Duration,
    ) -> Result<(), FrameOpenError> {
        let byte = nonce::generation_byte(frame.nonce);
        let number = nonce::unwrap_generation(self.newest.number, byte).ok_or(FrameOpenError::NoKey)?;
        let count = nonce::count(number, frame.nonce);
        if self.previous.as_ref().is_some_and(|(_, expires)| now >= *expires) {
            self.previous = None;
        }
        if !self.replay.is_fresh(count) {
            // Nonces begin anew with each epoch, so a frame of the next one looks like an old frame of
            // this one until its tag is checked.
            let known = self.known(number).ok_or(FrameOpenError::NoKey)?;
            return decrypt(&known.cipher, frame, out, scratch).and(Err(FrameOpenError::Replayed));
        }
        if let Some(known) = self.known(number) {
            decrypt(&known.cipher, frame, out, scratch)?;
        } else {
            let lifetime = now.saturating_sub(self.installed).as_secs();
            if number > nonce::reachable_generation(lifetime) {
                return Err(FrameOpenError::NoKey);
            }
            self.open_ahead(number, frame, out, scratch, now)?;
        }
        self.replay.note(count);
        Ok(())
    }

    fn known(&self, number: u32) -> Option<&Generation> {
        let previous = self.previous.as_ref().map(|(previous, _)| &**previous);
        [Some(&*self.newest), previous].into_iter().flatten().find(|known| known.number == number)
    }

    /// Tries the key of a later generation and adopts it only if it fits.
    fn open_ahead(
        &mut self,
        number: u32,
        frame: &Frame,
        out: &mut [u8],
        scratch: &mut Vec<u8>,
        now: Duration,
    ) -> Result<(), FrameOpenError> {
        let mut ratchet = self.ratchet.fork();
        let next = made_apart(|| Some(Generation::new(number, &ratchet.key_at(number)?)));
        let next = next.ok_or(FrameOpenError::NoKey)?;
        decrypt(&next.cipher, frame, out, scratch)?;
        self.ratchet.adopt(&ratchet);
        self.previous = Some((core::mem::replace(&mut self.newest, next), now + RETENTION));
        Ok(())
    }
}

/// Checks and decrypts one frame with one key; `out` is as long as the media and untouched on failure.
fn decrypt(
    cipher: &OpenCipher,
    frame: &Frame,
    out: &mut [u8],
    scratch: &mut Vec<u8>,
) -> Result<(), FrameOpenError> {
    let nonce = nonce::expand(frame.nonce);
    if frame.is_fully_encrypted() {
        if !cipher.verify(&nonce, &[], frame.media, frame.tag) {
            return Err(FrameOpenError::NotAuthentic);
        }
        out.copy_from_slice(frame.media);
        cipher.decrypt(&nonce, out);
        return Ok(());
    }
    // The unencrypted ranges, joined, are the authenticated data; the rest, joined, the ciphertext.
    scratch.clear();
    for range in frame.ranges() {
        scratch.extend_from_slice(&frame.media[range.start..range.end]);
    }
    let aad_len = scratch.len();
    let mut at = 0;
    for range in frame.ranges() {
        scratch.extend_from_slice(&frame.media[at..range.start]);
        at = range.end;
    }
    scratch.extend_from_slice(&frame.media[at..]);
    let (aad, text) = scratch.split_at_mut(aad_len);
    if !cipher.verify(&nonce, aad, text, frame.tag) {
        return Err(FrameOpenError::NotAuthentic);
    }
    cipher.decrypt(&nonce, text);
    out.copy_from_slice(frame.media);
    let (mut at, mut read) = (0, 0);
    let gaps = frame.ranges().map(|range| (range.start, range.end)).chain([(out.len(), out.len())]);
    for (start, end) in gaps {
        let len = start - at;
        out[at..start].copy_from_slice(&text[read..read + len]);
        read += len;
        at = end;
    }
    Ok(())
}

impl fmt::Debug for FrameOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameOpener").field("epochs", &self.epochs.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "opener_tests.rs"]
mod tests;
