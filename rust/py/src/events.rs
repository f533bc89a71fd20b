//! Events of a connection, and the handler that carries them into Python.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use isocord_io::events::{Event, EventHandler};
use isocord_io::play::track::TrackState;
use pyo3::prelude::*;

use crate::track::{Track, end_name};

#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct Discovered {
    address: String,
    port: u16,
}

#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct DiscoveryFailed {
    reason: String,
}

#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct TrackEnded {
    track: Py<Track>,
    end: &'static str,
}

/// Calls the Python callback. The tracks that play are kept here until they end.
pub(crate) struct Handler {
    on_event: Py<PyAny>,
    playing: Mutex<Vec<(Weak<TrackState>, Py<Track>)>>,
}

impl Handler {
    pub(crate) fn new(on_event: Py<PyAny>) -> Self {
        Self { on_event, playing: Mutex::new(Vec::new()) }
    }

    pub(crate) fn keep(&self, track: &Bound<'_, Track>) {
        let state = Arc::downgrade(track.get().state());
        self.playing.lock().unwrap_or_else(PoisonError::into_inner).push((state, track.clone().unbind()));
    }

    fn release(&self, state: &Arc<TrackState>) -> Option<Py<Track>> {
        let mut playing = self.playing.lock().unwrap_or_else(PoisonError::into_inner);
        let index = playing.iter().position(|(known, _)| known.as_ptr() == Arc::as_ptr(state))?;
        Some(playing.swap_remove(index).1)
    }

    fn call(&self, py: Python<'_>, event: Event) -> PyResult<()> {
        let event = match event {
            Event::Discovered(external) => {
                let address = external.address.to_string();
                Bound::new(py, Discovered { address, port: external.port })?.into_any()
            }
            Event::DiscoveryFailed(reason) => Bound::new(py, DiscoveryFailed { reason })?.into_any(),
            Event::TrackEnded(state, end) => {
                let Some(track) = self.release(&state) else { return Ok(()) };
                Bound::new(py, TrackEnded { track, end: end_name(end) })?.into_any()
            }
        };
        self.on_event.bind(py).call1((event,)).map(drop)
    }
}

impl EventHandler for Handler {
    fn on_event(&self, event: Event) {
        // None while the interpreter shuts down; nobody is left to hear it then.
        let _ = Python::try_attach(|py| {
            if let Err(error) = self.call(py, event) {
                error.write_unraisable(py, Some(self.on_event.bind(py)));
            }
        });
    }
}
