//! `Layer`: one sound of a mixer.

use std::sync::Arc;

use isocord_io::desk::{Outcome, mixer};
use pyo3::prelude::*;

use crate::audio_file::AudioFile;
use crate::errors::{AudioFileError, Result};
use crate::filtered::Filtered;
use crate::telling::await_told;

/// One sound of a :class:`Mixer`, made by :meth:`Mixer.play`. Awaiting it waits until its end is heard.
///
///     song = mixer.play(isocord.AudioFile("song.mp3"))
///     await song.fade(0.3, 2.0)
///     await song
///
/// Everything may be asked from any thread and never blocks. What changes while it plays is heard within 60 ms,
/// without a click. Awaiting raises what ended the source early: an AudioFileError, or whatever a source written in
/// Python raised. One that was stopped has simply ended.
#[pyclass(frozen, module = "isocord")]
pub(crate) struct Layer {
    layer: mixer::Layer,
    /// As it was given.
    source: Py<PyAny>,
    /// The native source, which says why it ended early.
    native: Arc<Py<PyAny>>,
}

impl Layer {
    pub(crate) fn new(layer: mixer::Layer, source: &Bound<'_, PyAny>, native: Bound<'_, PyAny>) -> Self {
        let native = Arc::new(native.unbind());
        let played = Arc::clone(&native);
        layer.on_end(Box::new(move |_| {
            let _ = Python::try_attach(|py| {
                // What plays once lets go of what it has open.
                let played = played.bind(py);
                if (played.is_instance_of::<AudioFile>() || played.is_instance_of::<Filtered>())
                    && let Err(error) = played.call_method0("cleanup")
                {
                    error.write_unraisable(py, Some(played));
                }
            });
        }));
        Self { layer, source: source.clone().unbind(), native }
    }
}

/// What ended a native source early: what it says itself, else `told`.
fn error_of(py: Python<'_>, native: &Py<PyAny>, told: Option<&str>) -> Option<Py<PyAny>> {
    let own = native.bind(py).getattr_opt("error").ok().flatten().filter(|error| !error.is_none());
    let other = || told.map(|text| AudioFileError::new_err(text.to_owned()).into_value(py).into_any());
    own.map(Bound::unbind).or_else(other)
}

#[pymethods]
impl Layer {
    /// 0.0 to 16.0; 1.0 leaves the sound as it is. While it fades, the volume that it goes to.
    ///
    /// Raises, when it is set:
    ///     ValueError: it is out of its range.
    #[getter]
    fn volume(&self) -> f32 {
        self.layer.volume()
    }

    #[setter]
    fn set_volume(&self, value: f32) -> Result<()> {
        Ok(self.layer.fade(value, 0.0, None)?)
    }

    /// Go to another volume, without a kink and, of two that cross, with the power of one. It begins at once; awaiting
    /// waits until the new volume is heard, until the volume is set anew, or until the layer is over.
    ///
    /// Args:
    ///     to: the volume, 0.0 to 16.0.
    ///     seconds: how long it takes, 0 to 3600.
    ///
    /// Raises:
    ///     ValueError: to or seconds is out of its range.
    fn fade(&self, to: f32, seconds: f64) -> Result<Fade> {
        let outcome = Arc::new(Outcome::default());
        let told = Arc::clone(&outcome);
        self.layer.fade(to, seconds, Some(Box::new(move |error| told.settle(error)())))?;
        Ok(Fade(outcome))
    }

    /// End it, at once or after it has faded out. Asked again, it is over sooner, if anything.
    ///
    /// Args:
    ///     fade: seconds in which it fades out, 0 to 3600. What it ducks comes back meanwhile.
    ///
    /// Raises:
    ///     ValueError: fade is out of its range.
    #[pyo3(signature = (*, fade = 0.0))]
    fn stop(&self, py: Python<'_>, fade: f64) -> Result<()> {
        Ok(py.detach(|| self.layer.stop(fade))?)
    }

    /// Have it stand still, silent, until resume(). A mixer with a layer that is paused does not end.
    fn pause(&self) {
        self.layer.pause(true);
    }

    /// Go on after pause().
    fn resume(&self) {
        self.layer.pause(false);
    }

    /// Whether it was asked to stand still.
    #[getter]
    fn paused(&self) -> bool {
        self.layer.is_paused()
    }

    /// Go to a place in its source, in seconds. Past the end, it ends. A source that can go nowhere (one of Python's,
    /// radio) ends with an error.
    ///
    /// Raises:
    ///     ValueError: seconds is negative or not finite.
    fn seek(&self, seconds: f64) -> Result<()> {
        Ok(self.layer.seek(seconds)?)
    }

    /// Place in its source, in seconds, of what is heard now, or was heard last.
    #[getter]
    fn position(&self) -> f64 {
        self.layer.position()
    }

    /// Length of its source in seconds, or None where it is not known.
    #[getter]
    fn duration(&self) -> Option<f64> {
        self.layer.duration()
    }

    /// Frames of 20 ms in which its source had nothing, so that the others went on without it. What came late is heard
    /// late, and not lost.
    #[getter]
    fn underruns(&self) -> u64 {
        self.layer.underruns()
    }

    /// Whether its end has been heard.
    #[getter]
    fn ended(&self) -> bool {
        self.layer.is_over()
    }

    /// What ended it early, or None.
    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        error_of(py, &self.native, self.layer.error())
    }

    /// What was given to play().
    #[getter]
    fn source(&self, py: Python<'_>) -> Py<PyAny> {
        self.source.clone_ref(py)
    }

    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let native = Arc::clone(&self.native);
        await_told(py, |listener| self.layer.on_end(listener), move |py, told| error_of(py, &native, told))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let state = match (self.layer.is_over(), self.layer.is_paused()) {
            (true, _) => "ended",
            (_, true) => "paused",
            _ => "playing",
        };
        let (source, at) = (self.source.bind(py).repr()?, self.layer.position());
        Ok(format!("<Layer {state} at {at:.2} s: {source}>"))
    }
}

/// A fade that goes on; to be awaited, or not.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Fade(Arc<Outcome>);

#[pymethods]
impl Fade {
    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        await_told(py, |listener| self.0.tell(listener), |_, _| None)
    }
}
