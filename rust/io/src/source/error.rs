//! What can go wrong with a file, before and while it plays.

use std::io;

use isocord_proto::opus::OpusError;

use crate::dsp::VolumeError;

/// Why a file cannot be played. `name` is its path as it was given, or what the options call it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused.
    #[error("cannot open {name}: {source}")]
    Io {
        /// The file.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// A directory, a pipe or a device: reading it might never end.
    #[error("{name} is not a regular file")]
    NotAFile {
        /// The file.
        name: String,
    },
    /// Zero bytes.
    #[error("{name} is empty")]
    Empty {
        /// The file.
        name: String,
    },
    /// No known container was found.
    #[error("not an audio file that isocord knows: {name}")]
    Unknown {
        /// The file.
        name: String,
    },
    /// A known container, with a codec or a layout inside that cannot be decoded.
    #[error("{name} cannot be played: {reason}")]
    Unsupported {
        /// The file.
        name: String,
        /// What is not supported.
        reason: String,
    },
    /// A known container that holds no sound, or none that can be decoded.
    #[error("{name} is broken: {reason}")]
    Broken {
        /// The file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// It asks for more reading or computing than any sound is worth.
    #[error("{name} asks for too much: {reason}")]
    TooMuch {
        /// The file.
        name: String,
        /// What it asked for, and how much of it.
        reason: String,
    },
    /// Nothing here reads it, and neither does ffmpeg.
    #[error("{error}; neither can ffmpeg: {reason}")]
    Helpless {
        /// What is wrong with it here.
        error: Box<OpenError>,
        /// What ffmpeg says.
        reason: String,
    },
    /// The disk, or whatever is behind the file, does not answer.
    #[error("opening {name} took longer than {seconds} s")]
    TimedOut {
        /// The file.
        name: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Its server does not give it, or its URL is a bad one.
    #[error("cannot play {name}: {reason}")]
    Network {
        /// What of the URL may be told.
        name: String,
        /// What went wrong, and what to do.
        reason: String,
    },
    /// It cannot be started in the middle.
    #[error("{name} cannot be started in the middle: {}", NOT_SEEKABLE)]
    NotSeekable {
        /// What of the URL may be told.
        name: String,
    },
    /// The start position is negative or not a number.
    #[error("start must be a number of seconds, 0 or more, not {0}")]
    Start(f64),
    /// The volume is out of its range.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

/// Why an open file gives no more frames.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Reading failed.
    #[error("reading {name} failed: {source}")]
    Io {
        /// The file.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing more can be decoded.
    #[error("{name} is broken: {reason}")]
    Broken {
        /// The file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// It asks for more reading or computing than any sound is worth.
    #[error("{name} asks for too much: {reason}")]
    TooMuch {
        /// The file.
        name: String,
        /// What it asked for, and how much of it.
        reason: String,
    },
    /// Its server gives no more of it.
    #[error("{name} has broken off: {reason}")]
    Network {
        /// What of the URL may be told.
        name: String,
        /// What went wrong.
        reason: String,
    },
    /// There is no memory to decode its packets.
    #[error(transparent)]
    Opus(#[from] OpusError),
    /// It was closed while it was read.
    #[error("{name} is closed")]
    Closed {
        /// The file.
        name: String,
    },
}

const NOT_SEEKABLE: &str = "its server gives it from front to back only (no byte ranges)";

/// Why a seek was not made.
#[derive(Debug, thiserror::Error)]
pub enum SeekError {
    /// The target is negative or not a number.
    #[error("a position must be a number of seconds, 0 or more, not {0}")]
    Position(f64),
    /// Its server gives it from front to back only.
    #[error("{name} cannot be sought in: {}", NOT_SEEKABLE)]
    NotSeekable {
        /// What of the URL may be told.
        name: String,
    },
    /// Its sound comes as it comes.
    #[error("this source cannot be sought in, so it cannot go to {0} s")]
    Fixed(f64),
    /// The file failed on the way.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// A failure inside one stage, before the file's name is known to it.
#[derive(Debug)]
pub(crate) enum StageError {
    /// Reading failed.
    Io(io::Error),
    /// No known container.
    Unknown,
    /// A codec or a layout that cannot be decoded.
    Unsupported(String),
    /// Nothing more can be decoded.
    Broken(String),
    /// The budget is spent.
    TooMuch(String),
    /// The network, or a server.
    Network(String),
    /// Nobody wants it any more.
    Closed,
}

impl StageError {
    pub(crate) fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(reason.into())
    }

    pub(crate) fn into_open(self, name: &str) -> OpenError {
        let name = name.to_owned();
        match self {
            Self::Io(source) => OpenError::Io { name, source },
            Self::Unknown => OpenError::Unknown { name },
            Self::Unsupported(reason) => OpenError::Unsupported { name, reason },
            Self::Broken(reason) => OpenError::Broken { name, reason },
            Self::TooMuch(reason) => OpenError::TooMuch { name, reason },
            Self::Network(reason) => OpenError::Network { name, reason },
            Self::Closed => OpenError::Broken { name, reason: "it was closed".to_owned() },
        }
    }

    pub(crate) fn into_source(self, name: &str) -> SourceError {
        let name = name.to_owned();
        match self {
            Self::Io(source) => SourceError::Io { name, source },
            Self::Unknown => SourceError::Broken { name, reason: "the container is unknown".to_owned() },
            Self::Unsupported(reason) | Self::Broken(reason) => SourceError::Broken { name, reason },
            Self::TooMuch(reason) => SourceError::TooMuch { name, reason },
            Self::Network(reason) => SourceError::Network { name, reason },
            Self::Closed => SourceError::Closed { name },
        }
    }
}

impl From<io::Error> for StageError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
