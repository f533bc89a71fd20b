//! Opens tracks as a layout wants them.

use std::path::PathBuf;

use super::assembler::Assembler;
use super::error::SinkError;
use super::matroska::{MuxTrack, Muxer, SharedMuxer};
use super::mix::{Mix, VoiceTrack, patience};
use super::open::{Opened, open, packets};
use super::options::{Format, Layout, RecorderOptions, TargetFactory};
use super::output::OpenTarget;
use super::track::Track;
use super::written::Written;

type Result<T> = std::result::Result<T, SinkError>;

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
                let out = OpenTarget::open(target, options.max_file_bytes)?;
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
