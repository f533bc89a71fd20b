//! A track whose frames leave elsewhere, in another process or on another machine: it is sent them ahead, and tells how
//! far it is.
//!
//! What was sent can be made anew as long as it has not left there, so it stays in the ring until it is about to: word of
//! that comes late, and in between the clock there is taken to go on as clocks do. Whatever is not what was sent any more
//! is sent again. What was taken out of the ring and not yet heard of is kept, for one who takes over.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use isocord_proto::frame::FRAME_MS;

use super::track::{MAX_LOOKAHEAD, TrackReader};

/// Frames that are about to leave: what is made anew would come too late for them. That is the least, and what a link is
/// trusted with of which nothing is known; one more for each that did come too late, or nearly, and one less again after
/// so many words of none.
const LEAST_MARGIN: u64 = 2;
const FIRST_MARGIN: u64 = 4;
const MOST_MARGIN: u64 = 15;
const CALM: u32 = 10;
/// The most of a track that others hear as well: who is too far from them misses some.
const MOST_SHARED_MARGIN: u64 = 5;
/// Frames for which the clock there is believed to go on without a word of it.
const MOST_BELIEVED: u64 = 25;
/// Between two frames that are taken, at least.
const APART: Duration = Duration::from_millis(8);
/// Between two times that frames are sent anew to one where nothing leaves.
const IDLE: Duration = Duration::from_millis(500);
/// How long frames may be missing, while others are put in their place.
const REWRITING: Duration = Duration::from_millis(30);

/// What is to be sent: from frame `from` on there are these frames, and no others.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// How often another receiver had begun: what an earlier one was to get is of no use to the present one.
    pub turn: u64,
    /// Number of the first one, counted from where the present receiver began.
    pub from: u64,
    /// Opus packets.
    pub frames: Vec<Box<[u8]>>,
    /// No frame is due where none waits.
    pub rests: bool,
    /// No more will come.
    pub is_all: bool,
}

/// How far the clock there was, and when that was heard.
struct Pace {
    left: u64,
    at: Instant,
}

/// What is true beside the frames: whether one is due where none waits, and whether more will come.
type State = (bool, bool);

/// The end of a track from which frames are sent ahead. It never reads the time.
pub struct Relay {
    reader: TrackReader,
    lookahead: usize,
    /// Number of the first frame of `shown`: those before are known to have left.
    left: u64,
    /// What was sent, and is not known to have left.
    shown: VecDeque<Box<[u8]>>,
    /// Frames behind those that were sent once, and taken back: they leave where word of that comes too late.
    cut: u64,
    /// How many of `shown` are out of the ring.
    taken: usize,
    /// What the present receiver calls its first frame, and how many there were before it.
    origin: u64,
    turn: u64,
    /// What it was told; none before the first word.
    told: Option<State>,
    /// None while nothing leaves.
    pace: Option<Pace>,
    margin: u64,
    /// Words since it was set.
    calm: u32,
    /// Frames were sent anew since the last word.
    is_rewritten: bool,
    /// When a frame was taken last.
    took: Option<Instant>,
    /// When frames were sent last.
    sent: Option<Instant>,
    /// The ring as it was when there was nothing more to send of it.
    seen: Option<(u64, State)>,
    /// Since when frames have been missing.
    missing: Option<Instant>,
    /// All that was sent is taken to have left.
    silent: bool,
    /// Paused: what is about to leave does, and nothing follows.
    held: bool,
}

impl Relay {
    /// Sends what comes out of `reader`, of whose ring `lookahead` is the length.
    #[must_use]
    pub fn new(reader: TrackReader, lookahead: usize) -> Self {
        Self {
            reader,
            lookahead,
            left: 0,
            shown: VecDeque::new(),
            cut: 0,
            taken: 0,
            origin: 0,
            turn: 0,
            told: None,
            pace: None,
            margin: FIRST_MARGIN,
            calm: 0,
            is_rewritten: false,
            took: None,
            sent: None,
            seen: None,
            missing: None,
            silent: true,
            held: false,
        }
    }

    /// Frames that a receiver needs room for.
    #[must_use]
    pub fn capacity(lookahead: usize) -> usize {
        (lookahead + (MOST_MARGIN + MOST_BELIEVED) as usize).min(MAX_LOOKAHEAD)
    }

