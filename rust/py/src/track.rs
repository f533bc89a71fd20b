//! `Track`: the producer's end of a ring of Opus frames.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isocord_io::play::JobHandle;
use isocord_io::play::deck::{Deck, OnDeck};
use isocord_io::play::track::{MAX_LOOKAHEAD, TrackEnd, TrackReader, TrackState, TrackWriter, track};
use isocord_io::source::FrameSource;
use isocord_proto::frame::{FRAME_BYTES, OpusFrame};
use isocord_proto::opus::Encoder;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::audio_file::AudioFile;
use crate::bytes::bytes_like;
use crate::codec::{EncoderOptions, frame_of, options_or_default};
use crate::engine::engine;
use crate::errors::{AudioFileError, Error, Result};
use crate::playable::native_part;

/// The longest a single wait can be asked for.
const MAX_WAIT: Duration = Duration::from_secs(3_600);

struct Producer {
    writer: TrackWriter,
    encoder: Option<Encoder>,
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Track {
    /// None for a track that the native pool feeds.
    producer: Option<Mutex<Producer>>,
    /// Until it plays.
    reader: Mutex<Option<TrackReader>>,
    state: Arc<TrackState>,
    /// What feeds it natively, kept at it for as long as the track exists.
    native: Option<(Arc<dyn OnDeck>, JobHandle)>,
}

impl Track {
    fn fed_by_python(lookahead: i64, encoder: Option<Encoder>) -> Result<Self> {
        let (writer, reader) = track(check_lookahead(lookahead)?);
        let state = Arc::clone(writer.state());
        let producer = Some(Mutex::new(Producer { writer, encoder }));
        Ok(Self { producer, reader: Mutex::new(Some(reader)), state, native: None })
    }

    fn on_deck<S: FrameSource + 'static>(
        py: Python<'_>,
        deck: Arc<Deck<S>>,
        options: &isocord_proto::opus::EncoderOptions,
        lookahead: usize,
    ) -> Result<Self> {
        let (reader, state, job) =
            py.detach(|| Ok::<_, Error>(deck.track(engine()?.pool(), options, lookahead)?))?;
        Ok(Self { producer: None, reader: Mutex::new(Some(reader)), state, native: Some((deck, job)) })
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
    fn pcm(options: Option<&EncoderOptions>, lookahead: i64) -> Result<Self> {
        Self::fed_by_python(lookahead, Some(Encoder::new(&options_or_default(options))?))
    }

    #[staticmethod]
    #[pyo3(signature = (*, lookahead = 25))]
    fn opus(lookahead: i64) -> Result<Self> {
        Self::fed_by_python(lookahead, None)
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
        let part = native_part(source)?.ok_or_else(|| PyTypeError::new_err("this is no native source"))?;
        let deck = Arc::new(Deck::new(part.source, part.volume, part.duration));
        Self::on_deck(py, deck, &options, lookahead)
    }

    /// Encode with these options what is not encoded yet. Nothing changes for a track of Opus packets.
    fn configure(&self, py: Python<'_>, options: &EncoderOptions) -> Result<()> {
        let options = &options.0;
        if let Some((source, _)) = &self.native {
            return Ok(source.configure(options)?);
        }
        // The producer may be encoding just now.
        py.detach(|| match &mut self.producer()?.encoder {
            Some(encoder) => Ok(encoder.configure(options)?),
            None => Ok(()),
        })
    }

    fn wait_room(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<usize>> {
        let timeout = duration(timeout)?;
        py.detach(|| Ok(self.producer()?.writer.wait_room(timeout)))
    }

    fn write_pcm(&self, py: Python<'_>, pcm: &Bound<'_, PyAny>) -> Result<usize> {
        let pcm = bytes_like(pcm)?;
        py.detach(|| {
            let Producer { writer, encoder } = &mut *self.producer()?;
            let encoder =
                encoder.as_mut().ok_or_else(|| PyTypeError::new_err("this track takes Opus packets"))?;
            let mut queued = 0;
            for chunk in pcm.chunks(FRAME_BYTES).take(writer.room()) {
                if writer.state().end().is_some() {
                    break;
                }
                let samples = frame_of(chunk)?;
                let mut frame = OpusFrame::SILENCE;
                frame.fill(|out| encoder.encode(&samples, out))?;
                queued += usize::from(writer.push(&frame));
            }
            Ok::<_, Error>(queued)
        })
    }

    fn write_opus(&self, py: Python<'_>, packets: Vec<Bound<'_, PyAny>>) -> Result<usize> {
        let packets = packets.iter().map(bytes_like).collect::<PyResult<Vec<PyBackedBytes>>>()?;
        py.detach(|| {
            let Producer { writer, encoder } = &mut *self.producer()?;
            if encoder.is_some() {
                return Err(PyTypeError::new_err("this track takes PCM").into());
            }
            // All or none, and none is copied that has no room.
            packets.iter().try_for_each(|packet| OpusFrame::new(packet).map(drop))?;
            let frames = packets.iter().filter_map(|packet| OpusFrame::new(packet).ok());
            Ok(frames.take_while(|frame| writer.push(frame)).count())
        })
    }

    fn finish(&self) -> PyResult<()> {
        self.producer()?.writer.finish();
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
    fn frames_sent(&self) -> u64 {
        self.state.frames_sent()
    }

    #[getter]
    fn underruns(&self) -> u64 {
        self.state.underruns()
    }
}

/// The name of an end in Python.
pub(crate) fn end_name(end: TrackEnd) -> &'static str {
    match end {
        TrackEnd::Finished => "finished",
        TrackEnd::Stopped => "stopped",
        TrackEnd::Replaced => "replaced",
        TrackEnd::Closed => "closed",
        TrackEnd::Failed => "failed",
    }
}

fn check_lookahead(frames: i64) -> PyResult<usize> {
    let fits = usize::try_from(frames).ok().filter(|frames| (1..=MAX_LOOKAHEAD).contains(frames));
    fits.ok_or_else(|| {
        PyValueError::new_err(format!("lookahead must be 1 to {MAX_LOOKAHEAD} frames, not {frames}"))
    })
}

fn duration(seconds: f64) -> PyResult<Duration> {
    let duration = Duration::try_from_secs_f64(seconds.min(MAX_WAIT.as_secs_f64()));
    duration.map_err(|_| PyValueError::new_err("a timeout is a number of seconds, 0 or more"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
