//! `UtteranceCutter`: utterances of sound that is there already, cut by what cuts those that are heard.

use std::sync::Mutex;

use isocord_io::lock;
use isocord_io::receive::queue::Item;
use isocord_io::receive::shape::Shaper;
use isocord_io::receive::utterances::{Part, Segmenter};
use isocord_proto::frame::{FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::recv::{Frame, FrameKind, Sound};
use pyo3::prelude::*;

use crate::codec;
use crate::errors::Result;
use crate::utterances::{Utterance, tools};

/// One user's sound, frame by frame.
struct Cutter {
    shaper: Shaper,
    segmenter: Segmenter,
    at: u64,
    /// What is no whole frame yet.
    rest: Vec<u8>,
}

impl Cutter {
    fn take(&mut self, user_id: u64, pcm: &[u8]) -> Vec<Part> {
        self.rest.extend_from_slice(pcm);
        let rest = std::mem::take(&mut self.rest);
        let (frames, rest) = rest.as_chunks::<FRAME_BYTES>();
        self.rest = rest.to_vec();
        let mut parts = Vec::new();
        for bytes in frames {
            let pcm = codec::samples(bytes);
            let (position, samples) = (self.at, FRAME_SAMPLES as u32);
            let (kind, sound) = (FrameKind::Voice, Sound::Pcm(&pcm));
            let frame = Frame { user_id, position, samples, kind, received: None, sound };
            let segmenter = &mut self.segmenter;
            let mut out = |item| segmenter.take(item, &mut |part| parts.push(part));
            self.shaper.item(Item::Frame(frame), &mut out);
            self.at += FRAME_SAMPLES as u64;
        }
        parts
    }

    fn finish(&mut self, user_id: u64) -> Vec<Part> {
        let missing = self.rest.len().next_multiple_of(FRAME_BYTES) - self.rest.len();
        let mut parts = self.take(user_id, &vec![0; missing]);
        self.shaper.finish(&mut |item| self.segmenter.take(item, &mut |part| parts.push(part)));
        self.segmenter.finish(&mut |part| parts.push(part));
        parts
    }
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct UtteranceCutter {
    cutter: Mutex<Cutter>,
    user_id: u64,
    position: u64,
    captured: f64,
    sample_rate: u32,
    channels: u32,
}

#[pymethods]
impl UtteranceCutter {
    #[new]
    #[pyo3(signature = (
        user_id, *, position = 0, captured = 0.0, sample_rate = 16_000, channels = 1, format = "s16", silence = 0.6,
        min_speech = 0.1, max_length = 30.0, pre_roll = 0.3, vad = true,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn new(
        user_id: u64,
        position: u64,
        captured: f64,
        sample_rate: u32,
        channels: u32,
        format: &str,
        silence: f64,
        min_speech: f64,
        max_length: f64,
        pre_roll: f64,
        vad: bool,
    ) -> Result<Self> {
        let lengths = [silence, min_speech, max_length, pre_roll];
        let (shaper, segmenter) = tools(None, (sample_rate, channels, format), lengths, vad, false)?;
        let cutter = Mutex::new(Cutter { shaper, segmenter, at: position, rest: Vec::new() });
        Ok(Self { cutter, user_id, position, captured, sample_rate, channels })
    }

    fn take(&self, py: Python<'_>, pcm: &[u8]) -> Vec<Utterance> {
        self.told(py, py.detach(|| self.locked(|cutter| cutter.take(self.user_id, pcm))))
    }

    fn finish(&self, py: Python<'_>) -> Vec<Utterance> {
        self.told(py, py.detach(|| self.locked(|cutter| cutter.finish(self.user_id))))
    }
}

impl UtteranceCutter {
    fn locked(&self, act: impl FnOnce(&mut Cutter) -> Vec<Part>) -> Vec<Part> {
        act(&mut lock(&self.cutter))
    }

    fn told(&self, py: Python<'_>, parts: Vec<Part>) -> Vec<Utterance> {
        let place = |part: Part| {
            // Resampling may place the first sample a little before the row.
            let since = (part.start as f64 - self.position as f64) / f64::from(SAMPLE_RATE);
            Utterance::new_of(py, part, self.captured + since, (self.sample_rate, self.channels))
        };
        parts.into_iter().map(place).collect()
    }
}