    /// The end of the track that is read.
    #[must_use]
    pub fn reader(&self) -> &TrackReader {
        &self.reader
    }

    /// Another one receives it from now on, who knows nothing: what has not left begins with number 0. Returns
    /// its turn.
    pub fn begin(&mut self) -> u64 {
        (self.origin, self.told, self.pace, self.seen) = (self.left, None, None, None);
        self.cut = 0;
        self.turn += 1;
        self.turn
    }

    /// The receiver tells that so many frames have left, and how many since its last word were made anew too late, or just
    /// in time; `moves` if others follow them.
    pub fn note_left(&mut self, left: u64, moves: bool, late: u64, now: Instant) {
        self.note_late(late);
        let sent = self.left + self.shown.len() as u64 + self.cut;
        let left = self.origin.saturating_add(left).min(sent);
        while self.left < left {
            // One that was made anew in the meantime has left as it was before: the new one follows. One that was only
            // held back is not to be heard twice.
            if self.taken > 0 {
                self.taken -= 1;
            } else if self.holds(0) || self.held && self.shown.is_empty() {
                self.reader.take();
            }
            if self.shown.pop_front().is_none() {
                self.cut -= 1;
            }
            self.left += 1;
        }
        self.reader.state().note_sent_in_all(self.left);
        // There is room for more.
        self.seen = None;
        self.pace = moves.then_some(Pace { left: self.left, at: now });
        if self.shown.is_empty() {
            self.note_silence();
        }
    }

    fn note_late(&mut self, late: u64) {
        if late > 0 {
            let most = if self.reader.is_shared() { MOST_SHARED_MARGIN } else { MOST_MARGIN };
            (self.margin, self.calm) = (self.margin.saturating_add(late).min(most), 0);
        } else if std::mem::take(&mut self.is_rewritten) {
            self.calm += 1;
            if self.calm >= CALM {
                (self.margin, self.calm) = (self.margin.saturating_sub(1).max(LEAST_MARGIN), 0);
            }
        }
    }

    /// What is about to leave is the last for now. What follows is made as it is after silence.
    pub fn hold(&mut self) {
        (self.held, self.seen) = (true, None);
        self.note_silence();
    }

    /// Frames leave again, from now on.
    pub fn go_on(&mut self, now: Instant) {
        (self.held, self.seen) = (false, None);
        self.reader.catch_up();
        self.pace = Some(Pace { left: self.left, at: now });
    }

    /// Nothing leaves any more: what is not known to have left has not.
    #[must_use]
    pub fn ended(mut self) -> TrackReader {
        self.reader.put_back(self.taken as u64);
        self.reader
    }

    /// What is to be sent now, if anything.
    pub fn poll(&mut self, now: Instant) -> Option<Shown> {
        self.pass(now);
        if self.held && self.told.is_none() {
            // It is told when there is something to be heard.
            return None;
        }
        let waits = (self.reader.revision(), self.state(0));
        if self.seen == Some(waits) {
            return None;
        }
        let holds = |at: &usize| !self.held && self.holds(*at);
        let kept = self.taken + (self.taken..self.shown.len()).take_while(holds).count();
        let room = if self.held { 0 } else { Self::capacity(self.lookahead).saturating_sub(kept) };
        let waiting = (kept - self.taken..).map_while(|at| self.reader.peek(at)).take(room);
        let new: Vec<Box<[u8]>> = waiting.map(|frame| frame.as_bytes().into()).collect();
        let state = self.state(kept - self.taken + new.len());
        if !self.is_due(kept, new.len(), state, now) {
            let is_all_known = kept == self.shown.len() && new.is_empty();
            self.seen = is_all_known.then_some(waits);
            return None;
        }
        let end = self.left + kept as u64;
        let is_dry = match self.believed(now) {
            Some(believed) => believed >= end,
            // It was said that nothing leaves, and nothing is there.
            None => kept == 0 && self.left > self.origin,
        };
        if !new.is_empty() && is_dry {
            // The clock there had nothing, and begins with these.
            self.pace = Some(Pace { left: end, at: now });
        }
        self.is_rewritten |= kept < self.shown.len();
        self.sent = Some(now);
        let sent = self.shown.len() as u64 + self.cut;
        self.shown.truncate(kept);
        self.shown.extend(new);
        self.cut = sent.saturating_sub(self.shown.len() as u64);
        self.silent &= self.shown.len() == kept;
        self.seen = Some(waits);
        let first = if self.told.replace(state).is_some() { kept } else { 0 };
        Some(Shown {
            turn: self.turn,
            from: self.left - self.origin + first as u64,
            frames: self.shown.iter().skip(first).cloned().collect(),
            rests: state.0,
            is_all: state.1,
        })
    }

