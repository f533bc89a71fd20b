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

/// A job: fills one ring.
pub trait Feed: Send {
    /// Do a small piece of work (a few frames) and return. Called by one thread at a time.
    fn feed(&mut self, pressure: Pressure) -> FeedStatus;

    /// Tell whoever waits for it that [`Feed::feed`] has panicked; it is dropped next.
    fn panicked(&mut self);
}
