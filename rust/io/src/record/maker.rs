//! Opens tracks in any format and layout.

use std::io::Cursor;
use std::path::PathBuf;

use isocord_proto::opus::EncoderOptions;

use super::assembler::Assembler;
use super::error::SinkError;
use super::flac::Flac;
use super::lane::{PacketWriter, PcmLane, PcmWriter, TrackLane};
use super::matroska::{MuxTrack, Muxer, SharedMuxer};
use super::mix::{Mix, VoiceTrack, patience};
#[cfg(feature = "mp3")]
use super::mp3::Mp3;
use super::ogg_opus::OggOpus;
use super::options::{Format, Layout, RecorderOptions, TargetFactory};
use super::opus_lane::{EncodeLane, PassLane};
use super::output::{Output, Target};
use super::track::Track;
use super::wav::{Raw, Wav};
use super::written::Written;

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
    let out = Output::open(target, limit)?;
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
    let mut empty =
        open(format, Target::Seekable(Box::new(Cursor::new(Vec::new()))), None, None, Some(u64::MAX))?;
    empty.lane.finish()?;
    let least = empty.lane.len() + MARGIN;
    if limit < least {
        return Err(SinkError::Limit { limit, least });
    }
    Ok(())
}

/// Packets pass through; `opus` asks for an encoder before them.
fn packets(
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

/// Opens tracks as a layout wants them.
pub(crate) enum Maker {
    PerUser(TargetFactory),
    Shared(SharedMuxer),
    /// Users are only voices of the mixdown.
    Voices,
}

impl Maker {
    pub(crate) fn new(options: &RecorderOptions, layout: Layout) -> Result<(Self, Option<Mix>)> {
        match (layout, options.format) {
            (Layout::PerUser(factory), _) => Ok((Self::PerUser(factory), None)),
            (Layout::Mixdown(target), _) => Ok((Self::Voices, Some(Mix::new(options, target)?))),
            (Layout::Tracks(target), Format::Matroska(doc_type)) => {
                let out = Output::open(target, options.max_file_bytes)?;
                let muxer = Muxer::new(out, doc_type, options.max_tracks)?;
                Ok((Self::Shared(SharedMuxer::new(muxer)), None))
            }
            (Layout::Tracks(_), _) => {
                Err(SinkError::Option("only Matroska and WebM hold the tracks of many users in one file"))
            }
        }
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Shared(muxer) => muxer.get().path().map(Into::into),
            Self::PerUser(_) | Self::Voices => None,
        }
    }

    pub(crate) fn shared_len(&self) -> Option<u64> {
        match self {
            Self::Shared(muxer) => Some(muxer.get().len()),
            Self::PerUser(_) | Self::Voices => None,
        }
    }

    /// A track, even if it has failed to open.
    pub(crate) fn track(
        &mut self,
        options: &RecorderOptions,
        user_id: u64,
        origin: u64,
        opus: bool,
        mix: bool,
    ) -> Track {
        let encode = (!opus).then_some(&options.opus);
        let limit = options.max_file_bytes;
        let opened = match self {
            Self::PerUser(factory) => factory(user_id)
                .map_err(SinkError::Target)
                .and_then(|target| open(options.format, target, limit, encode, Some(user_id))),
            Self::Shared(muxer) => {
                packets(Box::new(MuxTrack::new(muxer.clone(), user_id.to_string(), origin)), encode, None)
            }
            Self::Voices => Ok(Opened { lane: Box::new(VoiceTrack), path: None }),
        };
        let window = if mix { patience(options.mix_window) } else { options.reorder };
        Track::new(Assembler::new(origin, window), Written::new(opened))
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        match self {
            Self::Shared(muxer) => muxer.get().flush(),
            Self::PerUser(_) | Self::Voices => Ok(()),
        }
    }

    pub(crate) fn finish(&mut self) -> Result<()> {
        match self {
            Self::Shared(muxer) => {
                let mut muxer = muxer.get();
                muxer.finish()?;
                muxer.take_error().map_or(Ok(()), Err)
            }
            Self::PerUser(_) | Self::Voices => Ok(()),
        }
    }

    /// The error of a file of many tracks, once.
    pub(crate) fn broken(&self) -> Result<()> {
        match self {
            Self::Shared(muxer) => muxer.get().take_error().map_or(Ok(()), Err),
            Self::PerUser(_) | Self::Voices => Ok(()),
        }
    }
}
