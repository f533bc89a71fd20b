//! `Broadcast`: one source, decoded and encoded once, for any number of connections.

use std::sync::Arc;

use isocord_io::desk;
use isocord_io::dsp::Volume;
use isocord_io::play::JobHandle;
use isocord_io::play::deck::Deck;
use isocord_io::play::track::{SharedTrack, TrackReader};
use isocord_io::source::FrameSource;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::codec::{EncoderOptions, options_or_default};
use crate::engine::engine;
use crate::errors::{AudioFileError, Error, Result};
use crate::playable::part_of;
use crate::producing::check_lookahead;

/// The longest store, in seconds.
const MAX_PREBUFFER: f64 = 60.0;
const FRAMES_A_SECOND: f64 = 50.0;

#[pyclass(frozen, subclass, module = "isocord._native")]
pub(crate) struct Broadcast {
    deck: Arc<AnyDeck>,
    job: Arc<JobHandle>,
    track: SharedTrack,
    volume: Volume,
    /// A source of Python's, which is to live as long as it is heard.
    _source: Py<PyAny>,
}

/// A source of any kind on its deck.
type AnyDeck = Deck<Box<dyn FrameSource>>;

impl Broadcast {
    /// One more end, and what keeps it fed.
    pub(crate) fn listen(&self) -> (TrackReader, Arc<AnyDeck>, Arc<JobHandle>) {
        (TrackReader::of(&self.track), Arc::clone(&self.deck), Arc::clone(&self.job))
    }
}

#[pymethods]
impl Broadcast {
    #[new]
    #[pyo3(signature = (source, options = None, *, lookahead = 25, prebuffer = 0.0))]
    fn new(
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        options: Option<&EncoderOptions>,
        lookahead: i64,
        prebuffer: f64,
    ) -> Result<Self> {
        let (lookahead, options) = (check_lookahead(lookahead)?, options_or_default(options));
        if !(0.0..=MAX_PREBUFFER).contains(&prebuffer) {
            let text = format!("prebuffer must be 0 to {MAX_PREBUFFER} seconds, not {prebuffer}");
            return Err(PyValueError::new_err(text).into());
        }
        let (part, _) = part_of(source)?;
        let volume = part.volume.clone();
        let frames = (prebuffer * FRAMES_A_SECOND).ceil() as u64;
        let stored = if frames > 0 { desk::prebuffered(part.source, frames) } else { part.source };
        let deck = Arc::new(Deck::new(stored, part.volume, part.duration));
        let (reader, _, job) =
            py.detach(|| Ok::<_, Error>(deck.track(engine()?.pool(), &options, lookahead)?))?;
        let (job, track) = (Arc::new(job), reader.share());
        Ok(Self { deck, job, track, volume, _source: source.clone().unbind() })
    }

    #[getter]
    fn volume(&self) -> f32 {
        self.volume.get()
    }

    #[setter]
    fn set_volume(&self, value: f32) -> Result<()> {
        Ok(self.deck.set_volume(value)?)
    }

    #[getter]
    fn simplified(&self) -> u64 {
        self.deck.simplified()
    }

    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let text = self.deck.error()?.to_owned();
        Some(AudioFileError::new_err(text).into_value(py).into_bound(py).into_any())
    }

    /// End it for all who hear it.
    fn stop(&self) {
        self.deck.end();
    }

    fn is_opus(&self) -> bool {
        false
    }

    fn read(&self) -> Result<Vec<u8>> {
        Err(AudioFileError::new_err("a Broadcast is played, not read").into())
    }

    /// Nothing: others may hear it still.
    fn cleanup(&self) {}

    #[getter(__class__)]
    fn class<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static POSING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        POSING.import(py, "isocord._door.posing", "posing")?.call1((slf.get_type(),))
    }
}
