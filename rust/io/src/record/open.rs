//! Opens a track of its own file, in any format.

use std::io::Cursor;
use std::path::PathBuf;

use isocord_proto::opus::EncoderOptions;

use super::error::SinkError;
use super::flac::Flac;
use super::lane::{PacketWriter, PcmLane, PcmWriter, TrackLane};
use super::matroska::{MuxTrack, Muxer};
#[cfg(feature = "mp3")]
use super::mp3::Mp3;
use super::ogg_opus::OggOpus;
use super::options::Format;
use super::opus_lane::{EncodeLane, PassLane};
use super::output::OpenTarget;
use super::target::Target;
use super::wav::{Raw, Wav};

/// A file has room for a little more than none.
const MARGIN: u64 = 1_024;

type Result<T> = std::result::Result<T, SinkError>;

/// A track that is open, and where it lies.
pub(crate) struct Opened {
    pub lane: Box<dyn TrackLane>,
    pub path: Option<PathBuf>,
}

pub(crate) fn open(
    format: Format,
    target: Target,
    limit: Option<u64>,
    opus: Option<&EncoderOptions>,
    user_id: Option<u64>,
) -> Result<Opened> {
    let out = OpenTarget::open(target, limit)?;
    let path = out.path().map(Into::into);
    let pcm = |writer: Box<dyn PcmWriter>| Box::new(PcmLane::new(writer));
    let title = user_id.map_or_else(|| "mixdown".to_owned(), |user_id| user_id.to_string());
    let lane = match format {
        Format::Wav => pcm(Box::new(Wav::new(out)?)),
        Format::Pcm => pcm(Box::new(Raw(out))),
        Format::Flac => pcm(Box::new(Flac::new(out)?)),
        #[cfg(not(feature = "mp3"))]
        Format::Mp3 { .. } => return Err(SinkError::Option("isocord was built without MP3")),
        #[cfg(feature = "mp3")]
        Format::Mp3 { bitrate } => pcm(Box::new(Mp3::new(out, bitrate)?)),
        Format::OggOpus => {
            let serial = user_id.map_or(1, |user_id| (user_id ^ user_id >> 32) as u32);
            return packets(Box::new(OggOpus::new(out, serial, vec![format!("TITLE={title}")])), opus, path);
        }
        Format::Matroska(doc_type) => {
            let muxer = Muxer::new(out, doc_type, 1)?;
            return packets(Box::new(MuxTrack::alone(muxer, title)), opus, path);
        }
    };
    Ok(Opened { lane, path })
}

/// Refuses a limit that leaves no room for any sound.
pub(crate) fn check_limit(format: Format, limit: Option<u64>) -> Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    let memory = Target::Seekable(Box::new(Cursor::new(Vec::new())));
    let mut empty = open(format, memory, None, None, Some(u64::MAX))?;
    empty.lane.finish()?;
    let least = empty.lane.len() + MARGIN;
    if limit < least { Err(SinkError::Limit { limit, least }) } else { Ok(()) }
}

/// Packets pass through; `opus` asks for an encoder before them.
pub(crate) fn packets(
    writer: Box<dyn PacketWriter>,
    opus: Option<&EncoderOptions>,
    path: Option<PathBuf>,
) -> Result<Opened> {
    let lane: Box<dyn TrackLane> = match opus {
        Some(options) => Box::new(EncodeLane::new(writer, options)?),
        None => Box::new(PassLane::new(writer)?),
    };
    Ok(Opened { lane, path })
}
