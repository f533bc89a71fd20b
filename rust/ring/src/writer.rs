//! The producer's end.

use crate::pen::Pen;
use crate::sync::{Arc, Ordering, fence};
use crate::word::{FINISHED, SLEEPS, STARVES, Word};
use crate::{RingObserver, Shared};

/// The consumer has already come to the frame that was to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLate;

/// The producer's end. Steps that the consumer may wait for say whether it has to be woken.
pub struct RingWriter<const WORDS: usize> {
    shared: Arc<Shared<WORDS>>,
    pen: Pen<WORDS>,
}

impl<const WORDS: usize> RingWriter<WORDS> {
    pub(crate) fn new(shared: Arc<Shared<WORDS>>) -> Self {
        Self { pen: Pen::new(&shared.store), shared }
    }

    /// Frames that may be pushed now.
    #[must_use]
    pub fn room(&self) -> usize {
        (self.shared.frames - self.shared.word().queued()) as usize
    }

    /// Frames that wait.
    #[must_use]
    pub fn queued(&self) -> u32 {
        self.shared.word().queued() as u32
    }

    /// Number of the frame that is taken next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.shared.word().next()
    }

    /// Number of the frame that is pushed next.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.shared.word().end()
    }

    /// Whether it was said that no more will come.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shared.word().has(FINISHED)
    }

    /// Queues a frame and says whether the consumer has to be woken; none if there is no room.
    pub fn push(&mut self, frame: &[u8]) -> Option<bool> {
        let word = self.shared.word();
        if word.queued() >= self.shared.frames {
            return None;
        }
        self.pen.write(&self.shared.store, word.next(), word.end(), frame);
        Some(self.step(Word::after_push))
    }

    /// No more frames will come. Says whether the consumer has to be woken.
    pub fn finish(&mut self) -> bool {
        self.step(|word| word.with(FINISHED))
    }

    /// Takes back the frames from number `from` on; more will come in their place. The consumer keeps at least one, so
    /// that it does not run empty while they are pushed.
    ///
    /// # Errors
    /// [`TooLate`]; nothing has changed.
    pub fn take_back(&mut self, from: u64) -> Result<(), TooLate> {
        self.cut(from, |word| word.next() < from)
    }

    /// The same, also of all that wait.
    ///
    /// # Errors
    /// [`TooLate`]; nothing has changed.
    pub fn take_all_back(&mut self, from: u64) -> Result<(), TooLate> {
        self.cut(from, |word| word.next() <= from)
    }

    fn cut(&mut self, from: u64, in_time: impl Fn(Word) -> bool) -> Result<(), TooLate> {
        let cut = |word: Word| in_time(word).then(|| word.replaced(word.next(), from.min(word.end())));
        let before = self.shared.step(cut);
        Self::before_rewriting();
        let before = before.map_err(|_| TooLate)?;
        if from < before.end() {
            self.pen.go_back(self.shared.store.place(from));
        }
        Ok(())
    }

    /// Puts one frame in the place of all that wait, in one step: the consumer's next frame is this one. Says its
    /// number, and whether the consumer has to be woken.
    pub fn replace_all(&mut self, frame: &[u8]) -> (u64, bool) {
        let end = self.write_last(frame);
        let wakes = self.step(|word| word.replaced(end, end + 1));
        Self::before_rewriting();
        (end, wakes)
    }

    /// The same, if the consumer's next frame would be number `next`.
    ///
    /// # Errors
    /// [`TooLate`]; nothing has changed.
    pub fn replace_all_at(&mut self, next: u64, frame: &[u8]) -> Result<(u64, bool), TooLate> {
        let end = self.write_last(frame);
        let all = |word: Word| (word.next() == next).then(|| word.replaced(end, end + 1).without(STARVES));
        let before = self.shared.step(all);
        Self::before_rewriting();
        match before {
            Ok(word) => Ok((end, word.has(STARVES))),
            Err(_) => {
                self.pen.go_back(self.shared.store.place(end));
                Err(TooLate)
            }
        }
    }

    /// Takes back all that waits; no more will come. Says from which number on that was, and whether the consumer has to
    /// be woken.
    pub fn end_now(&mut self) -> (u64, bool) {
        let none = |word: Word| Some(word.replaced(word.end(), word.end()).with(FINISHED).without(STARVES));
        let before = self.shared.step(none);
        Self::before_rewriting();
        before.map_or((self.end(), false), |word| (word.next(), word.has(STARVES)))
    }

    /// Asks to be woken when half of the ring is free; false if `enough` frames are free already.
    pub fn sleep(&mut self, enough: usize) -> bool {
        let full = |word: Word| self.shared.frames - word.queued() < enough as u64;
        self.shared.step(|word| full(word).then(|| word.with(SLEEPS))).is_ok()
    }

    /// Asks no more to be woken.
    pub fn awake(&mut self) {
        let _ = self.shared.step(|word| Some(word.without(SLEEPS)));
    }

    /// Sees how far the consumer is.
    #[must_use]
    pub fn observer(&self) -> RingObserver<WORDS> {
        RingObserver(Arc::clone(&self.shared))
    }

    /// Frames went without having been taken. Whoever sees a byte that is written from now on also sees that.
    fn before_rewriting() {
        fence(Ordering::Release);
    }

    /// Writes a frame behind all that wait, of which it is to take the place; says its number.
    fn write_last(&mut self, frame: &[u8]) -> u64 {
        let word = self.shared.word();
        self.pen.write(&self.shared.store, word.next(), word.end(), frame);
        word.end()
    }

    /// Makes a step after which a consumer that starves has to be woken, which it says.
    fn step(&self, step: impl Fn(Word) -> Word) -> bool {
        let before = self.shared.step(|word| Some(step(word).without(STARVES)));
        before.is_ok_and(|word| word.has(STARVES))
    }
}
