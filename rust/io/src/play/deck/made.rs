//! How each frame that may have to be made again was made.

use std::collections::VecDeque;

/// How a frame was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Made {
    /// Not yet.
    No,
    /// It is the source's packet.
    Passed,
    /// It was encoded, with this complexity, and has this gain at its end.
    Encoded {
        /// 0 to 10.
        complexity: u8,
        /// 1.0 for the sound as it is.
        gain: f32,
    },
}

/// By the frame's number in the track.
pub(super) struct History {
    made: VecDeque<Made>,
    first: u64,
}

impl History {
    pub(super) fn new() -> Self {
        Self { made: VecDeque::new(), first: 0 }
    }

    /// [`Made::No`] also for what is forgotten.
    pub(super) fn get(&self, number: u64) -> Made {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.made.get(index)).copied().unwrap_or(Made::No)
    }

    pub(super) fn set(&mut self, number: u64, made: Made) {
        let Some(index) = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok()) else {
            return;
        };
        while self.made.len() <= index {
            self.made.push_back(Made::No);
        }
        self.made[index] = made;
    }

    /// Forgets what came before frame `from`.
    pub(super) fn forget_before(&mut self, from: u64) {
        while self.first < from {
            self.made.pop_front();
            self.first += 1;
        }
    }

    /// Forgets all; the next one has this number.
    pub(super) fn restart(&mut self, number: u64) {
        self.made.clear();
        self.first = number;
    }

    /// All numbers become greater by `count`.
    pub(super) fn shift(&mut self, count: u64) {
        self.first += count;
    }
}
