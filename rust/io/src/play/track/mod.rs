//! A track: Opus frames between the thread that makes them and the clock thread.
//!
//! The ring of `isocord_ring` holds the lookahead. The producer sleeps while more than half of it is full, so that it
//! runs seldom and long instead of often and short; the clock thread only makes a step of the ring and, once for each
//! half of it, wakes the producer. Whoever lets go of an end ends the track.

mod interruption;
mod own;
mod reader;
mod shared;
mod state;
mod writer;

use std::sync::Arc;

pub use interruption::{Interrupted, Interrupter};
use isocord_proto::frame::MAX_OPUS_LEN;
pub use isocord_ring::TooLate;
pub use reader::TrackReader;
pub use shared::SharedTrack;
pub use state::{ConsumerWaker, ProducerWaker, TrackState};
pub use writer::TrackWriter;

/// Words of eight bytes that hold the longest packet.
const FRAME_WORDS: usize = MAX_OPUS_LEN.div_ceil(8);
/// Frames in the ring unless the user says otherwise.
pub const DEFAULT_LOOKAHEAD: usize = 25;
/// The longest lookahead: 20 s.
pub const MAX_LOOKAHEAD: usize = 1_000;

/// How a track ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TrackEnd {
    /// Played to its end.
    Finished = 1,
    /// By `stop`.
    Stopped = 2,
    /// Another track took its place.
    Replaced = 3,
    /// Its connection closed.
    Closed = 4,
    /// Its native source failed.
    Failed = 5,
    /// Somebody spoke over it.
    Interrupted = 6,
}

impl TrackEnd {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Finished, Self::Stopped, Self::Replaced, Self::Closed, Self::Failed, Self::Interrupted];

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|end| *end as u8 == code)
    }
}

/// A track of `lookahead` frames (1 to [`MAX_LOOKAHEAD`]).
#[must_use]
pub fn track(lookahead: usize) -> (TrackWriter, TrackReader) {
    let lookahead = lookahead.clamp(1, MAX_LOOKAHEAD);
    let (writer, reader) = isocord_ring::ring(lookahead);
    let state = Arc::new(TrackState::new(reader.observer()));
    let writer = TrackWriter::new(writer, Arc::clone(&state), lookahead);
    (writer, TrackReader::new(reader, state))
}

#[cfg(test)]
mod tests;
