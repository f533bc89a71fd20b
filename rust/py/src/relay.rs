//! `Relay`: the frames of a track, sent ahead to where they leave.

use isocord_io::connection::ConnectionError;
use isocord_io::play::{self, RelayHandle, Shown};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::engine::engine;
use crate::errors::{AudioFileError, Result};
use crate::producing::check_lookahead;
use crate::track::{Track, end_of};

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Relay(RelayHandle);

#[pymethods]
impl Relay {
    #[new]
    fn new(py: Python<'_>, track: &Bound<'_, Track>, lookahead: i64, send: Py<PyAny>) -> Result<Self> {
        let lookahead = check_lookahead(lookahead)?;
        let reader = track.get().take_reader();
        let reader = reader.ok_or_else(|| AudioFileError::new_err("this track plays already"))?;
        let send = Box::new(move |shown: Shown| {
            // While the interpreter goes, nobody hears it any more.
            let _ = Python::try_attach(|py| {
                if let Err(error) = tell(py, &send, &shown) {
                    error.write_unraisable(py, Some(send.bind(py)));
                }
            });
        });
        let added = py.detach(|| {
            engine()?
                .relays()
                .add(reader, lookahead, send)
                .map_err(ConnectionError::Socket)
                .map_err(Into::into)
        });
        added.map(Self)
    }

    /// Frames that a receiver needs room for.
    #[staticmethod]
    fn capacity(lookahead: i64) -> Result<usize> {
        Ok(play::Relay::capacity(check_lookahead(lookahead)?))
    }

    /// Another one receives it, who knows nothing; gives its turn.
    fn begin(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.0.begin())
    }

    /// The receiver tells that so many frames have left; `moves` if more are about to; `late`: of those that it was sent
    /// since, so many came too late.
    fn note_left(&self, py: Python<'_>, left: u64, moves: bool, late: u64) {
        py.detach(|| self.0.note_left(left, moves, late));
    }

    /// What is about to leave is the last for now.
    fn hold(&self, py: Python<'_>) {
        py.detach(|| self.0.hold());
    }

    /// Frames leave again.
    fn go_on(&self, py: Python<'_>) {
        py.detach(|| self.0.go_on());
    }

    /// It has ended there.
    fn end(&self, py: Python<'_>, how: &str) -> PyResult<()> {
        let end = end_of(how).ok_or_else(|| PyValueError::new_err(format!("no track ends as {how:?}")))?;
        py.detach(|| self.0.end(end));
        Ok(())
    }
}

fn tell(py: Python<'_>, send: &Py<PyAny>, shown: &Shown) -> PyResult<()> {
    let frames: Vec<_> = shown.frames.iter().map(|frame| PyBytes::new(py, frame)).collect();
    send.call1(py, (shown.turn, shown.from, frames, shown.rests, shown.is_all)).map(drop)
}
