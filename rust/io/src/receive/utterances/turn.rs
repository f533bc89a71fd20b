//! One user's turn: silent, perhaps about to speak, or speaking.

use std::collections::VecDeque;

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLES_PER_MS};

use super::{Ended, Endpoints, Part};

/// A frame's length.
const FRAME: u64 = FRAME_SAMPLES as u64;
/// Speech that has not begun an utterance is forgotten after that much without: 0.3 s.
const DOUBT: u64 = 300 * SAMPLES_PER_MS;

/// What a user does. Lengths are in samples at 48 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Silent,
    /// There was speech, not enough yet.
    Doubtful { spoken: u64, quiet: u64 },
    /// An utterance is under way, since `start`.
    Open { number: u64, start: u64, quiet: u64 },
}

/// One user's.
#[derive(Debug, Default)]
pub(super) struct Turn {
    state: State,
    /// What was heard of late and is in no utterance.
    before: VecDeque<Vec<u8>>,
    /// What of the utterance has not been handed out; it begins at `since`.
    data: Vec<u8>,
    since: u64,
    /// The place after the last frame.
    at: u64,
}

impl Turn {
    /// The utterance that is under way.
    pub(super) fn number(&self) -> Option<u64> {
        match self.state {
            State::Open { number, .. } => Some(number),
            State::Silent | State::Doubtful { .. } => None,
        }
    }

    /// The next frame of the row, its place, and whether it is speech.
    pub(super) fn frame(
        &mut self,
        endpoints: &Endpoints,
        begun: &mut u64,
        user_id: u64,
        (position, data, is_speech): (u64, Vec<u8>, bool),
        out: &mut impl FnMut(Part),
    ) {
        if position != self.at {
            // A row that began anew.
            self.end(user_id, Ended::Silence, out);
        }
        self.at = position + FRAME;
        match &mut self.state {
            State::Open { quiet, start, .. } => {
                *quiet = if is_speech { 0 } else { *quiet + FRAME };
                self.data.extend(data);
                let (quiet, start) = (*quiet, *start);
                if quiet >= endpoints.silence {
                    self.end(user_id, Ended::Silence, out);
                } else if self.at - start + FRAME > endpoints.max_length {
                    self.end(user_id, Ended::Length, out);
                    if quiet == 0 {
                        self.open(begun);
                    }
                } else if endpoints.partial {
                    self.hand_out(user_id, None, out);
                }
            }
            State::Silent | State::Doubtful { .. } => {
                self.before.push_back(data);
                self.listen(endpoints, is_speech);
                if matches!(self.state, State::Doubtful { spoken, .. } if spoken >= endpoints.min_speech) {
                    self.open(begun);
                    if endpoints.partial {
                        self.hand_out(user_id, None, out);
                    }
                }
            }
        }
    }

    /// Ends the utterance, if one is under way, and forgets what was before.
    pub(super) fn end(&mut self, user_id: u64, why: Ended, out: &mut impl FnMut(Part)) {
        self.hand_out(user_id, Some(why), out);
        (self.state, self.data) = (State::Silent, Vec::new());
        self.before.clear();
    }

    /// Weighs a frame that is in no utterance yet.
    fn listen(&mut self, endpoints: &Endpoints, is_speech: bool) {
        self.state = match (self.state, is_speech) {
            (State::Doubtful { spoken, .. }, true) => State::Doubtful { spoken: spoken + FRAME, quiet: 0 },
            (_, true) => {
                self.trim(endpoints.pre_roll + FRAME);
                State::Doubtful { spoken: FRAME, quiet: 0 }
            }
            (State::Doubtful { spoken, quiet }, false) if quiet + FRAME <= DOUBT => {
                State::Doubtful { spoken, quiet: quiet + FRAME }
            }
            (_, false) => {
                self.trim(endpoints.pre_roll);
                State::Silent
            }
        };
    }

    fn trim(&mut self, length: u64) {
        let keep = length.div_ceil(FRAME) as usize;
        self.before.drain(..self.before.len().saturating_sub(keep));
    }

    /// Begins an utterance with what was before, which may be nothing.
    fn open(&mut self, begun: &mut u64) {
        *begun += 1;
        let start = self.at - self.before.len() as u64 * FRAME;
        self.state = State::Open { number: *begun, start, quiet: 0 };
        self.since = start;
        self.data.extend(self.before.drain(..).flatten());
    }

    fn hand_out(&mut self, user_id: u64, ended: Option<Ended>, out: &mut impl FnMut(Part)) {
        let State::Open { number, start, .. } = self.state else { return };
        // Nothing may have followed one that became too long.
        if start == self.at {
            return;
        }
        let (start, end) = (std::mem::replace(&mut self.since, self.at), self.at);
        out(Part { number, user_id, start, end, data: std::mem::take(&mut self.data), ended });
    }
}
