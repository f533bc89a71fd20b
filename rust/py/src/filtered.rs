//! `Filtered`: a source with filters behind it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use isocord_io::desk;
use isocord_io::dsp::{Volume, apply_gain};
use isocord_io::play::deck::Deck;
use isocord_io::source::{Downstream, FrameBuf, FrameSource, SourceFrame, Want};
use isocord_proto::frame::{FRAME_BYTES, SAMPLE_RATE};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple};

use crate::errors::{AudioFileError, Error, Result};
use crate::filters::FilterSet;
use crate::part::{Native, Part};
use crate::playable::part_of;
use isocord_io::lock;

/// How long `read()` waits for a source that brings nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A source with filters behind it, computed natively; they may be set anew at any time.
///
///     song = isocord.Filtered(isocord.AudioFile("song.mp3"), isocord.filters.Timescale(speed=1.2))
///     voice.play(song)
///     song.filters = [isocord.filters.Equalizer(bass=0.2), isocord.filters.Tremolo()]
///     song.filters = isocord.filters.nightcore
///     song.filters = []
///
/// What changes while it plays is heard within 60 ms, without a click. Without filters it is the source as it is, and
/// Opus packets of a file still pass through. What they make too loud is turned down and not cut. Echo and reverb ring
/// out after the end of the source.
///
/// It plays once, as its source does.
///
/// Args:
///     source: an AudioFile, a Mixer, an audio source of the bot library (read on a thread of its own), another native
///         source, a path or a URL.
///     filters: of isocord.filters, in the order in which the sound passes them; 32 at most, and one Timescale.
///     volume: 0.0 to 16.0, after the filters and on top of the source's own; 1.0 leaves the sound as it is.
///
/// Raises:
///     AudioFileError: a path or URL cannot be played, or the source plays or has played already.
///     TypeError: source is none that can be played, or a filter is none.
///     ValueError: the volume is out of its range, or the filters do not go together.
#[pyclass(frozen, module = "isocord")]
pub(crate) struct Filtered {
    state: Mutex<State>,
    filters: FilterSet,
    /// What says in `error` why it ended early, and is cleaned up.
    source: Py<PyAny>,
    given: Py<PyAny>,
    duration: Option<u64>,
    reader: Mutex<Option<Reader>>,
}

pub(crate) type FilteredDeck = Deck<desk::Filtered>;

enum State {
    Open(Arc<FilteredDeck>, Volume),
    Closed(Last),
}

/// What can be asked when it has played.
#[derive(Clone, Default)]
struct Last {
    volume: f32,
    position: f64,
    simplified: u64,
    error: Option<String>,
}

impl Last {
    fn of(deck: &FilteredDeck) -> Self {
        Self {
            volume: deck.volume(),
            position: deck.position(),
            simplified: deck.simplified(),
            error: deck.error().map(str::to_owned),
        }
    }
}

struct Reader {
    buffer: Box<FrameBuf>,
    waiting: Arc<Waiting>,
    /// The volume at the end of the last frame.
    gain: f32,
}

/// Who reads waits here for a source that has nothing yet.
#[derive(Default)]
struct Waiting {
    woken: Mutex<bool>,
    news: Condvar,
}

impl Downstream for Waiting {
    fn wake(&self) {
        *lock(&self.woken) = true;
        self.news.notify_all();
    }

    fn ahead(&self) -> u64 {
        0
    }
}

impl Filtered {
    /// What plays, and its volume.
    fn open(&self) -> Result<(Arc<FilteredDeck>, Volume)> {
        match &*lock(&self.state) {
            State::Open(deck, volume) => Ok((Arc::clone(deck), volume.clone())),
            State::Closed(_) => {
                Err(AudioFileError::new_err("it is closed: a Filtered plays once, make another").into())
            }
        }
    }

    /// What plays.
    pub(crate) fn deck(&self) -> Result<Arc<FilteredDeck>> {
        Ok(self.open()?.0)
    }

    /// What its source says of why it has ended early.
    fn source_error(&self, py: Python<'_>) -> PyResult<Option<PyErr>> {
        let error = self.source.bind(py).getattr_opt("error")?.filter(|error| !error.is_none());
        Ok(error.map(PyErr::from_value))
    }

