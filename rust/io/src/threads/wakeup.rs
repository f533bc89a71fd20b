//! Waking a thread that others give work to.

use std::sync::OnceLock;
use std::sync::atomic::{Ordering, fence};
use std::thread::Thread;

/// The thread that is woken, once it runs.
#[derive(Default)]
pub(crate) struct Wakeup(OnceLock<Thread>);

impl Wakeup {
    /// The calling thread is the one. Whatever it is to find, it looks for after this.
    pub(crate) fn here(&self) {
        let _ = self.0.set(std::thread::current());
        // Against the one in `wake`: either this thread sees the work, or the other one sees this thread.
        fence(Ordering::SeqCst);
    }

    /// Comes after the work that the thread is to find. Never waits.
    pub(crate) fn wake(&self) {
        fence(Ordering::SeqCst);
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}
