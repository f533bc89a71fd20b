//! What can go wrong with a file that plays.

use std::io;

use isocord_proto::opus::OpusError;

use crate::source::{SeekError, SourceError};

/// Why a file was not put on a track.
#[derive(Debug, thiserror::Error)]
pub enum FileTrackError {
    /// A file plays once at a time, from one place.
    #[error("this file already plays, or has played, on another track: open it anew")]
    InUse,
    /// No encoder.
    #[error(transparent)]
    Opus(#[from] OpusError),
    /// No thread to feed it.
    #[error("the threads that read files could not be started: {0}")]
    Threads(#[from] io::Error),
}

/// Why a file that plays ends early.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Seek(#[from] SeekError),
    #[error(transparent)]
    Opus(#[from] OpusError),
}
