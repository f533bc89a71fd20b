//! The consumer's end.

use isocord_prefetch::prefetch;

use crate::sync::{Arc, Ordering, fence};
use crate::word::{FINISHED, SLEEPS, STARVES, Word};
use crate::{RingObserver, Shared};

/// A frame was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Bytes of it.
    pub len: usize,
    /// Frames that are left.
    pub left: u32,
    /// The producer slept until half of the ring was free, and now has to be woken.
    pub wakes: bool,
}

/// The consumer's end. It never waits: a step is tried again only if the producer made one at the same moment.
pub struct RingReader<const WORDS: usize>(Arc<Shared<WORDS>>);

impl<const WORDS: usize> RingReader<WORDS> {
    pub(crate) fn new(shared: Arc<Shared<WORDS>>) -> Self {
        Self(shared)
    }

    /// Frames that wait, and whether more may come.
    #[must_use]
    pub fn supply(&self) -> (u32, bool) {
        let word = self.0.word();
        (word.queued() as u32, !word.has(FINISHED))
    }

    /// Copies the oldest frame into `out` and takes it; none if no frame waits.
    pub fn take(&mut self, out: &mut [u8]) -> Option<Taken> {
        let mut word = self.0.word();
        loop {
            if word.queued() == 0 {
                return None;
            }
            let len = self.0.store.read(word.next(), out);
            // Whoever read a byte of another frame in its place now also sees that the word has changed.
            fence(Ordering::Acquire);
            let mut after = word.after_take();
            let wakes = word.has(SLEEPS) && self.0.frames - after.queued() >= self.0.half();
            if wakes {
                after = after.without(SLEEPS);
            }
            let exchange = self.0.word.compare_exchange(word.0, after.0, Ordering::AcqRel, Ordering::Acquire);
            match exchange {
                Ok(_) => return Some(Taken { len, left: after.queued() as u32, wakes }),
                Err(now) => word = Word(now),
            }
        }
    }

    /// Copies the frame that is taken after `ahead` others into `out` and leaves it there; its length, or none if no such
    /// frame waits. It may be taken back, and another one put in its place, as soon as this has returned.
    #[must_use]
    pub fn peek(&self, ahead: u32, out: &mut [u8]) -> Option<usize> {
        let mut word = self.0.word();
        loop {
            if word.queued() <= u64::from(ahead) {
                return None;
            }
            let len = self.0.store.read(word.next() + u64::from(ahead), out);
            // As in `take`.
            fence(Ordering::Acquire);
            let now = self.0.word();
            if now.same_frames(word) {
                return Some(len);
            }
            word = now;
        }
    }

    /// Changes whenever frames are taken, pushed, taken back or replaced.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.0.word().without(STARVES | SLEEPS).0
    }

    /// So many frames that were taken have not been heard, and nobody takes any more: they count as waiting.
    pub fn put_back(&mut self, count: u64) {
        let _ = self.0.step(|word| Some(word.before_takes(count.min(word.next()))));
    }

    /// Has what [`Self::take`] will need brought near, in steps that each need what the one before has brought: 0, 1, 2
    /// and 3, some time apart.
    pub fn fetch(&self, step: usize) {
        match step {
            0 => prefetch(&*self.0),
            _ => self.0.store.fetch(self.0.word().next(), step),
        }
    }

    /// Asks to be woken by the next frame or the end; false if there is one already.
    pub fn starve(&mut self) -> bool {
        let nothing = |word: Word| word.queued() == 0 && !word.has(FINISHED);
        self.0.step(|word| nothing(word).then(|| word.with(STARVES))).is_ok()
    }

    /// Sees how far this end is.
    #[must_use]
    pub fn observer(&self) -> RingObserver<WORDS> {
        RingObserver(Arc::clone(&self.0))
    }
}
