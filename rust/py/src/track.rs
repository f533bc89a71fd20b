//! `Track`: the producer's end of a ring of Opus frames.

use std::sync::{Arc, Mutex, MutexGuard};

use isocord_io::dsp::Volume;
use isocord_io::play::JobHandle;
use isocord_io::play::deck::{Deck, OnDeck};
use isocord_io::play::track::{Interrupted, TrackEnd, TrackReader, TrackState, TrackWriter, track};
use isocord_io::source::{FrameSource, ReelWriter, reel};
use isocord_proto::frame::{OpusFrame, SAMPLE_RATE};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::audio_file::AudioFile;
use crate::broadcast::Broadcast;
use crate::bytes::bytes_like;
use crate::codec::{EncoderOptions, options_or_default};
use crate::engine::engine;
use crate::errors::{AudioFileError, Error, Result};
use crate::filtered::Filtered;
use crate::playable::native_part;
use crate::producing::{check_lookahead, duration, push_pcm};
use isocord_io::lock;

/// Frames that wait for the pool, beside those that it has encoded: as many as Python hands over at once.
const REEL: usize = 8;

/// What Python brings: PCM for the pool to encode, or packets.
enum Producer {
    Pcm(ReelWriter),
    Opus(TrackWriter),
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Track {
    /// None for a track that the native pool feeds.
    producer: Option<Mutex<Producer>>,
    /// Until it plays.
    reader: Mutex<Option<TrackReader>>,
    state: Arc<TrackState>,
    /// What feeds it natively, kept at it for as long as the track exists.
    native: Option<(Arc<dyn OnDeck>, Arc<JobHandle>)>,
}

impl Track {
    fn on_deck<S: FrameSource + 'static>(
        py: Python<'_>,
        deck: Arc<Deck<S>>,
        options: &isocord_proto::opus::EncoderOptions,
        lookahead: usize,
    ) -> Result<Self> {
        let (reader, state, job) =
            py.detach(|| Ok::<_, Error>(deck.track(engine()?.pool(), options, lookahead)?))?;
        Ok(Self {
            producer: None,
            state,
            reader: Mutex::new(Some(reader)),
            native: Some((deck, Arc::new(job))),
        })
    }

    /// The clock's end; none the second time.
    pub(crate) fn take_reader(&self) -> Option<TrackReader> {
        lock(&self.reader).take()
    }

    pub(crate) fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    fn producer(&self) -> PyResult<MutexGuard<'_, Producer>> {
        let producer = self.producer.as_ref();
        producer.map(lock).ok_or_else(|| PyTypeError::new_err("this track is fed by a native source"))
    }
}

#[pymethods]
impl Track {
    #[staticmethod]
    #[pyo3(signature = (options = None, *, lookahead = 25))]
    fn pcm(py: Python<'_>, options: Option<&EncoderOptions>, lookahead: i64) -> Result<Self> {
        let lookahead = check_lookahead(lookahead)?;
        let (writer, reel) = reel(lookahead.min(REEL));
        let deck = Arc::new(Deck::new(reel, Volume::default(), None));
        let track = Self::on_deck(py, deck, &options_or_default(options), lookahead)?;
        Ok(Self { producer: Some(Mutex::new(Producer::Pcm(writer))), ..track })
    }

    #[staticmethod]
    #[pyo3(signature = (*, lookahead = 25))]
    fn opus(lookahead: i64) -> Result<Self> {
        let (writer, reader) = track(check_lookahead(lookahead)?);
        let state = Arc::clone(writer.state());
        let producer = Some(Mutex::new(Producer::Opus(writer)));
        Ok(Self { producer, reader: Mutex::new(Some(reader)), state, native: None })
    }

    /// A track of one of the native sources.
    #[staticmethod]
    #[pyo3(signature = (source, options = None, *, lookahead = 25))]
    fn native(source: &Bound<'_, PyAny>, options: Option<&EncoderOptions>, lookahead: i64) -> Result<Self> {
        let (py, options) = (source.py(), options_or_default(options));
        let lookahead = check_lookahead(lookahead)?;
        if let Ok(file) = source.cast::<AudioFile>() {
            return Self::on_deck(py, file.get().source()?, &options, lookahead);
        }
        if let Ok(filtered) = source.cast::<Filtered>() {
            return Self::on_deck(py, filtered.get().deck()?, &options, lookahead);
        }
        if let Ok(broadcast) = source.cast::<Broadcast>() {
            let (reader, deck, job) = broadcast.get().listen();
            let state = Arc::clone(reader.state());
            return Ok(Self {
                producer: None,
                reader: Mutex::new(Some(reader)),
                state,
                native: Some((deck, job)),
            });
        }
        let part = native_part(source)?.ok_or_else(|| PyTypeError::new_err("this is no native source"))?;
        let deck = Arc::new(Deck::new(part.source, part.volume, part.duration));
        Self::on_deck(py, deck, &options, lookahead)
    }

