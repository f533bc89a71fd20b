//! One file that plays: what it is, its frames, volume and place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::budget::Meter;
use super::contents::{Contents, FileInfo, PANICKED, describe, guarded, open_contents};
use super::error::{OpenError, SeekError, SourceError, StageError};
use super::ffmpeg::{ExitCode, FfmpegStream};
use super::frame::{Downstream, FrameBuf, FrameSource, SAMPLE_RATE, SourceFrame, Want};
use super::input::{Input, MediaFile};
use super::opener;
use super::stream::{DecodedFrames, StreamTitle, Window};
use super::tags::{self, Cover};
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
    /// The ffmpeg that decodes what nothing here does; see [`super::find_ffmpeg`].
    pub ffmpeg: Option<PathBuf>,
}

impl Default for AudioFileOptions {
    fn default() -> Self {
        Self { volume: 1.0, start: 0.0, name: None, extension: None, ffmpeg: None }
    }
}

/// A file as a source of frames of 20 ms.
pub struct AudioFile {
    contents: Contents,
    info: FileInfo,
    cover: Option<Cover>,
    volume: Volume,
    /// The gain of the last frame of [`AudioFile::next_frame`].
    gain: f32,
    position: u64,
    over: bool,
    meter: Arc<Meter>,
    /// Where it comes over a network.
    window: Option<Arc<Window>>,
    seekable: bool,
    /// Of the process that decodes it, if one does.
    exit: Option<ExitCode>,
}

/// Closes a file from another thread than the one that reads it.
#[derive(Clone, Debug)]
pub struct Closer(Arc<Meter>);

impl Closer {
    /// Nothing more is read: who reads is given an error as soon as the system gives back what was asked of it.
    pub fn close(&self) {
        self.0.close();
    }
}

impl AudioFile {
    /// Open a file, find out by its content what it is, and decode its first sound. Waits 10 s at most.
    ///
    /// # Errors
    /// It cannot be read, is no audio file, is broken from the start, holds what cannot be decoded, or asks for too
    /// much before there is sound; or an option is out of its range.
    pub fn open(input: Input, options: AudioFileOptions) -> Result<Self, OpenError> {
        Volume::new(options.volume)?;
        if !(options.start >= 0.0 && options.start.is_finite()) {
            return Err(OpenError::Start(options.start));
        }
        let place = options.name.clone().unwrap_or_else(|| input.place());
        let meter = Meter::new();
        if matches!(input, Input::Bytes(_)) {
            return Self::open_here(input, options, &place, meter);
        }
        let (name, closer) = (place.clone(), Closer(Arc::clone(&meter)));
        opener::within(opener::DEADLINE, &name, move || Self::open_here(input, options, &place, meter))
            .inspect_err(|_| closer.close())
    }

    fn open_here(
        input: Input,
        options: AudioFileOptions,
        place: &str,
        meter: Arc<Meter>,
    ) -> Result<Self, OpenError> {
        let volume = Volume::new(options.volume)?;
        let name = options.name.clone().unwrap_or_else(|| input.name());
        let extension = options.extension.clone().or_else(|| match &input {
            Input::Path(path) => extension_of(path),
            _ => options.name.as_deref().and_then(|name| extension_of(Path::new(name))),
        });
        let url = input.url();
        let file = input.open(place, Arc::clone(&meter))?;
        let window = file.window().cloned();
        let tags = Arc::new(tags::read(&file.front()));
        let presented = file.presented().cloned();
        let cover = if presented.is_none() { tags.cover(&file, url) } else { None };
        let program = options.ffmpeg.filter(|_| presented.is_none());
        let again = program.map(|program| (program, file.again(Arc::clone(&meter))));
        let opened = guarded(|| open_contents(file, extension.as_deref()))
            .map(|contents| (describe(&contents, name.clone(), Arc::clone(&tags)), contents, None))
            .map_err(|error| described(meter.explain(error), window.as_deref()));
        let (mut info, contents, exit) = match (opened, again) {
            (Err(error @ (StageError::Unknown | StageError::Unsupported(_))), Some((program, file))) => {
                meter.opened();
                helped(program, file, name, tags).map_err(|failure| {
                    let (error, reason) = (Box::new(error.into_open(place)), words(meter.explain(failure)));
                    OpenError::Helpless { error, reason }
                })?
            }
            (opened, _) => opened.map_err(|error| error.into_open(place))?,
        };
        meter.opened();
        let gain = volume.get();
        if window.as_ref().is_some_and(|window| window.outline().live) {
            // What it began with does not tell how long it is.
            info.duration = None;
        }
        if let Some(presented) = &presented {
            let seconds = presented.presentation.seconds();
            info.duration = seconds.map(|seconds| (seconds * f64::from(SAMPLE_RATE)).round() as u64);
        }
        let lasts = presented.as_ref().is_some_and(|presented| !presented.presentation.is_live());
        let seekable = match &contents {
            // In a presentation a place is found by its playlist.
            Contents::Pcm(_) if lasts => true,
            _ => window.as_ref().is_none_or(|window| window.outline().seekable),
        };
        let mut opened = Self {
            contents,
            info,
            cover,
            volume,
            gain,
            position: 0,
            over: false,
            meter,
            window,
            seekable,
            exit,
        };
        if options.start > 0.0 && !seekable {
            return Err(OpenError::NotSeekable { name: place.to_owned() });
        }
        let start = |opened: &mut Self| {
            if options.start == 0.0 {
                return Ok(());
            }
            opened.go_to(options.start).and_then(|()| opened.settle()).map_err(|error| error.into_open(place))
        };
        if presented.is_none() {
            start(&mut opened)?;
        }
        if let Some(window) = &opened.window {
            window.opened();
            opened.contents = opened
                .contents
                .without_waiting(&opened.meter, presented.clone())
                .map_err(|source| OpenError::Io { name: place.to_owned(), source })?;
        }
        if presented.is_some() {
            start(&mut opened)?;
        }
        Ok(opened)
    }

