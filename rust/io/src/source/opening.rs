//! Opening a file: what it is by its content, and whatever reads that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::budget::Meter;
use super::contents::{Contents, FileInfo, describe, guarded, open_contents};
use super::error::{OpenError, StageError};
use super::ffmpeg::{ExitCode, FfmpegStream};
use super::file::{AudioFile, Closer};
use super::frame::SAMPLE_RATE;
use super::input::{Input, MediaFile};
use super::opener;
use super::stream::{DecodedFrames, Window};
use super::tags;
use crate::dsp::Volume;

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
