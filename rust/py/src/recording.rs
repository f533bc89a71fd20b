//! `Recording`: what users say, written to files without the GIL.

use std::io;
use std::path::PathBuf;

use isocord_io::record::recording::{self, News, Phase};
use isocord_io::record::{
    About, Coded, Depth, DocType, EndReason, Ffmpeg, FileState, Format, Layout, PartReport, RecorderOptions,
    RecorderReport, RecorderStats, SampleShape, SinkError as RecorderError, Split, Target, TargetFactory,
    TrackReport, WholeFactory, directory, once,
};
use isocord_proto::frame::SAMPLE_RATE;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::{Result, SinkError};
use crate::file_object;
use crate::producing::duration;

/// The format of a file, and what encodes it if that is not isocord.
#[derive(Clone)]
pub(crate) struct Encoding {
    format: Format,
    ffmpeg: Option<Ffmpeg>,
    max_size: Option<u64>,
    about: About,
}

impl Encoding {
    /// `max_size` is the most bytes that a file may get.
    pub(crate) fn new(
        name: &str,
        bitrate: u16,
        max_size: Option<u64>,
        ffmpeg: Option<PathBuf>,
        about: About,
    ) -> PyResult<Self> {
        let format = match name {
            "wav" => Format::Wav,
            "pcm" | "mp4" | "m4a" => Format::Pcm,
            "flac" => Format::Flac,
            "mp3" if ffmpeg.is_some() => Format::Pcm,
            "mp3" => Format::Mp3 { bitrate },
            "ogg" => Format::OggOpus,
            "mka" | "mkv" => Format::Matroska(DocType::Matroska),
            "webm" => Format::Matroska(DocType::Webm),
            _ => return Err(PyValueError::new_err(format!("{name:?} is no format of recordings"))),
        };
        let coded = match name {
            "mp4" => Some(Coded::Mp4),
            "m4a" => Some(Coded::M4a),
            "mp3" => Some(Coded::Mp3),
            _ => None,
        };
        let ffmpeg = match (coded, ffmpeg) {
            (Some(coded), Some(program)) => {
                Some(Ffmpeg { program, coded, bitrate, max_file_bytes: max_size })
            }
            (Some(Coded::Mp4 | Coded::M4a), None) => {
                return Err(PyValueError::new_err(format!("{name} needs ffmpeg")));
            }
            _ => None,
        };
        if let Some(ffmpeg) = &ffmpeg {
            ffmpeg.check().map_err(|error| PyValueError::new_err(error.to_string()))?;
        }
        Ok(Self { format, ffmpeg, max_size, about })
    }

    /// `user_id` is None for a file of all users.
    fn target(&self, target: Target, user_id: Option<u64>) -> io::Result<Target> {
        match &self.ffmpeg {
            Some(ffmpeg) => ffmpeg.start(target, Some(&self.about.title(user_id))),
            None => Ok(target),
        }
    }

    /// A path or a file object, or something to call with the number of a part that gives one.
    pub(crate) fn whole(&self, object: &Bound<'_, PyAny>) -> PyResult<WholeFactory> {
        if object.is_callable() && !object.hasattr("write")? {
            let (make, encoding) = (object.clone().unbind(), self.clone());
            return Ok(Box::new(move |part| {
                let target = Python::attach(|py| file_object::target(&make.bind(py).call1((part,))?))?;
                encoding.target(target, None)
            }));
        }
        let target = file_object::target(object)?;
        Ok(once(self.target(target, None).map_err(|error| SinkError::new_err(error.to_string()))?))
    }

    /// A directory, or something to call with a user id and the number of a part that gives a path or a file object.
    fn each(self, object: &Bound<'_, PyAny>, suffix: &str) -> TargetFactory {
        let mut make: TargetFactory = if let Ok(path) = object.extract::<PathBuf>() {
            directory(path, suffix.to_owned())
        } else {
            let make = object.clone().unbind();
            Box::new(move |user_id, part| {
                Ok(Python::attach(|py| file_object::target(&make.bind(py).call1((user_id, part))?))?)
            })
        };
        Box::new(move |user_id, part| self.target(make(user_id, part)?, Some(user_id)))
    }
}

