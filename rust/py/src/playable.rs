//! What can be played natively, by itself or as a part of another source.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::audio_file::AudioFile;
use crate::errors::Result;
use crate::part::Part;
use crate::reel::Reel;

/// The native source that `object` is, taken for one who plays it; none if it is of Python's.
pub(crate) fn native_part(object: &Bound<'_, PyAny>) -> Result<Option<Part>> {
    if let Ok(file) = object.cast::<AudioFile>() {
        return file.get().part().map(Some);
    }
    if let Ok(reel) = object.cast::<Reel>() {
        return reel.get().part().map(Some);
    }
    Ok(None)
}

/// The source that `object` is or stands for, taken for one who plays it: one of Python's is read by a thread of its
/// own, and cleaned up by it at the end.
pub(crate) fn part_of(object: &Bound<'_, PyAny>) -> Result<Part> {
    if let Some(part) = native_part(object)? {
        return Ok(part);
    }
    let module = object.py().import("isocord.desk.parts")?;
    let native = module.call_method1("native", (object,))?;
    native_part(&native)?.ok_or_else(|| PyTypeError::new_err("this is no native source").into())
}
