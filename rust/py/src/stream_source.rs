//! `StreamSource`: sound that is written while it plays.

use std::sync::{Arc, Mutex};

use isocord_io::desk::Errands;
use isocord_io::desk::written::{Format, Options, WriteError, WrittenSource, WrittenStream};
use isocord_io::dsp::Volume;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::bytes::bytes_like;
use crate::engine::running;
use crate::errors::{AudioFileError, Error, Result, StreamError, StreamFullError};
use crate::part::{Native, Part};
use crate::reading::Reading;
use crate::telling::future_told;
use isocord_io::lock;

#[pyclass(frozen, subclass, module = "isocord._native")]
pub(crate) struct StreamSource {
    stream: WrittenStream,
    end: Mutex<Option<WrittenSource>>,
    volume: Volume,
    format: Format,
    /// What `read()` reads.
    reader: Mutex<Option<Reading<WrittenSource>>>,
}

/// Work for the event thread; without one nothing plays, and it is done here.
struct WhileRunning;

impl Errands for WhileRunning {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        match running() {
            Some(engine) => engine.errands().run(errand),
            None => errand(),
        }
    }
}

impl Native for StreamSource {
    fn part(&self) -> Result<Part> {
        let source = self.take()?;
        Ok(Part { source: Box::new(source), volume: self.volume.clone(), duration: None })
    }
}

