//! The clock's end of a ring.

use std::sync::Arc;

use isocord_prefetch::prefetch;
use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;
use isocord_ring::RingReader;

use super::{FRAME_WORDS, TrackEnd, TrackState};

/// A ring's end and the state of its track. Dropping it ends the track as closed, unless it has ended.
pub(super) struct OwnReader {
    ring: RingReader<FRAME_WORDS>,
    state: Arc<TrackState>,
}

impl OwnReader {
    pub(super) fn new(ring: RingReader<FRAME_WORDS>, state: Arc<TrackState>) -> Self {
        Self { ring, state }
    }

    pub(super) fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    pub(super) fn supply(&self) -> Supply {
        match self.ring.supply() {
            (0, true) if self.state.rests() => Supply::Resting,
            (0, true) => Supply::Empty,
            (0, false) => Supply::Exhausted,
            _ => Supply::Ready,
        }
    }

    pub(super) fn starve(&mut self) -> bool {
        self.ring.starve()
    }

    /// See [`RingReader::fetch`].
    pub(super) fn fetch(&self, step: usize) {
        if step == 0 {
            prefetch(&*self.state);
        }
        self.ring.fetch(step);
    }

    /// The frame that comes after `ahead` others; it stays where it is.
    pub(super) fn peek(&self, ahead: usize) -> Option<OpusFrame> {
        let mut frame = OpusFrame::SILENCE;
        let ahead = u32::try_from(ahead).ok()?;
        frame.fill(|bytes| self.ring.peek(ahead, bytes).ok_or(())).ok().map(|()| frame)
    }

    pub(super) fn put_back(&mut self, count: u64) {
        self.ring.put_back(count);
    }

    pub(super) fn is_finished(&self) -> bool {
        !self.ring.supply().1
    }

    pub(super) fn revision(&self) -> u64 {
        self.ring.revision()
    }

    /// See [`RingReader::take`].
    pub(super) fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        let taken = self.ring.take(out)?;
        if taken.wakes {
            self.state.wake_producer(taken.left);
        }
        Some(taken.len)
    }
}

impl Drop for OwnReader {
    fn drop(&mut self) {
        self.state.end_with(TrackEnd::Closed);
    }
}
