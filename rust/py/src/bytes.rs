//! Bytes-like arguments. The stable ABI of Python 3.10 has no buffer protocol, so what is not
//! `bytes` goes through a `memoryview`.

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
