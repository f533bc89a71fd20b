//! `AudioFile`: a native source.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isocord_io::file_track::FileSource;
use isocord_io::source::{self, AudioFileOptions, FileInfo, Frame, FrameBuf, Input};
use isocord_proto::frame::{FRAME_BYTES, FRAME_LEN};
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::bytes::bytes_like;
use crate::errors::{AudioFileError, Error, Result};

/// More than this is read from disk, not from memory: no song is longer.
const MAX_IN_MEMORY: usize = 1 << 30;

#[pyclass(frozen, module = "isocord")]
pub(crate) struct AudioFile {
    source: Mutex<Option<Arc<FileSource>>>,
    info: FileInfo,
    duration: Option<f64>,
    reader: Mutex<Reader>,
}

/// What `read()` needs: room for a frame, and a decoder where the file holds Opus.
#[derive(Default)]
struct Reader {
    buffer: Option<Box<FrameBuf>>,
    decoder: Option<Decoder>,
}

impl AudioFile {
    /// The open file.
    pub(crate) fn source(&self) -> Result<Arc<FileSource>> {
        let source = lock(&self.source).clone();
        source.ok_or_else(|| AudioFileError::new_err(format!("{} is closed", self.info.name)).into())
    }
}

#[pymethods]
impl AudioFile {
    #[new]
    #[pyo3(signature = (file, *, volume = 1.0, start = 0.0))]
    fn new(py: Python<'_>, file: &Bound<'_, PyAny>, volume: f32, start: f64) -> Result<Self> {
        let (input, name) = input(file)?;
        let options = AudioFileOptions { volume, start, name, extension: None };
        let opened = py.detach(|| Ok::<_, Error>(source::AudioFile::open(input, options)?))?;
        let (info, duration) = (opened.info().clone(), opened.duration());
        let source = Mutex::new(Some(Arc::new(FileSource::new(opened))));
        Ok(Self { source, info, duration, reader: Mutex::default() })
    }

    #[getter]
    fn volume(&self) -> Result<f32> {
        Ok(self.source()?.volume())
    }

    #[setter]
    fn set_volume(&self, value: f32) -> Result<()> {
        Ok(self.source()?.set_volume(value)?)
    }

    #[getter]
    fn position(&self, py: Python<'_>) -> Result<f64> {
        let source = self.source()?;
        Ok(py.detach(|| source.position()))
    }

    #[getter]
    fn duration(&self) -> Option<f64> {
        self.duration
    }

    #[getter]
    fn codec(&self) -> &str {
        self.info.codec
    }

    #[getter]
    fn container(&self) -> &str {
        self.info.container
    }

    #[getter]
    fn sample_rate(&self) -> u32 {
        self.info.sample_rate
    }

    #[getter]
    fn channels(&self) -> u16 {
        self.info.channels
    }

    #[getter]
    fn passthrough(&self, py: Python<'_>) -> Result<bool> {
        let source = self.source()?;
        Ok(py.detach(|| source.file().passthrough()))
    }

    #[getter]
    fn simplified(&self) -> Result<u64> {
        Ok(self.source()?.simplified())
    }

    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let source = lock(&self.source).clone()?;
        let error = AudioFileError::new_err(source.error()?.to_owned());
        Some(error.into_value(py).into_bound(py).into_any())
    }

    fn seek(&self, py: Python<'_>, seconds: f64) -> Result<()> {
        let source = self.source()?;
        Ok(py.detach(|| source.seek(seconds))?)
    }

    /// PCM always, so that a wrapper of the bot library's can work on it.
    fn is_opus(&self) -> bool {
        false
    }

    fn read<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let source = self.source()?;
        if source.is_on_track() {
            return Err(AudioFileError::new_err("a file that plays natively cannot be read as well").into());
        }
        let pcm = py.detach(|| lock(&self.reader).frame(&source))?;
        Ok(pcm.map_or_else(|| PyBytes::new(py, &[]), |pcm| PyBytes::new(py, &pcm)))
    }

    fn close(&self) {
        lock(&self.source).take();
    }

    fn cleanup(&self) {
        self.close();
    }

    fn __repr__(&self) -> String {
        format!("<AudioFile {:?}: {} in {}>", self.info.name, self.info.codec, self.info.container)
    }
}

impl Reader {
    fn frame(&mut self, source: &FileSource) -> Result<Option<[u8; FRAME_BYTES]>> {
        let buffer = self.buffer.get_or_insert_with(|| Box::new(FrameBuf::new()));
        let mut pcm = [0; FRAME_BYTES];
        match source.file().next_frame(buffer)? {
            Frame::End => return Ok(None),
            Frame::Pcm => buffer.write_s16le(&mut pcm),
            Frame::Opus(len) => {
                let decoder = match &mut self.decoder {
                    Some(decoder) => decoder,
                    none => none.insert(Decoder::new()?),
                };
                let mut samples = [0; MAX_DECODED_LEN];
                decoder.decode(&buffer.opus[..len], &mut samples)?;
                for (bytes, sample) in pcm.chunks_exact_mut(2).zip(&samples[..FRAME_LEN]) {
                    bytes.copy_from_slice(&sample.to_le_bytes());
                }
            }
        }
        Ok(Some(pcm))
    }
}

/// A path, an open file, or anything else that `read()`s bytes.
fn input(file: &Bound<'_, PyAny>) -> PyResult<(Input, Option<String>)> {
    if let Ok(path) = file.extract::<PathBuf>() {
        return Ok((Input::Path(path), None));
    }
    if !file.hasattr("read")? {
        return Err(PyTypeError::new_err("file must be a path or a binary file object"));
    }
    let name = file.getattr("name").ok().and_then(|name| name.extract::<PathBuf>().ok());
    let name = name.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    if let Some(copy) = duplicate(file) {
        return Ok((Input::File(copy), name));
    }
    // Not a file of the system, so it is read once, here, and never again under the GIL.
    let content = file.call_method1("read", (MAX_IN_MEMORY + 1,))?;
    let bytes = bytes_like(&content)
        .map_err(|_| PyTypeError::new_err("file must be opened in binary mode: read() gave no bytes"))?;
    if bytes.len() > MAX_IN_MEMORY {
        return Err(AudioFileError::new_err("the file object holds more than 1 GiB; give a path"));
    }
    Ok((Input::Bytes(Arc::from(&*bytes)), name))
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
