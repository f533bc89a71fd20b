//! Why a recording, or one track of it, failed.

use std::io;
use std::path::PathBuf;

/// What went wrong with a track or a file.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A target could not be opened.
    #[error("cannot open {} for recording: {source}", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A write, seek or flush failed, for example because the disk is full.
    #[error("cannot write {target}: {source}")]
    Write {
        /// The path, or what kind of object it is.
        target: String,
        /// The system's word.
        source: io::Error,
    },
    /// A file that should be gone cannot be removed.
    #[error("cannot remove {}: {source}", path.display())]
    Remove {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The maker of targets failed.
    #[error("no target for this track: {0}")]
    Target(io::Error),
    /// An encoder refused.
    #[error("{0}")]
    Codec(String),
    /// A combination of options that cannot be.
    #[error("{0}")]
    Option(&'static str),
    /// A limit that leaves no room for any sound.
    #[error("a file of this format cannot be kept to {limit} bytes: give {least} at least")]
    Limit {
        /// What was asked for.
        limit: u64,
        /// What would do.
        least: u64,
    },
    /// The file cannot hold one more track.
    #[error("{0}")]
    NoRoom(String),
    /// The file is as big as [`max_file_bytes`](super::RecorderOptions::max_file_bytes) lets it be: the end of it, not a
    /// failure.
    #[error("the file is as big as it may be")]
    Full,
}

impl From<isocord_proto::opus::OpusError> for SinkError {
    fn from(error: isocord_proto::opus::OpusError) -> Self {
        Self::Codec(error.to_string())
    }
}
