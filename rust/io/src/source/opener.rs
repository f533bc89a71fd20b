//! Opening in a thread of its own: a disk, or a network behind a path, may never answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::AcqRel, Ordering::Acquire};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::error::OpenError;

/// How long opening a file may take: a disk that was asleep needs seconds.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// Threads that nobody waits for any more, and that hang in the system.
const MAX_HANGING: usize = 16;

static HANGING: AtomicUsize = AtomicUsize::new(0);

const WORKING: u8 = 0;
const DONE: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Does `work` in a thread, and waits for it no longer than `deadline`.
///
/// # Errors
/// Those of `work`; it took too long; no thread could be started.
pub(crate) fn within<T: Send + 'static>(
    deadline: Duration,
    name: &str,
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let timed_out = || OpenError::TimedOut { name: name.to_owned(), seconds: deadline.as_secs() };
    if HANGING.load(Acquire) >= MAX_HANGING {
        return Err(timed_out());
    }
    let state = Arc::new(AtomicU8::new(WORKING));
    let theirs = Arc::clone(&state);
    let (give, take) = sync_channel(1);
    thread::Builder::new()
        .name("isocord-open".to_owned())
        .spawn(move || {
            // Dropped here if nobody takes it, for to close a file may take as long.
            let _ = give.send(work());
            if theirs.swap(DONE, AcqRel) == GIVEN_UP {
                HANGING.fetch_sub(1, AcqRel);
            }
        })
        .map_err(|source| OpenError::Io { name: name.to_owned(), source })?;
    match take.recv_timeout(deadline) {
        Ok(result) => result,
        Err(RecvTimeoutError::Disconnected) => {
            Err(OpenError::Broken { name: name.to_owned(), reason: "opening it failed".to_owned() })
        }
        Err(RecvTimeoutError::Timeout) => {
            HANGING.fetch_add(1, AcqRel);
            if state.compare_exchange(WORKING, GIVEN_UP, AcqRel, Acquire).is_err() {
                HANGING.fetch_sub(1, AcqRel);
            }
            take.try_recv().unwrap_or_else(|_| Err(timed_out()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_never_answers_is_given_up_and_so_are_many_of_it() {
        let mut held = Vec::new();
        for _ in 0..MAX_HANGING {
            let (go, may_go) = channel::<()>();
            let given_up = within(Duration::from_millis(1), "a file", move || {
                let _ = may_go.recv();
                Ok(())
            });
            assert!(matches!(given_up, Err(OpenError::TimedOut { .. })));
            held.push(go);
        }
        // No further thread is started while so many hang.
        assert!(matches!(within(DEADLINE, "a file", || Ok(())), Err(OpenError::TimedOut { .. })));
        drop(held);
        while HANGING.load(Acquire) > 0 {
            thread::yield_now();
        }
        assert_eq!(within(DEADLINE, "a file", || Ok(7)).expect("all are gone"), 7);
    }
}
