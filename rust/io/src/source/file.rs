//! One file that plays: what it is, its frames, volume and place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::error::{OpenError, SeekError, SourceError, StageError};
use super::frame::{Frame, FrameBuf, FrameSource, SAMPLE_RATE, Want};
use super::input::{Input, MediaFile};
use super::mp4::{self, Mp4Info};
use super::opus::{BlockPackets, OggOpened, OggPackets, OpusStream};
use super::pcm::{Demuxer, PcmStream, Trim};
use crate::dsp::{Volume, apply_gain};

/// Positions beyond this (a hundred days) are the end of any file.
const MAX_SECONDS: f64 = 8_640_000.0;

/// How to open a file.
#[derive(Clone, Debug)]
pub struct AudioFileOptions {
    /// 1.0 leaves the sound as it is.
    pub volume: f32,
    /// Seconds into the file.
    pub start: f64,
    /// What errors call the file, in place of the last part of its path.
    pub name: Option<String>,
    /// A hint for the container, without a dot; the content decides.
    pub extension: Option<String>,
}

impl Default for AudioFileOptions {
    fn default() -> Self {
        Self { volume: 1.0, start: 0.0, name: None, extension: None }
    }
}

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
}

enum Engine {
    Opus(Box<OpusStream>),
    Pcm(Box<PcmStream>),
    /// A library panicked; its state is not to be trusted any more.
    Failed,
}

impl Engine {
    fn next_frame(&mut self, out: &mut FrameBuf, want: Want) -> Result<Frame, StageError> {
        match self {
            Self::Opus(stream) => stream.next_frame(out, want),
            Self::Pcm(stream) => stream.next_frame(out),
            Self::Failed => Ok(Frame::End),
        }
    }

    /// Go to `target`; returns where the next frame begins.
    fn seek(&mut self, target: i64) -> Result<u64, StageError> {
        let reached = match self {
            Self::Opus(stream) => {
                stream.seek(target)?;
                stream.position()
            }
            Self::Pcm(stream) => {
                stream.seek(target)?;
                target
            }
            Self::Failed => return Err(StageError::broken(PANICKED)),
        };
        Ok(u64::try_from(reached).unwrap_or(0))
    }

    fn broken(&self) -> u64 {
        match self {
            Self::Opus(stream) => stream.broken(),
            Self::Pcm(stream) => stream.broken(),
            Self::Failed => 1,
        }
    }
}

const PANICKED: &str = "the decoder failed on it";

/// Run library code on a file of unknown origin: fuzzing has made symphonia's decoders panic (in builds with overflow
/// checks), and a damaged file must never take a thread with it.
fn guarded<T>(work: impl FnOnce() -> Result<T, StageError>) -> Result<T, StageError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(StageError::broken(PANICKED)))
}

/// A file as a source of frames of 20 ms.
pub struct AudioFile {
    engine: Engine,
    info: FileInfo,
    volume: Volume,
    /// The gain of the last frame of [`AudioFile::next_frame`].
    gain: f32,
    position: u64,
    over: bool,
}

impl AudioFile {
    /// Open a file, find out by its content what it is, and decode its first sound.
    ///
    /// # Errors
    /// It cannot be read, is no audio file, is broken from the start, or holds what cannot be decoded; or an option is
    /// out of its range.
    pub fn open(input: Input, options: AudioFileOptions) -> Result<Self, OpenError> {
        let volume = Volume::new(options.volume)?;
        if !(options.start >= 0.0 && options.start.is_finite()) {
            return Err(OpenError::Start(options.start));
        }
        let name = options.name.clone().unwrap_or_else(|| input.name());
        let place = options.name.clone().unwrap_or_else(|| input.place());
        let extension = options.extension.clone().or_else(|| match &input {
            Input::Path(path) => extension_of(path),
            _ => options.name.as_deref().and_then(|name| extension_of(Path::new(name))),
        });
        let file = input.open(&place)?;
        let engine =
            guarded(|| open_engine(file, extension.as_deref())).map_err(|error| error.into_open(&place))?;
        let gain = volume.get();
        let info = describe(&engine, name);
        let mut opened = Self { engine, info, volume, gain, position: 0, over: false };
        if options.start > 0.0 {
            opened.go_to(options.start).map_err(|error| error.into_open(&place))?;
        }
        Ok(opened)
    }

