//! What threads have in common: how they are set up, the way into one, and the way out to the one that calls out.

pub(crate) mod child;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod setup;
pub(crate) mod wakeup;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. What panicked while it was locked is whole still: nothing here is left half done in between.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names a connection in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);