    /// Asks for the producer to wake whoever polls; false if there is something to look at already.
    pub fn starve(&mut self) -> bool {
        self.held || self.shown.len() == self.taken && self.reader.starve()
    }

    /// Whether time alone brings something to do.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.held && (self.pace.is_some() || self.missing.is_some())
    }

    /// What is true of the ring, if so many of its frames are sent.
    fn state(&self, frames: usize) -> State {
        let is_all = !self.held && self.reader.is_finished() && self.reader.peek(frames).is_none();
        (self.held || self.reader.rests(), is_all)
    }

    /// Takes out of the ring what is about to leave; one by one, for who makes frames anew reckons with a clock.
    fn pass(&mut self, now: Instant) {
        let Some(believed) = self.believed(now) else { return };
        let is_due = self.left + (self.taken as u64) < believed + self.margin;
        let rested = self.took.is_none_or(|took| now.saturating_duration_since(took) >= APART);
        if is_due && rested && !self.held && self.holds(self.taken) {
            self.reader.take();
            self.taken += 1;
            self.took = Some(now);
        }
        if believed >= self.left + self.shown.len() as u64 {
            self.note_silence();
        }
    }

    /// Nothing leaves any more.
    fn note_silence(&mut self) {
        if !self.silent {
            self.silent = true;
            self.reader.state().note_silence();
        }
    }

    /// Frames that must have left by now.
    fn believed(&self, now: Instant) -> Option<u64> {
        let pace = self.pace.as_ref()?;
        let since = now.saturating_duration_since(pace.at).as_millis() as u64 / FRAME_MS;
        Some(pace.left + since.min(MOST_BELIEVED))
    }

    /// Whether what was sent in this place is still what waits in the ring.
    fn holds(&self, at: usize) -> bool {
        let Some(shown) = self.shown.get(at) else { return false };
        self.reader.peek(at - self.taken).is_some_and(|frame| frame.as_bytes() == &**shown)
    }

    /// Whether what has changed is to be sent now: `kept` frames of those sent hold, `new` ones follow.
    fn is_due(&mut self, kept: usize, new: usize, state: State, now: Instant) -> bool {
        let is_changed = kept < self.shown.len();
        if is_changed && new == 0 && !state.1 && !self.held {
            let since = *self.missing.get_or_insert(now);
            if now.saturating_duration_since(since) < REWRITING {
                return false;
            }
        }
        self.missing = None;
        if is_changed && !self.held && self.told.is_some() && self.is_idle(now) {
            return false;
        }
        let Some(told) = self.told else { return kept + new > 0 || state.1 };
        is_changed || told != state || (new > 0 && !self.may_wait(kept, new, now))
    }

    /// Whether nothing leaves there, and it was sent something not long ago.
    fn is_idle(&self, now: Instant) -> bool {
        let within = |since: Instant| now.saturating_duration_since(since) < IDLE;
        let stands = self.pace.as_ref().is_none_or(|pace| !within(pace.at + IDLE));
        stands && self.sent.is_some_and(within)
    }

    /// Whether more frames are waited for, so that they go in few messages.
    fn may_wait(&self, kept: usize, new: usize, now: Instant) -> bool {
        let Some(believed) = self.believed(now) else {
            // Before it begins there is time; one that has begun and stands still may have nothing.
            return self.left == self.origin && kept > self.lookahead / 4 && new < self.lookahead.div_ceil(2);
        };
        let left = believed.saturating_sub(self.left) as usize;
        kept.saturating_sub(left) > self.lookahead / 4 && new < self.lookahead.div_ceil(2)
    }
}

#[cfg(test)]
mod tests;
