//! What one native source is for another.

use isocord_io::dsp::Volume;
use isocord_io::source::FrameSource;
use pyo3::PyClass;
use pyo3::pyclass::boolean_struct::True;

use crate::errors::Result;

/// A native source, taken for one who plays it.
pub(crate) struct Part {
    pub source: Box<dyn FrameSource>,
    /// Its own volume, for who plays it to apply.
    pub volume: Volume,
    /// Length in samples of 48 kHz, if it is known.
    pub duration: Option<u64>,
}

/// A class of native sources.
pub(crate) trait Native: PyClass<Frozen = True> + Sync {
    /// Takes it for one who plays it.
    fn part(&self) -> Result<Part>;
}
