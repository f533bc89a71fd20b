//! What the owner of a connection is told.

use std::sync::Arc;

use isocord_proto::discovery::External;

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

/// An event on its way to its handler.
pub(crate) struct Notice {
    handler: Arc<dyn EventHandler>,
    event: Event,
}

/// The way of a native thread to the event thread.
pub(crate) type EventOutbox = Outbox<Notice>;

impl Notice {
    pub(crate) fn new(handler: &Arc<dyn EventHandler>, event: Event) -> Self {
        Self { handler: Arc::clone(handler), event }
    }
}

impl Note for Notice {
    fn deliver(self) {
        if let Event::TrackEnded(state, _) = &self.event {
            state.notify_ended();
        }
        self.handler.on_event(self.event);
    }
}
