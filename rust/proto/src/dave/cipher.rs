//! AES-128-GCM with the 8-byte tag of DAVE frames.
//!
//! A truncated tag is the beginning of the whole one (NIST SP 800-38D), so `ring` seals, in half the time of other
//! libraries. Nobody's AEAD interface opens with a tag shorter than 12 bytes, so opening is put together here from AES,
//! CTR and GHASH, each of which picks its CPU instructions at run time. It checks the tag before it decrypts, so
//! several keys can be tried on one frame without copying it.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipherCore};
use ctr::{CtrCore, flavors::Ctr32BE};
use ghash::{GHash, universal_hash::UniversalHash};
use subtle::ConstantTimeEq;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::ratchet::{KEY_LEN, MediaKey};

/// Bytes of the truncated authentication tag.
pub const TAG_LEN: usize = 8;

/// Seals the frames of one generation. Its round keys are overwritten when it is dropped.
pub(super) struct SealCipher(LessSafeKey);

impl SealCipher {
    pub fn new(key: &MediaKey) -> Self {
        Self(schedule(key))
    }

    /// Encrypts `text` in place and returns the tag over it; none if it is longer than GCM allows.
    pub fn seal(&self, nonce: &[u8; 12], text: &mut [u8]) -> Option<[u8; TAG_LEN]> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::empty(), text).ok()?;
        tag.as_ref().first_chunk().copied()
    }
}

impl Drop for SealCipher {
    fn drop(&mut self) {
        self.0 = schedule(&[0; KEY_LEN]);
        // The read keeps the overwriting from being optimised away.
        core::hint::black_box(&self.0);
    }
}

fn schedule(key: &[u8; KEY_LEN]) -> LessSafeKey {
    // The only error is a key of another length, which the type rules out.
    #[expect(clippy::expect_used)]
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("a key of 16 bytes"))
}

type Keystream<'a> = CtrCore<&'a Aes128, Ctr32BE>;

/// Opens the frames of one generation. Its round keys are cleared when it is dropped.
pub(super) struct OpenCipher {
    aes: Aes128,
    ghash: GHash,
}

impl OpenCipher {
    pub fn new(key: &MediaKey) -> Self {
        let aes = Aes128::new((&**key).into());
        let mut hash_key = ghash::Block::default();
        aes.encrypt_block(&mut hash_key);
        let ghash = GHash::new(&hash_key);
        zeroize::Zeroize::zeroize(hash_key.as_mut_slice());
        Self { aes, ghash }
    }

    /// Whether `tag` belongs to `ciphertext` and `aad`; takes the same time for every wrong tag.
    pub fn verify(&self, nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8], tag: &[u8; TAG_LEN]) -> bool {
        let (_, mask) = self.start(nonce);
        self.tag(&mask, aad, ciphertext).ct_eq(tag).into()
    }

    /// Decrypts `text` in place. Only for a text that [`verify`](Self::verify) has accepted.
    pub fn decrypt(&self, nonce: &[u8; 12], text: &mut [u8]) {
        let (keystream, _) = self.start(nonce);
        keystream.apply_keystream_partial(text.into());
    }

    /// The keystream behind the block that masks the tag, and that block.
    fn start(&self, nonce: &[u8; 12]) -> (Keystream<'_>, ghash::Block) {
        let mut counter = ghash::Block::default();
        counter[..12].copy_from_slice(nonce);
        counter[15] = 1;
        let mut keystream = Keystream::inner_iv_init(&self.aes, &counter);
        let mut mask = ghash::Block::default();
        keystream.write_keystream_block(&mut mask);
        (keystream, mask)
    }

    fn tag(&self, mask: &ghash::Block, aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_LEN] {
        let mut ghash = self.ghash.clone();
        if !aad.is_empty() {
            ghash.update_padded(aad);
        }
        ghash.update_padded(ciphertext);
        let mut lengths = ghash::Block::default();
        lengths[..8].copy_from_slice(&(aad.len() as u64 * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(ciphertext.len() as u64 * 8).to_be_bytes());
        ghash.update(&[lengths]);
        let full = ghash.finalize();
        core::array::from_fn(|i| full[i] ^ mask[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// `ring` is the witness for what is put together here.
        #[test]
        fn it_is_aes_128_gcm(
            key: [u8; 16],
            nonce: [u8; 12],
            aad in proptest::collection::vec(any::<u8>(), 0..64),
            text in proptest::collection::vec(any::<u8>(), 0..700),
        ) {
            let witness = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
            let mut sealed = text.clone();
            let full = witness
                .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&aad), &mut sealed)
                .unwrap();
            let tag = full.as_ref().first_chunk().unwrap();

            let cipher = OpenCipher::new(&MediaKey::new(key));
            prop_assert!(cipher.verify(&nonce, &aad, &sealed, tag));
            cipher.decrypt(&nonce, &mut sealed);
            prop_assert_eq!(sealed, text);
        }

        #[test]
        fn one_changed_bit_is_refused(key: [u8; 16], text in proptest::collection::vec(any::<u8>(), 1..300), at: prop::sample::Index, bit in 0..8u32) {
            let cipher = OpenCipher::new(&MediaKey::new(key));
            let nonce = [0; 12];
            let mut sealed = text.clone();
            let mut tag = SealCipher::new(&MediaKey::new(key)).seal(&nonce, &mut sealed).unwrap();
            prop_assert!(cipher.verify(&nonce, b"", &sealed, &tag));
            let index = at.index(sealed.len() + TAG_LEN);
            match sealed.len() {
                len if index < len => sealed[index] ^= 1 << bit,
                len => tag[index - len] ^= 1 << bit,
            }
            prop_assert!(!cipher.verify(&nonce, b"", &sealed, &tag));
        }
    }
}
