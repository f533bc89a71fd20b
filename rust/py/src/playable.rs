//! What can be played natively, by itself or as a part of another source.

use std::sync::OnceLock;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::errors::Result;
use crate::part::{Native, Part};

/// Takes a source of one class; none if it is of another.
pub(crate) type Take = fn(&Bound<'_, PyAny>) -> Option<Result<Part>>;

/// Some of those classes take parts themselves: they are named by who knows them all.
static CLASSES: OnceLock<Vec<Take>> = OnceLock::new();

/// Says which classes there are.
pub(crate) fn know(classes: &[Take]) {
    CLASSES.get_or_init(|| classes.to_vec());
}

/// Takes a source of this class.
pub(crate) fn take<T: Native>(object: &Bound<'_, PyAny>) -> Option<Result<Part>> {
    object.cast::<T>().ok().map(|source| source.get().part())
}

/// The native source that `object` is, taken for one who plays it; none if it is of Python's.
pub(crate) fn native_part(object: &Bound<'_, PyAny>) -> Result<Option<Part>> {
    CLASSES.get().into_iter().flatten().find_map(|take| take(object)).transpose()
}

/// The source that `object` is or stands for, taken for one who plays it, and the object of Python's that says in
/// `error` why it ended early. One of Python's is read by a thread of its own, and cleaned up by it at the end.
pub(crate) fn part_of<'py>(object: &Bound<'py, PyAny>) -> Result<(Part, Bound<'py, PyAny>)> {
    if let Some(part) = native_part(object)? {
        return Ok((part, object.clone()));
    }
    let module = object.py().import("isocord.desk.parts")?;
    let native = module.call_method1("native", (object,))?;
    let part = native_part(&native)?.ok_or_else(|| PyTypeError::new_err("this is no native source"))?;
    Ok((part, native))
}
