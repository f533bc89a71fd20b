//! What a file says of itself: the tags of an `AudioFile`, and `probe`.

use std::collections::HashMap;

use isocord_io::source::{self, AudioFileOptions, Cover, FileInfo};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMappingProxy};

use crate::audio_file::AudioFile;
use crate::audio_input::{asking, input};
use crate::bytes::copied;
use crate::errors::{AudioFileError, Result};
use crate::opening::open;
use isocord_io::lock;

#[pymethods]
impl AudioFile {
    /// The title, or None where the file does not tell it. That of a radio changes while it plays, a little before
    /// it is heard.
    #[getter]
    fn title(&self) -> Option<String> {
        let told = self.stream_title.get().filter(|title| !title.is_empty());
        told.or_else(|| self.info.tags.get("title").map(str::to_owned))
    }

    /// The artist, or None; several have ", " between them.
    #[getter]
    fn artist(&self) -> Option<&str> {
        self.info.tags.get("artist")
    }

    /// The album, or None.
    #[getter]
    fn album(&self) -> Option<&str> {
        self.info.tags.get("album")
    }

    /// All that the file says of itself in words: keys in lower case, the same ones for all formats
    /// ("title", "album_artist", "date", "track", "genre", "comment", "replaygain_track_gain" and so on). 16 KiB a
    /// value and 128 KiB in all at most; the rest is left out.
    #[getter]
    fn tags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        text(py, &self.info)
    }

    /// The picture, JPEG or PNG as a rule, or None: the front cover if there are several, 16 MiB at most. It is read
    /// when it is asked for, each time.
    ///
    /// Raises:
    ///     AudioFileError: the file is closed, or cannot be read.
    #[getter]
    fn cover<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyBytes>>> {
        self.source()?;
        let cover = lock(&self.cover).clone();
        picture(py, cover.as_deref(), &self.info.name)
    }
}

/// What a file is and says of itself; immutable. Its properties are those of AudioFile.
#[pyclass(frozen, get_all, module = "isocord")]
pub(crate) struct AudioInfo {
    title: Option<String>,
    artist: Option<String>,
    album: Option<String>,
    cover: Option<Py<PyBytes>>,
    duration: Option<f64>,
    codec: &'static str,
    container: &'static str,
    sample_rate: u32,
    channels: u16,
    tags: Py<PyMappingProxy>,
}

#[pymethods]
impl AudioInfo {
    fn __repr__(&self) -> String {
        let name = self.title.as_deref().unwrap_or("untitled");
        format!("<AudioInfo {name:?}: {} in {}>", self.codec, self.container)
    }
}

/// What a file is and says of itself, without playing it. It takes and raises what AudioFile does.
///
/// It waits for the disk or the server, without the GIL: `await asyncio.to_thread(isocord.probe, path)` on a loop.
#[pyfunction]
#[pyo3(signature = (file, *, headers = None, allow_private = false))]
pub(crate) fn probe(
    py: Python<'_>,
    file: &Bound<'_, PyAny>,
    headers: Option<HashMap<String, String>>,
    allow_private: bool,
) -> Result<AudioInfo> {
    let (input, name) = input(file, asking(headers.as_ref(), allow_private)?)?;
    let options = AudioFileOptions { name, ffmpeg: source::find_ffmpeg(), ..AudioFileOptions::default() };
    let mut opened = open(py, input, options)?;
    let (info, duration, cover) = (opened.info().clone(), opened.duration(), opened.take_cover());
    py.detach(|| drop(opened));
    let cover = picture(py, cover.as_ref(), &info.name)?.map(Bound::unbind);
    let tag = |name| info.tags.get(name).map(str::to_owned);
    Ok(AudioInfo {
        title: tag("title"),
        artist: tag("artist"),
        album: tag("album"),
        cover,
        duration,
        codec: info.codec,
        container: info.container,
        sample_rate: info.sample_rate,
        channels: info.channels,
        tags: text(py, &info)?.unbind(),
    })
}

fn text<'py>(py: Python<'py>, info: &FileInfo) -> PyResult<Bound<'py, PyMappingProxy>> {
    let dict = PyDict::new(py);
    for (key, value) in info.tags.text() {
        dict.set_item(key, value)?;
    }
    Ok(PyMappingProxy::new(py, dict.as_mapping()))
}

fn picture<'py>(py: Python<'py>, cover: Option<&Cover>, name: &str) -> Result<Option<Bound<'py, PyBytes>>> {
    let Some(cover) = cover else { return Ok(None) };
    let read = py.detach(|| cover.read());
    let bytes = read
        .map_err(|error| AudioFileError::new_err(format!("reading the cover of {name} failed: {error}")))?;
    Ok(bytes.map(|bytes| copied(py, &bytes)).transpose()?)
}
