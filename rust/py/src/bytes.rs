//! Bytes-like arguments. The stable ABI of Python 3.10 has no buffer protocol, so what is not
//! `bytes` goes through a `memoryview`.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyMemoryView};

/// The bytes of `bytes`, `bytearray`, `memoryview` or any other buffer.
///
/// # Errors
/// TypeError for anything else.
pub(crate) fn bytes_like(object: &Bound<'_, PyAny>) -> PyResult<PyBackedBytes> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.clone().into());
    }
    let view = PyMemoryView::from(object)?;
    Ok(view.call_method0("tobytes")?.cast_into::<PyBytes>()?.into())
}

/// So many zeros, whose number is the caller's.
///
/// # Errors
/// MemoryError where there is no room for them; Rust by itself would end the process.
pub(crate) fn zeros(len: usize) -> PyResult<Vec<u8>> {
    let mut zeros = Vec::new();
    reserve(&mut zeros, len)?;
    zeros.resize(len, 0);
    Ok(zeros)
}

/// Room for so many more bytes.
///
/// # Errors
/// MemoryError where there is none.
pub(crate) fn reserve(bytes: &mut Vec<u8>, more: usize) -> PyResult<()> {
    bytes.try_reserve(more).map_err(|error| PyMemoryError::new_err(error.to_string()))
}

/// A copy for Python.
///
/// # Errors
/// MemoryError where there is no room for it.
pub(crate) fn copied<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, bytes.len(), |out| {
        out.copy_from_slice(bytes);
        Ok(())
    })
}
