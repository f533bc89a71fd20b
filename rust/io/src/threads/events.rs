//! The event thread: tells the owner of a connection what happened, and drops what the clock
//! thread has done with. It is the only native thread that calls out, so it may wait for the GIL.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use isocord_proto::dave::SenderChange;
use isocord_proto::frame::OpusFrame;
use isocord_proto::send::SendPath;

use crate::messages::Event;
use crate::play::track::TrackReader;
use crate::send::outlet::Outlet;

const CAPACITY: usize = 8_192;
/// A wake-up lost between two threads costs at most this.
const LOOK_UP: Duration = Duration::from_millis(500);

/// Hears what happens to one connection. Calls come one at a time, on the event thread.
pub trait EventHandler: Send + Sync {
    /// Must return soon.
    fn on_event(&self, event: Event);
}

/// Memory that the clock thread gives away, so that it never frees any.
#[expect(dead_code, reason = "the fields are only ever dropped")]
pub(crate) enum Trash {
    Outlet(Box<Outlet>),
    Path(Box<SendPath>),
    Sender(SenderChange),
    Track(TrackReader),
    Frame(Box<OpusFrame>),
    Socket(Arc<UdpSocket>),
}

enum Item {
    Event(Arc<dyn EventHandler>, Event),
    Trash(#[expect(dead_code, reason = "only ever dropped")] Trash),
}

/// The way to the event thread.
#[derive(Clone)]
pub(crate) struct EventSender(Arc<Shared>);

struct Shared {
    queue: ArrayQueue<Item>,
    stop: AtomicBool,
    dropped: AtomicU64,
    thread: std::sync::OnceLock<Thread>,
}

impl EventSender {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            queue: ArrayQueue::new(CAPACITY),
            stop: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            thread: std::sync::OnceLock::new(),
        }))
    }

    /// Queues an event; counts it as dropped if the queue is full.
    pub(crate) fn event(&self, handler: &Arc<dyn EventHandler>, event: Event) {
        self.push(Item::Event(Arc::clone(handler), event));
    }

    /// Gives memory away. A full queue makes the caller free it itself.
    pub(crate) fn trash(&self, trash: Trash) {
        let _ = self.0.queue.push(Item::Trash(trash));
    }

    /// Ends the thread after what is queued.
    pub(crate) fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
        self.wake();
    }

    fn push(&self, item: Item) {
        if self.0.queue.push(item).is_err() {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("the event queue is full; an event was dropped");
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = self.0.thread.get() {
            thread.unpark();
        }
    }

    /// The thread's work.
    pub(crate) fn run(&self) {
        let _ = self.0.thread.set(std::thread::current());
        loop {
            while let Some(item) = self.0.queue.pop() {
                if let Item::Event(handler, event) = item {
                    if let Event::TrackEnded(state, _) = &event {
                        state.notify_ended();
                    }
                    handler.on_event(event);
                }
            }
            if self.0.stop.load(Ordering::Acquire) {
                return;
            }
            std::thread::park_timeout(LOOK_UP);
        }
    }
}
