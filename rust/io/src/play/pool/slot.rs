//! A job in the pool, and all that is known of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::crew::{Kind, Record};
use super::marks::Marks;
use super::wakeups::JobState;
use crate::play::feed::Feed;

pub(super) struct Slot {
    pub(super) state: JobState,
    /// Where it is marked when it is queued.
    marks: Arc<Marks>,
    /// Among all jobs.
    pub(super) place: usize,
    pub(super) record: Record,
    /// When its ring will be empty, in microseconds since the pool began, as of its last wake or piece of work.
    pub(super) empty_at: AtomicU64,
    pub(super) removed: AtomicBool,
    pub(super) job: Mutex<Option<Box<dyn Feed>>>,
}

impl Slot {
    /// A new job, which is idle.
    pub(super) fn new(job: Box<dyn Feed>, marks: Arc<Marks>, place: usize) -> Self {
        Self {
            state: JobState::idle(Kind::New as u8),
            marks,
            place,
            record: Record::default(),
            empty_at: AtomicU64::new(0),
            removed: AtomicBool::new(false),
            job: Mutex::new(Some(job)),
        }
    }

    pub(super) fn empty_at(&self) -> u64 {
        self.empty_at.load(Ordering::Relaxed)
    }

    /// Has it brought into the order of those that are queued.
    pub(super) fn mark(&self) {
        self.marks.set(self.place);
    }
}