    /// Encode with these options what is not encoded yet. Nothing changes for a track of Opus packets.
    fn configure(&self, options: &EncoderOptions) -> Result<()> {
        match &self.native {
            Some((source, _)) => Ok(source.configure(&options.0)?),
            None => Ok(()),
        }
    }

    fn wait_room(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<usize>> {
        let timeout = duration(timeout)?;
        py.detach(|| match &mut *self.producer()? {
            Producer::Pcm(_) if self.state.end().is_some() => Ok(None),
            Producer::Pcm(reel) => Ok(reel.wait_room(timeout)),
            Producer::Opus(writer) => Ok(writer.wait_room(timeout)),
        })
    }

    fn write_pcm(&self, py: Python<'_>, pcm: &Bound<'_, PyAny>) -> Result<usize> {
        let pcm = bytes_like(pcm)?;
        py.detach(|| match &mut *self.producer()? {
            Producer::Pcm(reel) => push_pcm(reel, &pcm),
            Producer::Opus(_) => Err(PyTypeError::new_err("this track takes Opus packets").into()),
        })
    }

    fn write_opus(&self, py: Python<'_>, packets: Vec<Bound<'_, PyAny>>) -> Result<usize> {
        let packets = packets.iter().map(bytes_like).collect::<PyResult<Vec<PyBackedBytes>>>()?;
        py.detach(|| {
            let Producer::Opus(writer) = &mut *self.producer()? else {
                return Err(PyTypeError::new_err("this track takes PCM").into());
            };
            // All or none, and none is copied that has no room.
            packets.iter().try_for_each(|packet| OpusFrame::new(packet).map(drop))?;
            let frames = packets.iter().filter_map(|packet| OpusFrame::new(packet).ok());
            Ok(frames.take_while(|frame| writer.push(frame)).count())
        })
    }

    /// From frame `first` on there are these packets and no others; those whose turn has come already are left out, and
    /// counted. `rests`: no frame is due where none waits. `is_all`: no more will come. For a track of Opus packets.
    #[pyo3(signature = (first, packets, *, rests, is_all))]
    fn rewrite_opus(
        &self,
        py: Python<'_>,
        first: u64,
        packets: Vec<Bound<'_, PyAny>>,
        rests: bool,
        is_all: bool,
    ) -> Result<usize> {
        let packets = packets.iter().map(bytes_like).collect::<PyResult<Vec<PyBackedBytes>>>()?;
        py.detach(|| {
            let Producer::Opus(writer) = &mut *self.producer()? else {
                return Err(PyTypeError::new_err("this track takes PCM").into());
            };
            let frames: Vec<_> =
                packets.iter().map(|packet| Ok(OpusFrame::new(packet)?)).collect::<Result<_>>()?;
            let late = writer.rewrite(first, &frames);
            self.state.note_rests(rests);
            if is_all {
                writer.finish();
            }
            Ok(late)
        })
    }

    fn finish(&self) -> PyResult<()> {
        match &mut *self.producer()? {
            Producer::Pcm(reel) => reel.finish(),
            Producer::Opus(writer) => writer.finish(),
        }
        Ok(())
    }

    fn wait_end(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<&'static str>> {
        let timeout = duration(timeout)?;
        Ok(py.detach(|| self.state.wait_end(timeout)).map(end_name))
    }

    /// The AudioFileError that ended a native source early, or None.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let text = self.native.as_ref()?.0.error()?.to_owned();
        Some(AudioFileError::new_err(text).into_value(py).into_bound(py).into_any())
    }

    #[getter]
    fn end(&self) -> Option<&'static str> {
        self.state.end().map(end_name)
    }

    #[getter]
    fn interrupted(&self) -> Option<(u64, u64, f64, f64)> {
        let Interrupted { by, heard, last } = self.state.interrupted()?;
        let seconds = |samples: u64| samples as f64 / f64::from(SAMPLE_RATE);
        Some((
            by.user_id,
            heard,
            seconds(by.at.saturating_sub(by.began)),
            seconds(last.saturating_sub(by.at)),
        ))
    }

    #[getter]
    fn frames_sent(&self) -> u64 {
        self.state.frames_sent()
    }

    #[getter]
    fn waiting(&self) -> u64 {
        self.state.waiting()
    }

    #[getter]
    fn underruns(&self) -> u64 {
        self.state.underruns()
    }
}

/// The end of this name.
pub(crate) fn end_of(name: &str) -> Option<TrackEnd> {
    TrackEnd::ALL.into_iter().find(|&end| end_name(end) == name)
}

/// The name of an end in Python.
pub(crate) fn end_name(end: TrackEnd) -> &'static str {
    match end {
        TrackEnd::Finished => "finished",
        TrackEnd::Stopped => "stopped",
        TrackEnd::Replaced => "replaced",
        TrackEnd::Closed => "closed",
        TrackEnd::Failed => "failed",
        TrackEnd::Interrupted => "interrupted",
    }
}
