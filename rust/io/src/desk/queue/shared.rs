//! What those who control a queue and who plays it have in common.

use std::sync::{Arc, Mutex, MutexGuard};

use super::events::Events;
use super::state::State;
use crate::source::Downstream;
use crate::threads::lock;

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) events: Events,
    pub(super) endless: bool,
    pub(super) relay: Arc<Relay>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Whoever takes the queue's frames now, for those who were told once.
#[derive(Default)]
pub(super) struct Relay(Mutex<Option<Arc<dyn Downstream>>>);

impl Relay {
    pub(super) fn set(&self, downstream: Option<Arc<dyn Downstream>>) {
        *lock(&self.0) = downstream;
    }

    fn get(&self) -> Option<Arc<dyn Downstream>> {
        lock(&self.0).clone()
    }
}

impl Downstream for Relay {
    fn wake(&self) {
        if let Some(downstream) = self.get() {
            downstream.wake();
        }
    }

    fn ahead(&self) -> u64 {
        self.get().map_or(0, |downstream| downstream.ahead())
    }

    fn is_settled(&self) -> bool {
        self.get().is_none_or(|downstream| downstream.is_settled())
    }
}