    /// What is true of it now, or was when it was closed.
    fn ask<T: Send>(&self, py: Python<'_>, now: impl FnOnce(Last) -> T + Send) -> T {
        let deck = match &*lock(&self.state) {
            State::Open(deck, _) => Arc::clone(deck),
            State::Closed(last) => return now(last.clone()),
        };
        py.detach(|| now(Last::of(&deck)))
    }
}

impl Native for Filtered {
    fn part(&self) -> Result<Part> {
        let (deck, volume) = self.open()?;
        Ok(Part { source: deck.part()?, volume, duration: self.duration })
    }
}

#[pymethods]
impl Filtered {
    #[new]
    #[pyo3(signature = (source, *filters, volume = 1.0))]
    fn new(source: &Bound<'_, PyAny>, filters: &Bound<'_, PyTuple>, volume: f32) -> Result<Self> {
        let py = source.py();
        // What is wrong is said before a source is taken that would not be there any more.
        let volume = Volume::new(volume)?;
        let set = FilterSet::new(py);
        set.set(filters)?;
        let (part, native) = part_of(source)?;
        let filtered = desk::Filtered::new(part.source, part.volume, set.handle().clone());
        let deck = Arc::new(Deck::new(filtered, volume.clone(), part.duration));
        Ok(Self {
            state: Mutex::new(State::Open(deck, volume)),
            filters: set,
            source: native.unbind(),
            given: source.clone().unbind(),
            duration: part.duration,
            reader: Mutex::default(),
        })
    }

    /// The filters, in the order in which the sound passes them. Any iterable may be set, at any time.
    ///
    /// Raises, when they are set:
    ///     TypeError: one is no filter.
    ///     ValueError: they are more than 32, or more than one is a Timescale.
    #[getter]
    fn filters(&self, py: Python<'_>) -> Py<PyTuple> {
        self.filters.get(py)
    }

    #[setter]
    fn set_filters(&self, filters: &Bound<'_, PyAny>) -> PyResult<()> {
        self.filters.set(filters)
    }

    /// 0.0 to 16.0, after the filters; 1.0 leaves the sound as it is. Setting it while it plays is heard within
    /// 60 ms, without a click.
    ///
    /// Raises, when it is set:
    ///     AudioFileError: it is closed.
    ///     ValueError: it is out of its range.
    #[getter]
    fn volume(&self, py: Python<'_>) -> f32 {
        self.ask(py, |last| last.volume)
    }

    #[setter]
    fn set_volume(&self, value: f32) -> Result<()> {
        Ok(self.deck()?.set_volume(value)?)
    }

    /// Place in the source, in seconds, of what is heard now, or was heard last.
    #[getter]
    fn position(&self, py: Python<'_>) -> f64 {
        self.ask(py, |last| last.position)
    }

    /// Length of the source in seconds, or None where it is not known. A Timescale does not change it.
    #[getter]
    fn duration(&self) -> Option<f64> {
        self.duration.map(|samples| samples as f64 / f64::from(SAMPLE_RATE))
    }

    /// What was given.
    #[getter]
    fn source(&self, py: Python<'_>) -> Py<PyAny> {
        self.given.clone_ref(py)
    }

    /// Frames that were encoded with a lower complexity than asked, because the machine could not keep up.
    #[getter]
    fn simplified(&self, py: Python<'_>) -> u64 {
        self.ask(py, |last| last.simplified)
    }

