//! What can be played natively, by itself or as a part of another source.

use pyo3::prelude::*;

use crate::audio_file::AudioFile;
use crate::errors::Result;
use crate::part::Part;

/// The native source that `object` is, taken for one who plays it; none if it is of Python's.
pub(crate) fn native_part(object: &Bound<'_, PyAny>) -> Result<Option<Part>> {
    if let Ok(file) = object.cast::<AudioFile>() {
        return file.get().part().map(Some);
    }
    Ok(None)
}
