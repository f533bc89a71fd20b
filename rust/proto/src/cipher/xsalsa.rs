//! The legacy modes: NaCl's secretbox (XSalsa20-Poly1305, the tag in front), without AAD.
//! They differ in where the 24-byte nonce comes from.

use crypto_secretbox::{AeadInPlace, KeyInit, Nonce, XSalsa20Poly1305};
use ring::rand::{SecureRandom, SystemRandom};

use super::{CipherError, KEY_LEN, TAG_LEN, split_counter};

const NONCE_LEN: usize = 24;

/// Where the nonce of a packet comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NonceKind {
    /// The RTP header and 12 zeros; nothing is appended.
    Header,
    /// A 32-bit counter in front of zeros, appended (`_lite`, `_lite_rtpsize`).
    Counter,
    /// 24 bytes, appended (`_suffix`).
    Suffix,
}

pub(super) struct XSalsa {
    key: Box<XSalsa20Poly1305>,
    kind: NonceKind,
    /// Random once for each key; with the counter no nonce of `_suffix` comes twice.
    prefix: [u8; NONCE_LEN - 4],
}

impl XSalsa {
    pub(super) fn new(key: &[u8; KEY_LEN], kind: NonceKind) -> Self {
        let mut prefix = [0; NONCE_LEN - 4];
        // Without randomness the counter alone still keeps nonces unique under this session's key.
        let _ = SystemRandom::new().fill(&mut prefix);
        Self { key: Box::new(XSalsa20Poly1305::new(key.into())), kind, prefix }
    }

    pub(super) fn seal(
        &self,
        counter: u32,
        header: &[u8],
        out: &mut [u8],
        len: usize,
    ) -> Result<usize, CipherError> {
        let nonce = self.nonce_to_send(counter, header);
        out.copy_within(..len, TAG_LEN);
        let tag = self
            .key
            .encrypt_in_place_detached(&nonce, &[], &mut out[TAG_LEN..TAG_LEN + len])
            .map_err(|_| CipherError::BufferTooSmall)?;
        out[..TAG_LEN].copy_from_slice(&tag);
        let end = TAG_LEN + len;
        let appended = match self.kind {
            NonceKind::Header => 0,
            NonceKind::Counter => 4,
            NonceKind::Suffix => NONCE_LEN,
        };
        out[end..end + appended].copy_from_slice(&nonce[..appended]);
        Ok(end + appended)
    }

    pub(super) fn open(&self, header: &[u8], body: &mut [u8]) -> Result<usize, CipherError> {
        let (sealed, nonce) = match self.kind {
            NonceKind::Header => (body, header_nonce(header)),
            NonceKind::Counter => {
                let (sealed, counter) = split_counter(body)?;
                (sealed, front(&counter))
            }
            NonceKind::Suffix => {
                let (sealed, nonce) =
                    body.split_last_chunk_mut::<NONCE_LEN>().ok_or(CipherError::TooShort)?;
                (sealed, front(nonce))
            }
        };
        let (tag, text) = sealed.split_first_chunk_mut::<TAG_LEN>().ok_or(CipherError::TooShort)?;
        let opened = self.key.decrypt_in_place_detached(&nonce, &[], text, (&*tag).into());
        opened.map_err(|_| CipherError::Forged)?;
        let len = text.len();
        sealed.copy_within(TAG_LEN.., 0);
        Ok(len)
    }

    fn nonce_to_send(&self, counter: u32, header: &[u8]) -> Nonce {
        match self.kind {
            NonceKind::Header => header_nonce(header),
            NonceKind::Counter => front(&counter.to_be_bytes()),
            NonceKind::Suffix => {
                let mut nonce = front(&counter.to_be_bytes());
                nonce[4..].copy_from_slice(&self.prefix);
                nonce
            }
        }
    }
}

fn header_nonce(header: &[u8]) -> Nonce {
    front(&header[..header.len().min(crate::rtp::HEADER_LEN)])
}

fn front(bytes: &[u8]) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[..bytes.len()].copy_from_slice(bytes);
    nonce
}
