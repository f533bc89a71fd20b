//! The end of who writes a stream.

use std::sync::Arc;

use isocord_proto::frame::SAMPLE_RATE;

use super::body::Body;
use super::options::{Options, OptionsError, WriteError};
use super::shared::Shared;
use super::source::WrittenSource;
use crate::desk::outcome::{Errands, Listener};

/// The end of who writes it: any thread, which waits for nobody.
pub struct WrittenStream(Arc<Shared>);

impl WrittenStream {
    /// A stream, and its end for who plays it. Those who wait are told by `errands`.
    ///
    /// # Errors
    /// A number is out of its range.
    pub fn new(options: &Options, errands: Arc<dyn Errands>) -> Result<(Self, WrittenSource), OptionsError> {
        options.check()?;
        let shared = Arc::new(Shared::new(options, errands));
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

    /// Tells `listener` when all that was written is heard, or forgotten and no longer heard; or why it never will be.
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
