//! What those who control a queue and the thread that plays it share; locked for moments, and never while a source is
//! read.

use std::collections::VecDeque;
use std::sync::Arc;

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLE_RATE};

use super::entry::Entry;
use super::events::{Event, Events};
use super::list::List;
use crate::source::SeekError;

const FRAME: u64 = FRAME_SAMPLES as u64;

/// Something else is to be heard at once.
pub(super) struct Jump {
    pub(super) turn: u64,
    pub(super) entry: Option<Arc<Entry>>,
    /// A place in it, in seconds; its beginning otherwise.
    pub(super) place: Option<f64>,
}

/// From where on something is heard, in samples of the queue's own time.
pub(super) struct Run {
    /// Which playing of an entry it belongs to; a seek begins another run of the same turn.
    pub(super) turn: u64,
    /// None for silence.
    pub(super) entry: Option<Arc<Entry>>,
    /// It came by itself: the list goes on when it is heard. Otherwise the list went first.
    pub(super) follows: bool,
    pub(super) start: u64,
    /// When the entry's own beginning would have been heard.
    pub(super) origin: i64,
    /// Why it ended early.
    pub(super) error: Option<String>,
}

pub(super) struct State {
    pub(super) list: List,
    /// The turn of the list's present entry. Turns count up in the order in which they were decided on.
    pub(super) turn: u64,
    turns: u64,
    pub(super) jump: Option<Jump>,
    /// What is made of it has changed, and not the queue: its volume.
    pub(super) looked: bool,
    pub(super) runs: VecDeque<Run>,
    /// Frames that were made.
    pub(super) made: u64,
    heard: u64,
    /// Samples in which an entry goes over into the next.
    pub(super) crossfade: u64,
    /// That nothing is left was told, and nothing has begun or failed since.
    pub(super) told_empty: bool,
}

impl State {
    pub(super) fn new(list: List, crossfade: u64) -> Self {
        let silence = Run { turn: 0, entry: None, follows: false, start: 0, origin: 0, error: None };
        let runs = VecDeque::from([silence]);
        Self {
            list,
            turn: 0,
            turns: 0,
            jump: None,
            looked: false,
            runs,
            made: 0,
            heard: 0,
            crossfade,
            told_empty: false,
        }
    }

    pub(super) fn new_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    /// What the list has as its present entry now is to be heard at once.
    pub(super) fn jump(&mut self) {
        self.turn = self.new_turn();
        self.jump = Some(Jump { turn: self.turn, entry: self.list.now.clone(), place: None });
    }

    /// Has the present entry go to a place; false if there is none.
    pub(super) fn seek(&mut self, seconds: f64) -> bool {
        let turn = self.turn;
        match &mut self.jump {
            Some(jump) if jump.entry.is_some() => jump.place = Some(seconds),
            _ => {
                let Some(now) = self.list.now.clone() else { return false };
                self.jump = Some(Jump { turn, entry: Some(now), place: Some(seconds) });
            }
        }
        true
    }

    /// The sample that is heard next, if `ahead` frames that were made are still to be heard.
    pub(super) fn heard(&mut self, ahead: u64) -> u64 {
        // While frames are made anew the two counts may not fit for a moment, but nothing is heard twice.
        self.heard = self.heard.max(self.made.saturating_sub(ahead) * FRAME);
        self.heard
    }

    /// Tells what is heard by now, and has the list go on with it.
    pub(super) fn observe(&mut self, ahead: u64, events: &Events) {
        let heard = self.heard(ahead);
        while let Some(next) = self.runs.get(1)
            && (heard > next.start || heard == next.start && self.is_silent(1))
        {
            let Some(before) = self.runs.pop_front() else { return };
            let Some(now) = self.runs.front() else { return };
            let (turn, entry) = (now.turn, now.entry.clone());
            if now.follows && turn > self.turn {
                self.list.advance(entry.as_ref());
                self.turn = turn;
            }
            if before.turn == turn {
                continue;
            }
            if entry.is_some() && before.entry.is_some() && before.error.is_none() {
                // One was played to its end: those that failed are tried again when their turn comes.
                self.list.mend();
            }
            if let Some(ended) = before.entry {
                events.put(Event::Ended(ended, before.error));
            }
            match entry {
                Some(started) => {
                    self.told_empty = false;
                    events.put(Event::Started(started));
                }
                None if self.list.now.is_none() && self.list.following().is_none() && !self.told_empty => {
                    self.told_empty = true;
                    events.put(Event::Empty);
                }
                None => {}
            }
        }
    }

    /// Whether nothing of a run is heard: it is one of silence, or another begins with it.
    fn is_silent(&self, index: usize) -> bool {
        let Some(run) = self.runs.get(index) else { return false };
        run.entry.is_none() || self.runs.get(index + 1).is_some_and(|after| after.start == run.start)
    }

    /// Where in the present entry is what is heard now, in samples; where it will be, if that was asked for.
    pub(super) fn place(&mut self, ahead: u64) -> u64 {
        if let Some(jump) = &self.jump {
            return (jump.place.unwrap_or(0.0) * f64::from(SAMPLE_RATE)) as u64;
        }
        let heard = self.heard(ahead);
        let run = self.runs.iter().rev().find(|run| run.start <= heard && run.turn == self.turn);
        run.filter(|run| run.entry.is_some()).map_or(0, |run| (heard as i64 - run.origin).max(0) as u64)
    }

    /// Why a turn ends early.
    pub(super) fn note_error(&mut self, turn: u64, error: &str) {
        if let Some(run) = self.runs.iter_mut().rev().find(|run| run.turn == turn) {
            run.error = Some(error.to_owned());
        }
    }
}

pub(super) fn check_place(seconds: f64) -> Result<(), SeekError> {
    if seconds >= 0.0 && seconds.is_finite() { Ok(()) } else { Err(SeekError::Position(seconds)) }
}
