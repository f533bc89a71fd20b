//! Who waits for a stream.

use crate::desk::outcome::Listener;

/// Listeners, and those of them that are about to be told.
#[derive(Default)]
pub(super) struct Waits {
    room: Vec<(u64, Listener)>,
    drained: Vec<Listener>,
    told: Vec<(Listener, Option<String>)>,
}

impl Waits {
    pub(super) fn is_empty(&self) -> bool {
        self.room.is_empty() && self.drained.is_empty()
    }

    /// Waits for room for so many pairs.
    pub(super) fn add_room(&mut self, pairs: u64, listener: Listener) {
        self.room.push((pairs, listener));
    }

    /// Waits until all is heard.
    pub(super) fn add_drained(&mut self, listener: Listener) {
        self.drained.push(listener);
    }

    /// Those are to be told for whom there is room.
    pub(super) fn room(&mut self, enough: impl Fn(u64) -> bool) {
        let (told, kept) =
            std::mem::take(&mut self.room).into_iter().partition(|(wanted, _)| enough(*wanted));
        self.room = kept;
        let told: Vec<(u64, Listener)> = told;
        self.told.extend(told.into_iter().map(|(_, listener)| (listener, None)));
    }

    /// There will be no room any more.
    pub(super) fn no_room(&mut self, why: &str) {
        self.told.extend(self.room.drain(..).map(|(_, listener)| (listener, Some(why.to_owned()))));
    }

    /// All has been heard.
    pub(super) fn drained(&mut self) {
        self.told.extend(self.drained.drain(..).map(|listener| (listener, None)));
    }

    /// Nothing will be heard any more.
    pub(super) fn all(&mut self, why: &str) {
        self.no_room(why);
        self.told.extend(self.drained.drain(..).map(|listener| (listener, Some(why.to_owned()))));
    }

    /// Those who are to be told, and what.
    pub(super) fn take(&mut self) -> Vec<(Listener, Option<String>)> {
        std::mem::take(&mut self.told)
    }
}
