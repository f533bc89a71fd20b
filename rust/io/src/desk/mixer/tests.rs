//! What a mixer gives, frame by frame.

mod ends;
mod going_back;
mod sums;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use super::*;
use crate::desk::stage::{Sound, Taker, assert_same, next, pull};
use crate::source::{Downstream, SourceFrame, Want};

const DEPTH: u64 = 30;
const FRAME: usize = 960;

/// Errands done at once.
struct AtOnce;

impl Errands for AtOnce {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        errand();
    }
}

/// A mixer, and who takes its frames.
struct Stage {
    mixer: Mixer,
    source: MixSource,
    taker: Arc<Taker>,
    /// Number of the frame that is taken next.
    at: u64,
}

impl Stage {
    fn new() -> Self {
        Self::of(Mixer::new(false, Arc::new(AtOnce)))
    }

    fn endless() -> Self {
        Self::of(Mixer::new(true, Arc::new(AtOnce)))
    }

    fn of(mixer: Mixer) -> Self {
        let taker = Arc::new(Taker::default());
        let mut source = mixer.source().expect("it plays nowhere");
        let downstream: Arc<dyn Downstream> = Arc::clone(&taker) as Arc<dyn Downstream>;
        source.attach(&downstream, DEPTH);
        Self { mixer, source, taker, at: 0 }
    }

    fn play(&self, sound: Sound, change: impl FnOnce(&mut LayerOptions)) -> Layer {
        let mut options = plain();
        change(&mut options);
        self.mixer.play(Box::new(sound), options).expect("in its range")
    }

    /// So many frames, the last of which is heard: what was asked before is granted.
    fn pull(&mut self, frames: u64) -> Vec<f32> {
        if self.source.is_changed() {
            self.source.revise(0);
        }
        self.pull_on(frames)
    }

    /// So many frames, whatever was asked.
    fn pull_on(&mut self, frames: u64) -> Vec<f32> {
        self.at += frames;
        pull(&mut self.source, frames as usize)
    }

    /// Goes back to a frame, and grants what was asked.
    fn revise_to(&mut self, number: u64) {
        assert!(self.source.is_changed());
        self.source.revise(self.at - number);
        self.at = number;
    }

    /// Of the frames that were taken, so many are not heard yet.
    fn set_ahead(&self, frames: u64) {
        self.taker.ahead.store(frames, Relaxed);
    }

    fn end(&mut self) -> Result<Vec<f32>, Option<SourceFrame>> {
        next(&mut self.source, Want::PCM)
    }
}

fn plain() -> LayerOptions {
    LayerOptions::new(Volume::new(1.0).expect("a volume"), None)
}

fn tone(frames: u64) -> Sound {
    Sound::tone(frames * 960, 440.0, 0.4)
}

fn flat(frames: u64, level: f32) -> Sound {
    Sound::new(frames * 960, move |_| level)
}

/// What was told, each with its error.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Option<String>>>>);

impl Heard {
    fn listener(&self) -> crate::desk::Listener {
        let heard = self.clone();
        Box::new(move |error| heard.0.lock().expect("a lock").push(error.map(str::to_owned)))
    }

    fn take(&self) -> Vec<Option<String>> {
        std::mem::take(&mut *self.0.lock().expect("a lock"))
    }
}

fn largest_bend(samples: &[f32]) -> f32 {
    samples.windows(3).map(|three| (three[0] - 2.0 * three[1] + three[2]).abs()).fold(0.0, f32::max)
}
