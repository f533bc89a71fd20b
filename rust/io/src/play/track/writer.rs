//! The producer's end of a track.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::Thread;
use std::time::{Duration, Instant};

use isocord_proto::frame::OpusFrame;
use isocord_ring::{RingWriter, TooLate};

use super::{FRAME_WORDS, TrackState};

/// The producer's end. Dropping it ends the supply: what is queued still plays, and the track ends as failed unless
/// [`Self::finish`] was called.
pub struct TrackWriter {
    ring: RingWriter<FRAME_WORDS>,
    state: Arc<TrackState>,
    lookahead: usize,
    /// Once the ring has been full, the producer works again when half of it is free.
    was_full: bool,
}

impl TrackWriter {
    pub(super) fn new(ring: RingWriter<FRAME_WORDS>, state: Arc<TrackState>, lookahead: usize) -> Self {
        Self { ring, state, lookahead, was_full: false }
    }

    /// What is shared.
    #[must_use]
    pub fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    /// Frames that the ring holds when it is full.
    #[must_use]
    pub fn lookahead(&self) -> usize {
        self.lookahead
    }

    /// Frames that may be pushed now.
    #[must_use]
    pub fn room(&self) -> usize {
        self.ring.room()
    }

    /// Frames in the ring.
    #[must_use]
    pub fn queued(&self) -> u32 {
        self.ring.queued()
    }

    /// Number of the frame that is taken next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.ring.next()
    }

    /// Number of the frame that is pushed next.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.ring.end()
    }

    /// How many frames may be pushed if the producer should work now. None if it should sleep: once the ring has been
    /// full, until half of it is free. It is then woken.
    pub fn room_or_sleep(&mut self) -> Option<usize> {
        let enough = if self.was_full { self.lookahead.div_ceil(2) } else { 1 };
        if self.ring.sleep(enough) {
            return None;
        }
        self.was_full = false;
        Some(self.room())
    }

    /// Sleeps, with room for more, until `left` frames are left or fewer; false if that is so now.
    pub fn sleep_until(&mut self, left: usize) -> bool {
        self.ring.sleep(self.lookahead.saturating_sub(left) + 1)
    }

    /// Queues a frame; false if there is no room.
    #[must_use]
    pub fn push(&mut self, frame: &OpusFrame) -> bool {
        let pushed = self.ring.push(frame.as_bytes());
        self.was_full |= self.room() == 0;
        self.wake(pushed == Some(true));
        pushed.is_some()
    }

    /// Puts `frames` in the place of those from number `from` on, so that they follow exactly what has left.
    ///
    /// # Errors
    /// [`TooLate`] if the clock has come to that frame; nothing has changed.
    pub fn replace_from(&mut self, from: u64, frames: &[OpusFrame]) -> Result<(), TooLate> {
        if from < self.end() || self.ring.is_finished() {
            self.ring.take_back(from)?;
            self.was_full = false;
        } else if from > self.end() || from < self.next() {
            return Err(TooLate);
        }
        for frame in frames {
            let pushed = self.push(frame);
            debug_assert!(pushed, "there are no more than were taken back, or fit");
        }
        Ok(())
    }

    /// Has these frames wait from number `from` on, and no others. Those whose turn has come are left out, and those that
    /// have no room. Says for how many it was too late.
    pub fn rewrite(&mut self, from: u64, frames: &[OpusFrame]) -> usize {
        let mut start = from;
        while (start < self.end() || self.ring.is_finished()) && self.ring.take_all_back(start).is_err() {
            start = start.max(self.next());
        }
        self.was_full = false;
        let late = usize::try_from(self.end().saturating_sub(from)).unwrap_or(usize::MAX);
        frames.iter().skip(late).take_while(|frame| self.push(frame)).for_each(drop);
        late.min(frames.len())
    }

    /// Puts `frame` in the place of all that is queued: the clock's next frame is this one. Returns its number.
    pub fn replace_all(&mut self, frame: &OpusFrame) -> u64 {
        let (number, wakes) = self.ring.replace_all(frame.as_bytes());
        self.was_full = false;
        self.wake(wakes);
        number
    }

    /// The same, if nothing has left since the clock's next frame was number `next`.
    ///
    /// # Errors
    /// [`TooLate`]; nothing has changed.
    pub fn replace_all_at(&mut self, next: u64, frame: &OpusFrame) -> Result<u64, TooLate> {
        let (number, wakes) = self.ring.replace_all_at(next, frame.as_bytes())?;
        self.was_full = false;
        self.wake(wakes);
        Ok(number)
    }

    /// No more frames will come.
    pub fn finish(&mut self) {
        let wakes = self.ring.finish();
        self.wake(wakes);
    }

    /// No more frames will come, and of those in the ring only those before number `from` are to be heard, as far as
    /// they have not left.
    pub fn finish_at(&mut self, from: u64) {
        if from == 0 {
            self.end_now();
            return;
        }
        // What is too late to be taken back has left.
        let _ = self.ring.take_back(from);
        self.finish();
    }

    /// No more frames will come, and those in the ring are not to be heard. Gives the number of the first of them.
    pub fn end_now(&mut self) -> u64 {
        let (number, wakes) = self.ring.end_now();
        self.wake(wakes);
        number
    }

    /// No more frames will come, because the source failed.
    pub fn fail(&mut self) {
        self.state.failed.store(true, Relaxed);
        self.finish();
    }

    /// Parks the calling thread until there is room to work; 0 after `timeout`, none if the track is over. The first
    /// thread that waits is the producer from then on.
    pub fn wait_room(&mut self, timeout: Duration) -> Option<usize> {
        let me: Thread = std::thread::current();
        self.state.set_waker(Box::new(move |_| me.unpark()));
        let deadline = Instant::now() + timeout;
        loop {
            if self.state.end().is_some() {
                return None;
            }
            if let Some(room) = self.room_or_sleep() {
                return Some(room);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(0);
            }
            std::thread::park_timeout(left);
        }
    }

    /// Has the clock look at the track.
    pub(crate) fn tell(&self) {
        self.state.wake_consumer();
    }

    fn wake(&self, consumer: bool) {
        if consumer {
            self.state.wake_consumer();
        }
    }
}

impl Drop for TrackWriter {
    fn drop(&mut self) {
        if !self.ring.is_finished() {
            self.fail();
        }
    }
}
