//! One sender's media keys in one epoch: the hash ratchet of RFC 9420 section 9.1.
//!
//! The base secret is exported from the MLS group (16 bytes); every later secret has the hash's 32 bytes.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of the base secret and of a media key.
pub const KEY_LEN: usize = 16;

const SECRET_LEN: usize = 32;

/// The AES-128 key of one generation; cleared when dropped.
pub type MediaKey = Zeroizing<[u8; KEY_LEN]>;

/// The key ratchet of one sender in one epoch. It only goes forward.
///
/// There is no way to copy it from outside: two sealers with one ratchet would use a nonce twice. The secret is
/// in a box, so that on its way through queues no copy stays behind in them.
pub struct SenderRatchet(Box<Ratchet>);

/// The secret itself; cleared when dropped.
#[derive(Clone)]
pub(super) struct Ratchet {
    secret: Zeroizing<[u8; SECRET_LEN]>,
    secret_len: usize,
    generation: u32,
}

impl SenderRatchet {
    /// The ratchet at generation 0 of the base secret
    /// `MLS-Exporter("Discord Secure Frames v0", user id little-endian, 16)`.
    pub fn new(base_secret: &[u8; KEY_LEN]) -> Self {
        let secret = Zeroizing::new([0; SECRET_LEN]);
        let mut ratchet = Box::new(Ratchet { secret, secret_len: KEY_LEN, generation: 0 });
        ratchet.secret[..KEY_LEN].copy_from_slice(base_secret);
        Self(ratchet)
    }

    /// The generation whose key [`next_key`](Self::next_key) returns.
    pub fn generation(&self) -> u32 {
        self.0.generation
    }

    /// The key of the current generation; the ratchet then forgets it and moves on.
    pub fn next_key(&mut self) -> MediaKey {
        self.0.next_key()
    }

    /// The key of `generation`, or `None` where it lies behind. The keys between are lost.
    pub fn key_at(&mut self, generation: u32) -> Option<MediaKey> {
        self.0.key_at(generation)
    }

    /// A copy for a trial: a receiver moves its ratchet only for frames that prove to be authentic.
    pub(super) fn fork(&self) -> Ratchet {
        (*self.0).clone()
    }

    /// The trial was successful.
    pub(super) fn adopt(&mut self, fork: &Ratchet) {
        (*self.0).clone_from(fork);
    }
}

impl Ratchet {
    fn next_key(&mut self) -> MediaKey {
        let mut key = MediaKey::default();
        self.derive(b"MLS 1.0 key", &mut *key);
        let mut next = Zeroizing::new([0; SECRET_LEN]);
        self.derive(b"MLS 1.0 secret", &mut *next);
        self.secret.copy_from_slice(&*next);
        self.secret_len = SECRET_LEN;
        self.generation = self.generation.wrapping_add(1);
        key
    }

    pub(super) fn key_at(&mut self, generation: u32) -> Option<MediaKey> {
        if generation < self.generation {
            return None;
        }
        while self.generation < generation {
            self.next_key();
        }
        Some(self.next_key())
    }

    /// `DeriveTreeSecret(secret, label, generation, out.len())`; one HMAC block is always enough.
    fn derive(&self, label: &[u8], out: &mut [u8]) {
        debug_assert!(out.len() <= SECRET_LEN && label.len() < 64);
        let secret = &self.secret[..self.secret_len];
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(&(out.len() as u16).to_be_bytes());
        mac.update(&[label.len() as u8]);
        mac.update(label);
        mac.update(&[4]);
        mac.update(&self.generation.to_be_bytes());
        mac.update(&[1]);
        let block = Zeroizing::new(<[u8; SECRET_LEN]>::from(mac.finalize().into_bytes()));
        out.copy_from_slice(&block[..out.len()]);
    }
}

impl fmt::Debug for SenderRatchet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderRatchet").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_generation_is_reached_step_by_step_or_in_one_jump() {
        let mut steps = SenderRatchet::new(&[7; KEY_LEN]);
        let keys: Vec<_> = (0..5).map(|_| *steps.next_key()).collect();
        for (generation, key) in keys.iter().enumerate() {
            let mut jump = SenderRatchet::new(&[7; KEY_LEN]);
            assert_eq!(jump.key_at(generation as u32).map(|key| *key), Some(*key));
            assert!(jump.key_at(generation as u32).is_none(), "a used key is gone");
        }
    }

    proptest! {
        #[test]
        fn all_keys_differ(base: [u8; KEY_LEN]) {
            let mut ratchet = SenderRatchet::new(&base);
            let mut keys: Vec<_> = (0..20).map(|_| *ratchet.next_key()).collect();
            keys.sort_unstable();
            keys.dedup();
            prop_assert_eq!(keys.len(), 20);
        }
    }
}
