//! The end of who writes a stream.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isocord_proto::frame::SAMPLE_RATE;

use super::body::{Body, Wake};
use super::intake::Format;
use super::source::WrittenSource;
use crate::desk::outcome::{Errands, Listener};

/// Rates that are taken, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
const MAX_CHANNELS: u16 = 64;
/// Seconds that may wait at most.
const MAX_CAPACITY: f64 = 600.0;

/// What is written, and how it is played.
#[derive(Clone, Debug)]
pub struct Options {
    /// In Hz.
    pub rate: u32,
    /// Interleaved; more than two are mixed down.
    pub channels: u16,
    /// Of the bytes.
    pub format: Format,
    /// Seconds that have to be there for the sound to begin.
    pub prebuffer: f64,
    /// Seconds that may wait.
    pub capacity: f64,
    /// Once it has run dry, the sound begins again as it did at first, and not with the first frame that is there.
    pub hold: bool,
}

/// Why a stream cannot be what was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OptionsError {
    /// See [`Options::rate`].
    #[error("sample_rate must be 1000 to 384000 Hz, not {0}")]
    Rate(u32),
    /// See [`Options::channels`].
    #[error("channels must be 1 to 64, not {0}")]
    Channels(u16),
    /// See [`Options::capacity`].
    #[error("capacity must be 0.1 to 600 seconds, not {0}")]
    Capacity(f64),
    /// See [`Options::prebuffer`].
    #[error("prebuffer must be 0 seconds to half of the capacity ({most}), not {0}", most = .1 / 2.0)]
    Prebuffer(f64, f64),
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It was said that no more comes.
    #[error("nothing can be written after finish()")]
    Finished,
    /// Nobody plays it any more.
    #[error("{0}")]
    Closed(String),
}

pub(super) struct Shared {
    body: Mutex<Body>,
    errands: Arc<dyn Errands>,
    rate: u32,
}

/// The end of who writes it: any thread, which waits for nobody.
pub struct WrittenStream(Arc<Shared>);

