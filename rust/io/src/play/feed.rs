//! A job of the pool: it keeps one ring full, a piece at a time.

use super::pressure::Pressure;

/// What a job says after a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedStatus {
    /// There is room for more; `left` frames are in the ring now.
    Again {
        /// Frames in the ring: the fewer, the sooner its turn.
        left: u32,
    },
    /// It looks for sound and has found none yet: others have theirs first. `left` as above.
    Searching {
        /// Frames in the ring.
        left: u32,
    },
    /// Nothing to do until it is woken.
    Wait,
    /// The job is over and is dropped.
    Done,
}

/// A job's turn on one of the pool's threads.
pub struct Turn<'a> {
    pressure: Pressure,
    is_over: &'a dyn Fn() -> bool,
}

impl<'a> Turn<'a> {
    /// Until `is_over` says so.
    #[must_use]
    pub fn new(pressure: Pressure, is_over: &'a dyn Fn() -> bool) -> Self {
        Self { pressure, is_over }
    }

    /// How far behind the pool is.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        self.pressure
    }

    /// Whether others are in need, or it has lasted for long. Until then a job works on, as long as it has room.
    #[must_use]
    pub fn is_over(&self) -> bool {
        (self.is_over)()
    }
}

/// A job: fills one ring.
pub trait Feed: Send {
    /// Do a small piece of work (a few frames), more while the turn is not over, and return. Called by one thread at a
    /// time.
    fn feed(&mut self, turn: &Turn<'_>) -> FeedStatus;

    /// Tell whoever waits for it that [`Feed::feed`] has panicked; it is dropped next.
    fn panicked(&mut self);
}
