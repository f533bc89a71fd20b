//! The producer's end of a track.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::thread::Thread;
use std::time::{Duration, Instant};

use isocord_proto::frame::OpusFrame;

use super::{FLUSH_RESERVE, PARK_SLICE, TrackState};

/// The producer's end.
pub struct TrackWriter {
    ring: rtrb::Producer<OpusFrame>,
    state: Arc<TrackState>,
    lookahead: usize,
    pushed: u64,
    was_full: bool,
}

impl TrackWriter {
    pub(super) fn new(ring: rtrb::Producer<OpusFrame>, state: Arc<TrackState>, lookahead: usize) -> Self {
        Self { ring, state, lookahead, pushed: 0, was_full: false }
    }

    /// What is shared.
    #[must_use]
    pub fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    /// Frames that may be pushed now.
    #[must_use]
    pub fn room(&self) -> usize {
        let stale = self.state.flush_to.load(Relaxed).saturating_sub(self.state.frames_taken()) as usize;
        let reserve = FLUSH_RESERVE.saturating_sub(stale.min(FLUSH_RESERVE));
        self.ring.slots().saturating_sub(reserve)
    }

    /// How many frames may be pushed if the producer should work now, or none if it should sleep:
    /// once the ring has been full, until half of it is free.
    pub fn room_to_work(&mut self) -> Option<usize> {
        let room = self.room();
        let enough = if self.was_full { self.lookahead.div_ceil(2) } else { 1 };
        (room >= enough || (self.is_flushing() && room > 0)).then(|| {
            self.was_full = false;
            room
        })
    }

    /// Asks to be woken when half the ring is free; then look at [`Self::room_to_work`] once more.
    pub fn going_to_sleep(&self) {
        self.state.producer_sleeps.store(true, Release);
    }

    /// Queues a frame; false if there is no room.
    #[must_use]
    pub fn push(&mut self, frame: &OpusFrame) -> bool {
        let pushed = self.room() > 0 && self.ring.push(*frame).is_ok();
        if pushed {
            self.pushed += 1;
            self.was_full |= self.room() == 0;
            self.state.wake_clock();
        }
        pushed
    }

    /// Frames pushed so far.
    #[must_use]
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Makes all frames in the ring stale: they are passed over as soon as a newer one is there, or the end.
    pub fn flush(&mut self) {
        self.make_stale(self.state.frames_taken());
    }

    /// Makes the frames in the ring stale, but for the next `keep`. Returns the number of the frame in whose place the
    /// next pushed one is heard; none if all that is queued stays. Not while [`Self::is_flushing`], when frames that
    /// are stale would seem to be the next ones.
    pub fn flush_after(&mut self, keep: u64) -> Option<u64> {
        let next = self.state.frames_taken() + keep;
        (next < self.pushed).then(|| {
            self.make_stale(next);
            next
        })
    }

    /// Whether stale frames are still in the ring. The producer is woken when the last one is gone.
    #[must_use]
    pub fn is_flushing(&self) -> bool {
        self.state.flush_to.load(Relaxed) > self.state.frames_taken()
    }

    /// More frames will come, also after an end was told; too late if it was already reached.
    fn make_stale(&self, from: u64) {
        // In this order, or the clock could take the stale frames for the last ones.
        self.state.finished.store(false, Release);
        self.state.flush_from.store(from, Release);
        self.state.flush_to.store(self.pushed, Release);
    }

    /// Frames in the ring.
    #[must_use]
    pub fn queued(&self) -> u32 {
        (self.ring.buffer().capacity() - self.ring.slots()) as u32
    }

    /// No more frames will come.
    pub fn finish(&self) {
        self.state.finished.store(true, Release);
        self.state.wake_clock();
    }

    /// No more frames will come, because the source failed.
    pub fn fail(&self) {
        self.state.failed.store(true, Relaxed);
        self.finish();
    }

    /// Parks the calling thread until there is [`Self::room_to_work`]; 0 after `timeout`, none if
    /// the track is over. The first thread that waits is the producer from then on.
    pub fn wait_room(&mut self, timeout: Duration) -> Option<usize> {
        let me: Thread = std::thread::current();
        self.state.set_waker(Box::new(move |_| me.unpark()));
        let deadline = Instant::now() + timeout;
        loop {
            self.going_to_sleep();
            if self.state.end().is_some() {
                return None;
            }
            if let Some(room) = self.room_to_work() {
                self.state.producer_sleeps.store(false, Relaxed);
                return Some(room);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(0);
            }
            std::thread::park_timeout(left.min(PARK_SLICE));
        }
    }
}
