//! How asyncio hears of what happens on native threads.

use isocord_io::desk::Listener;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// Something to await that is told once. `tell` is given the listener; `error` makes of what it is told what is
/// raised, None for nothing.
pub(crate) fn await_told<'py>(
    py: Python<'py>,
    tell: impl FnOnce(Listener),
    error: impl FnOnce(Python<'_>, Option<&str>) -> Option<Py<PyAny>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    future_told(py, tell, error)?.call_method0("__await__")
}

/// The same, as a future of the running loop.
pub(crate) fn future_told<'py>(
    py: Python<'py>,
    tell: impl FnOnce(Listener),
    error: impl FnOnce(Python<'_>, Option<&str>) -> Option<Py<PyAny>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let running_loop = RUNNING_LOOP.import(py, "asyncio", "get_running_loop")?.call0()?;
    let future = running_loop.call_method0("create_future")?;
    let (waiting, home) = (future.clone().unbind(), running_loop.unbind());
    tell(Box::new(move |told| {
        // None while the interpreter shuts down: nobody waits any more.
        let _ = Python::try_attach(|py| {
            let error = error(py, told);
            if let Err(error) = settle(py, &home, &waiting, error)
                && !error.is_instance_of::<PyRuntimeError>(py)
            {
                error.write_unraisable(py, None);
            }
        });
    }));
    Ok(future)
}

/// Has the future settled on its loop; a loop that is closed raises RuntimeError.
fn settle(py: Python<'_>, home: &Py<PyAny>, future: &Py<PyAny>, error: Option<Py<PyAny>>) -> PyResult<()> {
    static SETTLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let settle = SETTLE.import(py, "isocord.runtime.handover", "settle")?;
    home.bind(py).call_method1("call_soon_threadsafe", (settle, future, error)).map(drop)
}