#[pymethods]
impl StreamSource {
    #[new]
    #[pyo3(signature = (sample_rate = 24_000, channels = 1, *, format = "s16", prebuffer = 0.0, capacity = 10.0,
                        on_starve = "silence", volume = 1.0))]
    fn new(
        sample_rate: i64,
        channels: i64,
        format: &str,
        prebuffer: f64,
        capacity: f64,
        on_starve: &str,
        volume: f32,
    ) -> Result<Self> {
        let format = match format {
            "s16" => Format::S16,
            "f32" => Format::F32,
            other => {
                let text = format!("format must be \"s16\" or \"f32\", not {other:?}");
                return Err(PyValueError::new_err(text).into());
            }
        };
        let hold = match on_starve {
            "silence" => false,
            "hold" => true,
            other => {
                let text = format!("on_starve must be \"silence\" or \"hold\", not {other:?}");
                return Err(PyValueError::new_err(text).into());
            }
        };
        let refused = |text: String| Error::from(PyValueError::new_err(text));
        let rate = u32::try_from(sample_rate)
            .map_err(|_| refused(format!("sample_rate must be 1000 to 384000 Hz, not {sample_rate}")))?;
        let channels = u16::try_from(channels)
            .map_err(|_| refused(format!("channels must be 1 to 64, not {channels}")))?;
        let options = Options { rate, channels, format, prebuffer, capacity, hold };
        let volume = Volume::new(volume)?;
        let (stream, source) = WrittenStream::new(&options, Arc::new(WhileRunning))?;
        Ok(Self { stream, end: Mutex::new(Some(source)), volume, format, reader: Mutex::default() })
    }

    /// What is to be written, as bytes.
    fn _bytes<'py>(&self, pcm: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        if let Ok(bytes) = pcm.cast::<PyBytes>() {
            return Ok(bytes.clone());
        }
        let view = PyMemoryView::from(pcm)?;
        let kind: String = view.getattr("format")?.extract()?;
        let fits = matches!(
            (kind.trim_start_matches(['<', '=', '@']), self.format),
            ("B" | "b" | "c", _) | ("h", Format::S16) | ("f", Format::F32)
        );
        if !fits {
            let wanted = if self.format == Format::S16 { "16-bit integers" } else { "32-bit floats" };
            let text = format!("this stream takes bytes or {wanted}, not a buffer of format {kind:?}");
            return Err(PyTypeError::new_err(text));
        }
        Ok(view.call_method0("tobytes")?.cast_into::<PyBytes>()?)
    }

    /// Takes what there is room for, from byte `start` on, and says how many bytes that were.
    fn _push(&self, py: Python<'_>, pcm: &Bound<'_, PyBytes>, start: usize) -> Result<usize> {
        let pcm: PyBackedBytes = pcm.clone().into();
        let rest = pcm.get(start..).unwrap_or_default();
        Ok(py.detach(|| self.stream.write(rest))?)
    }

    /// A future of the running loop that is done when there is room for so many bytes.
    fn _room<'py>(&self, py: Python<'py>, bytes: usize) -> PyResult<Bound<'py, PyAny>> {
        future_told(py, |listener| py.detach(|| self.stream.on_room(bytes, listener)), stream_error)
    }

    /// A future of the running loop that is done when all is heard.
    fn _drained<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        future_told(py, |listener| py.detach(|| self.stream.on_drained(listener)), stream_error)
    }

    fn write_nowait(&self, pcm: &Bound<'_, PyAny>) -> Result<()> {
        let py = pcm.py();
        let bytes = bytes_like(self._bytes(pcm)?.as_any())?;
        if py.detach(|| self.stream.write_all(&bytes))? {
            return Ok(());
        }
        let text = format!("there is no room for {} more bytes: await write() waits for it", bytes.len());
        Err(StreamFullError::new_err(text).into())
    }

    fn flush(&self, py: Python<'_>) {
        py.detach(|| self.stream.flush());
    }

    fn finish(&self, py: Python<'_>) {
        py.detach(|| self.stream.finish());
    }

    fn clear(&self, py: Python<'_>) -> f64 {
        py.detach(|| self.stream.clear())
    }

    fn pause(&self, py: Python<'_>) {
        py.detach(|| self.stream.set_paused(true));
    }

    fn resume(&self, py: Python<'_>) {
        py.detach(|| self.stream.set_paused(false));
    }

    #[getter]
    fn paused(&self) -> bool {
        self.stream.is_paused()
    }

    #[getter]
    fn played(&self, py: Python<'_>) -> f64 {
        py.detach(|| self.stream.played())
    }

    #[getter]
    fn unheard(&self, py: Python<'_>) -> f64 {
        py.detach(|| self.stream.unheard())
    }

    #[getter]
    fn starved(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.stream.starved())
    }

    #[getter]
    fn volume(&self) -> f32 {
        self.volume.get()
    }

    #[setter]
    fn set_volume(&self, py: Python<'_>, value: f32) -> Result<()> {
        self.volume.set(value)?;
        py.detach(|| self.stream.look());
        Ok(())
    }

    fn is_opus(&self) -> bool {
        false
    }

    fn read<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let pcm = py.detach(|| {
            let mut reader = lock(&self.reader);
            let reader = match &mut *reader {
                Some(reader) => reader,
                none => none.insert(Reading::new(self.take()?, self.volume.clone())),
            };
            reader.frame().map_err(Error::from)
        })?;
        Ok(pcm.map_or_else(|| PyBytes::new(py, &[]), |pcm| PyBytes::new(py, &pcm)))
    }

    fn cleanup(&self, py: Python<'_>) {
        py.detach(|| self.stream.close(OVER));
    }

    /// What isinstance() takes it for: also a source of whichever bot library is loaded.
    #[getter(__class__)]
    fn class<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static POSING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        POSING.import(py, "isocord._door.posing", "posing")?.call1((slf.get_type(),))
    }
}

/// What is told to those who write to a stream that is not played any more.
const OVER: &str = "what played this stream is over: write to a new one";

impl StreamSource {
    /// Its end for who plays it, once.
    fn take(&self) -> Result<WrittenSource> {
        let source = lock(&self.end).take();
        Ok(source.ok_or_else(|| AudioFileError::new_err("this stream plays, or has played, already"))?)
    }
}

/// What is raised where somebody waits for a stream.
fn stream_error(py: Python<'_>, why: Option<&str>) -> Option<Py<PyAny>> {
    why.map(|why| StreamError::new_err(why.to_owned()).into_value(py).into_any())
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        Self::Py(StreamError::new_err(error.to_string()))
    }
}
