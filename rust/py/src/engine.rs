//! The process's one engine: started with the first connection, stopped at exit, forgotten in a fork.

use std::sync::{Arc, Mutex, PoisonError};

use isocord_io::connection::ConnectionError;
use isocord_io::engine::Engine;
use pyo3::prelude::*;

use crate::errors::Result;

static ENGINE: Mutex<Option<Arc<Engine>>> = Mutex::new(None);

/// The engine, started if need be.
pub(crate) fn engine() -> Result<Arc<Engine>> {
    let mut engine = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(engine) = &*engine {
        return Ok(Arc::clone(engine));
    }
    let started = Engine::start().map_err(ConnectionError::Socket)?;
    Ok(Arc::clone(engine.insert(started)))
}

/// The engine, if it has been started and not been stopped.
pub(crate) fn running() -> Option<Arc<Engine>> {
    ENGINE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>) {
    // The event thread may need the GIL to finish its last call.
    py.detach(|| {
        let engine = ENGINE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(engine) = engine {
            engine.stop();
        }
    });
}

#[pyfunction]
pub(crate) fn after_fork_in_child() {
    // The parent's threads do not exist here; stopping or dropping the engine would wait for them.
    if let Ok(mut engine) = ENGINE.try_lock() {
        std::mem::forget(engine.take());
    }
}
