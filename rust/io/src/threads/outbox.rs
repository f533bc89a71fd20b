//! The way out of the native threads, to the one that calls out: what happened, and memory to be freed.
//!
//! Each thread has an outbox of its own, so that it never waits for another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::wakeup::Wakeup;

/// Notes, and pieces of memory, that may wait in one outbox.
const CAPACITY: usize = 8_192;
/// A wake-up lost between two threads costs at most this.
const LOOK_UP: Duration = Duration::from_millis(500);

/// Something that happened.
pub(crate) trait Note: Send {
    /// Tells whom it concerns; on the thread that calls out.
    fn deliver(self);
}

/// One thread's end.
pub(crate) struct Outbox<N> {
    notes: Producer<N>,
    memory: Producer<Box<dyn Send>>,
    shared: Arc<Shared>,
}

/// Tells the thread that calls out to end.
#[derive(Clone)]
pub(crate) struct DispatcherHandle(Arc<Shared>);

/// The thread that calls out. It is the only native one that may wait for Python.
pub(crate) struct Dispatcher<N> {
    from: Vec<Tray<N>>,
    shared: Arc<Shared>,
}

/// What one outbox holds.
struct Tray<N> {
    notes: Consumer<N>,
    memory: Consumer<Box<dyn Send>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    dropped: AtomicU64,
    wakeup: Wakeup,
}

impl<N: Note> Dispatcher<N> {
    /// With no outbox yet.
    pub(crate) fn new() -> (Self, DispatcherHandle) {
        let shared = Arc::new(Shared::default());
        (Self { from: Vec::new(), shared: Arc::clone(&shared) }, DispatcherHandle(shared))
    }

    /// An outbox for a thread that will start.
    pub(crate) fn outbox(&mut self) -> Outbox<N> {
        let (notes, notes_out) = RingBuffer::new(CAPACITY);
        let (memory, memory_out) = RingBuffer::new(CAPACITY);
        self.from.push(Tray { notes: notes_out, memory: memory_out });
        Outbox { notes, memory, shared: Arc::clone(&self.shared) }
    }

    /// The thread's work.
    pub(crate) fn run(mut self) {
        self.shared.wakeup.here();
        loop {
            // Before the last look: what was sent before the stop is still delivered.
            let stop = self.shared.stop.load(Ordering::Acquire);
            self.deliver();
            if stop {
                return;
            }
            std::thread::park_timeout(LOOK_UP);
        }
    }

    fn deliver(&mut self) {
        for Tray { notes, memory } in &mut self.from {
            while let Ok(note) = notes.pop() {
                note.deliver();
            }
            while memory.pop().is_ok() {}
        }
        let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "the queue of events was full");
        }
    }
}

impl<N> Outbox<N> {
    /// Queues a note; counts it as dropped if the queue is full.
    pub(crate) fn tell(&mut self, note: N) {
        if self.hand(note).is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Queues a note, or gives it back if the queue is full.
    pub(crate) fn hand(&mut self, note: N) -> Result<(), N> {
        let full = self.notes.push(note).map_err(|rtrb::PushError::Full(back)| back);
        self.shared.wakeup.wake();
        full
    }

    /// Gives memory away, which is freed within half a second. A full queue makes the caller free it itself.
    pub(crate) fn discard(&mut self, memory: Box<dyn Send>) {
        let _ = self.memory.push(memory);
        if self.memory.slots() < CAPACITY / 2 {
            self.shared.wakeup.wake();
        }
    }
}

impl DispatcherHandle {
    /// Ends the thread after what is queued.
    pub(crate) fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
        self.0.wakeup.wake();
    }
}