    /// What the file is.
    #[must_use]
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// Length in seconds, where the file tells it.
    #[must_use]
    pub fn duration(&self) -> Option<f64> {
        self.info.duration.map(|samples| samples as f64 / f64::from(SAMPLE_RATE))
    }

    /// The volume; clones of it change this file's volume from any thread.
    #[must_use]
    pub fn volume(&self) -> &Volume {
        &self.volume
    }

    /// True if the file holds Opus, so that its frames may be [`Frame::Opus`].
    #[must_use]
    pub fn is_opus(&self) -> bool {
        matches!(self.engine, Engine::Opus(_))
    }

    /// True if, as the volume is now, the next frame is a packet of the file as it stands.
    #[must_use]
    pub fn passthrough(&self) -> bool {
        match &self.engine {
            Engine::Opus(stream) => self.volume.get() == 1.0 && stream.passes(),
            Engine::Pcm(_) | Engine::Failed => false,
        }
    }

    /// Source time after the last frame, in samples of 48 kHz: where the next one begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Damaged packets and pages that were skipped so far.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.engine.broken()
    }

    /// Produce the next frame at the file's volume. After [`Frame::End`] or an error every call gives [`Frame::End`],
    /// until a seek.
    ///
    /// # Errors
    /// Reading failed, or nothing more can be decoded. Single damaged packets are counted, not reported.
    pub fn next_frame(&mut self, out: &mut FrameBuf) -> Result<Frame, SourceError> {
        let (before, now) = (self.gain, self.volume.get());
        let frame = self.next(out, if before == 1.0 && now == 1.0 { Want::Packets } else { Want::Pcm })?;
        if frame == Frame::Pcm {
            apply_gain(before, now, &mut out.pcm);
        }
        self.gain = now;
        Ok(frame)
    }

    /// Go to a place in the file; beyond its end the next frame is [`Frame::End`].
    ///
    /// Decoded files begin at the exact sample. Opus that may pass through begins, whatever the volume, at the packet
    /// that holds the sample, up to 20 ms earlier; [`AudioFile::position`] then tells where.
    ///
    /// # Errors
    /// `seconds` is negative or not a number, or the file cannot be read.
    pub fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        if !(seconds >= 0.0 && seconds.is_finite()) {
            return Err(SeekError::Position(seconds));
        }
        self.go_to(seconds).map_err(|error| {
            self.over = true;
            SeekError::Source(error.into_source(&self.info.name))
        })
    }

    fn guard<T>(&mut self, work: impl FnOnce(&mut Engine) -> Result<T, StageError>) -> Result<T, StageError> {
        let engine = &mut self.engine;
        match catch_unwind(AssertUnwindSafe(|| work(engine))) {
            Ok(result) => result,
            Err(_) => {
                self.engine = Engine::Failed;
                Err(StageError::broken(PANICKED))
            }
        }
    }

    fn go_to(&mut self, seconds: f64) -> Result<(), StageError> {
        let target = (seconds.min(MAX_SECONDS) * f64::from(SAMPLE_RATE)).round() as i64;
        self.position = self.guard(|engine| engine.seek(target))?;
        self.over = false;
        Ok(())
    }
}

impl FrameSource for AudioFile {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Frame, SourceError> {
        if self.over {
            return Ok(Frame::End);
        }
        match self.guard(|engine| engine.next_frame(frame, want)) {
            Ok(Frame::End) => {
                self.over = true;
                Ok(Frame::End)
            }
            Ok(kind) => {
                self.position = frame.position + u64::from(frame.samples);
                Ok(kind)
            }
            Err(error) => {
                self.over = true;
                Err(error.into_source(&self.info.name))
            }
        }
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.seek(seconds)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn has_packets(&self) -> bool {
        self.is_opus()
    }
}

fn extension_of(path: &Path) -> Option<String> {
    path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase())
}

