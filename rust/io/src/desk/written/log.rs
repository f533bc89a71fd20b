//! Where the reading stood before each frame that may be asked for again.

use std::collections::VecDeque;

/// Sound that is heard without a pause.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The place where it begins.
    pub(super) from: u64,
    /// Samples of 48 kHz that were given of it.
    pub(super) given: u64,
    /// Where it ended, once it has begun to go out.
    pub(super) end: Option<u64>,
}

/// Why no sound runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Nothing has been said yet, or all of it was.
    Rest,
    /// Nothing more was there.
    Dry,
    /// It was held.
    Held,
}

/// All that a frame changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) run: Option<Run>,
    pub(super) pause: Pause,
    /// The place where sound begins when none runs.
    pub(super) next: u64,
    /// Old sound is about to go out into a frame of silence.
    pub(super) closing: bool,
    /// Samples of 48 kHz that were given, without silence.
    pub(super) played: u64,
    /// How often it ran dry.
    pub(super) starved: u64,
    /// What was asked for, as far as it is granted.
    pub(super) clears: u64,
    pub(super) paused: bool,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            run: None,
            pause: Pause::Rest,
            next: 0,
            closing: false,
            played: 0,
            starved: 0,
            clears: 0,
            paused: false,
        }
    }
}

/// States by the number of the frame that they came before.
pub(super) struct Log {
    states: VecDeque<State>,
    pub(super) now: State,
    /// Frames that were given.
    pub(super) given: u64,
    depth: usize,
    undone: Option<Undone>,
}

/// What was last gone back by.
struct Undone {
    /// Frames that were left.
    given: u64,
    states: VecDeque<State>,
    now: State,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { states: VecDeque::new(), now: State::new(), given: 0, depth: 0, undone: None }
    }

    /// So many frames may be gone back by.
    pub(super) fn hold(&mut self, depth: u64) {
        self.depth = depth as usize;
    }

    /// A frame was given, before which things stood like that.
    pub(super) fn note(&mut self, before: State) {
        while self.states.len() > self.depth {
            self.states.pop_front();
        }
        self.states.push_back(before);
        self.given += 1;
    }

    /// Goes back; says whether sound is undone by it.
    pub(super) fn back(&mut self, frames: u64) -> bool {
        let frames = (frames as usize).min(self.states.len());
        let (states, now) = (self.states.split_off(self.states.len() - frames), self.now);
        if let Some(state) = states.front() {
            self.now = *state;
        }
        self.given -= frames as u64;
        self.undone = Some(Undone { given: self.given, states, now });
        frames > 0
    }

    /// All is as it was before that.
    pub(super) fn undo_back(&mut self) {
        let Some(Undone { given, mut states, now }) = self.undone.take() else { return };
        let came = self.given.saturating_sub(given) as usize;
        self.states.truncate(self.states.len().saturating_sub(came));
        self.given = given + states.len() as u64;
        self.states.append(&mut states);
        self.now = now;
    }

    /// How things stand where `ahead` of the frames that were given have not been heard.
    pub(super) fn heard(&self, ahead: u64) -> &State {
        let index = self.states.len().saturating_sub(ahead as usize);
        if ahead == 0 { &self.now } else { self.states.get(index).unwrap_or(&self.now) }
    }

    /// The oldest one that is kept.
    pub(super) fn oldest(&self) -> &State {
        self.states.front().unwrap_or(&self.now)
    }
}
