//! Voice activity: whether what is heard is speech, or noise of an open microphone.

use earshot::Detector;
use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

use super::decimate::Decimator;

/// From this score on a frame is speech: of all thresholds it errs least, with noise and without (`benches/python/vad.py`).
pub const SPEECH: f32 = 0.7;
/// Where there was speech already, from this one on.
pub const STILL_SPEECH: f32 = 0.5;
/// From 48 kHz to the 16 kHz that the detector hears.
const FACTOR: usize = 3;
/// Samples that it judges at once, 16 ms.
const CHUNK: usize = 256;
/// A break longer than this, 0.1 s, is a new beginning.
const BREAK: u64 = 4_800;

/// Judges one user's sound.
pub struct SpeechDetector {
    decimator: Decimator,
    detector: Box<Detector>,
    held: Vec<f32>,
    samples: Vec<f32>,
    score: f32,
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
            decimator: Decimator::new(FACTOR, 1),
            detector: Detector::default_boxed(),
            held: Vec::with_capacity(2 * CHUNK),
            samples: Vec::new(),
            score: 0.0,
            next: 0,
        }
    }

    /// How likely it is that a frame of 48 kHz at `position` is speech, 0 to 1.
    pub fn frame(&mut self, position: u64, pcm: &[i16; FRAME_LEN]) -> f32 {
        if position.abs_diff(self.next) > BREAK {
            self.reset();
        }
        self.next = position + FRAME_SAMPLES as u64;
        let mut samples = std::mem::take(&mut self.samples);
        samples.clear();
        self.decimator.frame(position, pcm, &mut samples);
        self.held.extend(samples.iter().map(|value| value / 32_768.0));
        self.samples = samples;
        self.judge()
    }

    /// The same of sound at 16 kHz, mono, in full scale of 16 bits.
    pub fn narrow(&mut self, pcm: &[i16]) -> f32 {
        self.held.extend(pcm.iter().map(|&sample| f32::from(sample) / 32_768.0));
        self.judge()
    }

    /// Forgets what it has heard.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.held.clear();
        self.score = 0.0;
    }

    /// The highest score of what became whole, or that from before.
    fn judge(&mut self) -> f32 {
        let whole = self.held.len() / CHUNK * CHUNK;
        let scores = self.held[..whole].chunks_exact(CHUNK).map(|chunk| self.detector.predict_f32(chunk));
        self.score = scores.reduce(f32::max).unwrap_or(self.score);
        self.held.drain(..whole);
        self.score
    }
}