/// The layout that is called `name`, with its targets; and the options that depend on it.
pub(crate) fn layout(
    name: &str,
    target: &Bound<'_, PyAny>,
    encoding: &Encoding,
    suffix: &str,
) -> PyResult<(RecorderOptions, Layout)> {
    // What ffmpeg writes is not what it is given: it is counted there.
    let max_file_bytes = encoding.max_size.filter(|_| encoding.ffmpeg.is_none());
    let about = encoding.about.clone();
    let options =
        RecorderOptions { format: encoding.format, about, max_file_bytes, ..RecorderOptions::default() };
    let layout = match name {
        "users" => Layout::PerUser(encoding.clone().each(target, suffix)),
        "mixdown" => Layout::Mixdown(encoding.whole(target)?),
        "tracks" => Layout::Tracks(encoding.whole(target)?),
        _ => return Err(PyValueError::new_err(format!("{name:?} is no layout of recordings"))),
    };
    Ok((options, layout))
}

/// When a recording goes on in new files.
pub(crate) fn split(asked: Option<(String, u64)>) -> PyResult<Option<Split>> {
    let Some((unit, count)) = asked else { return Ok(None) };
    match unit.as_str() {
        "samples" => Ok(Some(Split::Samples(count))),
        "bytes" => Ok(Some(Split::Bytes(count))),
        "hours" => Ok(Some(Split::Hours(count))),
        _ => Err(PyValueError::new_err(format!("{unit:?} is no unit of parts"))),
    }
}

/// How samples are kept.
pub(crate) fn shape(channels: u16, format: &str) -> PyResult<SampleShape> {
    let mono = match channels {
        1 => true,
        2 => false,
        _ => return Err(PyValueError::new_err(format!("channels must be 1 or 2, not {channels}"))),
    };
    let depth = match format {
        "s16" => Depth::S16,
        "s24" => Depth::S24,
        "f32" => Depth::F32,
        _ => return Err(PyValueError::new_err(format!("{format:?} is no format of samples"))),
    };
    Ok(SampleShape { mono, depth })
}

/// Files tell the names that a function of a user id gives, or None.
pub(crate) fn about(name_of: Py<PyAny>) -> About {
    About::new(Box::new(move |user_id| {
        Python::attach(|py| {
            name_of.bind(py).call1((user_id,)).and_then(|name| name.extract()).unwrap_or(None)
        })
    }))
}

/// Samples of `seconds`, none for no end.
pub(crate) fn samples(seconds: f64) -> Option<u64> {
    (seconds > 0.0).then(|| (seconds * f64::from(SAMPLE_RATE)) as u64)
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Recording(pub recording::Recording);

#[pymethods]
impl Recording {
    #[getter]
    fn is_over(&self) -> bool {
        self.0.phase() == Phase::Over
    }

    #[getter]
    fn is_paused(&self) -> bool {
        self.0.phase() == Phase::Paused
    }

    #[getter]
    fn dropped(&self) -> u64 {
        self.0.dropped()
    }

    #[getter]
    fn position(&self) -> u64 {
        self.0.position()
    }

    fn pause(&self, py: Python<'_>, position: u64) {
        py.detach(|| self.0.pause(position));
    }

    fn resume(&self, py: Python<'_>, position: u64) {
        py.detach(|| self.0.resume(position));
    }

    fn allow(&self, py: Python<'_>, user_id: u64, position: u64) {
        py.detach(|| self.0.allow(user_id, position));
    }

    #[pyo3(signature = (user_id, position, *, drop = false))]
    fn deny(&self, py: Python<'_>, user_id: u64, position: u64, drop: bool) {
        py.detach(|| self.0.deny(user_id, position, drop));
    }

    fn cut(&self, py: Python<'_>, position: u64) {
        py.detach(|| self.0.cut(position));
    }

    fn mark(&self, py: Python<'_>, position: u64, title: String) {
        py.detach(|| self.0.mark(position, title));
    }

    fn stop(&self, py: Python<'_>, delay: u64) {
        py.detach(|| self.0.stop(delay));
    }

    fn news(&self, py: Python<'_>, timeout: f64) -> Result<Vec<RecordingNews>> {
        let timeout = duration(timeout)?;
        Ok(py.detach(|| self.0.news(timeout)).into_iter().map(RecordingNews).collect())
    }

    fn wait(&self, py: Python<'_>, timeout: f64) -> Result<Option<RecordingReport>> {
        let timeout = duration(timeout)?;
        let outcome = py.detach(|| self.0.wait(timeout));
        let report = outcome.map_err(|died| SinkError::new_err(died.to_string()))?;
        Ok(report.map(|inner| {
            let dropped = self.0.dropped() + inner.stats.no_room;
            RecordingReport { inner, dropped }
        }))
    }
}

/// What has become of a user's track.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct RecordingNews(News);

#[pymethods]
impl RecordingNews {
    #[getter]
    fn user_id(&self) -> Option<u64> {
        match self.0 {
            News::Failed { user_id, .. } => user_id,
            News::Started { user_id } | News::Dropped { user_id, .. } | News::Refused { user_id, .. } => {
                Some(user_id)
            }
            News::Part(ref part) => part.user_id,
        }
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match self.0 {
            News::Started { .. } => "started",
            News::Part(_) => "part",
            News::Dropped { .. } => "dropped",
            News::Failed { .. } => "failed",
            News::Refused { .. } => "refused",
        }
    }

    #[getter]
    fn part(&self) -> Option<PartOutcome> {
        match &self.0 {
            News::Part(part) => Some(PartOutcome(part.clone())),
            _ => None,
        }
    }

    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match &self.0 {
            News::Started { .. } | News::Part(_) | News::Dropped { error: None, .. } => None,
            News::Failed { error, .. } | News::Dropped { error: Some(error), .. } => Some(raised(py, error)),
            News::Refused { most, .. } => {
                let error =
                    SinkError::new_err(format!("{most} others are recorded, and there is room for no more"));
                Some(error.into_value(py).into_bound(py).into_any())
            }
        }
    }
}

