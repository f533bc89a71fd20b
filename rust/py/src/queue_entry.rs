//! `QueueEntry`: what stands in a queue, and how it becomes a source when its turn comes.

use std::any::Any;
use std::sync::{Arc, Mutex, Weak};

use isocord_io::desk::queue::{Entry, Opened, Opening};
use isocord_io::source::FrameSource;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::errors::AudioFileError;
use crate::part::Part;
use crate::playable::native_part;
use crate::reel::Reel;
use isocord_io::lock;

/// What a queue holds of it. It keeps the entry of Python's alive, not the other way round.
#[pyclass(frozen, subclass, module = "isocord._native")]
pub(crate) struct QueueEntry {
    /// Gives a native source; called on a thread of isocord's when its turn comes.
    open: Py<PyAny>,
    /// It is one source, and not one each time.
    kept: Option<Mutex<Kept>>,
    brief: bool,
    error: Mutex<Option<Py<PyAny>>>,
    entry: Mutex<Weak<Entry>>,
}

/// A source that is there once.
enum Kept {
    /// Not asked for yet.
    Unopened,
    Here(Part),
    /// It plays, or is on its way; and whether that is all it can.
    Lent {
        once: bool,
    },
    /// It cannot be played again.
    Gone,
}

impl QueueEntry {
    /// The entry as a queue has it.
    pub(crate) fn entry(slf: &Bound<'_, Self>) -> Arc<Entry> {
        let mut entry = lock(&slf.get().entry);
        entry.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Entry::new(Box::new(Turn(slf.clone().unbind()))));
            *entry = Arc::downgrade(&made);
            made
        })
    }

    /// The entry as Python has it.
    pub(crate) fn of<'py>(py: Python<'py>, entry: &Entry) -> Option<Bound<'py, Self>> {
        let opening: &dyn Any = entry.opening();
        Some(opening.downcast_ref::<Turn>()?.0.bind(py).clone())
    }

    fn note(&self, py: Python<'_>, error: &PyErr) -> String {
        self.keep(Some(error.value(py).clone().into_any().unbind()));
        error.value(py).to_string()
    }

    /// Keeps an error in place of the one before, which goes without the lock: what it holds may ask for it.
    fn keep(&self, error: Option<Py<PyAny>>) {
        let before = std::mem::replace(&mut *lock(&self.error), error);
        drop(before);
    }
}

#[pymethods]
impl QueueEntry {
    #[new]
    #[pyo3(signature = (open, *, keeps, brief))]
    fn new(open: Py<PyAny>, keeps: bool, brief: bool) -> Self {
        let kept = keeps.then(|| Mutex::new(Kept::Unopened));
        Self { open, kept, brief, error: Mutex::default(), entry: Mutex::default() }
    }

    /// Why it could not be opened the last time.
    #[getter(_failed)]
    fn failed(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        lock(&self.error).as_ref().map(|error| error.clone_ref(py))
    }

    /// Length in seconds, where it is known; not before it was opened.
    #[getter]
    fn duration(&self) -> Option<f64> {
        let samples = lock(&self.entry).upgrade()?.duration()?;
        Some(samples as f64 / 48_000.0)
    }

    /// Why it broke off the last time.
    #[getter(_broke_off)]
    fn broke_off(&self) -> Option<String> {
        lock(&self.entry).upgrade()?.broke_off()
    }
}

struct Turn(Py<QueueEntry>);

/// What an entry's function has given.
struct Made {
    part: Part,
    /// It plays once.
    once: bool,
    source: Py<PyAny>,
}

/// A source that was made for its turn: closed with it, whoever holds it still.
struct Owner(Py<PyAny>);

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = Python::try_attach(|py| {
            let source = self.0.bind(py);
            // One of Python's is cleaned up by who reads it.
            let cleanup =
                source.getattr_opt("cleanup").and_then(|found| found.map(|it| it.call0()).transpose());
            if let Err(error) = cleanup {
                error.write_unraisable(py, Some(source));
            }
        });
    }
}

impl Turn {
    fn make(&self) -> Result<Made, String> {
        let made = Python::try_attach(|py| {
            let entry = self.0.get();
            entry.keep(None);
            let made: PyResult<Made> = (|| {
                let source = entry.open.bind(py).call0()?;
                let part = native_part(&source).map_err(PyErr::from)?;
                let part = part.ok_or_else(|| PyTypeError::new_err("this is no native source"))?;
                let once = source.is_instance_of::<Reel>();
                Ok(Made { part, once, source: source.unbind() })
            })();
            made.map_err(|error| entry.note(py, &error))
        });
        made.unwrap_or_else(|| Err("the interpreter shuts down".to_owned()))
    }

    fn fail(&self, text: &str) -> String {
        Python::try_attach(|py| self.0.get().note(py, &AudioFileError::new_err(text.to_owned())));
        text.to_owned()
    }

    fn opened(&self, part: Part) -> Opened {
        Opened { source: part.source, duration: part.duration, volume: part.volume, owner: None }
    }
}

impl Opening for Turn {
    fn open(&self) -> Result<Opened, String> {
        let Some(kept) = &self.0.get().kept else {
            let Made { part, source, .. } = self.make()?;
            return Ok(Opened { owner: Some(Box::new(Owner(source))), ..self.opened(part) });
        };
        let before = std::mem::replace(&mut *lock(kept), Kept::Lent { once: false });
        match before {
            Kept::Unopened => {
                let Made { part, once, .. } = self.make().inspect_err(|_| *lock(kept) = Kept::Unopened)?;
                *lock(kept) = Kept::Lent { once };
                Ok(self.opened(part))
            }
            Kept::Here(mut part) => match part.source.seek(0.0) {
                Ok(()) => Ok(self.opened(part)),
                Err(error) => {
                    *lock(kept) = Kept::Gone;
                    Err(self.fail(&format!("it cannot be played again: {error}")))
                }
            },
            state => {
                *lock(kept) = state;
                Err(self.fail("this source plays once: give the queue a function that makes it"))
            }
        }
    }

    fn close(&self, opened: Opened) {
        let Some(kept) = &self.0.get().kept else { return };
        let mut kept = lock(kept);
        let Kept::Lent { once } = *kept else { return };
        let Opened { source, duration, volume, .. } = opened;
        if once || source.is_once() {
            *kept = Kept::Gone;
            drop(kept);
            // Whoever writes to it is told that nobody hears it any more.
            drop(source);
        } else {
            *kept = Kept::Here(Part { source, volume, duration });
        }
    }

    fn is_free(&self) -> bool {
        self.0.get().kept.as_ref().is_none_or(|kept| !matches!(*lock(kept), Kept::Lent { .. }))
    }

    fn is_brief(&self) -> bool {
        self.0.get().brief
    }
}
