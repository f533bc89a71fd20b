//! Where a mixer is heard: what its handles and its layers share, without waiting for who mixes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::AcqRel, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::desk::outcome::Errands;
use crate::source::Downstream;
use crate::threads::lock;

/// The place of one mixer.
pub(super) struct Port {
    downstream: Mutex<Option<Arc<dyn Downstream>>>,
    /// Something was asked for that has not been granted.
    changed: AtomicBool,
    /// Number of the frame that is given next.
    given: AtomicU64,
    pub(super) errands: Arc<dyn Errands>,
}

impl Port {
    pub(super) fn new(errands: Arc<dyn Errands>) -> Self {
        Self {
            downstream: Mutex::default(),
            changed: AtomicBool::new(false),
            given: AtomicU64::new(0),
            errands,
        }
    }

    /// From now on frames go there; nowhere without one.
    pub(super) fn lead_to(&self, downstream: Option<Arc<dyn Downstream>>) {
        let before = std::mem::replace(&mut *self.lock(), downstream);
        drop(before);
    }

    /// Whether somebody takes its frames.
    pub(super) fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Something was asked for: it is to be granted soon.
    pub(super) fn change(&self) {
        self.changed.store(true, Relaxed);
        self.wake();
    }

    pub(super) fn wake(&self) {
        // Not under the lock: who is woken may ask back.
        let downstream = self.lock().clone();
        if let Some(downstream) = downstream {
            downstream.wake();
        }
    }

    pub(super) fn is_changed(&self) -> bool {
        self.changed.load(Relaxed)
    }

    /// Whether something was asked for, which is granted now.
    pub(super) fn take_change(&self) -> bool {
        self.changed.swap(false, AcqRel)
    }

    pub(super) fn note_given(&self, next: u64) {
        self.given.store(next, Relaxed);
    }

    /// Number of the frame that is heard now, or next.
    pub(super) fn heard(&self) -> u64 {
        let ahead = self.lock().as_ref().map_or(0, |downstream| downstream.ahead());
        self.given.load(Relaxed).saturating_sub(ahead)
    }

    /// See [`Downstream::is_settled`].
    pub(super) fn is_settled(&self) -> bool {
        self.lock().as_ref().is_none_or(|downstream| downstream.is_settled())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<dyn Downstream>>> {
        lock(&self.downstream)
    }
}
