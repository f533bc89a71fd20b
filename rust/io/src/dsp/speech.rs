//! Voice activity: whether what is heard is speech, or noise of an open microphone.

mod dynamics;

use earshot::Detector;
use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

use super::coarse::Coarse;
use dynamics::Dynamics;

/// From this score on a frame is speech. Frames err least from 0.6 on, spans of utterances from 0.75 on, with noise and
/// without (`benches/python/vad.py`).
pub const SPEECH: f32 = 0.7;
/// Samples that the detector judges at once, 16 ms.
const CHUNK: usize = 256;
/// A break longer than this, 0.1 s, is a new beginning.
const BREAK: u64 = 4_800;
/// So many frames of zeros are heard, 0.1 s; more of them tell nothing new.
const ZEROS: u32 = 5;
/// From this score on, or down to the other, a chunk leaves little doubt about the next one: that is passed over. It takes
/// a third of the cost away, and joins fewer utterances that are none of one (`benches/python/vad.py`).
const SURE: f32 = 0.8;
const SURELY_NONE: f32 = 0.2;
/// A score that falls comes this much of the way with each chunk: speech has gaps that are none.
const RELEASE: f32 = 0.25;

/// Judges one user's sound.
pub struct SpeechDetector {
    coarse: Coarse,
    detector: Box<Detector>,
    dynamics: Dynamics,
    held: Vec<f32>,
    /// What the detector said last.
    found: f32,
    /// The last chunk was passed over.
    passed: bool,
    /// What it says, falling slowly.
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
            coarse: Coarse::new(),
            detector: Detector::default_boxed(),
            dynamics: Dynamics::default(),
            held: Vec::with_capacity(2 * CHUNK),
            found: 0.5,
            passed: false,
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
            (self.found, self.likely, self.score) = (0.5, 0.0, 0.0);
            self.coarse.reset();
            return 0.0;
        }
        self.held.extend_from_slice(&self.coarse.frame(pcm));
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
        self.coarse.reset();
        self.held.clear();
        (self.found, self.passed) = (0.5, false);
        (self.likely, self.score, self.zeros) = (0.0, 0.0, 0);
    }

    /// The highest score of what became whole, or that from before.
    fn judge(&mut self) -> f32 {
        let whole = self.held.len() / CHUNK * CHUNK;
        let mut highest: Option<f32> = None;
        for chunk in self.held[..whole].as_chunks_mut::<CHUNK>().0 {
            let evidence = self.dynamics.chunk(chunk);
            self.passed = !self.passed && !(SURELY_NONE..SURE).contains(&self.found);
            if !self.passed {
                chunk.iter_mut().for_each(|value| *value /= 32_768.0);
                self.found = self.detector.predict_f32(chunk);
            }
            let way = if self.found >= self.likely { 1.0 } else { RELEASE };
            self.likely += way * (self.found - self.likely);
            let score = (self.likely + evidence).clamp(0.0, 1.0);
            highest = Some(highest.map_or(score, |highest| highest.max(score)));
        }
        self.score = highest.unwrap_or(self.score);
        self.held.drain(..whole);
        self.score
    }
}
