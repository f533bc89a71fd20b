//! What a mixer keeps, whether it plays or not.

use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Relaxed, Ordering::Release};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use super::layer::Shared;
use super::sounding::Sounding;

#[derive(Default)]
pub(super) struct Stand {
    endless: AtomicBool,
    /// It plays somewhere.
    plays: AtomicBool,
    layers: Mutex<Layers>,
}

#[derive(Default)]
struct Layers {
    /// Those that are to be mixed in.
    new: Vec<Sounding>,
    /// All that are not over.
    all: Vec<Weak<Shared>>,
    /// They were all stopped.
    stopped: bool,
}

impl Stand {
    pub(super) fn is_endless(&self) -> bool {
        self.endless.load(Relaxed)
    }

    pub(super) fn set_endless(&self, endless: bool) {
        self.endless.store(endless, Relaxed);
    }

    /// Takes its one place; false if it is taken.
    pub(super) fn enter(&self) -> bool {
        !self.plays.swap(true, AcqRel)
    }

    pub(super) fn leave(&self) {
        self.plays.store(false, Release);
    }

    pub(super) fn plays(&self) -> bool {
        self.plays.load(Relaxed)
    }

    pub(super) fn count(&self) -> usize {
        let layers = self.lock();
        layers
            .all
            .iter()
            .filter(|layer| layer.upgrade().is_some_and(|layer| !layer.outcome.is_over()))
            .count()
    }

    pub(super) fn add(&self, layer: Sounding, shared: Weak<Shared>) {
        let mut layers = self.lock();
        let settled = layers.take_settled();
        layers.all.push(shared);
        layers.new.push(layer);
        layers.stopped = false;
        // To let go of them may take its time, or call others.
        drop(layers);
        drop(settled);
    }

    /// The layers that are to be mixed in, and whether it may end now.
    pub(super) fn take(&self) -> (Vec<Sounding>, bool) {
        let mut layers = self.lock();
        let settled = layers.take_settled();
        let new = std::mem::take(&mut layers.new);
        let began = std::mem::take(&mut layers.stopped) || !new.is_empty();
        drop(layers);
        drop(settled);
        (new, began)
    }

    /// All layers, of which those are over at once that were not heard.
    pub(super) fn stop(&self) -> Vec<Weak<Shared>> {
        let mut layers = self.lock();
        layers.stopped = true;
        let (new, all) = (std::mem::take(&mut layers.new), layers.all.clone());
        drop(layers);
        drop(new);
        all
    }

    fn lock(&self) -> MutexGuard<'_, Layers> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layers {
    /// Takes those out for which nobody waits any more.
    fn take_settled(&mut self) -> Vec<Sounding> {
        self.all.retain(|layer| layer.upgrade().is_some_and(|layer| !layer.outcome.is_over()));
        self.new.extract_if(.., |layer| layer.is_settled()).collect()
    }
}
