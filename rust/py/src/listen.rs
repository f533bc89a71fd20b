//! `FrameQueue`: what users say, on its way to a thread of Python's.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use isocord_io::receive::common_clock::CommonClock;
use isocord_io::receive::queue::{FrameReader, ReaderWaker};
use isocord_io::receive::shape::{Out, Shaped, Shaper};
use isocord_proto::recv::{FrameKind, Speaking};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// 20 ms of one user's sound, or of all as one, or one Opus packet: what VoiceClient.listen() gives.
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
    /// Whose; 0 for all as one.
    #[getter]
    fn user_id(&self) -> u64 {
        self.user_id
    }

    /// Place of its first sample on the clock that all users share, in samples of 48 kHz whatever its own rate is.
    #[getter]
    fn position(&self) -> u64 {
        self.position
    }

    /// Its length in samples per channel, at its own rate.
    #[getter]
    fn samples(&self) -> u32 {
        self.samples
    }

    /// "voice" as it came, "recovered" from in-band FEC, or "concealed": filled in for a lost packet.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind
    }

    /// s16le, stereo at 48 kHz unless asked for otherwise, or an Opus packet.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.data)
    }

    /// Without the sound, which nobody wants in a log.
    fn __repr__(&self) -> String {
        let Self { user_id, position, samples, kind, data } = self;
        let size = data.len();
        format!("<HeardFrame user_id={user_id} {kind} position={position} samples={samples} {size} bytes>")
    }
}

/// A user begins or ceases to speak, as the packets tell it.
#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct SpeakingChanged {
    /// Who.
    user_id: u64,
    /// Whether the user speaks now.
    speaking: bool,
    /// When, on the clock that all users share, in samples of 48 kHz.
    position: u64,
}

#[pymethods]
impl SpeakingChanged {
    fn __repr__(&self) -> String {
        let Self { user_id, speaking, position } = self;
        let change = if *speaking { "began" } else { "ceased" };
        format!("<SpeakingChanged user_id={user_id} {change} position={position}>")
    }
}

impl From<Shaped> for HeardFrame {
    fn from(frame: Shaped) -> Self {
        let Shaped { user_id, position, samples, kind, data } = frame;
        let kind = match kind {
            FrameKind::Voice => "voice",
            FrameKind::Recovered => "recovered",
            FrameKind::Concealed => "concealed",
        };
        Self { user_id, position, samples, kind, data }
    }
}

/// The longest a single wait can be asked for.
const MAX_WAIT: f64 = 3_600.0;

/// The consumer's end of a queue, and what it makes of the frames.
struct Ears {
    reader: FrameReader,
    shaper: Shaper,
    clock: CommonClock,
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct FrameQueue {
    ears: Mutex<Option<Ears>>,
    waker: ReaderWaker,
}

impl FrameQueue {
    pub(crate) fn new(reader: FrameReader, shaper: Shaper, clock: CommonClock) -> Self {
        let waker = reader.waker();
        Self { ears: Mutex::new(Some(Ears { reader, shaper, clock })), waker }
    }
}

impl Ears {
    /// None once nothing more comes.
    fn take(&mut self, max: usize, timeout: Duration) -> Option<Vec<Out>> {
        self.reader.wait(timeout);
        let closed = self.reader.is_closed();
        let position = self.clock.position();
        let mut taken = Vec::new();
        let count = self.reader.drain(max, |item| self.shaper.item(item, &mut |out| taken.push(out)));
        if count < max {
            let delay = self.reader.delay();
            self.shaper.advance(position, delay, &mut |out| taken.push(out));
        }
        if count == 0 && closed {
            self.shaper.finish(&mut |out| taken.push(out));
            return (!taken.is_empty()).then_some(taken);
        }
        Some(taken)
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
            let mut guard = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = guard.as_mut()?.take(max.max(1), timeout);
            if taken.is_none() {
                // Dropping the reader tells the receive thread that nobody listens here any more.
                *guard = None;
            }
            taken
        });
        let Some(taken) = taken else { return Ok(None) };
        let object = |out| match out {
            Out::Frame(frame) => Bound::new(py, HeardFrame::from(frame)).map(Bound::into_any),
            Out::Speaking(user_id, speaking, position) => {
                let speaking = matches!(speaking, Speaking::Started);
                Bound::new(py, SpeakingChanged { user_id, speaking, position }).map(Bound::into_any)
            }
        };
        taken.into_iter().map(object).collect::<PyResult<_>>().map(Some)
    }

    #[getter]
    fn dropped(&self) -> u64 {
        self.waker.dropped()
    }

    fn close(&self) {
        self.waker.close();
    }
}
