//! The way into a thread: a bounded queue of commands, and the word to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;

/// How long a sender tries to get a command into a full queue.
const SEND_BOUND: Duration = Duration::from_secs(1);
/// Between two tries.
const RETRY: Duration = Duration::from_micros(200);

pub(crate) struct Inbox<T> {
    commands: ArrayQueue<T>,
    stop: AtomicBool,
}

impl<T> Inbox<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { commands: ArrayQueue::new(capacity), stop: AtomicBool::new(false) }
    }

    /// Queues a command and calls `wake`, waiting a bounded time if the queue is full; false if it stays full or
    /// the thread has stopped.
    pub(crate) fn send(&self, mut command: T, wake: impl Fn()) -> bool {
        let deadline = Instant::now() + SEND_BOUND;
        while !self.is_stopped() {
            let pushed = self.commands.push(command);
            wake();
            match pushed {
                Ok(()) => return true,
                Err(_) if Instant::now() >= deadline => return false,
                Err(back) => command = back,
            }
            std::thread::sleep(RETRY);
        }
        false
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.commands.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
