//! What only the producer knows of the store: which blocks are in use, and where the next frame goes.

use std::collections::VecDeque;

use isocord_prefetch::prefetch;

use crate::store::{Place, Store};
use crate::sync::{AtomicU64, Ordering::Relaxed};

pub(crate) struct Pen<const WORDS: usize> {
    /// Blocks that frames lie in, in their order; the last is the one that is written to.
    used: VecDeque<u16>,
    /// Words that are written in the last one.
    at: usize,
    free: Vec<u16>,
    /// Blocks that have been in use at all: their numbers are below this one.
    made: u16,
}

impl<const WORDS: usize> Pen<WORDS> {
    pub(crate) fn new(store: &Store<WORDS>) -> Self {
        let blocks = store.blocks();
        Self { used: VecDeque::with_capacity(blocks), at: 0, free: Vec::with_capacity(blocks), made: 0 }
    }

    /// Writes frame `number` behind the others, of which number `oldest` is the first that is still wanted; it is cut
    /// where no longer one may be.
    pub(crate) fn write(&mut self, store: &Store<WORDS>, oldest: u64, number: u64, frame: &[u8]) {
        if oldest < number {
            self.release(store.place(oldest).block);
        } else if let Some(&last) = self.used.back() {
            self.release(last);
        }
        let frame = &frame[..frame.len().min(WORDS * 8)];
        let (block, at) = (self.room(store), self.at);
        let (here, rest) = frame.split_at(frame.len().min((Store::<WORDS>::BLOCK - at) * 8));
        self.at += put(here, &store.block(block)[at..]);
        let mut next = block;
        if !rest.is_empty() {
            next = self.room(store);
            self.at = put(rest, store.block(next));
        }
        store.set_place(number, Place { block, at: at as u16, len: frame.len() as u16, next });
    }

    /// What lies at `place` and behind it is not wanted any more.
    pub(crate) fn go_back(&mut self, place: Place) {
        while self.used.back().is_some_and(|&last| last != place.block) {
            self.free.extend(self.used.pop_back());
        }
        self.at = usize::from(place.at);
    }

    /// A block with room, which is the last one from now on.
    fn room(&mut self, store: &Store<WORDS>) -> u16 {
        if let Some(&last) = self.used.back()
            && self.at < Store::<WORDS>::BLOCK
        {
            return last;
        }
        let block = self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            self.made - 1
        });
        self.used.push_back(block);
        self.at = 0;
        if let Some(&next) = self.free.last() {
            // It was last used a whole ring ago.
            prefetch(store.block(next));
        }
        block
    }

    /// What lies in blocks before this one has been taken, or is not wanted any more.
    fn release(&mut self, first: u16) {
        while self.used.front().is_some_and(|&block| block != first) {
            self.free.extend(self.used.pop_front());
        }
    }
}

/// Writes bytes into words, which are enough; says how many those are.
fn put(bytes: &[u8], words: &[AtomicU64]) -> usize {
    let (whole, rest) = bytes.as_chunks::<8>();
    for (word, bytes) in words.iter().zip(whole) {
        word.store(u64::from_le_bytes(*bytes), Relaxed);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        words[whole.len()].store(u64::from_le_bytes(last), Relaxed);
    }
    bytes.len().div_ceil(8)
}
