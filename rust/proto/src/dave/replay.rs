//! "A nonce opens once": which frames of one sender and epoch have been opened.

/// Frames behind the newest that can still be opened, 20 s of audio.
const WINDOW: u64 = 1024;

const WORDS: usize = (WINDOW / 64) as usize;

/// A sliding window over a sender's frame counts.
pub(super) struct ReplayWindow {
    newest: Option<u64>,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    pub const fn new() -> Self {
        Self { newest: None, seen: [0; WORDS] }
    }

    /// Whether a frame with this count may be opened: it is new, or missing inside the window.
    pub fn is_fresh(&self, count: u64) -> bool {
        match self.newest {
            None => true,
            Some(newest) if count > newest => true,
            Some(newest) => newest - count < WINDOW && !self.has(count),
        }
    }

    /// Notes that the frame has been opened, once it proved to be authentic.
    pub fn note(&mut self, count: u64) {
        let Some(newest) = self.newest else {
            self.newest = Some(count);
            self.set(count);
            return;
        };
        if count > newest {
            let passed = count - newest;
            if passed >= WINDOW {
                self.seen = [0; WORDS];
            } else {
                for skipped in newest + 1..=count {
                    self.clear(skipped);
                }
            }
            self.newest = Some(count);
        }
        self.set(count);
    }

    fn place(count: u64) -> (usize, u64) {
        let slot = count % WINDOW;
        ((slot / 64) as usize, 1 << (slot % 64))
    }

    fn has(&self, count: u64) -> bool {
        let (word, bit) = Self::place(count);
        self.seen[word] & bit != 0
    }

    fn set(&mut self, count: u64) {
        let (word, bit) = Self::place(count);
        self.seen[word] |= bit;
    }

    fn clear(&mut self, count: u64) {
        let (word, bit) = Self::place(count);
        self.seen[word] &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn late_frames_open_once_and_very_late_ones_never() {
        let mut window = ReplayWindow::new();
        window.note(5000);
        assert!(!window.is_fresh(5000));
        assert!(window.is_fresh(5000 - 1023));
        assert!(!window.is_fresh(5000 - 1024));
        window.note(4999);
        assert!(!window.is_fresh(4999));
        window.note(5000 + 1024);
        assert!(!window.is_fresh(5000));
        assert!(window.is_fresh(5001));
    }

    proptest! {
        #[test]
        fn nothing_opens_twice(counts in proptest::collection::vec(0u64..4000, 0..300)) {
            let mut window = ReplayWindow::new();
            let mut opened = HashSet::new();
            let mut newest = None;
            for count in counts {
                let in_reach = newest.is_none_or(|newest| count + WINDOW > newest);
                prop_assert_eq!(window.is_fresh(count), in_reach && !opened.contains(&count));
                if window.is_fresh(count) {
                    window.note(count);
                    opened.insert(count);
                    newest = newest.max(Some(count));
                }
            }
        }
    }
}
