//! Matroska and WebM (RFC 9559) with one Opus track for each user.
//!
//! The list of tracks stands before the sound, yet users come later. Where the target can seek, the header keeps
//! room (a Void element) for as many entries as the recording may have, and each newcomer's entry is written
//! into it before the first of its blocks. Where it cannot, the header waits for the first second of sound, lists
//! who has spoken and some spare tracks, and those who come later take the spares; tags at the end name them.
//! Every cluster is built in memory and written whole with its size, so the file can be read at any time.

mod ebml;
mod head;
mod muxer;
mod track;

pub(crate) use muxer::Muxer;
pub(crate) use track::{MuxTrack, SharedMuxer};

/// The name of the format in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocType {
    /// `.mkv`, `.mka`.
    Matroska,
    /// `.webm`.
    Webm,
}

impl DocType {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Matroska => b"matroska",
            Self::Webm => b"webm",
        }
    }
}
