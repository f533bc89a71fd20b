//! `FrameQueue`: what users say, on its way to a thread or a loop of Python's.

mod relay;

#[cfg(unix)]
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isocord_io::receive::common_clock::CommonClock;
use isocord_io::receive::queue::{FrameReader, ReaderWaker};
use isocord_io::receive::shape::{Out, Shape, Shaped, Shaper};
#[cfg(unix)]
use isocord_io::receive::tray::{Goes, Tray, Weight};
use isocord_proto::frame::SAMPLE_RATE;
use isocord_proto::recv::{FrameKind, Speaking};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::ears::{Ears, Moment};
use crate::producing::duration;

/// Frames that the thread takes at once, and how often it looks up though nothing comes.
#[cfg(unix)]
const BATCH: usize = 256;
#[cfg(unix)]
const LOOK_UP: Duration = Duration::from_secs(1);

/// 20 ms of one user's sound, or of all as one, or one Opus packet: what VoiceClient.listen() gives.
#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct HeardFrame {
    /// Whose; 0 for all as one.
    user_id: u64,
    /// Place of its first sample on the clock that all users share, in samples of 48 kHz whatever its own rate is.
    position: u64,
    /// Its length in samples per channel, at its own rate.
    samples: u32,
    /// "voice" as it came, "recovered" from in-band FEC, "concealed": filled in for a lost packet, or "silence".
    kind: String,
    /// Samples, or an Opus packet.
    data: Py<PyBytes>,
    /// Samples a second.
    sample_rate: u32,
    /// 1 or 2.
    channels: u32,
    /// Its loudness in dBFS; None of Opus packets.
    level: Option<f32>,
    /// How likely it is speech, 0 to 1; None unless that was asked for.
    speech: Option<f32>,
    /// When its packet came, in nanoseconds since 1970.
    received_ns: Option<u64>,
    /// When its first sample was spoken, as far as is known here, in seconds since 1970.
    captured: f64,
}

#[pymethods]
impl HeardFrame {
    #[new]
    #[pyo3(signature = (
        user_id, position, samples, kind, data, *, sample_rate = SAMPLE_RATE, channels = 2, level = None, speech = None,
        received_ns = None, captured = 0.0,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn new(
        user_id: u64,
        position: u64,
        samples: u32,
        kind: String,
        data: Py<PyBytes>,
        sample_rate: u32,
        channels: u32,
        level: Option<f32>,
        speech: Option<f32>,
        received_ns: Option<u64>,
        captured: f64,
    ) -> Self {
        Self {
            user_id,
            position,
            samples,
            kind,
            data,
            sample_rate,
            channels,
            level,
            speech,
            received_ns,
            captured,
        }
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let names = PyDict::new(py);
        names.set_item("sample_rate", self.sample_rate)?;
        names.set_item("channels", self.channels)?;
        names.set_item("level", self.level)?;
        names.set_item("speech", self.speech)?;
        names.set_item("received_ns", self.received_ns)?;
        names.set_item("captured", self.captured)?;
        let places = (self.user_id, self.position, self.samples, &self.kind, &self.data).into_pyobject(py)?;
        Ok((places, names))
    }

