//! The thread that fills a window.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::thread;

use super::supply::{Outline, Supply};
use super::window::{Errand, Window};

/// Streams that are open at once.
const MAX_STREAMS: usize = 1_000;
const PIECE: usize = 32 * 1024;
/// These threads wait and copy.
const STACK: usize = 512 * 1024;

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One of those that may be open at once.
struct Place;

impl Place {
    fn take() -> io::Result<Self> {
        let place = Self;
        if OPEN.fetch_add(1, AcqRel) >= MAX_STREAMS {
            return Err(io::Error::other(format!("{MAX_STREAMS} streams are open already")));
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, AcqRel);
    }
}

/// Starts the thread. It ends when the window is closed.
///
/// # Errors
/// Too many are open, or the system gives no thread.
pub(crate) fn fill(name: &str, outline: Outline, mut supply: Box<dyn Supply>) -> io::Result<Arc<Window>> {
    let place = Place::take()?;
    let window = Arc::new(Window::new(outline, supply.stopper()));
    let theirs = Arc::clone(&window);
    thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(move || {
        let _place = place;
        let mut piece = vec![0; PIECE];
        loop {
            match theirs.errand() {
                Errand::Stop => return,
                Errand::Jump(to) => supply.go_to(to),
                Errand::Bring(room) => {
                    let room = room.min(PIECE);
                    let read = catch_unwind(AssertUnwindSafe(|| supply.read(&mut piece[..room])))
                        .unwrap_or_else(|_| Err(io::Error::other("isocord itself has failed on it")));
                    theirs.bring(read.map(|count| &piece[..count.min(room)]), supply.take_title());
                }
            }
        }
    })?;
    Ok(window)
}
