//! What is behind a file: its container and codec, found by its content.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::budget::Meter;
use super::error::StageError;
use super::frame::{Downstream, FrameBuf, SAMPLE_RATE, SourceFrame, Want};
use super::hidden::{hide_flac_tags, hide_matroska_tags, strip_tags};
use super::hls::{Parts, Presented};
use super::input::MediaFile;
use super::mp4::{self, Mp4Info};
use super::opus::{BlockPackets, OggOpened, OggPackets, OpusPackets, OpusStream, Walked};
use super::pcm::{Demuxer, PcmStream, Trim};
use super::stream::{DecodedFrames, FoundPackets};
use super::tags::Tags;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// What errors call it.
    pub name: String,
    /// `wav`, `flac`, `mp3`, `ogg`, `mp4`, `matroska`, `adts`, `aiff`, `mp1`, `mp2`.
    pub container: &'static str,
    /// `opus`, `vorbis`, `mp3`, `aac`, `flac`, `alac`, `pcm_s16le`, ...
    pub codec: &'static str,
    /// Samples a second before resampling; 48,000 for Opus.
    pub sample_rate: u32,
    /// Channels before the downmix.
    pub channels: u16,
    /// Length in samples of 48 kHz, where the file tells it (estimated for MP3 without a Xing header and for ADTS).
    pub duration: Option<u64>,
    /// What it says of itself.
    pub tags: Arc<Tags>,
}

pub(super) enum Contents {
    Opus(Box<OpusStream>),
    Pcm(Box<PcmStream>),
    /// It is decoded in a thread of its own.
    Decoded(Box<DecodedFrames>),
    /// A library panicked; its state is not to be trusted any more.
    Failed,
}

impl Contents {
    /// The next frame; None if it is not found within a slice.
    pub(super) fn next_frame(
        &mut self,
        out: &mut FrameBuf,
        want: Want,
    ) -> Result<Option<SourceFrame>, StageError> {
        match self {
            Self::Opus(stream) => stream.next_frame(out, want),
            Self::Pcm(stream) => stream.next_frame(out),
            Self::Decoded(frames) => frames.next_frame(out).map(Some),
            Self::Failed => Ok(Some(SourceFrame::End)),
        }
    }

    /// Go to `target`; returns where the next frame begins, as far as that is known at once.
    pub(super) fn seek(&mut self, target: i64) -> Result<u64, StageError> {
        let reached = match self {
            Self::Opus(stream) => {
                stream.seek(target)?;
                stream.position()
            }
            Self::Pcm(stream) => {
                stream.seek(target)?;
                target
            }
            Self::Decoded(frames) => {
                frames.seek(target);
                target
            }
            Self::Failed => return Err(StageError::broken(PANICKED)),
        };
        Ok(u64::try_from(reached).unwrap_or(0))
    }

    /// Go on to where a seek goes; false if it takes longer than a slice.
    pub(super) fn settle(&mut self) -> Result<bool, StageError> {
        match self {
            Self::Opus(stream) => match stream.walk()? {
                Walked::There => Ok(true),
                Walked::Later => Ok(false),
                Walked::Starved => {
                    stream.wait();
                    Ok(false)
                }
            },
            // It decodes on the way, with the frames.
            Self::Pcm(_) | Self::Decoded(_) | Self::Failed => Ok(true),
        }
    }

    /// From now on whoever asks for a frame does not wait for what is behind the file: others do.
    pub(super) fn without_waiting(
        self,
        meter: &Arc<Meter>,
        presented: Option<Presented>,
    ) -> io::Result<Self> {
        Ok(match self {
            Self::Opus(stream) => {
                let found = |packets| {
                    let found = FoundPackets::start(packets, meter)?;
                    Ok(Box::new(found) as Box<dyn OpusPackets>)
                };
                Self::Opus(Box::new(stream.move_packets(found)?))
            }
            Self::Pcm(stream) => Self::Decoded(Box::new(match presented {
                Some(presented) => {
                    DecodedFrames::start(Parts::new(presented, *stream, Arc::clone(meter)), meter)?
                }
                None => DecodedFrames::start(*stream, meter)?,
            })),
            other => other,
        })
    }

    /// Waits until a frame that was not there has come.
    pub(super) fn wait(&self) {
        match self {
            Self::Opus(stream) => stream.wait(),
            Self::Decoded(frames) => frames.wait(),
            Self::Pcm(_) | Self::Failed => {}
        }
    }