    /// What ended it early, or None.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(error) = self.source_error(py)? {
            return Ok(Some(error.into_value(py).into_bound(py).into_any()));
        }
        let text = self.ask(py, |last| last.error);
        Ok(text.map(|text| AudioFileError::new_err(text).into_value(py).into_bound(py).into_any()))
    }

    /// Go to a place in the source, in seconds; heard with the next frame if it plays. Past the end, it ends.
    ///
    /// Raises:
    ///     AudioFileError: it is closed, cannot be read, or its source can go nowhere.
    ///     ValueError: seconds is negative or not finite.
    fn seek(&self, py: Python<'_>, seconds: f64) -> Result<()> {
        let deck = self.deck()?;
        Ok(py.detach(|| deck.seek(seconds))?)
    }

    /// False: read() gives PCM, so that a wrapper of the bot library's can work on it.
    fn is_opus(&self) -> bool {
        false
    }

    /// The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. For wrappers in Python, tests and
    /// tools: played natively, none of its sound passes through Python.
    ///
    /// Raises:
    ///     AudioFileError: it is closed, cannot be read, plays natively, or its source has brought nothing for 10 s.
    ///     FFmpegError: ffmpeg decodes its source and has failed.
    fn read<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let deck = self.deck()?;
        if deck.is_claimed() {
            return Err(AudioFileError::new_err("what plays natively cannot be read as well").into());
        }
        let pcm = py.detach(|| {
            let mut reader = lock(&self.reader);
            reader.get_or_insert_with(|| Reader::new(&deck)).frame(&deck)
        });
        // The source knows best itself why it has failed.
        let pcm = match pcm {
            Err(Error::Source(error)) => Err(self.source_error(py)?.map_or(Error::Source(error), Error::Py)),
            other => other,
        }?;
        Ok(pcm.map_or_else(|| PyBytes::new(py, &[]), |pcm| PyBytes::new(py, &pcm)))
    }

    /// Let it go, and its source. Does nothing twice.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let deck = match &*lock(&self.state) {
            State::Open(deck, _) => Arc::clone(deck),
            State::Closed(_) => return Ok(()),
        };
        py.detach(|| {
            let last = Last::of(&deck);
            let before = std::mem::replace(&mut *lock(&self.state), State::Closed(last));
            // What is let go of may wait for others.
            let reader = lock(&self.reader).take();
            drop((before, reader, deck));
        });
        match self.source.bind(py).getattr_opt("cleanup")? {
            Some(cleanup) => cleanup.call0().map(drop),
            None => Ok(()),
        }
    }

    /// The same as close(), as bot libraries call it when it has played.
    fn cleanup(&self, py: Python<'_>) -> PyResult<()> {
        self.close(py)
    }

    /// What isinstance() takes it for: also a source of whichever bot library is loaded.
    #[getter(__class__)]
    fn class<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static POSING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        POSING.import(py, "isocord._door.posing", "posing")?.call1((slf.get_type(),))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let filters = self.filters.get(py);
        Ok(format!("<Filtered {}: {}>", self.given.bind(py).repr()?, filters.bind(py).repr()?))
    }
}

impl Reader {
    fn new(deck: &FilteredDeck) -> Self {
        let waiting = Arc::new(Waiting::default());
        let downstream: Arc<dyn Downstream> = Arc::<Waiting>::clone(&waiting);
        deck.source().attach(&downstream, 0);
        Self { buffer: Box::new(FrameBuf::new()), waiting, gain: deck.volume() }
    }

    fn frame(&mut self, deck: &FilteredDeck) -> Result<Option<[u8; FRAME_BYTES]>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            *lock(&self.waiting.woken) = false;
            let next = {
                let mut source = deck.source();
                if source.is_changed() {
                    source.revise(0);
                }
                source.next(&mut self.buffer, Want::PCM).map_err(Error::from)?
            };
            match next {
                Some(SourceFrame::Pcm | SourceFrame::Opus) => break,
                Some(SourceFrame::End) => return Ok(None),
                // It is still looked for.
                None => {}
                Some(SourceFrame::Starved) => self.wait(deadline)?,
            }
        }
        let before = std::mem::replace(&mut self.gain, deck.volume());
        apply_gain(before, self.gain, &mut self.buffer.pcm);
        let mut pcm = [0; FRAME_BYTES];
        self.buffer.write_s16le(&mut pcm);
        Ok(Some(pcm))
    }

    fn wait(&self, deadline: Instant) -> Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(AudioFileError::new_err("the source has brought nothing for 10 s").into());
        }
        let woken = lock(&self.waiting.woken);
        // It looks again now and then, should nobody say that there is more.
        let slice = left.min(Duration::from_millis(100));
        let _ = self.waiting.news.wait_timeout_while(woken, slice, |woken| !*woken);
        Ok(())
    }
}
