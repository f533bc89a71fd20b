//! `Utterance` and `UtteranceQueue`: what users say, in one piece, on its way to a thread of Python's.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use isocord_io::lock;
use isocord_io::receive::common_clock::CommonClock;
use isocord_io::receive::queue::{DEFAULT_CAPACITY, Form, ReaderWaker};
use isocord_io::receive::shape::{Shape, Shaper};
use isocord_io::receive::utterances::{Ended, Endpoints, Part, Segmenter};
use isocord_proto::frame::SAMPLE_RATE;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::connection::{Connection, sample_format};
use crate::ears::{Ears, Moment};
use crate::errors::Result;
use crate::producing::duration;

/// What a user said in one go: what VoiceClient.utterances() gives.
#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct Utterance {
    /// Whose.
    user_id: u64,
    /// Its sound.
    pcm: Py<PyBytes>,
    /// Place of its first sample on the clock that all users share, in samples of 48 kHz whatever its own rate is.
    start: u64,
    /// Place after its last sample.
    end: u64,
    /// When its first sample was spoken, as far as is known here, in seconds since 1970.
    captured: f64,
    /// Why it is over: "silence", "length", "left" or "closed"; None if it is not.
    ended: Option<String>,
    /// Samples a second.
    sample_rate: u32,
    /// 1 or 2.
    channels: u32,
}

type Fields<'a> = (u64, &'a Py<PyBytes>, u64, u64, f64, &'a Option<String>, u32, u32);

#[pymethods]
impl Utterance {
    #[new]
    #[pyo3(signature = (user_id, pcm, start, end, captured, ended, sample_rate = 16_000, channels = 1))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn new(
        user_id: u64,
        pcm: Py<PyBytes>,
        start: u64,
        end: u64,
        captured: f64,
        ended: Option<String>,
        sample_rate: u32,
        channels: u32,
    ) -> Self {
        Self { user_id, pcm, start, end, captured, ended, sample_rate, channels }
    }

    /// Its length in seconds.
    #[getter]
    fn duration(&self) -> f64 {
        self.end.saturating_sub(self.start) as f64 / f64::from(SAMPLE_RATE)
    }

    fn __getnewargs__(&self) -> Fields<'_> {
        let Self { user_id, pcm, start, end, captured, ended, sample_rate, channels } = self;
        (*user_id, pcm, *start, *end, *captured, ended, *sample_rate, *channels)
    }

    /// Without the sound, which nobody wants in a log.
    fn __repr__(&self) -> String {
        let Self { user_id, start, ended, .. } = self;
        let ended = ended.as_deref().unwrap_or("going on");
        format!("<Utterance user_id={user_id} start={start} {:.2} s {ended}>", self.duration())
    }
}

impl Utterance {
    /// What was cut, spoken at `captured`, in this rate and with these channels.
    pub(crate) fn new_of(
        py: Python<'_>,
        part: Part,
        captured: f64,
        (sample_rate, channels): (u32, u32),
    ) -> Self {
        let Part { user_id, start, end, data, ended, .. } = part;
        let ended = ended.map(|why| match why {
            Ended::Silence => "silence",
            Ended::Length => "length",
            Ended::Left => "left",
            Ended::Closed => "closed",
        });
        let (pcm, ended) = (PyBytes::new(py, &data).unbind(), ended.map(str::to_owned));
        Self { user_id, pcm, start, end, captured, ended, sample_rate, channels }
    }
}

/// What makes utterances of frames.
struct Maker {
    ears: Ears,
    segmenter: Segmenter,
}

impl Maker {
    /// None once nothing more comes.
    fn take(&mut self, max: usize, timeout: Duration) -> Option<Vec<Part>> {
        let deadline = Instant::now() + timeout;
        let mut parts = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let taken = self.ears.take(max, left);
            let over = taken.is_none();
            for item in taken.into_iter().flatten() {
                self.segmenter.take(item, &mut |part| parts.push(part));
            }
            if over {
                self.segmenter.finish(&mut |part| parts.push(part));
                return (!parts.is_empty()).then_some(parts);
            }
            if !parts.is_empty() || left.is_zero() {
                return Some(parts);
            }
        }
    }
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct UtteranceQueue {
    maker: Mutex<Option<Maker>>,
    sample_rate: u32,
    channels: u32,
    clock: CommonClock,
    late: AtomicU64,
    waker: ReaderWaker,
}

