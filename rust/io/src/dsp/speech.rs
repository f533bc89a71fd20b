//! Voice activity: whether what is heard is speech, or noise of an open microphone.

mod dynamics;

use earshot::Detector;
use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

use super::decimate::Decimator;
use dynamics::Dynamics;

/// From this score on a frame is speech. Frames err least from 0.6 on, spans of utterances from 0.75 on, with noise and
/// without (`benches/python/vad.py`).
pub const SPEECH: f32 = 0.7;
/// From 48 kHz to the 16 kHz that the detector hears.
const FACTOR: usize = 3;
/// Samples that it judges at once, 16 ms.
const CHUNK: usize = 256;
/// A break longer than this, 0.1 s, is a new beginning.
const BREAK: u64 = 4_800;
/// So many frames of zeros are heard, 0.1 s; more of them tell nothing new.
const ZEROS: u32 = 5;
/// A score that falls comes this much of the way with each chunk: speech has gaps that are none.
const RELEASE: f32 = 0.25;

/// Judges one user's sound.
pub struct SpeechDetector {
    decimator: Decimator,
    detector: Box<Detector>,
    dynamics: Dynamics,
    held: Vec<f32>,
    samples: Vec<f32>,
    /// The detector's own, falling slowly.
    likely: f32,
    score: f32,
    zeros: u32,
    next: u64,
}

impl Default for SpeechDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl SpeechDetector {
    /// One that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            decimator: Decimator::short(FACTOR),
            detector: Detector::default_boxed(),
            dynamics: Dynamics::default(),
            held: Vec::with_capacity(2 * CHUNK),
            samples: Vec::new(),
            likely: 0.0,
            score: 0.0,
            zeros: 0,
            next: 0,
        }
    }

    /// How likely it is that a frame of 48 kHz at `position` is speech, 0 to 1.
    pub fn frame(&mut self, position: u64, pcm: &[i16; FRAME_LEN]) -> f32 {
        if position.abs_diff(self.next) > BREAK {
            self.reset();
        }
        self.next = position + FRAME_SAMPLES as u64;
        self.zeros = if pcm.iter().any(|&sample| sample != 0) { 0 } else { self.zeros.saturating_add(1) };
        if self.zeros > ZEROS {
            (self.likely, self.score) = (0.0, 0.0);
            return 0.0;
        }
        let mut samples = std::mem::take(&mut self.samples);
        samples.clear();
        self.decimator.frame(position, pcm, &mut samples);
        self.held.extend_from_slice(&samples);
        self.samples = samples;
        self.judge()
    }

    /// The same of sound at 16 kHz, mono, in full scale of 16 bits.
    pub fn narrow(&mut self, pcm: &[i16]) -> f32 {
        self.held.extend(pcm.iter().map(|&sample| f32::from(sample)));
        self.judge()
    }

    /// Forgets what it has heard; how loud speech and noise are is still known.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.held.clear();
        (self.likely, self.score, self.zeros) = (0.0, 0.0, 0);
    }

    /// The highest score of what became whole, or that from before.
    fn judge(&mut self) -> f32 {
        let whole = self.held.len() / CHUNK * CHUNK;
        let mut highest: Option<f32> = None;
        for chunk in self.held[..whole].as_chunks_mut::<CHUNK>().0 {
            let evidence = self.dynamics.chunk(chunk);
            chunk.iter_mut().for_each(|value| *value /= 32_768.0);
            let found = self.detector.predict_f32(chunk);
            self.likely =
                if found >= self.likely { found } else { self.likely + RELEASE * (found - self.likely) };
            let score = (self.likely + evidence).clamp(0.0, 1.0);
            highest = Some(highest.map_or(score, |highest| highest.max(score)));
        }
        self.score = highest.unwrap_or(self.score);
        self.held.drain(..whole);
        self.score
    }
}
