//! The ring between the thread that makes frames and the clock thread that sends them.
//!
//! Frames have numbers. The consumer takes them in order; the producer pushes, and may take back what has not been
//! taken yet, to put other frames in its place: the new ones follow exactly what left. Neither ever waits for the
//! other. What both agree on is one atomic word, so there is no order of steps in which a wake-up is lost: whoever
//! goes to sleep says so in the same step in which he sees that there is nothing to do.
//!
//! Who wakes whom is the caller's: each step says whether the other side now has to be woken.

#![forbid(unsafe_code)]

mod pen;
mod reader;
mod store;
mod sync;
mod word;
mod writer;

pub use reader::{RingReader, Taken};
pub use writer::{RingWriter, TooLate};

use store::Store;
use sync::{Arc, AtomicU64, Ordering};
use word::Word;

/// The longest ring, in frames.
pub const MAX_FRAMES: usize = word::MAX_QUEUED - 1;

struct Shared<const WORDS: usize> {
    word: AtomicU64,
    store: Store<WORDS>,
    frames: u64,
}

impl<const WORDS: usize> Shared<WORDS> {
    fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// Frames that must be free for a sleeping producer to be woken.
    fn half(&self) -> u64 {
        self.frames.div_ceil(2)
    }

    /// Puts in place of the word what `step` makes of it; none if it has nothing to make.
    fn step(&self, step: impl Fn(Word) -> Option<Word>) -> Result<Word, Word> {
        let next = |word| step(Word(word)).map(|word| word.0);
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).map(Word).map_err(Word)
    }
}

/// Sees how far both are.
#[derive(Clone)]
pub struct RingObserver<const WORDS: usize>(Arc<Shared<WORDS>>);

impl<const WORDS: usize> RingObserver<WORDS> {
    /// Number of the frame that is taken next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.0.word().next()
    }

    /// Frames that wait to be taken.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.0.word().queued()
    }
}

/// A ring of `frames` frames (1 to [`MAX_FRAMES`]) of 8 x `WORDS` bytes at most. It takes as much memory as the frames
/// that have waited in it at once: only the producer allocates, and only when it is given more than ever before.
#[must_use]
pub fn ring<const WORDS: usize>(frames: usize) -> (RingWriter<WORDS>, RingReader<WORDS>) {
    let frames = frames.clamp(1, MAX_FRAMES);
    let shared = Arc::new(Shared {
        word: AtomicU64::new(0),
        // One more than may be queued: a frame that takes the place of all others is written before they go.
        store: Store::new(frames + 1),
        frames: frames as u64,
    });
    (RingWriter::new(Arc::clone(&shared)), RingReader::new(shared))
}
