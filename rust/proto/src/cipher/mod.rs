//! Transport encryption: the layer between a client and Discord's voice server.
//!
//! Source: Discord docs, "Voice Connections", section "Encrypting and Sending Voice"; the
//! legacy modes are NaCl's secretbox with different nonces. Each mode has its own file.

mod aes_gcm;
mod mode;
mod nonces;
mod xchacha;
mod xsalsa;

pub use mode::{TransportMode, UnknownMode};
pub use nonces::NonceLedger;

use aes_gcm::AesGcm;
use nonces::Nonces;
use xchacha::XChaCha;
use xsalsa::{NonceKind, XSalsa};

use crate::secrets::made_apart;

/// Bytes of a transport key.
pub const KEY_LEN: usize = 32;
/// Bytes of the authentication tag in every mode.
pub const TAG_LEN: usize = 16;
/// The most that any mode adds to a packet: the tag and a 24-byte nonce.
pub const MAX_OVERHEAD: usize = TAG_LEN + 24;
/// Nonces left when a new session should be asked for: a day and a half of packets.
const NONCE_RESERVE: u32 = 1 << 23;

/// Why a packet was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// Every nonce of this key has been used; a new session brings a new key.
    #[error("all nonces of the transport key are used up; a new session is needed")]
    NoncesExhausted,
    /// The caller's buffer cannot hold the sealed packet.
    #[error("the buffer is too small for the sealed packet")]
    BufferTooSmall,
    /// Too short to be a packet of this mode.
    #[error("the packet is too short for its transport mode")]
    TooShort,
    /// The tag does not fit: forged, damaged, or sealed with another key.
    #[error("the packet failed authentication")]
    Forged,
}

/// A key is in a box, so that moving it leaves no copy behind.
enum Key {
    AesGcm(AesGcm),
    XChaCha(XChaCha),
    XSalsa(XSalsa),
}

impl Key {
    fn new(mode: TransportMode, key: &[u8; KEY_LEN]) -> Self {
        made_apart(|| match mode {
            TransportMode::Aes256GcmRtpsize => Self::AesGcm(AesGcm::new(key)),
            TransportMode::XChaCha20Poly1305Rtpsize => Self::XChaCha(XChaCha::new(key)),
            TransportMode::XSalsa20Poly1305LiteRtpsize | TransportMode::XSalsa20Poly1305Lite => {
                Self::XSalsa(XSalsa::new(key, NonceKind::Counter))
            }
            TransportMode::XSalsa20Poly1305Suffix => Self::XSalsa(XSalsa::new(key, NonceKind::Suffix)),
            TransportMode::XSalsa20Poly1305 => Self::XSalsa(XSalsa::new(key, NonceKind::Header)),
        })
    }
}

/// Seals packets of one session. A nonce is never used twice: the counter is part of the
/// sealer, a sealer cannot be cloned, and it refuses to go on when the counter is used up.
/// Keys that come from a server are sealed with by way of a [`NonceLedger`].
pub struct Sealer {
    mode: TransportMode,
    key: Key,
    nonces: Nonces,
}

impl Sealer {
    /// A sealer for a key that nobody has sealed with.
    #[must_use]
    pub fn new(mode: TransportMode, key: &[u8; KEY_LEN]) -> Self {
        Self::with_nonces(mode, key, Nonces::default())
    }

    fn with_nonces(mode: TransportMode, key: &[u8; KEY_LEN], nonces: Nonces) -> Self {
        Self { mode, key: Key::new(mode, key), nonces }
    }

    /// The mode it seals in.
    #[must_use]
    pub fn mode(&self) -> TransportMode {
        self.mode
    }

    /// Whether so few nonces are left that a new session should be asked for.
    #[must_use]
    pub fn nearly_exhausted(&self) -> bool {
        self.nonces.left() < NONCE_RESERVE
    }

    /// Starts the counter elsewhere; only for proofs of what happens near its end.
    pub fn skip_nonces(&mut self, to: u32) {
        self.nonces.skip(to);
    }

    /// Has the key brought near.
    pub(crate) fn fetch(&self) {
        if let Key::AesGcm(key) = &self.key {
            key.fetch();
        }
    }

    /// Seals `packet[clear..len]` in place; `packet[..clear]` stays readable and is authenticated
    /// where the mode can. Returns the length of the sealed packet.
    ///
    /// # Errors
    /// [`CipherError::NoncesExhausted`], or [`CipherError::BufferTooSmall`] if `packet` has less
    /// than `len` + [`MAX_OVERHEAD`] bytes.
    pub fn seal(&mut self, packet: &mut [u8], clear: usize, len: usize) -> Result<usize, CipherError> {
        if clear > len || packet.len() < len + MAX_OVERHEAD {
            return Err(CipherError::BufferTooSmall);
        }
        let counter = self.nonces.next()?;
        let (head, rest) = packet.split_at_mut(clear);
        let sealed = match &mut self.key {
            Key::AesGcm(key) => key.seal(counter, head, rest, len - clear)?,
            Key::XChaCha(key) => key.seal(counter, head, rest, len - clear)?,
            Key::XSalsa(key) => key.seal(counter, head, rest, len - clear)?,
        };
        Ok(clear + sealed)
    }
}

/// Opens packets of one session.
pub struct Opener {
    mode: TransportMode,
    key: Key,
}

impl Opener {
    /// An opener for a session key.
    #[must_use]
    pub fn new(mode: TransportMode, key: &[u8; KEY_LEN]) -> Self {
        Self { mode, key: Key::new(mode, key) }
    }

    /// Whether the extension's preamble is in the clear (*rtpsize*) or encrypted with the rest.
    #[must_use]
    pub fn mode(&self) -> TransportMode {
        self.mode
    }

    /// Opens `packet` in place: the plaintext is then `packet[clear..][..returned]`.
    ///
    /// # Errors
    /// [`CipherError::TooShort`] or [`CipherError::Forged`]; the contents are undefined then.
    pub fn open(&self, packet: &mut [u8], clear: usize) -> Result<usize, CipherError> {
        let (head, body) = packet.split_at_mut_checked(clear).ok_or(CipherError::TooShort)?;
        match &self.key {
            Key::AesGcm(key) => key.open(head, body),
            Key::XChaCha(key) => key.open(head, body),
            Key::XSalsa(key) => key.open(head, body),
        }
    }
}

impl core::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sealer").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for Opener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Opener").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Splits the four-byte counter off the end of a received body.
fn split_counter(body: &mut [u8]) -> Result<(&mut [u8], [u8; 4]), CipherError> {
    let (sealed, counter) = body.split_last_chunk_mut::<4>().ok_or(CipherError::TooShort)?;
    Ok((sealed, *counter))
}

/// Overwrites a key of `ring`, which does not clear its own memory.
fn wipe(key: &mut ring::aead::LessSafeKey, zero: ring::aead::LessSafeKey) {
    *key = zero;
    // The read keeps the overwriting from being optimised away.
    core::hint::black_box(&*key);
}
