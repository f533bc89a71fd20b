//! Sound from a file, in frames of 20 ms, without Python.
//!
//! [`AudioFile`] opens a file or bytes in memory and yields frames: Opus packets as they stand in the file where that
//! is possible, else 48 kHz stereo PCM for the caller's encoder.
//!
//! The way of a PCM file: demux and decode (symphonia) -> downmix to stereo -> resample to 48 kHz -> volume -> frame.
//! The way of an Opus file: pages or blocks -> packets -> units of 20 ms -> frame, or decode -> volume -> frame.
//!
//! What a file may cost to read is bounded: `budget` counts it where it is read.
//!
//! Every position is counted in samples of 48 kHz from the first sample that is meant to be heard.

mod budget;
mod contents;
mod ebml;
mod error;
mod ffmpeg;
mod file;
mod frame;
mod hidden;
mod hls;
mod http;
mod input;
mod mp4;
mod opener;
mod opening;
mod opus;
mod packet;
mod pcm;
mod reel;
mod stream;
mod tags;
mod tape;
mod url;

pub use contents::FileInfo;
pub use error::{OpenError, SeekError, SourceError};
pub use ffmpeg::find_ffmpeg;
pub use file::{AudioFile, Closer};
pub use frame::{
    Downstream, FRAME_BYTES, FRAME_SAMPLES, FrameBuf, FrameSource, MAX_OPUS_FRAME, SAMPLE_RATE, SourceFrame,
    Want,
};
pub use http::{Fresh, HttpHeaders, HttpOptions};
pub use input::{Bytes, Input};
pub(crate) use opener::within;
pub use opening::AudioFileOptions;
pub use packet::Packet;
pub use reel::{Reel, ReelWriter, reel};
pub use stream::StreamTitle;
pub use tags::{Cover, Tags};
pub(crate) use tape::{CutFrames, DECODER_LEAD, Pcm, Reached, Tape};
