//! Opens a track of its own file, in any format.

use std::io::Cursor;

use isocord_proto::opus::EncoderOptions;

use super::about::{About, Labels, MAX_TITLE};
use super::error::SinkError;
use super::flac::Flac;
use super::lane::{PacketWriter, PcmLane, PcmWriter, TrackLane};
use super::matroska::{MuxTrack, Muxer};
#[cfg(feature = "mp3")]
use super::mp3::Mp3;
use super::ogg_opus::OggOpus;
use super::options::{Format, RecorderOptions, WholeFactory, once};
use super::opus_lane::{EncodeLane, PassLane};
use super::output::OpenTarget;
use super::packet_parts::PacketParts;
use super::parts::{Cuts, Shelf};
use super::pcm_parts::PcmParts;
use super::shape::SampleShape;
use super::target::Target;
use super::wav::{Raw, Wav};

/// A file has room for a little more than none.
const MARGIN: u64 = 1_024;

type Result<T> = std::result::Result<T, SinkError>;

/// A track that is open, and its files.
pub(crate) struct Opened {
    pub lane: Box<dyn TrackLane>,
    pub shelf: Shelf,
}

/// What a track is, and where it begins in the recording.
#[derive(Clone)]
pub(crate) struct Plan {
    pub format: Format,
    pub shape: SampleShape,
    pub about: About,
    pub limit: Option<u64>,
    pub by_size: bool,
    pub cuts: Cuts,
    /// None for packets that pass through.
    pub opus: Option<EncoderOptions>,
    pub user_id: Option<u64>,
    pub origin: u64,
}

impl Plan {
    pub(crate) fn new(
        options: &RecorderOptions,
        cuts: &Cuts,
        user_id: Option<u64>,
        origin: u64,
        encode: bool,
    ) -> Self {
        Self {
            format: options.format,
            shape: options.shape,
            about: options.about.clone(),
            limit: options.limit(),
            by_size: options.by_size(),
            cuts: cuts.clone(),
            opus: encode.then_some(options.opus),
            user_id,
            origin,
        }
    }
}

/// A track of its own files.
pub(crate) fn open(plan: &Plan, mut make: WholeFactory) -> Result<Opened> {
    let shelf = Shelf::default();
    let (files, limit) = (shelf.clone(), plan.limit);
    let mut target = move |number| -> Result<OpenTarget> {
        let out = OpenTarget::open(make(number).map_err(SinkError::Target)?, limit)?;
        files.open(out.path().map(Into::into));
        Ok(out)
    };
    let Plan { format, shape, user_id, by_size, origin, .. } = *plan;
    let (cuts, about) = (plan.cuts.clone(), plan.about.clone());
    if !format.takes_opus() {
        let open = Box::new(move |number, begin| {
            pcm_writer(format, target(number)?, shape, about.file(user_id, begin))
        });
        let parts = PcmParts::new(open, cuts, shelf.clone(), user_id, by_size, origin)?;
        return Ok(Opened { lane: Box::new(PcmLane::new(Box::new(parts))), shelf });
    }
    let open = Box::new(move |number, _, at| packet_writer(format, target(number)?, about.file(user_id, at)));
    let parts = PacketParts::new(open, cuts, Some(shelf.clone()), user_id, by_size, origin)?;
    Ok(Opened { lane: packets(Box::new(parts), plan.opus.as_ref())?, shelf })
}

fn pcm_writer(
    format: Format,
    out: OpenTarget,
    shape: SampleShape,
    labels: Labels,
) -> Result<Box<dyn PcmWriter>> {
    Ok(match format {
        Format::Wav => Box::new(Wav::new(out, shape, labels)?),
        Format::Pcm => Box::new(Raw(out)),
        Format::Flac => Box::new(Flac::new(out, shape, labels)?),
        #[cfg(feature = "mp3")]
        Format::Mp3 { bitrate } => Box::new(Mp3::new(out, bitrate, &labels)?),
        #[cfg(not(feature = "mp3"))]
        Format::Mp3 { .. } => return Err(SinkError::Option("isocord was built without MP3")),
        Format::OggOpus | Format::Matroska(_) => return Err(SinkError::Option("this format holds no PCM")),
    })
}

fn packet_writer(format: Format, out: OpenTarget, labels: Labels) -> Result<Box<dyn PacketWriter>> {
    Ok(match format {
        Format::Matroska(doc_type) => {
            let owner = labels.owner();
            Box::new(MuxTrack::alone(Muxer::new(out, doc_type, 1, false, labels)?, owner))
        }
        _ => {
            let serial = labels.user_id.map_or(1, |user_id| (user_id ^ user_id >> 32) as u32);
            Box::new(OggOpus::new(out, serial, labels))
        }
    })
}

/// Refuses a limit that leaves no room for any sound.
pub(crate) fn check_limit(options: &RecorderOptions) -> Result<()> {
    let Some(limit) = options.limit() else { return Ok(()) };
    let memory = Target::Seekable(Box::new(Cursor::new(Vec::new())));
    let plan = Plan::new(options, &Cuts::default(), Some(u64::MAX), 0, false);
    // Whoever comes may have a name of any length.
    let plan = Plan { about: plan.about.of(&"x".repeat(MAX_TITLE)), limit: None, by_size: false, ..plan };
    let mut empty = open(&plan, once(memory))?;
    empty.lane.finish()?;
    let least = empty.lane.len() + MARGIN;
    if limit < least { Err(SinkError::Limit { limit, least }) } else { Ok(()) }
}

/// Packets pass through; `opus` asks for an encoder before them.
pub(crate) fn packets(
    writer: Box<dyn PacketWriter>,
    opus: Option<&EncoderOptions>,
) -> Result<Box<dyn TrackLane>> {
    Ok(match opus {
        Some(options) => Box::new(EncodeLane::new(writer, options)?),
        None => Box::new(PassLane::new(writer)?),
    })
}