    /// Whether [`AudioFile::seek`] is possible: not where a server gives it from front to back only.
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        self.seekable
    }

    /// What a radio says that it plays; to be asked from any thread.
    #[must_use]
    pub fn stream_title(&self) -> StreamTitle {
        StreamTitle::new(self.window.clone())
    }

    /// How the process that decodes it ended, if one does and that was a failure: its exit status; below zero, the
    /// signal that ended it. To be asked from any thread.
    pub fn exit_code(&self) -> impl Fn() -> Option<i32> + Send + Sync + use<> {
        let exit = self.exit.clone();
        move || exit.as_ref().and_then(|exit| exit.get().copied())
    }

    /// What the file is.
    #[must_use]
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// Its picture, if it has one. It can be read while the file plays.
    pub fn take_cover(&mut self) -> Option<Cover> {
        self.cover.take()
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

    /// True if the file holds Opus, so that its frames may be [`SourceFrame::Opus`].
    #[must_use]
    pub fn is_opus(&self) -> bool {
        matches!(self.contents, Contents::Opus(_))
    }

    /// True if, as the volume is now, the next frame is a packet of the file as it stands.
    #[must_use]
    pub fn passthrough(&self) -> bool {
        self.volume.get() == 1.0 && self.passes()
    }

    /// Source time after the last frame, in samples of 48 kHz: where the next one begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Damaged packets and pages that were skipped so far.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.contents.broken()
    }

    /// Bytes read so far, at every place and however often.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.meter.read()
    }

    /// Closes it from another thread.
    #[must_use]
    pub fn closer(&self) -> Closer {
        Closer(Arc::clone(&self.meter))
    }

    /// Produce the next frame. After [`SourceFrame::End`] or an error every call gives [`SourceFrame::End`], until a seek.
    ///
    /// # Errors
    /// Reading failed, nothing more can be decoded, or there is no sound within reason. Single damaged packets are
    /// counted, not reported.
    pub fn next_frame(&mut self, out: &mut FrameBuf) -> Result<SourceFrame, SourceError> {
        loop {
            match self.try_next_frame(out)? {
                Some(SourceFrame::Starved) => self.contents.wait(),
                Some(frame) => return Ok(frame),
                None => {}
            }
        }
    }

    /// As [`AudioFile::next_frame`], but None where the frame takes longer to find than others should wait: half a MiB
    /// of reading, or 5 ms. The next call looks on.
    ///
    /// # Errors
    /// As [`AudioFile::next_frame`].
    pub fn try_next_frame(&mut self, out: &mut FrameBuf) -> Result<Option<SourceFrame>, SourceError> {
        let (before, now) = (self.gain, self.volume.get());
        let frame = self.next(out, if before == 1.0 && now == 1.0 { Want::PACKETS } else { Want::PCM })?;
        if frame == Some(SourceFrame::Pcm) {
            apply_gain(before, now, &mut out.pcm);
        }
        if frame.is_some_and(|frame| frame != SourceFrame::Starved) {
            self.gain = now;
        }
        Ok(frame)
    }

    /// Go to a place in the file; beyond its end the next frame is [`SourceFrame::End`].
    ///
    /// Decoded files begin at the exact sample. Opus that may pass through begins, whatever the volume, at the packet
    /// that holds the sample, up to 20 ms earlier; [`AudioFile::position`] then tells where.
    ///
    /// # Errors
    /// `seconds` is negative or not a number, or the file cannot be read.
    pub fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.begin_seek(seconds)?;
        self.settle().map_err(|error| self.failed_seek(error))
    }

    /// As [`AudioFile::seek`], but where the file has no index and the way is long, it is gone by
    /// [`AudioFile::try_next_frame`], slice by slice. Until then [`AudioFile::position`] is what was asked for.
    ///
    /// # Errors
    /// As [`AudioFile::seek`].
    pub fn begin_seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        if !(seconds >= 0.0 && seconds.is_finite()) {
            return Err(SeekError::Position(seconds));
        }
        if !self.is_seekable() {
            return Err(SeekError::NotSeekable { name: self.info.name.clone() });
        }
        self.go_to(seconds).map_err(|error| self.failed_seek(error))
    }

    fn failed_seek(&mut self, error: StageError) -> SeekError {
        self.over = true;
        SeekError::Source(error.into_source(&self.info.name))
    }

    fn guard<T>(
        &mut self,
        work: impl FnOnce(&mut Contents) -> Result<T, StageError>,
    ) -> Result<T, StageError> {
        let contents = &mut self.contents;
        match catch_unwind(AssertUnwindSafe(|| work(contents))) {
            Ok(result) => result.map_err(|error| self.meter.explain(error)),
            Err(_) => {
                self.contents = Contents::Failed;
                Err(StageError::broken(PANICKED))
            }
        }
    }

    fn go_to(&mut self, seconds: f64) -> Result<(), StageError> {
        let target = (seconds.min(MAX_SECONDS) * f64::from(SAMPLE_RATE)).round() as i64;
        self.meter.heard();
        self.meter.begin_slice();
        self.position = self.guard(|contents| contents.seek(target))?;
        self.over = false;
        Ok(())
    }

    /// Go all the way to where the last seek goes.
    fn settle(&mut self) -> Result<(), StageError> {
        self.meter.begin_slice();
        while !self.guard(|contents| contents.settle())? {
            self.meter.begin_slice();
        }
        if let Some(position) = self.contents.position() {
            self.position = position;
        }
        Ok(())
    }
}

