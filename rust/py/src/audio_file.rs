//! `AudioFile`: a native source.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isocord_io::play::deck::Deck;
use isocord_io::source::{
    self, AudioFileOptions, Closer, Cover, FileInfo, FrameBuf, HttpHeaders, HttpOptions, Input, SeekError,
    SourceFrame, StreamTitle,
};
use isocord_proto::frame::{FRAME_BYTES, FRAME_LEN};
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::bytes::{bytes_like, reserve};
use crate::errors::{AudioFileError, Error, Result};
use crate::part::{Native, Part};

/// More than this is read from disk, not from memory: no song is longer.
const MAX_IN_MEMORY: usize = 1 << 30;
/// What is asked of a file object that gives itself piece by piece.
const MAX_PIECE: usize = 1 << 20;

/// A sound file that the native threads read, decode and encode: no ffmpeg, no thread of Python's, no GIL.
///
///     voice.play(isocord.AudioFile("song.mp3", volume=0.5))
///
/// It plays WAV, AIFF, FLAC, MP3 (and MP1, MP2), Ogg, MP4 and M4A, Matroska and WebM, and ADTS, with PCM, FLAC, ALAC,
/// Vorbis, AAC-LC or Opus in them; the content decides, not the name. Opus packets of 20 ms are sent as they stand
/// while the volume is 1.0.
///
/// A URL is played while it comes: a file, which is taken up again where the connection breaks, or a radio without end.
/// It can be sought in where its server sends byte ranges. To make one waits for the server, 10 s at most, so in a
/// coroutine: await asyncio.to_thread(isocord.AudioFile, url).
///
/// It plays once: for another time, or in two places, open it anew. It is closed when it has played; what it was then
/// can still be read, but setting the volume and seek() raise.
///
/// Args:
///     file: a path, an http or https URL, or a binary file object at its beginning. One that is no file of the system
///         is read into memory here, to its end, 1 GiB at most.
///     volume: 0.0 to 16.0; 1.0 leaves the sound as it is.
///     start: seconds into the file, 0 or more.
///     headers: sent with each request for the URL. Another host, to which it may send us on, gets of them only
///         User-Agent, Accept and Accept-Language.
///     allow_private: connect also to servers in private networks and on this machine. A URL that a stranger gave
///         must not: what only the bot can reach would be played to them.
///
/// Raises:
///     AudioFileError: the file is missing, broken, of a format that isocord does not know, or asks for too much before
///         there is sound; its server refuses it, or is in a private network; or the disk or the server has not answered
///         for 10 s.
///     TypeError: file is no path, no URL and no binary file object.
///     ValueError: volume or start is out of its range, or a header has a name or a value that none may have.
#[pyclass(frozen, module = "isocord")]
pub(crate) struct AudioFile {
    state: Mutex<State>,
    pub(crate) info: FileInfo,
    duration: Option<f64>,
    seekable: bool,
    pub(crate) stream_title: StreamTitle,
    closer: Closer,
    reader: Mutex<Reader>,
    pub(crate) cover: Mutex<Option<Arc<Cover>>>,
}

/// A file with what its onlookers may ask while it plays.
pub(crate) type FileDeck = Deck<source::AudioFile>;

enum State {
    Open(Arc<FileDeck>),
    Closed(Last),
}

/// What can be asked when it has played.
#[derive(Clone)]
struct Last {
    volume: f32,
    position: f64,
    passthrough: bool,
    simplified: u64,
    error: Option<String>,
}

impl Last {
    fn of(source: &FileDeck) -> Self {
        Self {
            volume: source.volume(),
            position: source.position(),
            passthrough: source.passthrough(),
            simplified: source.simplified(),
            error: source.error().map(str::to_owned),
        }
    }
}

/// What `read()` needs: room for a frame, and a decoder where the file holds Opus.
#[derive(Default)]
struct Reader {
    buffer: Option<Box<FrameBuf>>,
    decoder: Option<Decoder>,
}

