//! What the owner of a connection is told.

use std::sync::{Arc, Mutex, PoisonError};

use isocord_proto::discovery::External;

use crate::desk::Errands;
use crate::play::track::{TrackEnd, TrackState};
use crate::threads::outbox::{Note, Outbox};

/// To the owner of a connection.
#[derive(Debug, Clone)]
pub enum Event {
    /// IP discovery was answered.
    Discovered(External),
    /// IP discovery had no answer in its time, or the socket leads nowhere any more.
    DiscoveryFailed(String),
    /// A track is over.
    TrackEnded(Arc<TrackState>, TrackEnd),
}

/// Hears what happens to one connection. Calls come one at a time, on the event thread.
pub trait EventHandler: Send + Sync {
    /// Must return soon.
    fn on_event(&self, event: Event);
}

/// What the event thread has to do.
pub(crate) enum Notice {
    /// An event on its way to its handler.
    Event(Arc<dyn EventHandler>, Event),
    Errand(Box<dyn FnOnce() + Send>),
}

/// The way of a native thread to the event thread.
pub(crate) type EventOutbox = Outbox<Notice>;

/// The way of all other threads to it.
pub(crate) struct EventErrands(Mutex<EventOutbox>);

impl EventErrands {
    pub(crate) fn new(outbox: EventOutbox) -> Self {
        Self(Mutex::new(outbox))
    }
}

impl Errands for EventErrands {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        let full = self.0.lock().unwrap_or_else(PoisonError::into_inner).hand(Notice::Errand(errand));
        // Thousands wait already: it is late, but not lost.
        if let Err(notice) = full {
            notice.deliver();
        }
    }
}

impl Notice {
    pub(crate) fn new(handler: &Arc<dyn EventHandler>, event: Event) -> Self {
        Self::Event(Arc::clone(handler), event)
    }
}

impl Note for Notice {
    fn deliver(self) {
        match self {
            Self::Event(handler, event) => {
                if let Event::TrackEnded(state, _) = &event {
                    state.notify_ended();
                }
                handler.on_event(event);
            }
            Self::Errand(errand) => errand(),
        }
    }
}
