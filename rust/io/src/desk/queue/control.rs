//! What is asked of a queue, from any thread; heard within a few frames. Nobody waits here for who reads.

use std::sync::{Arc, Mutex};

use isocord_proto::frame::SAMPLE_RATE;

use super::entry::Entry;
use super::events::Events;
use super::list::{List, MAX_ENTRIES, Repeat, Stood};
use super::player::Player;
use super::shared::{Relay, Shared};
use super::source::{Home, QueueSource};
use super::state::{State, check_place};
use crate::source::Downstream;

/// The longest crossfade, in seconds.
pub const MAX_CROSSFADE: f64 = 20.0;

/// How a queue plays.
#[derive(Clone, Copy, Debug)]
pub struct QueueOptions {
    /// Seconds in which an entry goes over into the next: 0 to [`MAX_CROSSFADE`].
    pub crossfade: f64,
    /// What comes again.
    pub repeat: Repeat,
    /// It goes on in silence when nothing is left, and does not end.
    pub endless: bool,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self { crossfade: 0.0, repeat: Repeat::Off, endless: false }
    }
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum QueueError {
    /// More than [`MAX_ENTRIES`] are to come.
    #[error("a queue holds {MAX_ENTRIES} entries that are to come, and no more")]
    Full,
    /// Out of its range.
    #[error("crossfade must be 0 to {MAX_CROSSFADE} seconds, not {0}")]
    Crossfade(f64),
    /// It plays elsewhere.
    #[error("the queue plays already: it can be played in one place at a time")]
    InUse,
    /// There is nowhere to go to.
    #[error("nothing of the queue is heard, so there is no place to go to")]
    Nothing,
    /// The place is negative or not a number.
    #[error("a position must be a number of seconds, 0 or more, not {0}")]
    Position(f64),
    /// It is not there.
    #[error("the entry is not in the queue")]
    NoEntry,
}

/// Sources one after the other; clones control the same queue.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
    home: Home,
}

impl Queue {
    /// An empty queue.
    ///
    /// # Errors
    /// An option is out of its range.
    pub fn new(options: QueueOptions) -> Result<Self, QueueError> {
        let QueueOptions { crossfade, repeat, endless } = options;
        let list = List { repeat, ..List::default() };
        let relay = Arc::new(Relay::default());
        let player = Player::new(Arc::clone(&relay));
        let state = Mutex::new(State::new(list, check_crossfade(crossfade)?));
        let shared = Arc::new(Shared { state, events: Events::default(), endless, relay });
        Ok(Self { shared, home: Arc::new(Mutex::new(Some(Box::new(player)))) })
    }

    /// What plays it.
    ///
    /// # Errors
    /// It plays already.
    pub fn source(&self) -> Result<QueueSource, QueueError> {
        QueueSource::take(&self.shared, &self.home).ok_or(QueueError::InUse)
    }

    /// Puts an entry before the one at `index` of those to come; behind all if there are fewer. One that is in the queue
    /// already, but is not heard now, is moved.
    ///
    /// # Errors
    /// There is no room.
    pub fn insert(&self, index: usize, entry: Arc<Entry>) -> Result<(), QueueError> {
        let inserted = self.change(|state| {
            if state.list.upcoming.iter().chain(&state.list.history).any(|other| Arc::ptr_eq(other, &entry)) {
                state.list.take(&entry);
            }
            state.list.insert(index, entry)
        });
        if inserted { Ok(()) } else { Err(QueueError::Full) }
    }

    /// Puts an entry behind all others.
    ///
    /// # Errors
    /// There is no room.
    pub fn add(&self, entry: Arc<Entry>) -> Result<(), QueueError> {
        self.insert(usize::MAX, entry)
    }

    /// Takes an entry out; the next one is heard at once if it is the present one.
    ///
    /// # Errors
    /// It is not there.
    pub fn remove(&self, entry: &Arc<Entry>) -> Result<(), QueueError> {
        self.change(|state| match state.list.take(entry) {
            Stood::Elsewhere => Ok(()),
            Stood::Nowhere => Err(QueueError::NoEntry),
            Stood::Now => {
                state.list.now = None;
                state.list.pass();
                state.jump();
                Ok(())
            }
        })
    }

    /// Goes on to the next entry at once, also where the present one is repeated; to the first one if none is heard.
    pub fn skip(&self) {
        self.change(|state| {
            state.list.pass();
            state.jump();
        });
    }

