//! States by the number of the frame that they came before.

use std::collections::VecDeque;

/// What goes back with a source: its state before each of the last frames.
pub(super) struct Past<T> {
    states: VecDeque<T>,
    /// Number of the frame that is next.
    next: u64,
    depth: usize,
}

impl<T: Copy> Past<T> {
    /// For going back by `depth` frames.
    pub(super) fn new(next: u64, depth: u64) -> Self {
        let depth = depth as usize;
        Self { states: VecDeque::with_capacity(depth + 1), next, depth }
    }

    /// Number of the frame that is next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Notes the state before the next frame, which is made now.
    pub(super) fn note(&mut self, state: T) {
        if self.states.len() > self.depth {
            self.states.pop_front();
        }
        self.states.push_back(state);
        self.next += 1;
    }

    /// The state before frame `number`, which is next from now on; the oldest one if it is older. None if it is next.
    pub(super) fn back_to(&mut self, number: u64) -> Option<T> {
        let frames = usize::try_from(self.next.checked_sub(number)?).ok()?;
        let index = self.states.len().saturating_sub(frames);
        let state = self.states.get(index).copied();
        self.states.truncate(index);
        self.next = number;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_back_to_a_frame_and_on_from_there() {
        let mut past = Past::new(10, 3);
        for state in 10..20 {
            past.note(state);
        }
        assert_eq!(past.back_to(20), None);
        assert_eq!(past.back_to(18), Some(18));
        past.note(180);
        assert_eq!((past.next(), past.back_to(17)), (19, Some(17)));
        assert_eq!((past.back_to(5), past.next()), (Some(16), 5), "as far as it can");
        assert_eq!(past.back_to(5), None);
    }
}
