//! What is recorded, how and where to.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use isocord_proto::opus::EncoderOptions;
use isocord_proto::recv::DelayBounds;

use super::about::About;
use super::clean::Cleaning;
use super::error::SinkError;
use super::matroska::DocType;
use super::shape::SampleShape;
use super::target::Target;

/// How late a frame still gets into a mixdown: as late as the longest jitter buffer hands it out, 200 ms that a
/// stream's first packets are held, and 50 ms for the threads.
const MIX_WINDOW: u64 = DelayBounds::MAX as u64 + 12_000;

/// Each is an open file: systems give a process 256 of those at the least, most of them 1,024.
const MAX_TRACKS: usize = 200;

/// Makes the target of a user's track when the user is first heard, and of each part of it; these are numbered from 1 on.
/// It is called on the recorder's thread.
pub type TargetFactory = Box<dyn FnMut(u64, u32) -> io::Result<Target> + Send>;

/// Makes the target of each part of a file of all users.
pub type WholeFactory = Box<dyn FnMut(u32) -> io::Result<Target> + Send>;

/// A factory of files named after the user id in a directory that exists, and after the part from the second one on.
#[must_use]
pub fn directory(directory: PathBuf, suffix: String) -> TargetFactory {
    Box::new(move |user_id, part| {
        let part = if part > 1 { format!("-{part:03}") } else { String::new() };
        Ok(Target::Path(directory.join(format!("{user_id}{part}.{suffix}"))))
    })
}

/// The target of what is not split.
#[must_use]
pub fn once(target: Target) -> WholeFactory {
    let mut target = Some(target);
    Box::new(move |_| target.take().ok_or_else(|| io::Error::other("there is a target for one part only")))
}

/// When a recording goes on in new files. [`Recorder::cut`](super::Recorder::cut) has it do so at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// After so many samples of the recording, all tracks at once.
    Samples(u64),
    /// So many samples after the start, and then after each 3,600 s on the common clock, all tracks at once.
    Hours(u64),
    /// When a file has come to so many bytes; no file gets more. Each track by itself.
    Bytes(u64),
}

/// How files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 16-bit PCM with a RIFF header, RF64 past 4 GiB.
    Wav,
    /// s16le interleaved stereo without a header.
    Pcm,
    /// Lossless.
    Flac,
    /// MPEG-1 layer III with a constant bit rate.
    Mp3 {
        /// kbit/s: 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256 or 320.
        bitrate: u16,
    },
    /// Opus packets in Ogg pages, as they were received.
    OggOpus,
    /// Opus packets in Matroska or WebM, as they were received.
    Matroska(DocType),
}

impl Format {
    /// Refuses what its encoder would refuse at the first frame.
    pub(crate) fn check(self, shape: SampleShape) -> Result<(), SinkError> {
        match self {
            Self::Flac if shape.is_float() => Err(SinkError::Option("FLAC has no samples in floating point")),
            Self::Wav | Self::Flac => Ok(()),
            _ if shape != SampleShape::default() => {
                Err(SinkError::Option("channels and depth are of WAV and FLAC only"))
            }
            #[cfg(feature = "mp3")]
            Self::Mp3 { bitrate } => super::mp3::bit_rate(bitrate).map(drop),
            #[cfg(not(feature = "mp3"))]
            Self::Mp3 { .. } => Err(SinkError::Option("isocord was built without MP3")),
            Self::Pcm | Self::OggOpus | Self::Matroska(_) => Ok(()),
        }
    }

    pub(crate) fn takes_opus(self) -> bool {
        matches!(self, Self::OggOpus | Self::Matroska(_))
    }
}

/// What goes into which file.
pub enum Layout {
    /// Each user a file.
    PerUser(TargetFactory),
    /// All users summed in one.
    Mixdown(WholeFactory),
    /// All users in one file, each a track; [`Format::Matroska`] only. Without `sync_start`, a user who comes late has a
    /// track whose timestamps begin late, which not every program heeds.
    Tracks(WholeFactory),
}

/// Settings of a [`Recorder`](super::Recorder). Times in samples at 48 kHz.
#[derive(Debug, Clone)]
pub struct RecorderOptions {
    /// How files are written.
    pub format: Format,
    /// How samples are kept, of WAV and FLAC.
    pub shape: SampleShape,
    /// What files tell of the recording.
    pub about: About,
    /// What is done to the sound of each user; packets are then encoded anew.
    pub cleaning: Cleaning,
    /// Whose sound is our own, which is not denoised.
    pub own_user: Option<u64>,
    /// The position where the recording starts.
    pub start: u64,
    /// A late user's file or track begins with silence from the recording's start, not at the user's first frame.
    pub sync_start: bool,
    /// [`Recorder::finish`](super::Recorder::finish) fills all tracks with silence to one end.
    pub pad_end: bool,
    /// How long a frame waits for an earlier one of the same user.
    pub reorder: u64,
    /// How late a frame still gets into the mixdown.
    pub mix_window: u64,
    /// Only these users, until [`Recorder::allow`](super::Recorder::allow) lets others in.
    pub users: Option<HashSet<u64>>,
    /// Not these users, until they are allowed.
    pub exclude: HashSet<u64>,
    /// The longest recording, pauses not counted.
    pub max_samples: Option<u64>,
    /// The most bytes that any file may get, all that is written at its end included. Where [`Target::Process`] encodes,
    /// [`Ffmpeg::max_file_bytes`](super::Ffmpeg::max_file_bytes) counts instead.
    pub max_file_bytes: Option<u64>,
    /// When it goes on in new files.
    pub split: Option<Split>,
    /// The most users that get a file or a track of their own; in a mixdown there is room for all.
    pub max_tracks: usize,
    /// Whether it is listened to who speaks when, and how loud.
    pub survey: bool,
    /// For Opus formats that are given PCM, as a mixdown is.
    pub opus: EncoderOptions,
}

impl RecorderOptions {
    /// The most bytes of a file.
    pub(crate) fn limit(&self) -> Option<u64> {
        match self.split {
            Some(Split::Bytes(bytes)) => Some(bytes.min(self.max_file_bytes.unwrap_or(u64::MAX))),
            _ => self.max_file_bytes,
        }
    }

    /// Whether a file that is full is followed by another.
    pub(crate) fn by_size(&self) -> bool {
        matches!(self.split, Some(Split::Bytes(_)))
    }
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self {
            format: Format::Wav,
            shape: SampleShape::default(),
            about: About::default(),
            cleaning: Cleaning::default(),
            own_user: None,
            start: 0,
            sync_start: false,
            pad_end: true,
            reorder: 24_000,
            mix_window: MIX_WINDOW,
            users: None,
            exclude: HashSet::new(),
            max_samples: None,
            max_file_bytes: None,
            split: None,
            max_tracks: MAX_TRACKS,
            survey: false,
            opus: EncoderOptions::default(),
        }
    }
}
