//! The way into a thread: a bounded queue of commands, and the word to stop.
//!
//! Senders wait for each other for a moment; the thread waits for none of them. It may be real-time, and a sender that
//! the scheduler has interrupted in the middle of a command would not run again before the thread sleeps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};

/// How long a sender tries to get a command into a full queue.
const SEND_BOUND: Duration = Duration::from_secs(1);
/// Between two tries.
const RETRY: Duration = Duration::from_micros(200);

/// The senders' end.
pub(crate) struct Inbox<T> {
    commands: Mutex<Producer<T>>,
    stop: Arc<AtomicBool>,
}

/// The thread's end.
pub(crate) struct Commands<T> {
    commands: Consumer<T>,
    stop: Arc<AtomicBool>,
}

/// A queue of at most `capacity` commands.
pub(crate) fn inbox<T>(capacity: usize) -> (Inbox<T>, Commands<T>) {
    let (sender, receiver) = RingBuffer::new(capacity);
    let stop = Arc::new(AtomicBool::new(false));
    let inbox = Inbox { commands: Mutex::new(sender), stop: Arc::clone(&stop) };
    (inbox, Commands { commands: receiver, stop })
}

impl<T> Inbox<T> {
    /// Queues a command and calls `wake`, waiting a bounded time if the queue is full.
    ///
    /// # Errors
    /// Gives the command back if the queue stays full or the thread has stopped.
    pub(crate) fn send(&self, mut command: T, wake: impl Fn()) -> Result<(), T> {
        let deadline = Instant::now() + SEND_BOUND;
        loop {
            command = match self.push(command) {
                Ok(()) => {
                    wake();
                    return Ok(());
                }
                Err(back) if self.stop.load(Ordering::Acquire) || Instant::now() >= deadline => {
                    return Err(back);
                }
                Err(back) => back,
            };
            wake();
            std::thread::sleep(RETRY);
        }
    }

    /// From now on no command gets in.
    pub(crate) fn stop(&self) {
        // Behind the lock, so that who has seen the stop sees all that came before it.
        let _sending = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop.store(true, Ordering::Release);
    }

    fn push(&self, command: T) -> Result<(), T> {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop.load(Ordering::Acquire) {
            return Err(command);
        }
        commands.push(command).map_err(|rtrb::PushError::Full(back)| back)
    }
}

impl<T> Commands<T> {
    /// The next one. Wait-free, also while somebody sends.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.commands.pop().ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether no more commands will come than are there.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_never_waits_for_a_sender() {
        let (inbox, mut commands) = inbox(4);
        assert_eq!(inbox.send(1, || ()), Ok(()));
        // A sender that is interrupted while it sends holds this.
        let _sending = inbox.commands.lock().unwrap();
        assert!(!commands.is_empty());
        assert_eq!((commands.take(), commands.take()), (Some(1), None));
    }

    #[test]
    fn nothing_gets_in_after_the_stop_and_nothing_from_before_is_lost() {
        let (inbox, mut commands) = inbox(4);
        assert_eq!(inbox.send(1, || ()), Ok(()));
        inbox.stop();
        assert_eq!(inbox.send(2, || ()), Err(2));
        assert!(commands.is_stopped());
        assert_eq!((commands.take(), commands.take()), (Some(1), None));
    }

    #[test]
    fn a_full_queue_gives_the_command_back_in_time() {
        let (inbox, mut commands) = inbox(1);
        assert_eq!(inbox.send(1, || ()), Ok(()));
        assert_eq!(inbox.send(2, || ()), Err(2));
        commands.take();
        assert_eq!(inbox.send(3, || ()), Ok(()));
    }
}