fn open_engine(mut file: MediaFile, extension: Option<&str>) -> Result<Engine, StageError> {
    strip_tags(&mut file)?;
    let mut start = [0_u8; 16];
    let count = file.read_at(&mut start, 0)?;
    let start = &start[..count];
    if start.starts_with(b"OggS") {
        file = match OggPackets::open(file)? {
            OggOpened::Opus(packets) => {
                return Ok(Engine::Opus(Box::new(OpusStream::new(packets)?)));
            }
            OggOpened::Other(file) => file,
        };
    }
    let mut mp4 = None;
    if mp4::is_mp4(start) {
        let mut info = mp4::inspect(&file)?;
        file.patch(std::mem::take(&mut info.patches));
        mp4 = Some(info);
    } else if start.starts_with(b"fLaC") {
        hide_flac_pictures(&mut file)?;
    }
    let demuxer = Demuxer::open(file, extension)?;
    if demuxer.is_opus() {
        let packets = Box::new(BlockPackets::new(demuxer)?);
        return Ok(Engine::Opus(Box::new(OpusStream::new(packets)?)));
    }
    let trim = match mp4 {
        Some(info) => mp4_trim(&info, &demuxer),
        None => Trim::from_demuxer(&demuxer),
    };
    Ok(Engine::Pcm(Box::new(PcmStream::new(demuxer, trim)?)))
}

/// Leave tags at both ends out of the window: symphonia would keep their pictures in memory.
fn strip_tags(file: &mut MediaFile) -> Result<(), StageError> {
    // ID3v2: ten bytes of header with a length of four times seven bits, and perhaps ten of footer.
    while let Some([b'I', b'D', b'3', version, _, flags, a, b, c, d]) = file.bytes_at::<10>(0)? {
        if version == 0xff || [a, b, c, d].iter().any(|byte| byte & 0x80 != 0) {
            break;
        }
        let len = [a, b, c, d].iter().fold(0_u64, |sum, &byte| sum << 7 | u64::from(byte));
        let all = 10 + len + if flags & 0x10 != 0 { 10 } else { 0 };
        if all >= file.len() {
            break;
        }
        file.narrow(all, u64::MAX);
    }
    // ID3v1: the last 128 bytes. Only what is no other container may end in one by intent.
    let len = file.len();
    if file.bytes_at::<2>(0)?.is_none_or(|[first, second]| first != 0xff || second & 0xe0 != 0xe0) {
        return Ok(());
    }
    let mut end = len;
    if end > 256 && file.bytes_at::<3>(end - 128)? == Some(*b"TAG") {
        end -= 128;
    }
    // APEv2: a footer of 32 bytes with the length of all but the header.
    if end > 256
        && let Some(footer) = file.bytes_at::<32>(end - 32)?
        && footer.starts_with(b"APETAGEX")
    {
        let size = u32::from_le_bytes([footer[12], footer[13], footer[14], footer[15]]);
        let header = if footer[23] & 0x80 != 0 { 32 } else { 0 };
        end = end.checked_sub(u64::from(size) + header).filter(|&end| end > 256).unwrap_or(end);
    }
    if end < len {
        file.narrow(0, end);
    }
    Ok(())
}

/// Make the demuxer take pictures for padding (FLAC metadata block types 6 and 1).
fn hide_flac_pictures(file: &mut MediaFile) -> Result<(), StageError> {
    let mut patches = Vec::new();
    let mut at = 4;
    for _ in 0..1_000 {
        let Some([kind, a, b, c]) = file.bytes_at::<4>(at)? else {
            break;
        };
        if kind & 0x7f == 6 {
            patches.push((at, kind & 0x80 | 1));
        }
        if kind & 0x80 != 0 {
            break;
        }
        at += 4 + u64::from(u32::from_be_bytes([0, a, b, c]));
    }
    file.patch(patches);
    Ok(())
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

fn describe(engine: &Engine, name: String) -> FileInfo {
    match engine {
        Engine::Opus(stream) => FileInfo {
            name,
            container: stream.container(),
            codec: "opus",
            sample_rate: SAMPLE_RATE,
            channels: u16::from(stream.head().channels),
            duration: stream.duration(),
        },
        Engine::Pcm(stream) => FileInfo {
            name,
            container: stream.demuxer().container(),
            codec: stream.demuxer().codec(),
            sample_rate: stream.rate(),
            channels: u16::try_from(stream.channels()).unwrap_or(u16::MAX),
            duration: stream.duration(),
        },
        Engine::Failed => FileInfo {
            name,
            container: "unknown",
            codec: "unknown",
            sample_rate: 0,
            channels: 0,
            duration: None,
        },
    }
}
