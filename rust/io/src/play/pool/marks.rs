//! Marks that anybody sets without waiting, and somebody takes off later.
//!
//! `tests/play_wakeups.rs` runs this file through every order in which threads can meet in it.

use super::sync::{AtomicU64, Ordering};

const BITS: usize = u64::BITS as usize;

/// So many marks, and which words of them hold any: at most 64 words.
pub(super) struct Marks {
    any: AtomicU64,
    words: Box<[AtomicU64]>,
}

impl Marks {
    pub(super) fn new(count: usize) -> Self {
        let words = (0..count.div_ceil(BITS).min(BITS)).map(|_| AtomicU64::new(0)).collect();
        Self { any: AtomicU64::new(0), words }
    }

    /// Sets a mark; numbers beyond the last one begin again with the first. Wait-free.
    pub(super) fn set(&self, mark: usize) {
        let (word, bit) = (mark / BITS % self.words.len(), mark % BITS);
        self.words[word].fetch_or(1 << bit, Ordering::AcqRel);
        self.any.fetch_or(1 << word, Ordering::AcqRel);
    }

    /// Takes off all marks, and tells of each. One that is set meanwhile is told of now or the next time.
    pub(super) fn drain(&self, mut tell: impl FnMut(usize)) {
        if self.any.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut any = self.any.swap(0, Ordering::AcqRel);
        while any != 0 {
            let word = any.trailing_zeros() as usize;
            any &= any - 1;
            let mut marks = self.words[word].swap(0, Ordering::AcqRel);
            while marks != 0 {
                tell(word * BITS + marks.trailing_zeros() as usize);
                marks &= marks - 1;
            }
        }
    }
}