    /// Who is woken then.
    pub(super) fn attach(&self, downstream: &Arc<dyn Downstream>) {
        match self {
            Self::Opus(stream) => stream.attach(downstream),
            Self::Decoded(frames) => frames.attach(downstream),
            Self::Pcm(_) | Self::Failed => {}
        }
    }

    /// Where the next frame begins.
    pub(super) fn position(&self) -> Option<u64> {
        match self {
            Self::Opus(stream) => u64::try_from(stream.position()).ok(),
            Self::Pcm(_) | Self::Decoded(_) | Self::Failed => None,
        }
    }

    pub(super) fn broken(&self) -> u64 {
        match self {
            Self::Opus(stream) => stream.broken(),
            Self::Pcm(stream) => stream.broken(),
            Self::Decoded(frames) => frames.broken(),
            Self::Failed => 1,
        }
    }
}

pub(super) const PANICKED: &str = "the decoder failed on it";

/// Run library code on a file of unknown origin: fuzzing has made symphonia's decoders panic (in builds with overflow
/// checks), and a damaged file must never take a thread with it.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, StageError>) -> Result<T, StageError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(StageError::broken(PANICKED)))
}

pub(super) fn open_contents(mut file: MediaFile, extension: Option<&str>) -> Result<Contents, StageError> {
    strip_tags(&mut file)?;
    let mut start = [0_u8; 16];
    let count = file.read_at(&mut start, 0)?;
    let start = &start[..count];
    if start.starts_with(b"OggS") {
        file = match OggPackets::open(file)? {
            OggOpened::Opus(packets) => {
                return Ok(Contents::Opus(Box::new(OpusStream::new(packets)?)));
            }
            OggOpened::Other(file) => file,
        };
    }
    if start.starts_with(b"RIFF") && start.get(8..12).is_some_and(|kind| kind != b"WAVE") {
        // AVI, say, of which symphonia reads a part.
        return Err(StageError::Unknown);
    }
    let mut mp4 = None;
    if mp4::is_mp4(start) {
        let mut info = mp4::inspect(&file)?;
        file.patch(std::mem::take(&mut info.patches));
        mp4 = Some(info);
    } else if start.starts_with(b"fLaC") {
        hide_flac_tags(&mut file)?;
    } else if start.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        hide_matroska_tags(&mut file)?;
    }
    let demuxer = Demuxer::open(file, extension)?;
    if demuxer.is_opus() {
        let packets = Box::new(BlockPackets::new(demuxer)?);
        return Ok(Contents::Opus(Box::new(OpusStream::new(packets)?)));
    }
    let trim = match mp4 {
        Some(info) => mp4_trim(&info, &demuxer),
        None => Trim::from_demuxer(&demuxer),
    };
    Ok(Contents::Pcm(Box::new(PcmStream::new(demuxer, trim)?)))
}

/// Encoder delay and padding of an MP4 track: iTunes' tag if there is one, else the edit list.
fn mp4_trim(info: &Mp4Info, demuxer: &Demuxer) -> Trim {
    let rate = demuxer.parameters().sample_rate.unwrap_or(0);
    let edit = info.edit(demuxer.track().id);
    let smpb = info.smpb.filter(|_| demuxer.counts_samples(rate) && demuxer.codec() == "aac");
    let (start, length) = match (smpb, edit) {
        (Some(smpb), _) => (smpb.delay, smpb.length),
        (None, Some(edit)) => (edit.start, edit.length),
        (None, None) => return Trim::default(),
    };
    let scale = if demuxer.counts_samples(rate) { 1.0 } else { demuxer.seconds(1) * f64::from(rate) };
    let end = (length as f64 * scale).round() as i64;
    let padding = (end > 0).then_some((end, i64::MAX));
    Trim { start_stamp: Some(start), padding, by_packet: false }
}

pub(super) fn describe(contents: &Contents, name: String, tags: Arc<Tags>) -> FileInfo {
    match contents {
        Contents::Opus(stream) => FileInfo {
            name,
            container: stream.container(),
            codec: "opus",
            sample_rate: SAMPLE_RATE,
            channels: u16::from(stream.head().channels),
            duration: stream.duration(),
            tags,
        },
        Contents::Pcm(stream) => FileInfo {
            name,
            container: stream.demuxer().container(),
            codec: stream.demuxer().codec(),
            sample_rate: stream.rate(),
            channels: u16::try_from(stream.channels()).unwrap_or(u16::MAX),
            duration: stream.duration(),
            tags,
        },
        Contents::Decoded(_) | Contents::Failed => FileInfo {
            name,
            container: "unknown",
            codec: "unknown",
            sample_rate: 0,
            channels: 0,
            duration: None,
            tags,
        },
    }
}
