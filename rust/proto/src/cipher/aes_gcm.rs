//! `aead_aes256_gcm_rtpsize`: AES-256-GCM (NIST SP 800-38D), the clear part as AAD, and a
//! 32-bit counter: big endian in front of an otherwise empty nonce, and after the tag in clear.

use isocord_prefetch::prefetch;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{CipherError, KEY_LEN, TAG_LEN, split_counter, wipe};

pub(super) struct AesGcm(Box<LessSafeKey>);

impl AesGcm {
    pub(super) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(Box::new(schedule(key)))
    }

    pub(super) fn fetch(&self) {
        prefetch(&*self.0);
    }

    pub(super) fn seal(
        &self,
        counter: u32,
        aad: &[u8],
        out: &mut [u8],
        len: usize,
    ) -> Result<usize, CipherError> {
        let counter = counter.to_be_bytes();
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce(counter), Aad::from(aad), &mut out[..len])
            .map_err(|_| CipherError::BufferTooSmall)?;
        out[len..len + TAG_LEN].copy_from_slice(tag.as_ref());
        out[len + TAG_LEN..len + TAG_LEN + 4].copy_from_slice(&counter);
        Ok(len + TAG_LEN + 4)
    }

    pub(super) fn open(&self, aad: &[u8], body: &mut [u8]) -> Result<usize, CipherError> {
        let (sealed, counter) = split_counter(body)?;
        if sealed.len() < TAG_LEN {
            return Err(CipherError::TooShort);
        }
        let plain = self.0.open_in_place(nonce(counter), Aad::from(aad), sealed);
        plain.map(|plain| plain.len()).map_err(|_| CipherError::Forged)
    }
}

impl Drop for AesGcm {
    fn drop(&mut self) {
        wipe(&mut self.0, schedule(&[0; KEY_LEN]));
    }
}

fn schedule(key: &[u8; KEY_LEN]) -> LessSafeKey {
    // The only error is a key of another length, which the type rules out.
    #[expect(clippy::expect_used)]
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes"))
}

fn nonce(counter: [u8; 4]) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&counter);
    Nonce::assume_unique_for_key(nonce)
}
