//! What both ends of a stream share: the sound, what is asked, and how far the reading is.

use std::sync::Arc;

use super::intake::Intake;
use super::log::Log;
use super::options::{Options, WriteError};
use super::sound::Sound;
use super::waits::Waits;
use crate::source::Downstream;

/// Under one lock, which nobody holds for longer than a frame is computed.
pub(super) struct Body {
    pub(super) sound: Sound,
    pub(super) intake: Intake,
    pub(super) log: Log,
    /// Places in what is written, as all that follow: so much may wait, and so much has to be there to begin.
    pub(super) capacity: u64,
    pub(super) prebuffer: u64,
    /// What is there begins: one frame.
    pub(super) least: u64,
    /// After it ran dry it begins as at first.
    pub(super) hold: bool,
    /// For the how manieth time all was forgotten, and where what is left begins.
    pub(super) clears: u64,
    pub(super) cleared: u64,
    pub(super) paused: bool,
    /// Up to here all has been said.
    pub(super) flushed: u64,
    pub(super) finished: bool,
    /// Why nothing is taken any more.
    pub(super) closed: Option<String>,
    /// Whoever reads waits for more.
    pub(super) wanted: bool,
    /// What was given last would be something else if more were there.
    pub(super) open: bool,
    /// Whoever reads is to go back.
    pub(super) changed: bool,
    /// How often frames were given or taken back.
    pub(super) moves: u64,
    /// Frames were taken back, and it has not been seen yet whether they are heard all the same.
    pub(super) unsettled: bool,
    /// Frames that were given and not heard, when that was seen last.
    pub(super) ahead: u64,
    /// As heard, and never less than it was.
    pub(super) played: u64,
    pub(super) starved: u64,
    pub(super) waits: Waits,
    pub(super) downstream: Option<Arc<dyn Downstream>>,
}

/// Whoever reads, to be woken when the lock is free again.
pub(super) type Wake = Option<Arc<dyn Downstream>>;

impl Body {
    pub(super) fn new(options: &Options) -> Self {
        let places = |seconds: f64| (seconds * f64::from(options.rate)).round() as u64;
        Self {
            sound: Sound::new(options.rate),
            intake: Intake::new(options.format, options.channels),
            log: Log::new(),
            capacity: places(options.capacity),
            prebuffer: places(options.prebuffer),
            least: places(0.02),
            hold: options.hold,
            clears: 0,
            cleared: 0,
            paused: false,
            flushed: 0,
            finished: false,
            closed: None,
            wanted: false,
            open: false,
            changed: false,
            moves: 0,
            unsettled: false,
            ahead: 0,
            played: 0,
            starved: 0,
            waits: Waits::default(),
            downstream: None,
        }
    }

    /// Whether all that is written has been said to be whole.
    pub(super) fn is_whole(&self) -> bool {
        self.finished || self.flushed >= self.sound.end()
    }

    /// Where the next sound is read that was not forgotten.
    pub(super) fn next(&self) -> u64 {
        let now = &self.log.now;
        let next =
            now.run.map_or(now.next, |run| self.sound.place(run.from, run.given).min(self.sound.end()));
        if now.clears == self.clears { next } else { self.cleared }
    }

    /// Pairs that may be written now.
    pub(super) fn room(&self) -> u64 {
        self.capacity.saturating_sub(self.sound.end() - self.next().min(self.sound.end()))
    }

    pub(super) fn check_open(&self) -> Result<(), WriteError> {
        match &self.closed {
            Some(why) => Err(WriteError::Closed(why.clone())),
            None if self.finished => Err(WriteError::Finished),
            None => Ok(()),
        }
    }

    /// More is there: whoever reads is told, if it makes a difference.
    pub(super) fn more(&mut self) -> Wake {
        let (wanted, open) = (std::mem::take(&mut self.wanted), std::mem::take(&mut self.open));
        self.changed |= open;
        self.downstream.clone().filter(|_| wanted || open)
    }

    /// Something was asked that holds from the next frame on.
    pub(super) fn asked(&mut self) -> Wake {
        self.changed = true;
        self.downstream.clone()
    }

    /// How much is unheard, in pairs as written.
    pub(super) fn unheard(&self) -> u64 {
        let heard = self.log.heard(self.ahead);
        let place = heard.run.map_or(heard.next, |run| self.sound.place(run.from, run.given));
        let place = if heard.clears == self.clears { place } else { self.cleared };
        self.sound.end().saturating_sub(place)
    }

    /// Whether nothing that was written is still to be heard. What was forgotten is heard until whoever reads goes back.
    fn is_drained(&self) -> bool {
        let granted = self.downstream.is_none() || self.log.heard(self.ahead).clears == self.clears;
        granted && !self.unsettled && self.unheard() == 0
    }

    /// Sees what has been heard: all but so many frames.
    pub(super) fn see(&mut self, ahead: u64) {
        self.ahead = ahead;
        self.unsettled = false;
        let heard = self.log.heard(ahead);
        let (played, starved) = (heard.played, heard.starved);
        self.played = self.played.max(played);
        self.starved = self.starved.max(starved);
        self.tell();
    }

    /// Tells those who wait for what is so now.
    pub(super) fn tell(&mut self) {
        if self.waits.is_empty() {
            return;
        }
        let (room, capacity) = (self.room(), self.capacity);
        self.waits.room(|wanted| room >= wanted.min(capacity.div_ceil(2)).max(1));
        if self.is_drained() {
            self.waits.drained();
        }
        if let Err(error) = self.check_open() {
            self.waits.no_room(&error.to_string());
        }
        if let Some(why) = &self.closed {
            self.waits.all(why);
        }
    }
}
