//! What happens in a queue, on its way to who wants to know: bounded, and waited for without a poll.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::entry::Entry;

/// Events that wait at once; the oldest one is dropped for another one.
pub const MAX_WAITING: usize = 1_024;

/// What has happened.
#[derive(Clone)]
pub enum Event {
    /// It is heard from now on.
    Started(Arc<Entry>),
    /// It is not heard any more; why, if it broke.
    Ended(Arc<Entry>, Option<String>),
    /// It could not be played at all.
    Failed(Arc<Entry>, String),
    /// Nothing is heard any more, and nothing is to come.
    Empty,
}

/// Events that wait to be taken.
#[derive(Default)]
pub struct Events {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    dropped: u64,
    closed: bool,
}

impl Events {
    pub(super) fn put(&self, event: Event) {
        let mut waiting = self.lock();
        if waiting.events.len() >= MAX_WAITING {
            waiting.events.pop_front();
            waiting.dropped += 1;
        }
        waiting.events.push_back(event);
        self.more.notify_one();
    }

    /// All that waits, oldest first, or none after `timeout`. None once it is closed and all was taken.
    #[must_use]
    pub fn take(&self, timeout: Duration) -> Option<Vec<Event>> {
        let is_idle = |waiting: &mut Waiting| waiting.events.is_empty() && !waiting.closed;
        let waited = self.more.wait_timeout_while(self.lock(), timeout, is_idle);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if waiting.closed && waiting.events.is_empty() {
            None
        } else {
            Some(waiting.events.drain(..).collect())
        }
    }

    /// Events for which there was no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Who waits is let go.
    pub fn close(&self) {
        self.lock().closed = true;
        self.more.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
