//! Room for one frame, in atomic words: a consumer may read it while the producer writes, and finds out afterwards.

use crate::sync::{AtomicU16, AtomicU64, Ordering::Relaxed};

pub(crate) struct Slot<const WORDS: usize> {
    len: AtomicU16,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Slot<WORDS> {
    pub(crate) fn new() -> Self {
        Self { len: AtomicU16::new(0), words: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Writes `bytes`, cut where the slot ends.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let len = bytes.len().min(WORDS * 8);
        self.len.store(len as u16, Relaxed);
        for (word, bytes) in self.words.iter().zip(bytes[..len].chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(whole), Relaxed);
        }
    }

    /// Reads into `out`, as far as it has room; returns the length.
    pub(crate) fn read(&self, out: &mut [u8]) -> usize {
        let len = usize::from(self.len.load(Relaxed)).min(out.len());
        for (bytes, word) in out[..len].chunks_mut(8).zip(&self.words) {
            bytes.copy_from_slice(&word.load(Relaxed).to_le_bytes()[..bytes.len()]);
        }
        len
    }
}
