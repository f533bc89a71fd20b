//! `Queue`: sources one after the other. What is easier in Python is in `isocord.desk.queue`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use isocord_io::desk::queue::{self, Event, QueueError, QueueOptions, QueueSource, Repeat};
use isocord_io::dsp::Volume;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple};

use crate::errors::{AudioFileError, Error, Result};
use crate::part::{Native, Part};
use crate::producing::duration;
use crate::queue_entry::QueueEntry;
use crate::reading::Reading;

/// How long a queue that was stopped may take to be let go of: a thread of the pool does it.
const LET_GO: Duration = Duration::from_millis(250);

#[pyclass(frozen, subclass, module = "isocord._native")]
pub(crate) struct Queue {
    queue: queue::Queue,
    volume: Volume,
    reader: Mutex<Option<Reading<QueueSource>>>,
}

/// What happens in a queue, without the queue.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct QueueEvents(queue::Queue);

impl Queue {
    fn source(&self, text: &'static str) -> Result<QueueSource> {
        let deadline = Instant::now() + LET_GO;
        loop {
            match self.queue.source() {
                Ok(source) => return Ok(source),
                Err(_) if Instant::now() >= deadline => return Err(AudioFileError::new_err(text).into()),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

impl Native for Queue {
    fn part(&self) -> Result<Part> {
        let text = "this queue plays already: stop it there first, or play another one";
        // Who lets go of it may need the GIL.
        let source = Python::attach(|py| py.detach(|| self.source(text)))?;
        Ok(Part { source: Box::new(source), volume: self.volume.clone(), duration: None })
    }
}

#[pymethods]
impl Queue {
    #[new]
    #[pyo3(signature = (*, crossfade = 0.0, r#loop = "off", volume = 1.0, endless = false))]
    fn new(crossfade: f64, r#loop: &str, volume: f32, endless: bool) -> Result<Self> {
        let options = QueueOptions { crossfade, repeat: repeat_of(r#loop)?, endless };
        let queue = queue::Queue::new(options).map_err(error)?;
        Ok(Self { queue, volume: Volume::new(volume)?, reader: Mutex::default() })
    }

    fn _insert(&self, index: usize, entry: &Bound<'_, QueueEntry>) -> Result<()> {
        Ok(self.queue.insert(index, QueueEntry::entry(entry)).map_err(error)?)
    }

    fn _remove(&self, py: Python<'_>, entry: &Bound<'_, QueueEntry>) -> Result<()> {
        let entry = QueueEntry::entry(entry);
        Ok(py.detach(|| self.queue.remove(&entry)).map_err(error)?)
    }

    fn _reorder(&self, order: Vec<usize>) {
        self.queue.reorder(&order);
    }

    fn _events(&self) -> QueueEvents {
        QueueEvents(self.queue.clone())
    }

    /// Go on to the next entry at once, also where the present one is repeated.
    fn skip(&self) {
        self.queue.skip();
    }

    /// Go back to the entry before at once; where there is none, to the beginning of the present one.
    fn previous(&self) {
        self.queue.previous();
    }

    /// Have nothing sound and nothing come, at once. Unless it is endless, the queue ends.
    fn clear(&self, py: Python<'_>) {
        py.detach(|| self.queue.clear());
    }

    /// Go to a place in the entry that is heard now, in seconds; past its end, the next one begins.
    ///
    /// Raises:
    ///     ValueError: seconds is negative or not finite, or nothing is heard.
    fn seek(&self, seconds: f64) -> Result<()> {
        Ok(self.queue.seek(seconds).map_err(error)?)
    }

    /// "off", "one" or "all": what comes again.
    ///
    /// Raises, when it is set:
    ///     ValueError: it is none of these.
    #[getter(r#loop)]
    fn repeat(&self) -> &'static str {
        match self.queue.repeat() {
            Repeat::Off => "off",
            Repeat::One => "one",
            Repeat::All => "all",
        }
    }

    #[setter(r#loop)]
    fn set_repeat(&self, value: &str) -> Result<()> {
        self.queue.set_repeat(repeat_of(value)?);
        Ok(())
    }

    /// Seconds in which an entry goes over into the next, 0 to 20; at most half of either.
    ///
    /// Raises, when it is set:
    ///     ValueError: it is out of its range.
    #[getter]
    fn crossfade(&self) -> f64 {
        self.queue.crossfade()
    }

    #[setter]
    fn set_crossfade(&self, value: f64) -> Result<()> {
        Ok(self.queue.set_crossfade(value).map_err(error)?)
    }

    /// 0.0 to 16.0, on top of the entries' own; 1.0 leaves the sound as it is. Setting it is heard within 60 ms.
    ///
    /// Raises, when it is set:
    ///     ValueError: it is out of its range.
    #[getter]
    fn volume(&self) -> f32 {
        self.volume.get()
    }

    #[setter]
    fn set_volume(&self, value: f32) -> Result<()> {
        self.volume.set(value)?;
        self.queue.look();
        Ok(())
    }

    /// Whether it goes on in silence when nothing is left.
    #[getter]
    fn endless(&self) -> bool {
        self.queue.is_endless()
    }

    /// The entry that is heard now, or None. After skip() and the like it is the one that was asked for.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> Option<Bound<'py, QueueEntry>> {
        QueueEntry::of(py, &*self.queue.now()?)
    }

    /// The entries to come, the next one first.
    #[getter]
    fn upcoming<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let entries = self.queue.upcoming();
        PyTuple::new(py, entries.iter().filter_map(|entry| QueueEntry::of(py, entry)).collect::<Vec<_>>())
    }

    /// The entries that were heard, or could not be, the last one last: the last 100, or all of a loop.
    #[getter]
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let entries = self.queue.history();
        PyTuple::new(py, entries.iter().filter_map(|entry| QueueEntry::of(py, entry)).collect::<Vec<_>>())
    }

    /// Place in the present entry, in seconds, of what is heard now.
    #[getter]
    fn position(&self) -> f64 {
        self.queue.position()
    }

    /// Length of the present entry in seconds, or None where it is not known.
    #[getter]
    fn duration(&self) -> Option<f64> {
        Some(self.queue.now()?.duration()? as f64 / 48_000.0)
    }

    fn __len__(&self) -> usize {
        self.queue.len()
    }

    /// A queue is true, however many entries are to come.
    fn __bool__(&self) -> bool {
        true
    }

    /// False: read() gives PCM, so that a wrapper of the bot library's can work on it.
    fn is_opus(&self) -> bool {
        false
    }

    /// The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. For wrappers in Python: played
    /// natively, none of its sound passes through Python.
    ///
    /// Raises:
    ///     AudioFileError: it plays natively.
    fn read<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let pcm = py.detach(|| {
            let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            let reader = match &mut *reader {
                Some(reader) => reader,
                none => {
                    let source = self.source("a queue that plays natively cannot be read as well")?;
                    none.insert(Reading::new(source, self.volume.clone()))
                }
            };
            let pcm = reader.frame().map_err(Error::from)?;
            if pcm.is_none() {
                // What was read is heard: its end is told now, for nobody asks again.
                let _ = self.queue.len();
            }
            Ok::<_, Error>(pcm)
        })?;
        Ok(pcm.map_or_else(|| PyBytes::new(py, &[]), |pcm| PyBytes::new(py, &pcm)))
    }

    /// Called by players at the end: it may be played again.
    fn cleanup(&self, py: Python<'_>) {
        py.detach(|| {
            let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(reader);
        });
    }

    /// What isinstance() takes it for: also a source of whichever bot library is loaded.
    #[getter(__class__)]
    fn class<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static POSING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        POSING.import(py, "isocord._door.posing", "posing")?.call1((slf.get_type(),))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.queue.events().close();
    }
}

