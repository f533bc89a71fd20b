//! `Reel`: what a source of Python's brings, as a part of a native one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use isocord_io::dsp::Volume;
use isocord_io::source::{self, ReelWriter};
use isocord_proto::frame::FRAME_LEN;
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::bytes::bytes_like;
use crate::errors::{AudioFileError, Result};
use crate::part::{Native, Part};
use crate::producing::{duration, push_pcm};

/// Frames that it holds: a source of Python's may pause for half a second before its silence is heard.
const FRAMES: usize = 25;

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Reel {
    writer: Mutex<(ReelWriter, Option<Decoder>)>,
    reader: Mutex<Option<source::Reel>>,
    error: Mutex<Option<Py<PyAny>>>,
}

impl Native for Reel {
    fn part(&self) -> Result<Part> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reader = reader.ok_or_else(|| AudioFileError::new_err("this source already plays elsewhere"))?;
        Ok(Part { source: Box::new(reader), volume: Volume::default(), duration: None })
    }
}

impl Reel {
    fn writer(&self) -> MutexGuard<'_, (ReelWriter, Option<Decoder>)> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Reel {
    #[new]
    fn new() -> Self {
        let (writer, reader) = source::reel(FRAMES);
        Self { writer: Mutex::new((writer, None)), reader: Mutex::new(Some(reader)), error: Mutex::default() }
    }

    fn wait_room(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<usize>> {
        let timeout = duration(timeout)?;
        Ok(py.detach(|| self.writer().0.wait_room(timeout)))
    }

    fn write_pcm(&self, py: Python<'_>, pcm: &Bound<'_, PyAny>) -> Result<usize> {
        let pcm = bytes_like(pcm)?;
        py.detach(|| push_pcm(&mut self.writer().0, &pcm))
    }

    fn write_opus(&self, py: Python<'_>, packets: Vec<Bound<'_, PyAny>>) -> Result<usize> {
        let packets = packets.iter().map(bytes_like).collect::<PyResult<Vec<PyBackedBytes>>>()?;
        py.detach(|| {
            let (writer, decoder) = &mut *self.writer();
            let decoder = match decoder {
                Some(decoder) => decoder,
                none => none.insert(Decoder::new()?),
            };
            let mut samples = [0; MAX_DECODED_LEN];
            let mut queued = 0;
            for packet in &packets {
                decoder.decode(packet, &mut samples)?;
                let Some(frame) = samples.first_chunk::<FRAME_LEN>() else { break };
                if !writer.push(frame) {
                    break;
                }
                queued += 1;
            }
            Ok(queued)
        })
    }

    fn finish(&self) {
        self.writer().0.finish();
    }

    /// What has ended the source; said before the reel is finished.
    fn fail(&self, error: Py<PyAny>) {
        let before = self.error.lock().unwrap_or_else(PoisonError::into_inner).replace(error);
        // What it holds may ask for the lock.
        drop(before);
    }

    fn wait_end(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<&'static str>> {
        let timeout = duration(timeout)?;
        Ok(py.detach(|| self.writer().0.wait_end(timeout)).then_some("finished"))
    }

    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.as_ref().map(|error| error.clone_ref(py))
    }

    /// Frames that were taken.
    #[getter]
    fn frames_sent(&self) -> u64 {
        self.writer().0.taken()
    }
}