impl AudioFile {
    /// The open file.
    pub(crate) fn source(&self) -> Result<Arc<FileDeck>> {
        match &*lock(&self.state) {
            State::Open(source) => Ok(Arc::clone(source)),
            State::Closed(_) => {
                let text = format!("{} is closed: an AudioFile plays once, open it anew", self.info.name);
                Err(AudioFileError::new_err(text).into())
            }
        }
    }

    /// What is true of it now, or was when it was closed.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        now: impl FnOnce(&FileDeck) -> T + Send,
        then: impl FnOnce(&Last) -> T,
    ) -> T {
        let source = match &*lock(&self.state) {
            State::Open(source) => Arc::clone(source),
            State::Closed(last) => return then(last),
        };
        py.detach(|| now(&source))
    }
}

impl Native for AudioFile {
    fn part(&self) -> Result<Part> {
        let deck = self.source()?;
        let (volume, duration) = (deck.source().volume().clone(), self.info.duration);
        Ok(Part { source: deck.part()?, volume, duration })
    }
}

#[pymethods]
impl AudioFile {
    #[new]
    #[pyo3(signature = (file, *, volume = 1.0, start = 0.0, headers = None, allow_private = false))]
    fn new(
        py: Python<'_>,
        file: &Bound<'_, PyAny>,
        volume: f32,
        start: f64,
        headers: Option<HashMap<String, String>>,
        allow_private: bool,
    ) -> Result<Self> {
        let (input, name) = input(file, http_options(headers.as_ref(), allow_private)?)?;
        let options = AudioFileOptions { volume, start, name, extension: None };
        let mut opened = py.detach(|| Ok::<_, Error>(source::AudioFile::open(input, options)?))?;
        let cover = Mutex::new(opened.take_cover().map(Arc::new));
        let (info, duration, closer) = (opened.info().clone(), opened.duration(), opened.closer());
        let (seekable, stream_title) = (opened.is_seekable(), opened.stream_title());
        let state = Mutex::new(State::Open(Arc::new(Deck::from(opened))));
        Ok(Self { state, info, duration, seekable, stream_title, closer, reader: Mutex::default(), cover })
    }

    /// 0.0 to 16.0; 1.0 leaves the sound as it is. Setting it while it plays is heard within 60 ms,
    /// without a click.
    ///
    /// Raises, when it is set:
    ///     AudioFileError: the file is closed.
    ///     ValueError: it is out of its range.
    #[getter]
    fn volume(&self, py: Python<'_>) -> f32 {
        self.ask(py, FileDeck::volume, |last| last.volume)
    }

    #[setter]
    fn set_volume(&self, value: f32) -> Result<()> {
        Ok(self.source()?.set_volume(value)?)
    }

    /// Whether seek() is possible: not where a server gives it from front to back only.
    #[getter]
    fn seekable(&self) -> bool {
        self.seekable
    }

    /// Place in the file, in seconds, of what is heard now, or was heard last; at most the duration.
    #[getter]
    fn position(&self, py: Python<'_>) -> f64 {
        self.ask(py, FileDeck::position, |last| last.position)
    }

    /// Length in seconds, or None where it is not told. Estimated for ADTS, and MP3 without a Xing header.
    #[getter]
    fn duration(&self) -> Option<f64> {
        self.duration
    }

    /// What the sound is coded in: "opus", "vorbis", "mp3", "aac", "flac", "alac", "pcm_s16le" and so on.
    #[getter]
    fn codec(&self) -> &str {
        self.info.codec
    }

    /// What kind of file it is: "wav", "aiff", "flac", "mp3", "ogg", "mp4", "matroska", "adts", "mp1" or "mp2".
    #[getter]
    fn container(&self) -> &str {
        self.info.container
    }

    /// Samples a second in the file; 48000 for Opus. All is sent with 48 kHz.
    #[getter]
    fn sample_rate(&self) -> u32 {
        self.info.sample_rate
    }

    /// Channels in the file. All is sent in stereo.
    #[getter]
    fn channels(&self) -> u16 {
        self.info.channels
    }

    /// Whether Opus packets of the file are sent as they stand: they last 20 ms, and the volume is 1.0.
    #[getter]
    fn passthrough(&self, py: Python<'_>) -> bool {
        self.ask(py, FileDeck::passthrough, |last| last.passthrough)
    }