    /// Without the sound, which nobody wants in a log.
    fn __repr__(&self, py: Python<'_>) -> String {
        let Self { user_id, position, samples, kind, data, .. } = self;
        let size = data.as_bytes(py).len();
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
    #[new]
    fn new(user_id: u64, speaking: bool, position: u64) -> Self {
        Self { user_id, speaking, position }
    }

    fn __getnewargs__(&self) -> (u64, bool, u64) {
        (self.user_id, self.speaking, self.position)
    }

    fn __repr__(&self) -> String {
        let Self { user_id, speaking, position } = self;
        let change = if *speaking { "began" } else { "ceased" };
        format!("<SpeakingChanged user_id={user_id} {change} position={position}>")
    }
}

fn heard(py: Python<'_>, frame: Shaped, shape: &Shape, moment: Moment) -> HeardFrame {
    let Shaped { user_id, position, samples, kind, received, level, speech, data } = frame;
    let kind = match kind {
        Some(FrameKind::Voice) => "voice",
        Some(FrameKind::Recovered) => "recovered",
        Some(FrameKind::Concealed) => "concealed",
        None => "silence",
    };
    HeardFrame {
        user_id,
        position,
        samples,
        kind: kind.to_owned(),
        data: PyBytes::new(py, &data).unbind(),
        sample_rate: shape.sample_rate,
        channels: shape.channels,
        level,
        speech,
        received_ns: received.map(|at| moment.at(at)),
        captured: moment.at(position) as f64 / 1e9,
    }
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct FrameQueue {
    ears: Arc<Mutex<Option<Ears>>>,
    /// What a thread of its own has ready for a loop, once one watches.
    #[cfg(unix)]
    tray: OnceLock<Arc<Tray<Out>>>,
    /// Held by who makes one: of two threads that would, one does.
    #[cfg(unix)]
    making: Mutex<()>,
    shape: Shape,
    clock: CommonClock,
    late: Arc<AtomicU64>,
    waker: ReaderWaker,
}

impl FrameQueue {
    pub(crate) fn new(reader: FrameReader, shaper: Shaper, clock: CommonClock) -> Self {
        let waker = reader.waker();
        let (shape, late) = (shaper.shape().clone(), Arc::default());
        let ears = Arc::new(Mutex::new(Some(Ears::new(reader, shaper, clock))));
        #[cfg(unix)]
        let tray = OnceLock::new();
        Self {
            ears,
            #[cfg(unix)]
            tray,
            #[cfg(unix)]
            making: Mutex::default(),
            shape,
            clock,
            late,
            waker,
        }
    }

    fn objects<'py>(&self, py: Python<'py>, taken: Vec<Out>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let moment = Moment::now(&self.clock);
        let object = |out| match out {
            Out::Frame(frame) => {
                Some(Bound::new(py, heard(py, frame, &self.shape, moment)).map(Bound::into_any))
            }
            Out::Speaking(user_id, speaking, position) => {
                let speaking = matches!(speaking, Speaking::Started);
                Some(Bound::new(py, SpeakingChanged { user_id, speaking, position }).map(Bound::into_any))
            }
            Out::Ended(_) => None,
        };
        taken.into_iter().filter_map(object).collect()
    }

    fn wait(&self, max: usize, timeout: Duration) -> Option<Vec<Out>> {
        #[cfg(unix)]
        if let Some(tray) = self.tray.get() {
            return tray.wait(max, timeout);
        }
        let mut guard = lock(&self.ears);
        let Some(ears) = guard.as_mut() else {
            drop(guard);
            return self.wait_elsewhere(max, timeout);
        };
        let taken = ears.take(max, timeout);
        self.late.store(ears.late(), Relaxed);
        if taken.is_none() {
            // Dropping the reader tells the receive thread that nobody listens here any more.
            *guard = None;
        }
        taken
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
        let (max, timeout) = (max.max(1), duration(timeout)?);
        // Who does not wait keeps the GIL: to get it back takes longer than all of this.
        #[cfg(unix)]
        if let Some(tray) = self.tray.get().filter(|_| timeout.is_zero()) {
            return tray.take(max).map(|taken| self.objects(py, taken)).transpose();
        }
        let taken = py.detach(|| self.wait(max, timeout));
        taken.map(|taken| self.objects(py, taken)).transpose()
    }

    /// Has a thread of its own, which never takes the GIL, make frames ready for a loop that watches a file.
    #[pyo3(signature = (capacity, *, newest))]
    fn watch(&self, capacity: usize, newest: bool) -> PyResult<Option<i32>> {
        #[cfg(unix)]
        {
            let _making = self.making();
            if let Some(tray) = self.tray.get() {
                return Ok(Some(tray.file()));
            }
            let goes = if newest { Goes::Newest } else { Goes::Oldest };
            let weigh = |out: &Out| if matches!(out, Out::Frame(_)) { Weight::Counts } else { Weight::News };
            // Without a file to spare, a thread of Python's takes them.
            let Ok(tray) = Tray::new(capacity, goes, weigh).map(Arc::new) else { return Ok(None) };
            self.fill(&tray)?;
            Ok(Some(self.tray.get_or_init(|| tray).file()))
        }
        #[cfg(not(unix))]
        {
            let _ = (capacity, newest);
            Ok(None)
        }
    }

    #[getter]
    fn dropped(&self) -> u64 {
        #[cfg(unix)]
        let waited = self.tray.get().map_or(0, |tray| tray.dropped());
        #[cfg(not(unix))]
        let waited = 0;
        self.waker.dropped() + waited
    }

    /// Frames that came too late to be heard whole.
    #[getter]
    fn late(&self) -> u64 {
        self.late.load(Relaxed)
    }

    fn close(&self) {
        self.waker.close();
    }
}

#[cfg(unix)]
impl FrameQueue {
    /// Another thread may have taken what there was since it was looked for, to make frames ready.
    fn wait_elsewhere(&self, max: usize, timeout: Duration) -> Option<Vec<Out>> {
        drop(self.making());
        self.tray.get()?.wait(max, timeout)
    }

    fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread. It knows nothing of Python, and ends with the queue.
    fn fill(&self, tray: &Arc<Tray<Out>>) -> std::io::Result<()> {
        /// However the thread ends, the loop is told.
        struct Ends(Arc<Tray<Out>>);

        impl Drop for Ends {
            fn drop(&mut self) {
                self.0.end();
            }
        }

        let (ears, late, tray) = (Arc::clone(&self.ears), Arc::clone(&self.late), Arc::clone(tray));
        let work = move || {
            let tray = Ends(tray);
            let Some(mut ears) = lock(&ears).take() else { return };
            while let Some(taken) = ears.take(BATCH, LOOK_UP) {
                late.store(ears.late(), Relaxed);
                tray.0.put(taken);
            }
            late.store(ears.late(), Relaxed);
        };
        std::thread::Builder::new().name("isocord-listen".to_owned()).spawn(work).map(drop)
    }
}

#[cfg(not(unix))]
impl FrameQueue {
    fn wait_elsewhere(&self, _max: usize, _timeout: Duration) -> Option<Vec<Out>> {
        None
    }
}

impl Drop for FrameQueue {
    fn drop(&mut self) {
        self.waker.close();
    }
}

fn lock(ears: &Mutex<Option<Ears>>) -> MutexGuard<'_, Option<Ears>> {
    ears.lock().unwrap_or_else(PoisonError::into_inner)
}