impl FrameSource for AudioFile {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        if self.over {
            return Ok(Some(SourceFrame::End));
        }
        self.meter.begin_slice();
        match self.guard(|contents| contents.next_frame(frame, want)) {
            Ok(Some(SourceFrame::End)) => {
                self.over = true;
                Ok(Some(SourceFrame::End))
            }
            Ok(Some(SourceFrame::Starved)) => Ok(Some(SourceFrame::Starved)),
            Ok(Some(kind)) => {
                self.position = frame.position + u64::from(frame.samples);
                Ok(Some(kind))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.over = true;
                Err(error.into_source(&self.info.name))
            }
        }
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.begin_seek(seconds)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn has_packets(&self) -> bool {
        self.is_opus()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, _: u64) {
        self.contents.attach(downstream);
    }

    fn passes(&self) -> bool {
        match &self.contents {
            Contents::Opus(stream) => stream.passes(),
            Contents::Pcm(_) | Contents::Decoded(_) | Contents::Failed => false,
        }
    }
}

/// What ffmpeg makes of it.
fn helped(
    program: PathBuf,
    file: MediaFile,
    name: String,
    tags: Arc<tags::Tags>,
) -> Result<(FileInfo, Contents, Option<ExitCode>), StageError> {
    let meter = Arc::clone(file.meter());
    let (stream, found) = FfmpegStream::open(program, file)?;
    let exit = stream.exit_code();
    let info = FileInfo {
        name,
        container: found.container,
        codec: found.codec,
        sample_rate: found.sample_rate,
        channels: found.channels,
        duration: found.duration.map(|seconds| (seconds * f64::from(SAMPLE_RATE)).round() as u64),
        tags,
    };
    Ok((info, Contents::Decoded(Box::new(DecodedFrames::start(stream, &meter)?)), Some(exit)))
}

/// Of a failure, without the file's name.
fn words(error: StageError) -> String {
    match error {
        StageError::Io(error) => error.to_string(),
        StageError::Unknown => "it does not know it".to_owned(),
        StageError::Unsupported(reason)
        | StageError::Broken(reason)
        | StageError::TooMuch(reason)
        | StageError::Network(reason) => reason,
        StageError::Closed => "it was closed".to_owned(),
    }
}

/// A page in place of a song is no wonder.
fn described(error: StageError, window: Option<&Window>) -> StageError {
    match (&error, window.and_then(|window| window.outline().kind.as_deref())) {
        (StageError::Unknown, Some(kind)) => {
            let kind: String = kind.chars().filter(|one| !one.is_control()).take(60).collect();
            StageError::Network(format!("its server sends {kind}, in which isocord knows no sound"))
        }
        _ => error,
    }
}

fn extension_of(path: &Path) -> Option<String> {
    path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase())
}
