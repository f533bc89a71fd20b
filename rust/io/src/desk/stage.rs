//! A source that tests write out by hand, and one that takes frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES, SAMPLE_RATE};

use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

/// Sound by the number of its sample, the same in both channels.
pub(crate) struct Sound {
    sound: Box<dyn Fn(u64) -> f32 + Send>,
    samples: u64,
    at: u64,
    /// It has nothing for now.
    pub(super) starves: Arc<AtomicBool>,
    /// It fails at this sample, once.
    pub(super) fails_at: Option<u64>,
}

impl Sound {
    pub(crate) fn new(samples: u64, sound: impl Fn(u64) -> f32 + Send + 'static) -> Self {
        Self { sound: Box::new(sound), samples, at: 0, starves: Arc::default(), fails_at: None }
    }

    /// A tone that keeps 16 bits exactly as they are.
    pub(crate) fn tone(samples: u64, pitch: f64, level: f64) -> Self {
        let turn = std::f64::consts::TAU * pitch / f64::from(SAMPLE_RATE);
        Self::new(samples, move |at| ((at as f64 * turn).sin() * level * 32_768.0).round() as f32 / 32_768.0)
    }
}

impl FrameSource for Sound {
    fn next(&mut self, frame: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        if self.fails_at.is_some_and(|place| self.at >= place) {
            (self.fails_at, self.samples) = (None, self.at);
            return Err(SourceError::Closed { name: "a sound".to_owned() });
        }
        if self.at >= self.samples {
            return Ok(Some(SourceFrame::End));
        }
        if self.starves.load(Relaxed) {
            return Ok(Some(SourceFrame::Starved));
        }
        let count = (self.samples - self.at).min(FRAME_SAMPLES as u64);
        frame.pcm.fill(0.0);
        for (place, pair) in (self.at..self.at + count).zip(frame.pcm.chunks_exact_mut(2)) {
            pair.fill((self.sound)(place));
        }
        (frame.position, frame.samples) = (self.at, count as u16);
        self.at += count;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        if !(seconds >= 0.0 && seconds.is_finite()) {
            return Err(SeekError::Position(seconds));
        }
        self.at = (seconds * f64::from(SAMPLE_RATE)).round() as u64;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.at
    }

    fn has_packets(&self) -> bool {
        false
    }
}

/// Who takes frames: says how many are not heard yet, and counts who wants to be looked at.
#[derive(Default)]
pub(super) struct Taker {
    pub(super) ahead: AtomicU64,
    pub(super) woken: AtomicU64,
    pub(super) unsettled: AtomicBool,
}

impl Downstream for Taker {
    fn wake(&self) {
        self.woken.fetch_add(1, Relaxed);
    }

    fn ahead(&self) -> u64 {
        self.ahead.load(Relaxed)
    }

    fn is_settled(&self) -> bool {
        !self.unsettled.load(Relaxed)
    }
}

/// The left channel of the next frame; what else became of it otherwise.
pub(super) fn next(source: &mut dyn FrameSource, want: Want) -> Result<Vec<f32>, Option<SourceFrame>> {
    let mut frame = FrameBuf::new();
    match source.next(&mut frame, want).expect("no error") {
        Some(SourceFrame::Pcm) => Ok(frame.pcm[..FRAME_LEN].iter().step_by(2).copied().collect()),
        other => Err(other),
    }
}

/// The left channel of so many frames.
pub(super) fn pull(source: &mut dyn FrameSource, frames: usize) -> Vec<f32> {
    (0..frames).flat_map(|_| next(source, Want::PCM).expect("a frame")).collect()
}

/// That they are the same, to the bit.
#[track_caller]
pub(super) fn assert_same(got: &[f32], expected: &[f32]) {
    let differs = got.iter().zip(expected).position(|(one, two)| one != two);
    let what = differs.map(|at| (at, got[at], expected[at]));
    assert!(
        differs.is_none() && got.len() == expected.len(),
        "{what:?}, {} for {}",
        got.len(),
        expected.len()
    );
}
