//! `FrameQueue`: what users say, on its way to a thread of Python's.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use isocord_io::receive::queue::{FrameReader, Item, ReaderWaker};
use isocord_proto::recv::{FrameKind, Sound, Speaking};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// 20 ms (or, as Opus, one packet) of one user.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct HeardFrame {
    user_id: u64,
    position: u64,
    samples: u32,
    kind: &'static str,
    data: Vec<u8>,
}

#[pymethods]
impl HeardFrame {
    #[getter]
    fn user_id(&self) -> u64 {
        self.user_id
    }

    #[getter]
    fn position(&self) -> u64 {
        self.position
    }

    #[getter]
    fn samples(&self) -> u32 {
        self.samples
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.kind
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.data)
    }
}

/// A user begins or ceases to speak.
#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct SpeakingChanged {
    user_id: u64,
    speaking: bool,
    position: u64,
}

enum Taken {
    Frame(HeardFrame),
    Speaking(SpeakingChanged),
}

impl From<Item<'_>> for Taken {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Speaking(user_id, speaking, position) => Self::Speaking(SpeakingChanged {
                user_id,
                speaking: matches!(speaking, Speaking::Started),
                position,
            }),
            Item::Frame(frame) => Self::Frame(HeardFrame {
                user_id: frame.user_id,
                position: frame.position,
                samples: frame.samples,
                kind: match frame.kind {
                    FrameKind::Voice => "voice",
                    FrameKind::Recovered => "recovered",
                    FrameKind::Concealed => "concealed",
                },
                data: match frame.sound {
                    Sound::Pcm(samples) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
                    Sound::Opus(packet) => packet.to_vec(),
                },
            }),
        }
    }
}

/// The longest a single wait can be asked for.
const MAX_WAIT: f64 = 3_600.0;

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct FrameQueue {
    reader: Mutex<Option<FrameReader>>,
    waker: ReaderWaker,
}

impl FrameQueue {
    pub(crate) fn new(reader: FrameReader) -> Self {
        let waker = reader.waker();
        Self { reader: Mutex::new(Some(reader)), waker }
    }
}

#[pymethods]
impl FrameQueue {
    #[pyo3(signature = (max, timeout))]
    fn take<'py>(
        &self,
        py: Python<'py>,
        max: usize,
        timeout: f64,
    ) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let timeout = Duration::try_from_secs_f64(timeout.min(MAX_WAIT))
            .map_err(|_| PyValueError::new_err("a timeout is a number of seconds, 0 or more"))?;
        let taken = py.detach(|| {
            let mut guard = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            let reader = guard.as_mut()?;
            reader.wait(timeout);
            let mut taken = Vec::new();
            reader.drain(max, |item| taken.push(Taken::from(item)));
            if taken.is_empty() && reader.is_closed() {
                // Dropping the reader tells the receive thread that nobody listens here any more.
                *guard = None;
                return None;
            }
            Some(taken)
        });
        let Some(taken) = taken else { return Ok(None) };
        let object = |taken| match taken {
            Taken::Frame(frame) => Bound::new(py, frame).map(Bound::into_any),
            Taken::Speaking(changed) => Bound::new(py, changed).map(Bound::into_any),
        };
        taken.into_iter().map(object).collect::<PyResult<_>>().map(Some)
    }

    #[getter]
    fn dropped(&self, py: Python<'_>) -> u64 {
        let read = || {
            let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.as_ref().map_or(0, FrameReader::dropped)
        };
        py.detach(read)
    }

    fn close(&self) {
        self.waker.close();
    }
}
