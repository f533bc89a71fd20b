//! The clock's end of a track.

use std::sync::Arc;

use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;
use isocord_ring::RingReader;

use super::shared::SharedReader;
use super::{FRAME_WORDS, TrackEnd, TrackState};

/// The clock's end. Dropping it ends the track as closed, unless it has ended.
pub struct TrackReader {
    frames: Frames,
    state: Arc<TrackState>,
}

enum Frames {
    Own(RingReader<FRAME_WORDS>),
    Shared(SharedReader),
}

impl TrackReader {
    pub(super) fn new(ring: RingReader<FRAME_WORDS>, state: Arc<TrackState>) -> Self {
        Self { frames: Frames::Own(ring), state }
    }

    pub(super) fn shared(reader: SharedReader, state: Arc<TrackState>) -> Self {
        Self { frames: Frames::Shared(reader), state }
    }

    /// What is shared.
    pub fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    /// What the ring has now.
    pub(crate) fn supply(&self) -> Supply {
        match &self.frames {
            Frames::Own(ring) => match ring.supply() {
                (0, true) => Supply::Empty,
                (0, false) => Supply::Exhausted,
                _ => Supply::Ready,
            },
            Frames::Shared(reader) => reader.supply(),
        }
    }

    /// Asks to be woken by the next frame or the end; false if there is one already.
    pub(crate) fn starve(&mut self) -> bool {
        match &mut self.frames {
            Frames::Own(ring) => ring.starve(),
            Frames::Shared(reader) => reader.starve(),
        }
    }

    /// Takes the oldest frame out; none if the ring is empty.
    pub(crate) fn take(&mut self) -> Option<OpusFrame> {
        let ring = match &mut self.frames {
            Frames::Own(ring) => ring,
            Frames::Shared(reader) => return reader.take(),
        };
        let mut frame = OpusFrame::SILENCE;
        let mut taken = None;
        let filled = frame.fill(|bytes| {
            taken = ring.take(bytes);
            taken.map(|taken| taken.len).ok_or(())
        });
        if let Some(taken) = taken.filter(|taken| taken.wakes) {
            self.state.wake_producer(taken.left);
        }
        filled.ok().map(|()| frame)
    }

    /// Whether the source of what was to come has failed.
    pub(crate) fn failed(&self) -> bool {
        match &self.frames {
            Frames::Own(_) => self.state.failed(),
            Frames::Shared(reader) => reader.failed(),
        }
    }
}

impl Drop for TrackReader {
    fn drop(&mut self) {
        self.state.end_with(TrackEnd::Closed);
    }
}
