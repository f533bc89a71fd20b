//! The clock's end of a track.

use std::sync::Arc;

use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;
use isocord_ring::RingReader;

use super::own::OwnReader;
use super::shared::{SharedReader, SharedTrack};
use super::{FRAME_WORDS, TrackState};

/// The clock's end. Dropping it ends the track as closed, unless it has ended.
pub struct TrackReader(Frames);

enum Frames {
    Own(OwnReader),
    Shared(SharedReader),
}

impl TrackReader {
    pub(super) fn new(ring: RingReader<FRAME_WORDS>, state: Arc<TrackState>) -> Self {
        Self(Frames::Own(OwnReader::new(ring, state)))
    }

    /// One more end of a track that many connections play.
    #[must_use]
    pub fn of(track: &SharedTrack) -> Self {
        Self(Frames::Shared(track.reader()))
    }

    /// Shares the track, in place of playing it in one place.
    #[must_use]
    pub fn share(self) -> SharedTrack {
        match self.0 {
            Frames::Own(reader) => SharedTrack::new(reader),
            Frames::Shared(reader) => reader.track(),
        }
    }

    /// What is shared with producer and onlookers.
    #[must_use]
    pub fn state(&self) -> &Arc<TrackState> {
        match &self.0 {
            Frames::Own(reader) => reader.state(),
            Frames::Shared(reader) => reader.state(),
        }
    }

    /// What the ring has now.
    pub(crate) fn supply(&self) -> Supply {
        match &self.0 {
            Frames::Own(reader) => reader.supply(),
            Frames::Shared(reader) => reader.supply(),
        }
    }

    /// Asks to be woken by the next frame or the end; false if there is one already.
    pub(crate) fn starve(&mut self) -> bool {
        match &mut self.0 {
            Frames::Own(reader) => reader.starve(),
            Frames::Shared(reader) => reader.starve(),
        }
    }

    /// Has what [`Self::take`] will need brought near, step by step.
    pub(crate) fn fetch(&self, step: usize) {
        if let Frames::Own(reader) = &self.0 {
            reader.fetch(step);
        }
    }

    /// Takes the oldest frame out; none if the ring is empty.
    pub(crate) fn take(&mut self) -> Option<OpusFrame> {
        match &mut self.0 {
            Frames::Own(reader) => reader.take(),
            Frames::Shared(reader) => reader.take(),
        }
    }

    /// Whether the source of what was to come has failed.
    pub(crate) fn failed(&self) -> bool {
        match &self.0 {
            Frames::Own(reader) => reader.state().failed(),
            Frames::Shared(reader) => reader.failed(),
        }
    }
}