/// What a whole file and a part have in common.
macro_rules! extent {
    ($($name:ident),*) => {
        $(#[pymethods]
        impl $name {
            #[getter]
            fn user_id(&self) -> Option<u64> {
                self.0.user_id
            }

            #[getter]
            fn path(&self) -> Option<PathBuf> {
                self.0.path.clone()
            }

            #[getter]
            fn offset(&self) -> f64 {
                seconds(self.0.offset)
            }

            #[getter]
            fn duration(&self) -> f64 {
                seconds(self.0.samples)
            }

            #[getter]
            fn size(&self) -> u64 {
                self.0.bytes
            }
        })*
    };
}

extent!(PartOutcome, TrackOutcome);

/// A file of a recording that is complete.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct PartOutcome(PartReport);

#[pymethods]
impl PartOutcome {
    #[getter]
    fn is_mixdown(&self) -> bool {
        self.0.mixdown
    }

    #[getter]
    fn number(&self) -> u32 {
        self.0.number
    }
}

/// What a recording came to.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct RecordingReport {
    pub(crate) inner: RecorderReport,
    dropped: u64,
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

macro_rules! counts {
    ($($name:ident),* $(,)?) => {
        #[pymethods]
        impl RecordingReport {
            #[getter]
            fn tracks(&self) -> Vec<TrackOutcome> {
                self.inner.tracks.iter().cloned().map(TrackOutcome).collect()
            }

            #[getter]
            fn duration(&self) -> f64 {
                seconds(self.inner.samples)
            }

            #[getter]
            fn reason(&self) -> &'static str {
                match self.inner.reason {
                    EndReason::TimeLimit => "time",
                    EndReason::SizeLimit => "size",
                    EndReason::Failed => "failed",
                    EndReason::Finished => "finished",
                }
            }

            #[getter]
            fn dropped(&self) -> u64 {
                self.dropped
            }

            $(#[getter]
            fn $name(&self) -> u64 {
                let RecorderStats { $name, .. } = self.inner.stats;
                $name
            })*

            fn __repr__(&self) -> String {
                let mut text = format!("<RecordingReport {:.2} s {}", self.duration(), self.reason());
                $(text.push_str(&format!(" {}={}", stringify!($name), self.$name()));)*
                format!("{text} dropped={}>", self.dropped)
            }
        }
    };
}

counts!(frames, filtered, paused, late, overlapping, invalid, refused_users, filled_samples, late_samples);

/// What a file object or a function of Python's raised.
fn cause(error: &RecorderError) -> Option<&PyErr> {
    match error {
        RecorderError::Target(source) | RecorderError::Write { source, .. } => {
            source.get_ref().and_then(|raised| raised.downcast_ref())
        }
        _ => None,
    }
}

/// The error as Python knows it.
fn raised<'py>(py: Python<'py>, error: &RecorderError) -> Bound<'py, PyAny> {
    let raised = SinkError::new_err(error.to_string());
    raised.set_cause(py, cause(error).map(|cause| cause.clone_ref(py)));
    raised.into_value(py).into_bound(py).into_any()
}

/// One file of a recording, or one track of a file.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct TrackOutcome(TrackReport);

#[pymethods]
impl TrackOutcome {
    #[getter]
    fn is_cut(&self) -> bool {
        matches!(self.0.state, FileState::SizeLimit)
    }

    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let FileState::Failed(error) = &self.0.state else { return None };
        Some(raised(py, error))
    }
}
