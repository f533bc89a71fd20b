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
    /// The entry whose turn comes after the present one. Those that are broken are left out.
    pub(super) fn following(&self) -> Option<&Arc<Entry>> {
        self.after([]).unwrap_or_default()
    }

    /// The entry whose turn comes after the present one and those that are `planned`. What is planned is there, and is
    /// heard even if it breaks off or could not be had another time.
    ///
    /// # Errors
    /// The place of the first one that is not what comes.
    pub(super) fn after<'a>(
        &self,
        planned: impl IntoIterator<Item = &'a Arc<Entry>>,
    ) -> Result<Option<&Arc<Entry>>, usize> {
        let mut from = 0;
        for (place, entry) in planned.into_iter().enumerate() {
            let is_it = |other: &Arc<Entry>| Arc::ptr_eq(other, entry);
            match self.find(from, |other| is_it(other) || !other.is_broken()) {
                // The one that is repeated comes again.
                Some((at, found)) if is_it(found) => from = at + usize::from(self.repeat != Repeat::One),
                _ => return Err(place),
            }
        }
        Ok(self.find(from, |entry| !entry.is_broken()).map(|(_, entry)| entry))
    }

    /// The first one that will do, from a step on.
    fn find(&self, from: usize, will_do: impl Fn(&Arc<Entry>) -> bool) -> Option<(usize, &Arc<Entry>)> {
        let all = self.upcoming.len() + self.history.len() + usize::from(self.now.is_some());
        let steps = (from..from + all).map_while(|at| Some((at, self.step(at, all)?)));
        steps.into_iter().find(|(_, entry)| will_do(entry))
    }

    /// What comes after so many steps, of `all`.
    fn step(&self, at: usize, all: usize) -> Option<&Arc<Entry>> {
        match self.repeat {
            Repeat::Off => self.upcoming.get(at),
            Repeat::One => self.now.iter().chain(&self.upcoming).nth(at),
            Repeat::All => {
                let at = at % all;
                let before = at.checked_sub(self.upcoming.len());
                let before = before.map(|at| self.history.get(at).or(self.now.as_ref()));
                before.unwrap_or_else(|| self.upcoming.get(at))
            }
        }
    }

    /// The present one is over, and `heard` is what is heard now, if anything.
    pub(super) fn advance(&mut self, heard: Option<&Arc<Entry>>) {
        let again = self.now.as_ref().is_some_and(|now| match heard {
            Some(heard) => Arc::ptr_eq(heard, now),
            None => !now.is_broken(),
        });
        if self.repeat != Repeat::One || !again {
            let comes = |entry: &&Arc<Entry>| {
                let mut all = self.upcoming.iter().chain(&self.history).chain(&self.now);
                let upcoming = if self.repeat == Repeat::All { usize::MAX } else { self.upcoming.len() };
                all.by_ref().take(upcoming).any(|other| Arc::ptr_eq(other, entry))
            };
            self.go_to(heard.filter(comes).cloned());
        }
    }

    /// Goes on to the next one, even if the present one is repeated.
    pub(super) fn pass(&mut self) {
        self.go_to(None);
    }

    /// Goes on to one that comes; to the next one by default.
    fn go_to(&mut self, target: Option<Arc<Entry>>) {
        let next = || match self.repeat {
            Repeat::One => self.upcoming.iter().find(|entry| !entry.is_broken()).cloned(),
            _ => self.following().cloned(),
        };
        let target = target.or_else(next);
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

    /// An entry could not be played: the others go on without it for now. If it is `planned`, it is heard before.
    pub(super) fn fail(&mut self, entry: &Arc<Entry>, planned: bool) {
        entry.set_broken(true);
        if !planned && let Some(at) = self.upcoming.iter().position(|other| Arc::ptr_eq(other, entry)) {
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
