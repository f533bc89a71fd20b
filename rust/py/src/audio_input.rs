//! What an `AudioFile` is made of: a path, a URL, or a file object of Python's.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use isocord_io::source::{HttpHeaders, HttpOptions, Input};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::bytes::{bytes_like, reserve};
use crate::errors::AudioFileError;

/// More than this is read from disk, not from memory: no song is longer.
const MAX_IN_MEMORY: usize = 1 << 30;
/// What is asked of a file object that gives itself piece by piece.
const MAX_PIECE: usize = 1 << 20;

/// How a URL is asked for.
///
/// # Errors
/// ValueError for a header that none may be.
pub(crate) fn asking(
    headers: Option<&HashMap<String, String>>,
    allow_private: bool,
) -> PyResult<HttpOptions> {
    let pairs = headers.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
    let headers = HttpHeaders::new(pairs).map_err(PyValueError::new_err)?;
    Ok(HttpOptions { headers, allow_private, fresh: None })
}

/// A path, an open file, or anything else that `read()`s bytes.
pub(crate) fn input(file: &Bound<'_, PyAny>, options: HttpOptions) -> PyResult<(Input, Option<String>)> {
    if let Ok(text) = file.extract::<String>()
        && let Some((scheme, _)) = text.split_once("://")
        && ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Ok((Input::Url { url: text, options }, None));
    }
    if let Ok(path) = file.extract::<PathBuf>() {
        if is_url(&path) {
            return Err(AudioFileError::new_err(
                "of URLs an AudioFile plays http and https, given as a str; others may play with FFmpegPCMAudio",
            ));
        }
        return Ok((Input::Path(path), None));
    }
    if !file.hasattr("read")? {
        return Err(PyTypeError::new_err("file must be a path, a URL or a binary file object"));
    }
    let name = file.getattr("name").ok().and_then(|name| name.extract::<PathBuf>().ok());
    let name = name.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    if let Some(copy) = duplicate(file) {
        return Ok((Input::File(copy), name));
    }
    let content = whole(file, name.as_deref().unwrap_or("the file object"))?;
    Ok((content, name))
}

/// All that a file object gives: it is no file of the system, so it is read once, here, and never again under the GIL.
fn whole(file: &Bound<'_, PyAny>, name: &str) -> PyResult<Input> {
    let first = piece(file, MAX_IN_MEMORY + 1)?;
    if first.is_empty() {
        return Err(AudioFileError::new_err(format!(
            "{name} is empty (or was read to its end: seek(0) first)"
        )));
    }
    // Most give all at once, and are not copied. A pipe or a socket gives what it has.
    let mut next = if first.len() > MAX_IN_MEMORY { None } else { Some(piece(file, MAX_PIECE)?) };
    if next.as_ref().is_some_and(|next| next.is_empty()) {
        return Ok(Input::bytes(first));
    }
    let mut all = Vec::new();
    append(&mut all, &first, name)?;
    drop(first);
    while let Some(bytes) = next.filter(|bytes| !bytes.is_empty()) {
        append(&mut all, &bytes, name)?;
        drop(bytes);
        next = Some(piece(file, MAX_PIECE)?);
    }
    Ok(Input::bytes(all))
}

fn piece(file: &Bound<'_, PyAny>, most: usize) -> PyResult<PyBackedBytes> {
    let content = file.call_method1("read", (most,))?;
    if content.is_none() {
        return Err(AudioFileError::new_err("the file object has nothing to read just now: let it block"));
    }
    bytes_like(&content).map_err(|error| match error.is_instance_of::<PyTypeError>(file.py()) {
        true => PyTypeError::new_err("file must be opened in binary mode: read() gave no bytes"),
        false => error,
    })
}

fn append(all: &mut Vec<u8>, bytes: &[u8], name: &str) -> PyResult<()> {
    if all.len() + bytes.len() > MAX_IN_MEMORY {
        return Err(AudioFileError::new_err(format!("{name} gives more than 1 GiB; give a path")));
    }
    reserve(all, bytes.len())?;
    all.extend_from_slice(bytes);
    Ok(())
}

/// Whether this was meant as a URL. `pathlib` makes one slash of two.
fn is_url(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let is_scheme = |scheme: &str| {
        // One letter is a drive.
        scheme.len() > 1 && scheme.chars().all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one))
    };
    text.split_once(":/").is_some_and(|(scheme, _)| is_scheme(scheme)) && !path.exists()
}

/// A second handle of a file object that is a file of the system and still at its beginning.
fn duplicate(file: &Bound<'_, PyAny>) -> Option<File> {
    if !is_plain(file).unwrap_or(false) {
        return None;
    }
    let number: i32 = file.call_method0("fileno").ok()?.extract().ok()?;
    let place: u64 = file.call_method0("tell").ok()?.extract().ok()?;
    if !cfg!(unix) || number < 0 || place != 0 {
        return None;
    }
    // Opening by number needs no unsafe code and gives the handle an offset of its own.
    let copy = File::open(format!("/dev/fd/{number}")).ok()?;
    copy.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(copy)
}

/// Whether `read()` gives the bytes of the file that `fileno()` names: those of a `GzipFile` are others.
fn is_plain(file: &Bound<'_, PyAny>) -> PyResult<bool> {
    let io = file.py().import("io")?;
    let is = |object: &Bound<'_, PyAny>, class: &str| -> PyResult<bool> {
        Ok(object.get_type().is(&io.getattr(class)?))
    };
    if is(file, "BufferedReader")? || is(file, "BufferedRandom")? {
        return is(&file.getattr("raw")?, "FileIO");
    }
    is(file, "FileIO")
}