    /// Goes back to the entry before at once, or to the beginning of the present one if there is none.
    pub fn previous(&self) {
        self.change(|state| {
            let before = state.list.now.clone();
            state.list.back();
            match (&before, &state.list.now) {
                (Some(before), Some(now)) if Arc::ptr_eq(before, now) => drop(state.seek(0.0)),
                _ => state.jump(),
            }
        });
    }

    /// Nothing is heard any more, and nothing is to come.
    pub fn clear(&self) {
        let _old = self.change(|state| {
            let repeat = state.list.repeat;
            let old = std::mem::replace(&mut state.list, List { repeat, ..List::default() });
            state.jump();
            old
        });
    }

    /// Gives those to come another order: for each place the index of the one that comes there. Those that are not
    /// named follow.
    pub fn reorder(&self, order: &[usize]) {
        self.change(|state| {
            let mut entries: Vec<Option<Arc<Entry>>> = state.list.upcoming.drain(..).map(Some).collect();
            let ordered: Vec<_> = order.iter().filter_map(|index| entries.get_mut(*index)?.take()).collect();
            state.list.upcoming.extend(ordered.into_iter().chain(entries.into_iter().flatten()));
        });
    }

    /// What comes again.
    #[must_use]
    pub fn repeat(&self) -> Repeat {
        self.shared.lock().list.repeat
    }

    /// Changes what comes again.
    pub fn set_repeat(&self, repeat: Repeat) {
        self.change(|state| state.list.repeat = repeat);
    }

    /// Seconds in which an entry goes over into the next.
    #[must_use]
    pub fn crossfade(&self) -> f64 {
        self.shared.lock().crossfade as f64 / f64::from(SAMPLE_RATE)
    }

    /// Changes it, for what begins from now on.
    ///
    /// # Errors
    /// It is out of its range.
    pub fn set_crossfade(&self, seconds: f64) -> Result<(), QueueError> {
        let crossfade = check_crossfade(seconds)?;
        self.change(|state| state.crossfade = crossfade);
        Ok(())
    }

    /// Goes to a place in the entry that is heard now.
    ///
    /// # Errors
    /// It is none, or nothing is heard.
    pub fn seek(&self, seconds: f64) -> Result<(), QueueError> {
        check_place(seconds).map_err(|_| QueueError::Position(seconds))?;
        if self.change(|state| state.seek(seconds)) { Ok(()) } else { Err(QueueError::Nothing) }
    }

    /// Where in its entry is what is heard now, in seconds.
    #[must_use]
    pub fn position(&self) -> f64 {
        let (place, duration) = self.with(|state, ahead| {
            (state.place(ahead), state.list.now.as_ref().and_then(|now| now.duration()))
        });
        place.min(duration.unwrap_or(u64::MAX)) as f64 / f64::from(SAMPLE_RATE)
    }

    /// The entry that is heard now, or as soon as what was asked for is granted.
    #[must_use]
    pub fn now(&self) -> Option<Arc<Entry>> {
        self.with(|state, _| state.list.now.clone())
    }

    /// Those to come, the next one first.
    #[must_use]
    pub fn upcoming(&self) -> Vec<Arc<Entry>> {
        self.with(|state, _| state.list.upcoming.iter().cloned().collect())
    }

    /// Those that were heard, the last one last.
    #[must_use]
    pub fn history(&self) -> Vec<Arc<Entry>> {
        self.with(|state, _| state.list.history.clone())
    }

    /// How many are to come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.with(|state, _| state.list.upcoming.len())
    }

    /// Whether none is to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it goes on in silence when nothing is left.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.shared.endless
    }

    /// Has who plays it make anew what is not heard yet: its volume has changed.
    pub fn look(&self) {
        self.change(|state| state.looked = true);
    }

    /// What happens in it.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.shared.events
    }

    fn with<T>(&self, look: impl FnOnce(&mut State, u64) -> T) -> T {
        let ahead = self.shared.relay.ahead();
        let mut state = self.shared.lock();
        state.observe(ahead, &self.shared.events);
        look(&mut state, ahead)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = self.with(|state, _| change(state));
        self.shared.relay.wake();
        changed
    }
}

fn check_crossfade(seconds: f64) -> Result<u64, QueueError> {
    let fits = (0.0..=MAX_CROSSFADE).contains(&seconds);
    if fits {
        Ok((seconds * f64::from(SAMPLE_RATE)).round() as u64)
    } else {
        Err(QueueError::Crossfade(seconds))
    }
}