#[pymethods]
impl UtteranceQueue {
    #[pyo3(signature = (max, timeout))]
    fn take(&self, py: Python<'_>, max: usize, timeout: f64) -> PyResult<Option<Vec<(u64, Utterance)>>> {
        let timeout = duration(timeout)?;
        let taken = py.detach(|| {
            let mut guard = lock(&self.maker);
            let maker = guard.as_mut()?;
            let taken = maker.take(max.max(1), timeout);
            self.late.store(maker.ears.late(), Relaxed);
            if taken.is_none() {
                // Dropping the reader tells the receive thread that nobody listens here any more.
                *guard = None;
            }
            taken
        });
        let moment = Moment::now(&self.clock);
        let utterance = |part: Part| {
            let (number, captured) = (part.number, moment.at(part.start) as f64 / 1e9);
            (number, Utterance::new_of(py, part, captured, (self.sample_rate, self.channels)))
        };
        Ok(taken.map(|parts| parts.into_iter().map(utterance).collect()))
    }

    /// Frames that came too late to be heard whole, or found no room.
    #[getter]
    fn late(&self) -> u64 {
        self.late.load(Relaxed) + self.waker.dropped()
    }

    fn close(&self) {
        self.waker.close();
    }
}

/// Samples at 48 kHz; what is no length of time is none that is allowed either.
fn samples(seconds: f64) -> u64 {
    if seconds >= 0.0 { (seconds * f64::from(SAMPLE_RATE)).round() as u64 } else { u64::MAX }
}

/// What shapes frames and cuts them. The lengths, in seconds: the silence that ends an utterance, the speech that begins
/// one, the longest one, what is heard before.
pub(crate) fn tools(
    users: Option<HashSet<u64>>,
    (sample_rate, channels, format): (u32, u32, &str),
    lengths: [f64; 4],
    vad: bool,
    partial: bool,
) -> Result<(Shaper, Segmenter)> {
    let [silence, min_speech, max_length, pre_roll] = lengths.map(samples);
    let endpoints = Endpoints { silence, min_speech, max_length, pre_roll, vad, partial };
    let segmenter = Segmenter::new(endpoints.check()?);
    let format = sample_format(format)?;
    let shape = Shape { users, fill: true, sample_rate, channels, format, vad, ..Shape::default() };
    Ok((Shaper::new(shape, false)?, segmenter))
}

#[pymethods]
impl Connection {
    #[pyo3(signature = (
        *, users = None, sample_rate = 16_000, channels = 1, format = "s16", silence = 0.6, min_speech = 0.1,
        max_length = 30.0, pre_roll = 0.3, vad = true, partial = false,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn utterances(
        &self,
        py: Python<'_>,
        users: Option<HashSet<u64>>,
        sample_rate: u32,
        channels: u32,
        format: &str,
        silence: f64,
        min_speech: f64,
        max_length: f64,
        pre_roll: f64,
        vad: bool,
        partial: bool,
    ) -> Result<UtteranceQueue> {
        let lengths = [silence, min_speech, max_length, pre_roll];
        let (shaper, segmenter) = tools(users, (sample_rate, channels, format), lengths, vad, partial)?;
        let reader = py.detach(|| self.inner.listen(Form::Pcm, DEFAULT_CAPACITY))?;
        let (waker, clock) = (reader.waker(), self.inner.clock());
        let ears = Ears::new(reader, shaper, clock);
        let (maker, late) = (Mutex::new(Some(Maker { ears, segmenter })), AtomicU64::new(0));
        Ok(UtteranceQueue { maker, sample_rate, channels, clock, late, waker })
    }
}
