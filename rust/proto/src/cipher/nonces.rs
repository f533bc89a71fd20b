//! Which nonces of a transport key are spent, however often a server hands the same key out.
//!
//! A voice server answers each Select Protocol with a key, and nothing keeps it from answering with one that it
//! has given before: to the same session, to one that was resumed, or to the next. A counter that began anew
//! then would seal two packets with one nonce, which gives both away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{CipherError, KEY_LEN, Sealer, TransportMode};

/// Keys that nobody seals with any more are remembered up to this number; the oldest goes first.
const MAX_KEYS: usize = 1_024;

/// The counter of one key; all sealers of the key draw from it.
#[derive(Debug, Default)]
pub(super) struct Nonces(Arc<AtomicU32>);

impl Nonces {
    /// One that has not been used.
    pub(super) fn next(&self) -> Result<u32, CipherError> {
        let next = self.0.fetch_update(Relaxed, Relaxed, |counter| counter.checked_add(1));
        next.map_err(|_| CipherError::NoncesExhausted)
    }

    pub(super) fn left(&self) -> u32 {
        u32::MAX - self.0.load(Relaxed)
    }

    pub(super) fn skip(&self, to: u32) {
        self.0.fetch_max(to, Relaxed);
    }
}

struct Entry {
    /// Of the key, so that no key stays here.
    digest: [u8; 32],
    nonces: Arc<AtomicU32>,
}

/// The counters of all keys of a process.
#[derive(Default)]
pub struct NonceLedger(Vec<Entry>);

impl NonceLedger {
    /// A sealer that goes on where others with the same key, in whatever mode, have come to.
    pub fn sealer(&mut self, mode: TransportMode, key: &[u8; KEY_LEN]) -> Sealer {
        let digest: [u8; 32] = Sha256::digest(key).into();
        // All are compared, each in the same time.
        let (mut found, mut unused) = (None, None);
        for (index, entry) in self.0.iter().enumerate() {
            if entry.digest.ct_eq(&digest).into() {
                found = Some(index);
            } else if unused.is_none() && Arc::strong_count(&entry.nonces) == 1 {
                unused = Some(index);
            }
        }
        let entry = match found {
            Some(index) => self.0.remove(index),
            None => Entry { digest, nonces: Arc::default() },
        };
        let nonces = Nonces(Arc::clone(&entry.nonces));
        if let (None, Some(oldest)) = (found, unused)
            && self.0.len() >= MAX_KEYS
        {
            self.0.remove(oldest);
        }
        self.0.push(entry);
        Sealer::with_nonces(mode, key, nonces)
    }
}

impl core::fmt::Debug for NonceLedger {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NonceLedger").field("keys", &self.0.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODE: TransportMode = TransportMode::Aes256GcmRtpsize;

    fn counter(sealer: &mut Sealer) -> u32 {
        let mut packet = [0; 100];
        let len = sealer.seal(&mut packet, 12, 40).unwrap();
        u32::from_be_bytes(packet[len - 4..len].try_into().unwrap())
    }

    #[test]
    fn a_key_that_comes_again_goes_on() {
        let mut ledger = NonceLedger::default();
        let (mut one, mut other) = (ledger.sealer(MODE, &[1; 32]), ledger.sealer(MODE, &[2; 32]));
        assert_eq!((counter(&mut one), counter(&mut one), counter(&mut other)), (0, 1, 0));
        // With the first one still there, after it, and in another mode.
        let mut again = ledger.sealer(MODE, &[1; 32]);
        assert_eq!((counter(&mut again), counter(&mut one)), (2, 3));
        drop((one, again, other));
        let lite = TransportMode::XSalsa20Poly1305LiteRtpsize;
        assert_eq!(counter(&mut ledger.sealer(lite, &[1; 32])), 4);
        assert_eq!(counter(&mut ledger.sealer(MODE, &[2; 32])), 1);
    }

    #[test]
    fn it_is_bounded_and_forgets_no_key_in_use() {
        let mut ledger = NonceLedger::default();
        let key = |number: u32| {
            let mut key = [7; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            key
        };
        let mut kept = ledger.sealer(MODE, &key(0));
        assert_eq!(counter(&mut kept), 0);
        for number in 1..3_000 {
            counter(&mut ledger.sealer(MODE, &key(number)));
        }
        assert_eq!(ledger.0.len(), MAX_KEYS);
        assert_eq!(counter(&mut ledger.sealer(MODE, &key(0))), 1);
        assert_eq!(counter(&mut ledger.sealer(MODE, &key(2_999))), 1);
        assert!(!format!("{ledger:?}").contains("digest"));
    }
}
