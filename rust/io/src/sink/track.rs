//! One user's track from frames to file, the mixdown, and the making of both.

use std::path::PathBuf;
use std::sync::Arc;

use isocord_proto::opus::EncoderOptions;

use super::assembler::{Assembler, Counts, Held};
use super::error::SinkError;
use super::flac::Flac;
use super::lane::{EncodeLane, Lane, PacketWriter, PassLane, PcmLane, PcmWriter, TrackLane, Unpacker};
use super::matroska::{MuxTrack, Muxer, SharedMuxer};
use super::mixer::Mixer;
#[cfg(feature = "mp3")]
use super::mp3::Mp3;
use super::ogg_opus::OggOpus;
use super::output::{Output, Target};
use super::recorder::{Format, Layout, RecorderOptions, TargetFactory};
use super::report::{TrackReport, TrackState};
use super::wav::{Raw, Wav};

/// The shortest window that a mixdown can have, 40 ms.
const MIN_MIX_WINDOW: u64 = 1_920;

type Result<T> = std::result::Result<T, SinkError>;

/// A track that is open, and where it lies.
struct Opened {
    lane: Box<dyn TrackLane>,
    path: Option<PathBuf>,
}

fn open(
    format: Format,
    target: Target,
    opus: Option<&EncoderOptions>,
    user_id: Option<u64>,
) -> Result<Opened> {
    let out = Output::open(target)?;
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

/// A voice waits for its earlier frames half as long as the mixdown waits for the voice.
fn patience(mix_window: u64) -> u64 {
    mix_window.max(MIN_MIX_WINDOW) / 2
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
                let out = Output::open(target)?;
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
        let opened = match self {
            Self::PerUser(factory) => factory(user_id)
                .map_err(SinkError::Target)
                .and_then(|target| open(options.format, target, encode, Some(user_id))),
            Self::Shared(muxer) => {
                packets(Box::new(MuxTrack::new(muxer.clone(), user_id.to_string(), origin)), encode, None)
            }
            Self::Voices => Ok(Opened { lane: Box::new(Voice), path: None }),
        };
        let window = if mix { patience(options.mix_window) } else { options.reorder };
        let (lane, path, state) = match opened {
            Ok(opened) => (Some(opened.lane), opened.path, TrackState::Recording),
            Err(error) => (None, None, TrackState::Failed(Arc::new(error))),
        };
        let assembler = Assembler::new(origin, window);
        Track { assembler, lane, unpacker: Unpacker::default(), path, origin, bytes: 0, state, told: false }
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

/// One user.
pub(crate) struct Track {
    assembler: Assembler,
    /// None once the track has ended.
    lane: Option<Box<dyn TrackLane>>,
    /// For a voice of the mixdown.
    unpacker: Unpacker,
    path: Option<PathBuf>,
    origin: u64,
    /// Of a track that has ended.
    bytes: u64,
    state: TrackState,
    /// The owner knows that it has ended early.
    pub told: bool,
}

impl Track {
    pub(crate) fn active(&self) -> bool {
        self.lane.is_some()
    }

    pub(crate) fn state(&self) -> &TrackState {
        &self.state
    }

    pub(crate) fn counts(&self) -> Counts {
        self.assembler.counts
    }

    /// The end of what was written, in the recording's time.
    pub(crate) fn end(&self) -> u64 {
        self.assembler.next()
    }

    pub(crate) fn len(&self) -> u64 {
        self.lane.as_ref().map_or(self.bytes, |lane| lane.len())
    }

    pub(crate) fn frame(&mut self, at: u64, frame: Held) {
        self.attempt(|assembler, lane| assembler.frame(at, frame, lane));
    }

    /// Frames are not waited for before `until`; with `fill`, silence up to there and the file made readable.
    pub(crate) fn advance(&mut self, until: u64, fill: Option<u64>) {
        self.attempt(|assembler, lane| {
            assembler.release(until, lane)?;
            match fill {
                Some(fill) => assembler.fill(fill, lane).and_then(|()| lane.flush()),
                None => Ok(()),
            }
        });
    }

    /// All frames that still wait.
    pub(crate) fn release(&mut self) {
        self.attempt(|assembler, lane| assembler.release(u64::MAX, lane));
    }

    /// Ends the track, filled up to `end` if that is wanted.
    pub(crate) fn finish(&mut self, end: Option<u64>) {
        self.attempt(|assembler, lane| {
            if let Some(end) = end {
                assembler.fill(end, lane)?;
            }
            lane.finish()
        });
        self.close(TrackState::Finished);
    }

    pub(crate) fn stop_at_limit(&mut self) {
        self.attempt(|_, lane| lane.finish());
        self.close(TrackState::SizeLimit);
    }

    pub(crate) fn fail(&mut self, error: Arc<SinkError>) {
        self.close(TrackState::Failed(error));
    }

    /// `shared` is the file of all users, if there is one.
    pub(crate) fn report(&self, user_id: u64, shared: Option<PathBuf>) -> TrackReport {
        TrackReport {
            user_id: Some(user_id),
            path: self.path.clone().or(shared),
            offset: self.origin,
            samples: self.end().saturating_sub(self.origin),
            bytes: self.len(),
            state: self.state.clone(),
        }
    }

    fn close(&mut self, state: TrackState) {
        if let Some(lane) = self.lane.take() {
            self.bytes = lane.len();
            self.state = state;
        }
    }

    fn attempt(&mut self, action: impl FnOnce(&mut Assembler, &mut dyn TrackLane) -> Result<()>) {
        if let Some(lane) = &mut self.lane
            && let Err(error) = action(&mut self.assembler, lane.as_mut())
        {
            self.fail(Arc::new(error));
        }
    }
}

/// The one file that all users are summed in.
pub(crate) struct Mix {
    mixer: Mixer,
    lane: Option<Box<dyn TrackLane>>,
    path: Option<PathBuf>,
    window: u64,
    bytes: u64,
    state: TrackState,
}

impl Mix {
    fn new(options: &RecorderOptions, target: Target) -> Result<Self> {
        let opened = open(options.format, target, Some(&options.opus), None)?;
        let window = options.mix_window.max(MIN_MIX_WINDOW);
        let mixer = Mixer::new(window);
        let Opened { lane, path } = opened;
        Ok(Self { mixer, lane: Some(lane), path, window, bytes: 0, state: TrackState::Recording })
    }

    /// How long a voice waits for an earlier frame.
    pub(crate) fn patience(&self) -> u64 {
        patience(self.window)
    }

    /// Samples that came too late.
    pub(crate) fn late(&self) -> u64 {
        self.mixer.late
    }

    pub(crate) fn len(&self) -> u64 {
        self.lane.as_ref().map_or(self.bytes, |lane| lane.len())
    }

    pub(crate) fn frame(&mut self, track: &mut Track, at: u64, frame: Held) -> Result<()> {
        self.with(track, |assembler, lane| assembler.frame(at, frame, lane))
    }

    /// A voice's frames are not waited for before `until`.
    pub(crate) fn release(&mut self, track: &mut Track, until: u64) -> Result<()> {
        self.with(track, |assembler, lane| assembler.release(until, lane))
    }

    pub(crate) fn advance(&mut self, now: u64, flush: bool) -> Result<()> {
        let Some(lane) = &mut self.lane else { return Ok(()) };
        self.mixer.flush(now.saturating_sub(self.window), lane.as_mut())?;
        if flush { lane.flush() } else { Ok(()) }
    }

    pub(crate) fn finish(&mut self, end: u64) -> Result<()> {
        let Some(lane) = &mut self.lane else { return Ok(()) };
        self.mixer.finish(end, lane.as_mut())?;
        lane.finish()?;
        self.close(TrackState::Finished);
        Ok(())
    }

    pub(crate) fn fail(&mut self, error: Arc<SinkError>) {
        self.close(TrackState::Failed(error));
    }

    pub(crate) fn report(&self) -> TrackReport {
        TrackReport {
            user_id: None,
            path: self.path.clone(),
            offset: 0,
            samples: self.mixer.written(),
            bytes: self.len(),
            state: self.state.clone(),
        }
    }

    fn close(&mut self, state: TrackState) {
        if let Some(lane) = self.lane.take() {
            self.bytes = lane.len();
            self.state = state;
        }
    }

    fn with(
        &mut self,
        track: &mut Track,
        action: impl FnOnce(&mut Assembler, &mut dyn Lane) -> Result<()>,
    ) -> Result<()> {
        let Some(out) = &mut self.lane else { return Ok(()) };
        let at = track.assembler.next();
        let mut lane =
            VoiceLane { mixer: &mut self.mixer, out: out.as_mut(), unpacker: &mut track.unpacker, at };
        action(&mut track.assembler, &mut lane)
    }
}

/// Adds one user's row of sound to the sum.
struct VoiceLane<'a> {
    mixer: &'a mut Mixer,
    out: &'a mut dyn TrackLane,
    unpacker: &'a mut Unpacker,
    at: u64,
}

impl Lane for VoiceLane<'_> {
    fn gap(&mut self, samples: u64) -> Result<()> {
        self.at += samples;
        Ok(())
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<()> {
        self.mixer.add(self.at, pcm, self.out)?;
        self.at += pcm.len() as u64 / 2;
        Ok(())
    }

    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<()> {
        let pcm = &self.unpacker.decode(packet, samples)?[2 * behind as usize..];
        self.mixer.add(self.at, pcm, self.out)?;
        self.at += u64::from(samples - behind);
        Ok(())
    }
}

/// Stands where a track of its own would have its file.
struct Voice;

impl Lane for Voice {
    fn gap(&mut self, _: u64) -> Result<()> {
        Ok(())
    }
    fn pcm(&mut self, _: &[i16]) -> Result<()> {
        Ok(())
    }
    fn opus(&mut self, _: &[u8], _: u32, _: u32) -> Result<()> {
        Ok(())
    }
}

impl TrackLane for Voice {
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
    fn len(&self) -> u64 {
        0
    }
}
