//! The clock's end of a track.

use std::sync::Arc;

use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;
use isocord_ring::RingReader;

use super::{FRAME_WORDS, TrackEnd, TrackState};

/// The clock's end. Dropping it ends the track as closed, unless it has ended.
pub struct TrackReader {
    ring: RingReader<FRAME_WORDS>,
    state: Arc<TrackState>,
}

impl TrackReader {
    pub(super) fn new(ring: RingReader<FRAME_WORDS>, state: Arc<TrackState>) -> Self {
        Self { ring, state }
    }

    /// What is shared.
    pub(crate) fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    /// What the ring has now.
    pub(crate) fn supply(&self) -> Supply {
        match self.ring.supply() {
            (0, true) => Supply::Empty,
            (0, false) => Supply::Exhausted,
            _ => Supply::Ready,
        }
    }

    /// Asks to be woken by the next frame or the end; false if there is one already.
    pub(crate) fn starve(&mut self) -> bool {
        self.ring.starve()
    }

    /// Takes the oldest frame out; none if the ring is empty.
    pub(crate) fn take(&mut self) -> Option<OpusFrame> {
        let mut frame = OpusFrame::SILENCE;
        let mut taken = None;
        let filled = frame.fill(|bytes| {
            taken = self.ring.take(bytes);
            taken.map(|taken| taken.len).ok_or(())
        });
        if let Some(taken) = taken.filter(|taken| taken.wakes) {
            self.state.wake_producer(taken.left);
        }
        filled.ok().map(|()| frame)
    }
}

impl Drop for TrackReader {
    fn drop(&mut self) {
        self.state.end_with(TrackEnd::Closed);
    }
}
