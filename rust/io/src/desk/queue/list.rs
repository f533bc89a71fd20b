//! The order of a queue: what was, what is, what comes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Entry;

/// Entries that may be to come.
pub const MAX_ENTRIES: usize = 10_000;
/// Entries that are remembered when they have played, and are not repeated.
const MAX_HISTORY: usize = 100;

/// What comes again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing.
    #[default]
    Off,
    /// The present entry.
    One,
    /// All, from the first one on.
    All,
}

/// Where an entry stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stood {
    Now,
    Elsewhere,
    Nowhere,
}

#[derive(Default)]
pub(super) struct List {
    pub(super) history: Vec<Arc<Entry>>,
    pub(super) now: Option<Arc<Entry>>,
    pub(super) upcoming: VecDeque<Arc<Entry>>,
    pub(super) repeat: Repeat,
}

impl List {
    /// The entry whose turn comes after the present one and `index` others. Those that are broken are left out.
    pub(super) fn following(&self, index: usize) -> Option<&Arc<Entry>> {
        let mut upcoming = self.upcoming.iter().filter(|entry| !entry.is_broken());
        match self.repeat {
            Repeat::One => match &self.now {
                Some(now) if !now.is_broken() => Some(now),
                // Whichever comes is repeated.
                _ => upcoming.next(),
            },
            Repeat::All => {
                let round = || {
                    self.upcoming
                        .iter()
                        .chain(&self.history)
                        .chain(&self.now)
                        .filter(|entry| !entry.is_broken())
                };
                round().nth(index % round().count().max(1))
            }
            Repeat::Off => upcoming.nth(index),
        }
    }

    /// The present one is over.
    pub(super) fn advance(&mut self) {
        if self.repeat != Repeat::One || self.now.as_ref().is_none_or(|now| now.is_broken()) {
            self.pass();
        }
    }

    /// Goes on to the next one, even if the present one is repeated.
    pub(super) fn pass(&mut self) {
        let target = match self.repeat {
            Repeat::One => self.upcoming.iter().find(|entry| !entry.is_broken()),
            _ => self.following(0),
        };
        let target = target.cloned();
        self.history.extend(self.now.take());
        let Some(target) = target else {
            self.history.extend(self.upcoming.drain(..));
            return self.trim();
        };
        while self.now.is_none() {
            if self.upcoming.is_empty() {
                // All come again.
                self.upcoming.extend(self.history.drain(..));
            }
            match self.upcoming.pop_front() {
                Some(entry) if Arc::ptr_eq(&entry, &target) => self.now = Some(entry),
                Some(entry) => self.history.push(entry),
                None => break,
            }
        }
        self.trim();
    }

    /// Goes back to the one before, or to the beginning of the present one where there is none.
    pub(super) fn back(&mut self) {
        if let Some(before) = self.history.pop() {
            if let Some(now) = self.now.replace(before) {
                self.upcoming.push_front(now);
            }
        } else if self.now.is_none() {
            self.now = self.upcoming.pop_front();
        } else if self.repeat == Repeat::All
            && let Some(last) = self.upcoming.pop_back()
        {
            self.history.extend(self.now.replace(last));
            self.history.extend(self.upcoming.drain(..));
        }
        if let Some(now) = &self.now {
            now.set_broken(false);
        }
    }

    /// Puts an entry before the one at `index` of those to come; false if there is no room.
    pub(super) fn insert(&mut self, index: usize, entry: Arc<Entry>) -> bool {
        if self.upcoming.len() >= MAX_ENTRIES {
            return false;
        }
        entry.set_broken(false);
        self.upcoming.insert(index.min(self.upcoming.len()), entry);
        true
    }

    /// Takes an entry out. The present one stays until something else takes its place.
    pub(super) fn take(&mut self, entry: &Arc<Entry>) -> Stood {
        let is_it = |other: &Arc<Entry>| Arc::ptr_eq(other, entry);
        if let Some(at) = self.upcoming.iter().position(is_it) {
            self.upcoming.remove(at);
        } else if self.now.as_ref().is_some_and(is_it) {
            return Stood::Now;
        } else if let Some(at) = self.history.iter().rposition(is_it) {
            self.history.remove(at);
        } else {
            return Stood::Nowhere;
        }
        Stood::Elsewhere
    }

    /// An entry could not be played: the others go on without it for now.
    pub(super) fn fail(&mut self, entry: &Arc<Entry>) {
        entry.set_broken(true);
        if let Some(at) = self.upcoming.iter().position(|other| Arc::ptr_eq(other, entry)) {
            self.history.extend(self.upcoming.remove(at));
            self.trim();
        }
    }

    /// Another one was played to its end: those that failed may be tried again.
    pub(super) fn mend(&self) {
        self.history.iter().chain(&self.now).chain(&self.upcoming).for_each(|entry| entry.set_broken(false));
    }

    fn trim(&mut self) {
        if self.repeat != Repeat::All && self.history.len() > MAX_HISTORY {
            self.history.drain(..self.history.len() - MAX_HISTORY);
        }
    }
}
