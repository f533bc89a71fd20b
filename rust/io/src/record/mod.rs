//! Recording: frames of many users in, sample-aligned files out.
//!
//! One frame's way: [`Recorder`] maps its position to the recording's own time ([`timeline`]), the user's
//! assembler puts it in order ([`assembler`]), a lane turns it into what the format takes ([`lane`]: PCM or
//! Opus packets), [`pcm_parts`] or [`packet_parts`] share that out to one file after the other, a writer makes bytes
//! of it ([`wav`], [`flac`], [`mp3`], [`ogg_opus`], [`matroska`]), and [`output`] brings those to a [`target`]: a file,
//! any other object, or a [`process`] that encodes them. A thread for
//! all that is in [`recording`].
//!
//! All positions and lengths are samples per channel at 48 kHz.

mod about;
mod assembler;
mod clean;
mod coded;
mod comments;
mod consent;
mod error;
mod flac;
mod lane;
mod maker;
mod matroska;
mod mix;
#[cfg(feature = "mp3")]
mod mp3;
mod ogg_opus;
mod open;
mod options;
mod opus_lane;
mod output;
mod packet;
mod packet_parts;
mod parts;
mod pcm_parts;
mod process;
mod recorder;
pub mod recording;
mod recovery;
mod report;
mod riff;
mod shape;
mod shared_files;
mod survey;
mod target;
mod timeline;
mod track;
mod wav;
mod written;

pub use about::{About, NameOf};
pub use clean::Cleaning;
pub use coded::Coded;
pub use error::SinkError;
pub use matroska::DocType;
pub use options::{Format, Layout, RecorderOptions, Split, TargetFactory, WholeFactory, directory, once};
pub use parts::PartReport;
pub use process::Ffmpeg;
pub use recorder::Recorder;
pub use report::{
    EndReason, FileState, RecorderEvent, RecorderReport, RecorderState, RecorderStats, TrackReport,
};
pub use shape::{Depth, SampleShape};
pub use survey::VoiceReport;
pub use target::{Encoding, Target, WriteSeek};

/// Whether MP3 can be written without another program.
pub const HAS_MP3: bool = cfg!(feature = "mp3");

/// What a frame holds.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// Interleaved stereo at 48 kHz, usually 960 pairs.
    Pcm(&'a [i16]),
    /// One Opus packet; it says itself how long it lasts (2.5 to 120 ms).
    Opus(&'a [u8]),
}

/// What a sink would rather have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// Decoded sound, concealed where packets were lost.
    Pcm,
    /// The original packets; lost ones are left out.
    Opus,
}

/// Takes the frames of many users from the receive path.
///
/// `position` is the place of the frame's first sample on one clock that all users share.
pub trait FrameSink: Send {
    /// What [`Self::frame`] should be called with. It never changes.
    fn wants(&self) -> Wants;

    /// One frame. Frames of a user may come out of order, overlap, repeat or be missing.
    fn frame(&mut self, user_id: u64, position: u64, payload: Payload<'_>);

    /// The common clock has come to `position`; called at least once a second, also while nobody speaks,
    /// and after the frames that were received up to then. Frames more than ten seconds ahead of it are dropped,
    /// and so are steps of the clock by more than an hour.
    fn advance(&mut self, position: u64);
}