    /// Frames that were encoded with a lower complexity than asked, because the machine could not keep up.
    #[getter]
    fn simplified(&self, py: Python<'_>) -> u64 {
        self.ask(py, FileDeck::simplified, |last| last.simplified)
    }

    /// The AudioFileError that ended it early, or None.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let text = self.ask(py, |source| source.error().map(str::to_owned), |last| last.error.clone())?;
        Some(AudioFileError::new_err(text).into_value(py).into_bound(py).into_any())
    }

    /// Go to a place in the file, in seconds; heard with the next frame if it plays. Past the end, the file ends.
    ///
    /// Opus that is sent as it stands goes on at the packet that holds the place, up to 20 ms earlier.
    ///
    /// Raises:
    ///     AudioFileError: the file is closed, cannot be read, or is not seekable.
    ///     ValueError: seconds is negative or not finite.
    fn seek(&self, py: Python<'_>, seconds: f64) -> Result<()> {
        let source = self.source()?;
        if !self.seekable {
            // What plays would end by it.
            return Err(SeekError::NotSeekable { name: self.info.name.clone() }.into());
        }
        Ok(py.detach(|| source.seek(seconds))?)
    }

    /// False: read() gives PCM, so that a wrapper of the bot library's (PCMVolumeTransformer) can work on it.
    fn is_opus(&self) -> bool {
        false
    }

    /// The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. Not for a file that plays.
    ///
    /// Raises:
    ///     AudioFileError: the file is closed, cannot be read, or plays natively.
    fn read<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let source = self.source()?;
        if source.is_claimed() {
            return Err(AudioFileError::new_err("a file that plays natively cannot be read as well").into());
        }
        let pcm = py.detach(|| lock(&self.reader).frame(&source))?;
        Ok(pcm.map_or_else(|| PyBytes::new(py, &[]), |pcm| PyBytes::new(py, &pcm)))
    }

    /// Let the file go, at once, whoever reads it. A file object that was given stays open. Does nothing twice.
    pub(crate) fn close(&self, py: Python<'_>) {
        let source = match &*lock(&self.state) {
            State::Open(source) => Arc::clone(source),
            State::Closed(_) => return,
        };
        py.detach(|| {
            // Who reads it is given an error soon; what plays is read to its end.
            if !source.plays() {
                self.closer.close();
            }
            let last = Last::of(&source);
            let before = std::mem::replace(&mut *lock(&self.state), State::Closed(last));
            // The file itself may be closed here, which is no work for a thread that holds the GIL or the lock.
            let cover = lock(&self.cover).take();
            drop((before, source, cover));
        });
    }

    /// The same as close(), as bot libraries call it when it has played.
    fn cleanup(&self, py: Python<'_>) {
        self.close(py);
    }

    /// What isinstance() takes it for: also a source of whichever bot library is loaded.
    #[getter(__class__)]
    fn class<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static POSING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        POSING.import(py, "isocord._door.posing", "posing")?.call1((slf.get_type(),))
    }

    fn __repr__(&self) -> String {
        format!("<AudioFile {:?}: {} in {}>", self.info.name, self.info.codec, self.info.container)
    }
}

impl Reader {
    fn frame(&mut self, source: &FileDeck) -> Result<Option<[u8; FRAME_BYTES]>> {
        let buffer = self.buffer.get_or_insert_with(|| Box::new(FrameBuf::new()));
        let mut pcm = [0; FRAME_BYTES];
        match source.source().next_frame(buffer)? {
            SourceFrame::End | SourceFrame::Starved => return Ok(None),
            SourceFrame::Pcm => buffer.write_s16le(&mut pcm),
            SourceFrame::Opus(len) => {
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

/// How a URL is to be asked for.
pub(crate) fn http_options(
    headers: Option<&HashMap<String, String>>,
    allow_private: bool,
) -> PyResult<HttpOptions> {
    let pairs = headers.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
    let headers = HttpHeaders::new(pairs).map_err(PyValueError::new_err)?;
    Ok(HttpOptions { headers, allow_private, fresh: None })
}

/// A path, a URL, an open file, or anything else that `read()`s bytes.
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
