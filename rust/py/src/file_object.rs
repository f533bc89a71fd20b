//! A binary file object of Python's as a target of sound. Each call takes the GIL; they come once for 64 KiB.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use isocord_io::record::Target;
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A path, or an object that takes bytes.
pub(crate) fn target(object: &Bound<'_, PyAny>) -> PyResult<Target> {
    if let Ok(path) = object.extract::<PathBuf>() {
        return Ok(Target::Path(path));
    }
    if !object.hasattr("write")? {
        return Err(PyTypeError::new_err("a target is a path or a binary file object"));
    }
    let seekable = match seekable(object) {
        Err(error) if error.is_instance_of::<PyException>(object.py()) => false,
        told => told?,
    };
    let file = FileObject(object.clone().unbind());
    Ok(if seekable { Target::Seekable(Box::new(file)) } else { Target::Stream(Box::new(file)) })
}

/// Whether headers can be mended later. An object that fails to say so is only written to.
fn seekable(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let Some(seekable) = object.getattr_opt("seekable")? else { return Ok(false) };
    Ok(seekable.call0()?.is_truthy()? && object.call_method1("seek", (0, 1))?.extract::<u64>().is_ok())
}

struct FileObject(Py<PyAny>);

impl Write for FileObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Python::attach(|py| {
            let written = self.0.bind(py).call_method1("write", (PyBytes::new(py, bytes),))?;
            // Objects that are no files of the system often say nothing: they have taken all.
            let written: Option<usize> = written.extract().ok();
            Ok(written.unwrap_or(bytes.len()).min(bytes.len()))
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Python::attach(|py| {
            if let Some(flush) = self.0.bind(py).getattr_opt("flush")? {
                flush.call0()?;
            }
            Ok(())
        })
    }
}

impl Seek for FileObject {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (offset, whence) = match to {
            SeekFrom::Start(offset) => (i64::try_from(offset).map_err(io::Error::other)?, 0),
            SeekFrom::Current(offset) => (offset, 1),
            SeekFrom::End(offset) => (offset, 2),
        };
        Python::attach(|py| Ok(self.0.bind(py).call_method1("seek", (offset, whence))?.extract()?))
    }
}