#[pymethods]
impl QueueEvents {
    /// What has happened, as (kind, entry, error): waits for it, without the GIL. None once the queue is gone.
    fn take<'py>(&self, py: Python<'py>, timeout: f64) -> Result<Option<Vec<Bound<'py, PyTuple>>>> {
        let timeout = duration(timeout)?;
        let Some(events) = py.detach(|| self.0.events().take(timeout)) else { return Ok(None) };
        let told = events.into_iter().map(|event| {
            let (kind, entry, error) = match event {
                Event::Started(entry) => ("started", Some(entry), None),
                Event::Ended(entry, error) => ("ended", Some(entry), error),
                Event::Failed(entry, error) => ("failed", Some(entry), Some(error)),
                Event::Empty => ("empty", None, None),
            };
            let entry = entry.and_then(|entry| QueueEntry::of(py, &entry));
            (kind, entry, error).into_pyobject(py)
        });
        Ok(Some(told.collect::<PyResult<_>>()?))
    }
}

fn repeat_of(name: &str) -> PyResult<Repeat> {
    match name {
        "off" => Ok(Repeat::Off),
        "one" => Ok(Repeat::One),
        "all" => Ok(Repeat::All),
        _ => Err(PyValueError::new_err(format!("loop must be \"off\", \"one\" or \"all\", not {name:?}"))),
    }
}

fn error(error: QueueError) -> PyErr {
    match error {
        QueueError::NoEntry => PyIndexError::new_err(error.to_string()),
        QueueError::InUse => AudioFileError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}
