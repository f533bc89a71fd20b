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
        let mut frame = OpusFrame::SILENCE;
        frame.fill(|out| self.take_into(out).ok_or(())).ok().map(|()| frame)
    }

    /// The same, to the front of `out`, as far as there is room; its length there.
    pub(crate) fn take_into(&mut self, out: &mut [u8]) -> Option<usize> {
        match &mut self.0 {
            Frames::Own(reader) => reader.take(out),
            Frames::Shared(reader) => reader.take(out),
        }
    }

    /// Whether others play it, too.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.0, Frames::Shared(_))
    }

    /// The last of those taken have not been heard, and no more are taken.
    pub(crate) fn put_back(&mut self, count: u64) {
        // What is shared goes on.
        if let Frames::Own(reader) = &mut self.0 {
            reader.put_back(count);
        }
    }

    /// Of what is shared, who was held or has not begun yet goes on where the others are.
    pub(crate) fn catch_up(&mut self) {
        if let Frames::Shared(reader) = &mut self.0 {
            reader.catch_up();
        }
    }

    /// The frame that comes after `ahead` others, if it waits already. It may be made anew until it is taken.
    pub(crate) fn peek(&self, ahead: usize) -> Option<OpusFrame> {
        match &self.0 {
            Frames::Own(reader) => reader.peek(ahead),
            Frames::Shared(reader) => reader.peek(ahead),
        }
    }

    /// Whether no frame is due where none waits.
    pub(crate) fn rests(&self) -> bool {
        match &self.0 {
            Frames::Own(reader) => reader.state().rests(),
            Frames::Shared(reader) => reader.rests(),
        }
    }

    /// Whether no more frames will come than wait already.
    pub(crate) fn is_finished(&self) -> bool {
        match &self.0 {
            Frames::Own(reader) => reader.is_finished(),
            Frames::Shared(reader) => reader.is_finished(),
        }
    }

    /// Changes whenever what [`Self::peek`] shows may have.
    pub(crate) fn revision(&self) -> u64 {
        match &self.0 {
            Frames::Own(reader) => reader.revision(),
            Frames::Shared(reader) => reader.revision(),
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
