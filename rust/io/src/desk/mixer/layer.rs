//! A layer, as its onlookers see it, and what they want of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use isocord_proto::frame::SAMPLE_RATE;

use super::port::Port;
use super::runs::Runs;
use crate::desk::outcome::{Listener, Outcome};
use crate::dsp::{MAX_VOLUME, VolumeError};
use crate::source::{Downstream, SeekError};
use crate::threads::lock;

/// The longest fade, in seconds.
pub const LONGEST_FADE: f64 = 3_600.0;

/// Why a layer cannot be what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LayerError {
    /// The volume is out of its range.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The time of a fade is out of its range.
    #[error("a fade must last 0 to 3600 seconds, not {0}")]
    Fade(f64),
    /// What the others are to be turned down to is out of its range.
    #[error("duck must be 0.0 to 1.0, not {0}")]
    Duck(f32),
}

/// One sound of a mixer. Cheap to clone; any thread may ask anything of it and waits for nobody.
#[derive(Clone)]
pub struct Layer(pub(super) Arc<Shared>);

/// What was asked, and for the how manieth time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked<T> {
    pub(super) times: u32,
    pub(super) value: T,
}

impl<T> Asked<T> {
    fn ask(&mut self, value: T) {
        *self = Self { times: self.times.wrapping_add(1), value };
    }

    /// What it is, unless it is known already.
    pub(super) fn news(&self, seen: &mut u32) -> Option<&T> {
        let news = *seen != self.times;
        *seen = self.times;
        news.then_some(&self.value)
    }
}

/// A gain to go to, in so many samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fade {
    pub(super) to: f32,
    pub(super) len: u64,
}

/// What is asked of a layer. It stands until something else is asked, so that going back may grant it again.
#[derive(Default)]
pub(super) struct Controls {
    pub(super) volume: Asked<Fade>,
    pub(super) stop: Asked<u64>,
    pub(super) seek: Asked<f64>,
    pub(super) paused: bool,
    /// Who waits for the fade of `volume`.
    fading: Option<Outcome>,
    /// Where a seek goes, and from which frame on once it is granted.
    seeking: Option<(f64, Option<u64>)>,
}

/// What handle and mixer share.
pub(super) struct Shared {
    pub(super) port: Arc<Port>,
    controls: Mutex<Controls>,
    runs: Mutex<Runs>,
    /// Number of the mixer's frame that it gives its part to next.
    next: AtomicU64,
    /// It has given no sound yet, and nobody waits for it.
    waits: AtomicBool,
    underruns: AtomicU64,
    /// Where it begins, in samples.
    start: u64,
    duration: Option<u64>,
    error: OnceLock<String>,
    pub(super) outcome: Outcome,
}

impl Shared {
    pub(super) fn new(port: Arc<Port>, volume: f32, start: u64, duration: Option<u64>) -> Self {
        let volume = Asked { times: 0, value: Fade { to: volume, len: 0 } };
        Self {
            port,
            controls: Mutex::new(Controls { volume, ..Controls::default() }),
            runs: Mutex::default(),
            next: AtomicU64::new(0),
            waits: AtomicBool::new(true),
            underruns: AtomicU64::new(0),
            start,
            duration,
            error: OnceLock::new(),
            outcome: Outcome::default(),
        }
    }

    pub(super) fn controls(&self) -> MutexGuard<'_, Controls> {
        lock(&self.controls)
    }

    pub(super) fn runs(&self) -> MutexGuard<'_, Runs> {
        lock(&self.runs)
    }

    pub(super) fn note_next(&self, next: u64) {
        self.next.store(next, Relaxed);
    }

    pub(super) fn note_begun(&self, begun: bool) {
        self.waits.store(!begun, Relaxed);
    }

    pub(super) fn note_underruns(&self, count: u64) {
        self.underruns.store(count, Relaxed);
    }

    /// Why it ends early. The first error is the one to tell.
    pub(super) fn fail(&self, error: String) {
        let _ = self.error.set(error);
    }

    /// A seek is granted: its place is heard from frame `from` on.
    pub(super) fn note_sought(&self, from: u64) {
        if let Some((_, granted)) = &mut self.controls().seeking {
            *granted = Some(from);
        }
    }

    /// The fade that was asked for the how manieth time has been heard: tells who waits for it.
    pub(super) fn note_faded(&self, times: u32) {
        let mut controls = self.controls();
        let told = if controls.volume.times == times { controls.fading.take() } else { None };
        drop(controls);
        if let Some(told) = told {
            self.port.errands.run(Box::new(told.settle(None)));
        }
    }

    /// It is over, as heard. `let_go` lets go of what is left of it.
    pub(super) fn settle(&self, let_go: impl FnOnce() + Send + 'static) {
        let heard = self.port.heard();
        let mut runs = self.runs();
        let place = runs.place_of(heard).unwrap_or(self.start);
        *runs = Runs::standing(place);
        drop(runs);
        let faded = self.controls().fading.take();
        let faded = faded.map(|faded| faded.settle(None));
        let ended = self.outcome.settle(self.error.get().map(String::as_str));
        self.port.errands.run(Box::new(move || {
            let_go();
            if let Some(faded) = faded {
                faded();
            }
            ended();
        }));
    }
}

