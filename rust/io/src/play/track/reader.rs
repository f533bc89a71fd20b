//! The clock's end of a track.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;

use super::TrackState;

/// The clock's end.
pub struct TrackReader {
    ring: rtrb::Consumer<OpusFrame>,
    state: Arc<TrackState>,
    half: usize,
    taken: u64,
}

impl TrackReader {
    pub(super) fn new(ring: rtrb::Consumer<OpusFrame>, state: Arc<TrackState>, half: usize) -> Self {
        Self { ring, state, half, taken: 0 }
    }

    /// What is shared.
    pub(crate) fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    /// What the ring has now.
    pub(crate) fn supply(&mut self) -> Supply {
        let flush_to = self.state.flush_to.load(Acquire);
        // `finished` is read after the flush, which takes it back, and before the ring: whatever was pushed before it
        // was set is then seen.
        let finished = self.state.finished.load(Acquire);
        self.drop_stale(flush_to, finished);
        match (self.ring.is_empty(), finished) {
            (false, _) => Supply::Ready,
            (true, false) => Supply::Empty,
            (true, true) => Supply::Exhausted,
        }
    }

    /// Asks to be woken by the next frame; then look at [`Self::supply`] once more.
    pub(crate) fn going_to_starve(&self) {
        self.state.clock_starves.store(true, Release);
    }

    /// Lends the oldest frame to `use_it` and takes it out; none if the ring is empty.
    pub(crate) fn take<T>(&mut self, use_it: impl FnOnce(&OpusFrame) -> T) -> Option<T> {
        let chunk = self.ring.read_chunk(1).ok()?;
        let result = chunk.as_slices().0.first().map(use_it);
        chunk.commit_all();
        self.note_taken(1);
        result
    }

    fn drop_stale(&mut self, flush_to: u64, finished: bool) {
        let stale = flush_to.saturating_sub(self.taken) as usize;
        if stale == 0 || self.taken < self.state.flush_from.load(Acquire) {
            return;
        }
        let queued = self.ring.slots();
        let passed_over = match queued > stale || finished {
            true => stale,
            // Nothing newer has room; one is left to be heard meanwhile.
            false if queued == self.ring.buffer().capacity() => stale - 1,
            false => return,
        };
        if let Ok(chunk) = self.ring.read_chunk(passed_over) {
            chunk.commit_all();
            self.note_taken(passed_over as u64);
        }
    }

    fn note_taken(&mut self, count: u64) {
        // What takes the place of stale frames is waited for, and so is the moment when they are gone.
        let flushing = self.state.flush_to.load(Acquire) > self.taken;
        self.taken += count;
        self.state.taken.store(self.taken, Release);
        let left = self.ring.slots();
        let free = self.ring.buffer().capacity() - left;
        if (free >= self.half || flushing) && self.state.producer_sleeps.swap(false, AcqRel) {
            self.state.wake_producer(left as u32);
        }
    }
}