impl WrittenStream {
    /// A stream, and its end for who plays it. Those who wait are told by `errands`.
    ///
    /// # Errors
    /// A number is out of its range.
    pub fn new(options: &Options, errands: Arc<dyn Errands>) -> Result<(Self, WrittenSource), OptionsError> {
        let Options { rate, channels, prebuffer, capacity, .. } = *options;
        if !RATES.contains(&rate) {
            return Err(OptionsError::Rate(rate));
        }
        if !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(OptionsError::Channels(channels));
        }
        // What is no number is in no range.
        if !(0.1..=MAX_CAPACITY).contains(&capacity) {
            return Err(OptionsError::Capacity(capacity));
        }
        if !(0.0..=capacity / 2.0).contains(&prebuffer) {
            return Err(OptionsError::Prebuffer(prebuffer, capacity));
        }
        let shared = Arc::new(Shared { body: Mutex::new(Body::new(options)), errands, rate });
        Ok((Self(Arc::clone(&shared)), WrittenSource(shared)))
    }

    /// Takes as many of the bytes as there is room for, and says how many. Those of a sample that is not whole wait
    /// for the rest of it.
    ///
    /// # Errors
    /// [`WriteError`]
    pub fn write(&self, bytes: &[u8]) -> Result<usize, WriteError> {
        let mut body = self.0.body();
        body.check_open()?;
        let fits = body.intake.fits(bytes.len(), body.room() as usize);
        let Body { intake, sound, .. } = &mut *body;
        let before = sound.end();
        intake.push(&bytes[..fits], |pair| sound.push(pair));
        let wake = if body.sound.end() > before { body.more() } else { None };
        drop(body);
        Shared::wake(wake);
        Ok(fits)
    }

    /// Takes all of the bytes, or none if there is no room for all; says which.
    ///
    /// # Errors
    /// [`WriteError`]
    pub fn write_all(&self, bytes: &[u8]) -> Result<bool, WriteError> {
        let body = self.0.body();
        body.check_open()?;
        let fits = body.intake.fits(bytes.len(), body.room() as usize) == bytes.len();
        drop(body);
        // Somebody else may have written meanwhile: then it waits for nobody all the same.
        Ok(fits && self.write(bytes)? == bytes.len())
    }

    /// Tells `listener` when there is room for so many bytes, or for some of them if they are many; or why there never
    /// will be.
    pub fn on_room(&self, bytes: usize, listener: Listener) {
        let mut body = self.0.body();
        let pairs = body.intake.pairs(bytes) as u64;
        body.waits.add_room(pairs, listener);
        self.0.told(body);
    }

    /// Tells `listener` when all that was written is heard or forgotten, or why it never will be.
    pub fn on_drained(&self, listener: Listener) {
        self.0.see();
        let mut body = self.0.body();
        body.waits.add_drained(listener);
        self.0.told(body);
    }

    /// All that is written is played, however little it is.
    pub fn flush(&self) {
        let mut body = self.0.body();
        body.flushed = body.sound.end();
        let wake = body.more();
        drop(body);
        Shared::wake(wake);
    }

    /// No more comes: what is written is played, and then it is over.
    pub fn finish(&self) {
        let mut body = self.0.body();
        body.finished = true;
        body.intake.clear();
        let wake = body.more();
        self.0.told(body);
        Shared::wake(wake);
    }

    /// Forgets what has not been heard, and says how many seconds of sound that were.
    pub fn clear(&self) -> f64 {
        self.0.see();
        let mut body = self.0.body();
        let unheard = body.unheard();
        body.intake.clear();
        if body.downstream.is_some() {
            body.clears += 1;
            // So much may still be read before whoever reads goes back.
            let now = body.log.now;
            let read = now.run.map_or(now.next, |run| body.sound.place(run.from, run.given));
            let keep = (read + 2 * body.sound.reach()).min(body.sound.end());
            body.sound.cut(keep);
        } else {
            let next = body.log.now.next;
            body.sound.cut(next);
            body.clears += 1;
            body.log.now.clears = body.clears;
        }
        body.cleared = body.sound.end();
        body.flushed = body.flushed.min(body.cleared);
        let wake = body.asked();
        self.0.told(body);
        Shared::wake(wake);
        unheard as f64 / f64::from(self.0.rate)
    }

    /// Holds the sound, or lets it go on.
    pub fn set_paused(&self, paused: bool) {
        let mut body = self.0.body();
        body.paused = paused;
        if body.downstream.is_none() {
            body.log.now.paused = paused;
        }
        let wake = body.asked();
        drop(body);
        Shared::wake(wake);
    }

    /// Whether it is held.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.body().paused
    }

    /// Seconds of what was written that have left.
    #[must_use]
    pub fn played(&self) -> f64 {
        self.0.see();
        self.0.body().played as f64 / f64::from(SAMPLE_RATE)
    }

    /// Seconds of what was written that have not left.
    #[must_use]
    pub fn unheard(&self) -> f64 {
        self.0.see();
        self.0.body().unheard() as f64 / f64::from(self.0.rate)
    }

    /// How often it has run dry in the midst of what was said.
    #[must_use]
    pub fn starved(&self) -> u64 {
        self.0.see();
        self.0.body().starved
    }

    /// Has who plays it look at it soon: at its volume, say, which is theirs to apply.
    pub fn look(&self) {
        let wake = self.0.body().asked();
        Shared::wake(wake);
    }

    /// Whether somebody plays it.
    #[must_use]
    pub fn plays(&self) -> bool {
        self.0.body().downstream.is_some()
    }

    /// Ends it: nothing more is heard, and who waits is told why.
    pub fn close(&self, why: &str) {
        self.0.close(why);
    }
}

impl Shared {
    pub(super) fn body(&self) -> MutexGuard<'_, Body> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees what has been heard. Whoever plays is asked without the lock, which it may want; if frames were given
    /// meanwhile, once more.
    pub(super) fn see(&self) {
        let mut before = None;
        for _ in 0..8 {
            let body = self.body();
            let (downstream, moves) = (body.downstream.clone(), body.moves);
            drop(body);
            let Some(ahead) = downstream.map(|downstream| downstream.ahead()) else { return };
            let mut body = self.body();
            if before.replace((moves, ahead)) == Some((body.moves, ahead)) && body.downstream.is_some() {
                body.see(ahead);
                return self.tell(body);
            }
        }
    }

    /// Tells those who wait for what is so now.
    pub(super) fn told(&self, mut body: MutexGuard<'_, Body>) {
        body.tell();
        self.tell(body);
    }

    /// Tells those who are to be told, on a thread that may wait.
    pub(super) fn tell(&self, mut body: MutexGuard<'_, Body>) {
        let told = body.waits.take();
        drop(body);
        if !told.is_empty() {
            let tell = move || told.into_iter().for_each(|(listener, why)| listener(why.as_deref()));
            self.errands.run(Box::new(tell));
        }
    }

    pub(super) fn wake(wake: Wake) {
        if let Some(downstream) = wake {
            downstream.wake();
        }
    }

    /// Nothing more is heard. What has been heard was seen before.
    pub(super) fn close(&self, why: &str) {
        let mut body = self.body();
        if body.closed.is_none() {
            body.closed = Some(why.to_owned());
        }
        let downstream = body.downstream.take();
        self.told(body);
        // It may be the last that holds on to a track.
        Self::wake(downstream);
    }
}
