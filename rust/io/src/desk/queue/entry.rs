//! What stands in a queue: not a source yet, but a way to one.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::dsp::Volume;
use crate::source::FrameSource;

/// A length that is not known.
const UNKNOWN: u64 = u64::MAX;

/// A source whose turn comes.
pub struct Opened {
    /// It begins at its beginning.
    pub source: Box<dyn FrameSource>,
    /// Its length in samples of 48 kHz, if that is known.
    pub duration: Option<u64>,
    /// Its own volume, beside the queue's.
    pub volume: Volume,
    /// What it was made as, where that was made for the queue: dropped after it.
    pub owner: Option<Box<dyn Any + Send>>,
}

impl Opened {
    /// A source without a volume of its own.
    #[must_use]
    pub fn new(source: Box<dyn FrameSource>, duration: Option<u64>) -> Self {
        Self { source, duration, volume: Volume::default(), owner: None }
    }
}

/// A way to a source. Called on threads of the queue's own, which may wait for it.
pub trait Opening: Any + Send + Sync {
    /// Opens it, at its beginning.
    ///
    /// # Errors
    /// Why it cannot be played.
    fn open(&self) -> Result<Opened, String>;

    /// Takes back what was opened, when nobody plays it any more.
    fn close(&self, opened: Opened) {
        drop(opened);
    }

    /// Whether it can be opened now: one that is a source already is at one place at a time.
    fn is_free(&self) -> bool {
        true
    }

    /// Whether it is opened only when its turn is near, for what it gives does not keep.
    fn is_brief(&self) -> bool {
        false
    }
}

/// A source that is there already, and goes back to its beginning for another time.
pub struct Given {
    source: Mutex<Option<Opened>>,
    played: AtomicBool,
}

impl Given {
    /// A source that has not played yet.
    #[must_use]
    pub fn new(opened: Opened) -> Self {
        Self { source: Mutex::new(Some(opened)), played: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Opened>> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening for Given {
    fn open(&self) -> Result<Opened, String> {
        let mut opened = self.lock().take().ok_or_else(|| "it plays already".to_owned())?;
        if self.played.swap(true, Relaxed)
            && let Err(error) = opened.source.seek(0.0)
        {
            self.close(opened);
            return Err(format!("it cannot be played again: {error}"));
        }
        Ok(opened)
    }

    fn close(&self, opened: Opened) {
        // Whoever writes to one that is heard once is told that nobody hears it any more.
        if !opened.source.is_once() {
            *self.lock() = Some(opened);
        }
    }

    fn is_free(&self) -> bool {
        self.lock().is_some()
    }
}

/// One place in a queue.
pub struct Entry {
    opening: Box<dyn Opening>,
    duration: AtomicU64,
    /// It failed, and is left out until another one has been played to its end.
    broken: AtomicBool,
    /// Why it broke off, the last time it was played.
    broke_off: Mutex<Option<String>>,
}

impl Entry {
    /// An entry that is opened this way.
    #[must_use]
    pub fn new(opening: Box<dyn Opening>) -> Self {
        Self {
            opening,
            duration: AtomicU64::new(UNKNOWN),
            broken: AtomicBool::new(false),
            broke_off: Mutex::default(),
        }
    }

    /// Its length in samples of 48 kHz: where it is known, and not before it was opened.
    #[must_use]
    pub fn duration(&self) -> Option<u64> {
        Some(self.duration.load(Relaxed)).filter(|samples| *samples != UNKNOWN)
    }

    /// What it is opened by.
    #[must_use]
    pub fn opening(&self) -> &dyn Opening {
        &*self.opening
    }

    /// Why it broke off the last time, if it did; what could not be opened has not begun.
    #[must_use]
    pub fn broke_off(&self) -> Option<String> {
        self.broke_off.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_broke_off(&self, error: Option<&str>) {
        *self.broke_off.lock().unwrap_or_else(PoisonError::into_inner) = error.map(str::to_owned);
    }

    pub(super) fn note_duration(&self, samples: Option<u64>) {
        self.duration.store(samples.unwrap_or(UNKNOWN), Relaxed);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Relaxed)
    }

    pub(super) fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Relaxed);
    }
}
