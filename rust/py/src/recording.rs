//! `Recording`: what users say, written to files without the GIL.

use std::path::PathBuf;
use std::sync::Mutex;

use isocord_io::connection::SentWriter;
use isocord_io::lock;
use isocord_io::receive::queue::{Form, FrameWriter};
use isocord_io::record::recording::{self, News, Phase};
use isocord_io::record::{
    EndReason, FileState, PartReport, RecorderReport, RecorderStats, SinkError as RecorderError, TrackReport,
};
use isocord_proto::frame::SAMPLE_RATE;
use pyo3::prelude::*;

use crate::errors::{Result, SinkError};
use crate::listen::HeardFrame;
use crate::producing::duration;

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Recording {
    inner: recording::Recording,
    relayed: Mutex<Option<Relayed>>,
}

/// Samples that what was heard on another machine may be on its way when a recording is stopped.
const ON_ITS_WAY: u64 = SAMPLE_RATE as u64 / 2;

/// Where frames go in that were heard on another machine, and packets of our own, with our id, that left there.
pub(crate) struct Relayed {
    pub heard: FrameWriter,
    pub own: Option<(u64, SentWriter)>,
}

impl Recording {
    pub(crate) fn new(inner: recording::Recording, relayed: Option<Relayed>) -> Self {
        Self { inner, relayed: Mutex::new(relayed) }
    }
}

#[pymethods]
impl Recording {
    #[getter]
    fn form(&self) -> Option<&'static str> {
        match lock(&self.relayed).as_ref()?.heard.form() {
            Form::Pcm => Some("pcm"),
            Form::Opus => Some("opus"),
            Form::Speaking => None,
        }
    }

    fn hear(&self, py: Python<'_>, frames: Vec<PyRef<'_, HeardFrame>>, shift: i64) {
        if let Some(Relayed { heard, own }) = lock(&self.relayed).as_mut() {
            for frame in &frames {
                match own {
                    Some((user_id, sent)) if frame.is_packet_of(*user_id) => frame.relay_own(py, shift, sent),
                    _ => frame.relay(py, shift, heard),
                }
            }
            heard.flush();
        }
    }

    fn hear_no_more(&self) {
        lock(&self.relayed).take();
    }

    #[getter]
    fn is_over(&self) -> bool {
        self.inner.phase() == Phase::Over
    }

    #[getter]
    fn is_paused(&self) -> bool {
        self.inner.phase() == Phase::Paused
    }

    #[getter]
    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }

    #[getter]
    fn position(&self) -> u64 {
        self.inner.position()
    }

    fn pause(&self, py: Python<'_>, position: u64) {
        py.detach(|| self.inner.pause(position));
    }

    fn resume(&self, py: Python<'_>, position: u64) {
        py.detach(|| self.inner.resume(position));
    }

    fn allow(&self, py: Python<'_>, user_id: u64, position: u64) {
        py.detach(|| self.inner.allow(user_id, position));
    }

    #[pyo3(signature = (user_id, position, *, drop = false))]
    fn deny(&self, py: Python<'_>, user_id: u64, position: u64, drop: bool) {
        py.detach(|| self.inner.deny(user_id, position, drop));
    }

    fn cut(&self, py: Python<'_>, position: u64) {
        py.detach(|| self.inner.cut(position));
    }

    fn mark(&self, py: Python<'_>, position: u64, title: String) {
        py.detach(|| self.inner.mark(position, title));
    }

    fn stop(&self, py: Python<'_>, delay: u64) {
        let more = if lock(&self.relayed).is_some() { ON_ITS_WAY } else { 0 };
        py.detach(|| self.inner.stop(delay.saturating_add(more)));
    }

    fn news(&self, py: Python<'_>, timeout: f64) -> Result<Vec<RecordingNews>> {
        let timeout = duration(timeout)?;
        Ok(py.detach(|| self.inner.news(timeout)).into_iter().map(RecordingNews).collect())
    }

    fn wait(&self, py: Python<'_>, timeout: f64) -> Result<Option<RecordingReport>> {
        let timeout = duration(timeout)?;
        let outcome = py.detach(|| self.inner.wait(timeout));
        let report = outcome.map_err(|died| SinkError::new_err(died.to_string()))?;
        Ok(report.map(|inner| {
            let dropped = self.inner.dropped() + inner.stats.no_room;
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

counts!(
    frames,
    filtered,
    before_start,
    paused,
    after_end,
    late,
    overlapping,
    invalid,
    refused_users,
    filled_samples,
    late_samples,
);

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
