//! `VoiceOutcome`: when a user spoke in a recording, and how loud.

use isocord_io::record::VoiceReport;
use pyo3::prelude::*;

use crate::recording::RecordingReport;

#[pymethods]
impl RecordingReport {
    #[getter]
    fn voices(&self) -> Vec<VoiceOutcome> {
        self.inner.voices.iter().cloned().map(VoiceOutcome).collect()
    }
}

/// What is known of one user's sound.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct VoiceOutcome(pub VoiceReport);

#[pymethods]
impl VoiceOutcome {
    #[getter]
    fn user_id(&self) -> u64 {
        self.0.user_id
    }

    #[getter]
    fn spans(&self) -> Vec<(u64, u64)> {
        self.0.spans.clone()
    }

    #[getter]
    fn peak(&self) -> f64 {
        self.0.levels.peak
    }

    #[getter]
    fn rms(&self) -> f64 {
        self.0.levels.rms
    }

    #[getter]
    fn loudness(&self) -> Option<f64> {
        self.0.levels.loudness
    }

    #[getter]
    fn missed(&self) -> u64 {
        self.0.missed
    }

    #[getter]
    fn step(&self) -> u64 {
        self.0.step
    }

    #[getter]
    fn outline(&self) -> Vec<u16> {
        self.0.outline.clone()
    }
}
