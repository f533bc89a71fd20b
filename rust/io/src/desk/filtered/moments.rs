//! Where everything stood before each of the last frames.

use std::collections::VecDeque;

use crate::dsp::filters::{Chain, Memory};
use crate::dsp::limiter::Limiter;

/// Where things stand before a frame.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// Number of the frame that is given next.
    pub number: u64,
    /// Number of the source's frame that is taken next.
    pub input: u64,
    /// The gain at the end of the last one.
    pub gain: f32,
    /// The source is over: so many sample pairs are still to be given.
    pub rest: Option<u64>,
    pub limiter: Limiter,
}

impl Moment {
    /// Before the first frame, with this gain.
    pub(super) const fn new(gain: f32) -> Self {
        Self { number: 0, input: 0, gain, rest: None, limiter: Limiter::new() }
    }
}

struct Noted {
    moment: Moment,
    memory: Memory,
}

/// One moment for each of the last frames.
#[derive(Default)]
pub(super) struct Moments {
    noted: VecDeque<Noted>,
    spare: Vec<Noted>,
    depth: usize,
}

impl Moments {
    /// From now on one can go back by so many frames.
    pub(super) fn hold(&mut self, depth: u64) {
        self.depth = depth as usize;
    }

    /// Notes how things stand before a frame.
    pub(super) fn note(&mut self, moment: &Moment, chain: &mut Chain) {
        let again = self.noted.back().is_some_and(|last| last.moment.number == moment.number);
        let full = self.noted.len() > self.depth;
        let room = match (again, full) {
            (true, _) => self.noted.pop_back(),
            (false, true) => self.noted.pop_front(),
            (false, false) => self.spare.pop(),
        };
        let mut noted = room.unwrap_or_else(|| Noted { moment: *moment, memory: Memory::default() });
        noted.moment = *moment;
        chain.remember(noted.memory.note());
        self.noted.push_back(noted);
    }

    /// Puts things back to how they stood so many frames ago, or as far back as is known.
    pub(super) fn recall(&mut self, frames: u64, moment: &mut Moment, chain: &mut Chain) {
        if frames == 0 {
            return;
        }
        let number = moment.number.saturating_sub(frames);
        while self.noted.len() > 1 && self.noted.back().is_some_and(|last| last.moment.number > number) {
            self.spare.extend(self.noted.pop_back());
        }
        if let Some(noted) = self.noted.back_mut() {
            *moment = noted.moment;
            chain.remember(noted.memory.recall());
        }
    }

    /// The filters are others: what was noted of them means nothing any more.
    pub(super) fn clear(&mut self) {
        self.spare.extend(self.noted.drain(..));
    }

    /// The first frame of the source that may be taken again.
    pub(super) fn first_input(&self) -> Option<u64> {
        self.noted.front().map(|noted| noted.moment.input)
    }
}