impl Downstream for Shared {
    /// One that has given nothing yet is to be heard as soon as it can, and not a lookahead later.
    fn wake(&self) {
        if self.waits.load(Relaxed) { self.port.change() } else { self.port.wake() }
    }

    fn ahead(&self) -> u64 {
        self.runs().moved(self.port.heard(), self.next.load(Relaxed))
    }

    fn is_settled(&self) -> bool {
        self.port.is_settled()
    }
}

impl Layer {
    /// The volume that it has, or goes to.
    #[must_use]
    pub fn volume(&self) -> f32 {
        self.0.controls().volume.value.to
    }

    /// Sets the volume: at once, or as a fade of so many seconds. `then` is told when the new volume is heard, when
    /// something else is asked for, or when the layer is over.
    ///
    /// # Errors
    /// The volume, or the time, is out of its range.
    pub fn fade(&self, volume: f32, seconds: f64, then: Option<Listener>) -> Result<(), LayerError> {
        let fade = Fade { to: checked_volume(volume)?, len: samples(seconds)? };
        let fading = then.map(|then| {
            let fading = Outcome::default();
            fading.tell(then);
            fading
        });
        let over = self.0.outcome.is_over();
        let mut controls = self.0.controls();
        controls.volume.ask(fade);
        let before = std::mem::replace(&mut controls.fading, fading);
        let now = if over { controls.fading.take() } else { None };
        drop(controls);
        for told in [before, now].into_iter().flatten() {
            self.0.port.errands.run(Box::new(told.settle(None)));
        }
        self.0.port.change();
        Ok(())
    }

    /// Ends it, at once or after a fade of so many seconds.
    ///
    /// # Errors
    /// The time is out of its range.
    pub fn stop(&self, seconds: f64) -> Result<(), LayerError> {
        let len = samples(seconds)?;
        let mut controls = self.0.controls();
        // Asked again, it is over sooner, if anything.
        let before = (controls.stop.times > 0).then_some(controls.stop.value);
        controls.stop.ask(before.map_or(len, |before| before.min(len)));
        drop(controls);
        self.0.port.change();
        if !self.0.port.is_open() {
            // Nobody hears it.
            self.0.settle(|| ());
        }
        Ok(())
    }

    /// Has it stand still, or go on.
    pub fn pause(&self, paused: bool) {
        self.0.controls().paused = paused;
        self.0.port.change();
    }

    /// Whether it was asked to stand still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.controls().paused
    }

    /// Goes to a place, in seconds. Past the end, it ends. A source that cannot go there ends as failed.
    ///
    /// # Errors
    /// [`SeekError::Position`]
    pub fn seek(&self, seconds: f64) -> Result<(), SeekError> {
        if !(seconds >= 0.0 && seconds.is_finite()) {
            return Err(SeekError::Position(seconds));
        }
        let mut controls = self.0.controls();
        controls.seek.ask(seconds);
        controls.seeking = Some((seconds, None));
        drop(controls);
        self.0.port.change();
        Ok(())
    }

    /// Place in the source, in seconds, of what is heard now.
    #[must_use]
    pub fn position(&self) -> f64 {
        let heard = self.0.port.heard();
        let mut controls = self.0.controls();
        if let Some((seconds, granted)) = controls.seeking {
            if granted.is_none_or(|from| heard < from) && !self.0.outcome.is_over() {
                return self.0.duration.map_or(seconds, |end| seconds.min(in_seconds(end)));
            }
            controls.seeking = None;
        }
        drop(controls);
        let place = self.0.runs().place_of(heard).unwrap_or(self.0.start);
        in_seconds(self.0.duration.map_or(place, |end| place.min(end)))
    }

    /// Length in seconds, if it is known.
    #[must_use]
    pub fn duration(&self) -> Option<f64> {
        self.0.duration.map(in_seconds)
    }

    /// Frames in which its source had nothing, and the others went on without it.
    #[must_use]
    pub fn underruns(&self) -> u64 {
        self.0.underruns.load(Relaxed)
    }

    /// Why it ends, or has ended, early.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.0.error.get().map(String::as_str)
    }

    /// Whether its end has been heard.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.outcome.is_over()
    }

    /// Tells `listener` when its end has been heard, and why if it came early; here and now if it is over.
    pub fn on_end(&self, listener: Listener) {
        self.0.outcome.tell(listener);
    }
}

/// Samples of a fade.
pub(super) fn samples(seconds: f64) -> Result<u64, LayerError> {
    if (0.0..=LONGEST_FADE).contains(&seconds) {
        Ok((seconds * f64::from(SAMPLE_RATE)).round() as u64)
    } else {
        Err(LayerError::Fade(seconds))
    }
}

pub(super) fn checked_volume(volume: f32) -> Result<f32, LayerError> {
    // What is no number is in no range.
    if (0.0..=MAX_VOLUME).contains(&volume) { Ok(volume) } else { Err(VolumeError(volume).into()) }
}

fn in_seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}
