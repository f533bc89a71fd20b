//! What can go wrong with a source that plays.

use std::io;

use isocord_proto::opus::OpusError;

use crate::source::{SeekError, SourceError};

/// Why a source was not put on a track.
#[derive(Debug, thiserror::Error)]
pub enum DeckError {
    /// A source plays once, from one place.
    #[error("this source already plays, or has played, on another track: open it anew")]
    InUse,
    /// No encoder.
    #[error(transparent)]
    Opus(#[from] OpusError),
    /// No thread to feed it.
    #[error("the threads that feed tracks could not be started: {0}")]
    Threads(#[from] io::Error),
}

/// Why a source that plays ends early.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Seek(#[from] SeekError),
    #[error(transparent)]
    Opus(#[from] OpusError),
}
