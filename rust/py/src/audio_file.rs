//! `AudioFile`: a native source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use isocord_io::play::deck::Deck;
use isocord_io::source::{
    self, AudioFileOptions, Closer, Cover, FileInfo, FrameBuf, Input, SeekError, SourceFrame, StreamTitle,
};
use isocord_proto::frame::{FRAME_BYTES, FRAME_LEN};
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::audio_input::{asking, input};
use crate::errors::{AudioFileError, Error, FFmpegError, Result};
use crate::opening::open;
use crate::part::{Native, Part};
use isocord_io::lock;

/// A sound file that the native threads read, decode and encode: no ffmpeg, no thread of Python's, no GIL.
///
///     voice.play(isocord.AudioFile("song.mp3", volume=0.5))
///
/// It plays WAV, AIFF, FLAC, MP3 (and MP1, MP2), Ogg, MP4 and M4A, Matroska and WebM, and ADTS, with PCM, FLAC, ALAC,
/// Vorbis, AAC-LC or Opus in them; the content decides, not the name. Opus packets of 20 ms are sent as they stand
/// while the volume is 1.0. What nothing of this reads (AC-3, WMA, AVI) plays if ffmpeg is on the PATH: in a process
/// of its own, which opens and fetches nothing itself and ends with the file.
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
///         there is sound; its server refuses it, or is in a private network; or the disk or the server has not
///         answered for 10 s.
///     TypeError: file is no path, no URL and no binary file object.
///     ValueError: volume or start is out of its range, or a header has a name or a value that none may have.
#[pyclass(frozen, module = "isocord")]
pub(crate) struct AudioFile {
    state: Mutex<State>,
    pub(crate) info: FileInfo,
    pub(crate) duration: Option<f64>,
    seekable: bool,
    pub(crate) stream_title: StreamTitle,
    closer: Closer,
    exit_code: Box<dyn Fn() -> Option<i32> + Send + Sync>,
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
    pub(crate) fn open(py: Python<'_>, input: Input, options: AudioFileOptions) -> Result<Self> {
        let mut opened = open(py, input, options)?;
        let cover = Mutex::new(opened.take_cover().map(Arc::new));
        let (info, duration, closer) = (opened.info().clone(), opened.duration(), opened.closer());
        let (seekable, stream_title) = (opened.is_seekable(), opened.stream_title());
        let exit_code = Box::new(opened.exit_code());
        let state = Mutex::new(State::Open(Arc::new(Deck::from(opened))));
        Ok(Self {
            state,
            info,
            duration,
            seekable,
            stream_title,
            closer,
            exit_code,
            reader: Mutex::default(),
            cover,
        })
    }

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

    /// Why it gives no more, with the exit status of ffmpeg if that is what has failed.
    fn failure(&self, text: String) -> PyErr {
        match (self.exit_code)() {
            Some(code) => FFmpegError::new_err((text, code)),
            None => AudioFileError::new_err(text),
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
        let (input, name) = input(file, asking(headers.as_ref(), allow_private)?)?;
        let ffmpeg = source::find_ffmpeg();
        Self::open(py, input, AudioFileOptions { volume, start, name, extension: None, ffmpeg })
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

    /// What ended it early, or None: an AudioFileError, or an FFmpegError where ffmpeg decoded it and has failed.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let text = self.ask(py, |source| source.error().map(str::to_owned), |last| last.error.clone())?;
        Some(self.failure(text).into_value(py).into_bound(py).into_any())
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

    /// The title, and each that a radio goes on to, until the file is closed: async for title in file.titles().
    fn titles<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static TITLES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        TITLES.import(slf.py(), "isocord.playing.titles", "titles")?.call1((slf,))
    }

    #[getter(_is_over)]
    fn is_over(&self) -> bool {
        matches!(&*lock(&self.state), State::Closed(_))
    }

    /// False: read() gives PCM, so that a wrapper of the bot library's (PCMVolumeTransformer) can work on it.
    fn is_opus(&self) -> bool {
        false
    }

    /// The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. Not for a file that plays.
    ///
    /// Raises:
    ///     AudioFileError: the file is closed, cannot be read, or plays natively.
    ///     FFmpegError: ffmpeg decodes it and has failed.
    fn read<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let source = self.source()?;
        if source.is_claimed() {
            return Err(AudioFileError::new_err("a file that plays natively cannot be read as well").into());
        }
        let pcm = py.detach(|| {
            lock(&self.reader).frame(&source).map_err(|error| match error {
                Error::Source(error) => self.failure(error.to_string()).into(),
                other => other,
            })
        })?;
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
            SourceFrame::Opus => {
                let decoder = match &mut self.decoder {
                    Some(decoder) => decoder,
                    none => none.insert(Decoder::new()?),
                };
                let mut samples = [0; MAX_DECODED_LEN];
                decoder.decode(&buffer.opus, &mut samples)?;
                for (bytes, sample) in pcm.chunks_exact_mut(2).zip(&samples[..FRAME_LEN]) {
                    bytes.copy_from_slice(&sample.to_le_bytes());
                }
            }
        }
        Ok(Some(pcm))
    }
}
