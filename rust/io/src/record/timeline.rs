//! The recording's own time: the common clock less what lies before the start and in pauses.

use std::collections::VecDeque;

/// Pauses that are remembered one by one; frames older than those are far too late anyway.
const REMEMBERED: usize = 64;

/// Where a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the recording's start.
    Before,
    /// Inside a pause.
    Paused,
    /// At `at` in the recording; of its samples the first `skip` and those past `skip + keep` are cut.
    At { at: u64, skip: u32, keep: u32 },
}

#[derive(Debug)]
pub(crate) struct RecordingTime {
    start: u64,
    /// Samples cut out before `start`, by pauses that are forgotten.
    pauses: VecDeque<(u64, u64)>,
    open: Option<u64>,
    /// What recording time had come to at `start`.
    base: u64,
}

impl RecordingTime {
    pub(crate) fn new(start: u64) -> Self {
        Self { start, pauses: VecDeque::new(), open: None, base: 0 }
    }

    pub(crate) fn paused(&self) -> bool {
        self.open.is_some()
    }

    /// From `position` on nothing is recorded; nothing happens if a pause is on already.
    pub(crate) fn pause(&mut self, position: u64) {
        if self.open.is_none() {
            let last_end = self.pauses.back().map_or(self.start, |&(_, to)| to);
            self.open = Some(position.max(last_end));
        }
    }

    /// Recording goes on at `position`; what lay between is gone from all tracks alike.
    pub(crate) fn resume(&mut self, position: u64) {
        let Some(from) = self.open.take() else { return };
        if position <= from {
            return;
        }
        self.pauses.push_back((from, position));
        if self.pauses.len() > REMEMBERED
            && let Some((from, to)) = self.pauses.pop_front()
        {
            self.base += from - self.start;
            self.start = to;
        }
    }

    /// Recording time at `position`; inside a pause, the time at its begin.
    pub(crate) fn map(&self, position: u64) -> u64 {
        let mut time = self.base;
        let mut from = self.start;
        for &(pause, resume) in &self.pauses {
            if position <= pause {
                break;
            }
            time += pause - from;
            from = resume;
        }
        let end = self.open.map_or(position, |pause| position.min(pause));
        time + end.saturating_sub(from)
    }

    /// Where a frame of `samples` at `position` goes.
    pub(crate) fn place(&self, position: u64, samples: u32) -> Place {
        let end = position.saturating_add(u64::from(samples));
        if end <= self.start {
            return Place::Before;
        }
        let mut from = position.max(self.start);
        let mut to = end;
        for (pause, resume) in self.pauses.iter().copied().chain(self.open.map(|pause| (pause, u64::MAX))) {
            if from >= pause && from < resume {
                if end <= resume {
                    return Place::Paused;
                }
                from = resume;
            } else if from < pause {
                to = to.min(pause);
                break;
            }
        }
        Place::At { at: self.map(from), skip: (from - position) as u32, keep: (to - from) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_before_the_start_are_cut() {
        let timeline = RecordingTime::new(10_000);
        assert_eq!(timeline.place(9_000, 960), Place::Before);
        assert_eq!(timeline.place(9_500, 960), Place::At { at: 0, skip: 500, keep: 460 });
        assert_eq!(timeline.place(10_960, 960), Place::At { at: 960, skip: 0, keep: 960 });
    }

    #[test]
    fn a_pause_is_cut_out() {
        let mut timeline = RecordingTime::new(0);
        timeline.pause(4_800);
        assert_eq!(timeline.place(4_000, 960), Place::At { at: 4_000, skip: 0, keep: 800 });
        assert_eq!(timeline.place(4_800, 960), Place::Paused);
        assert_eq!(timeline.map(1_000_000), 4_800);
        timeline.resume(48_000);
        assert_eq!(timeline.place(47_000, 960), Place::Paused);
        assert_eq!(timeline.place(47_520, 960), Place::At { at: 4_800, skip: 480, keep: 480 });
        assert_eq!(timeline.place(48_000, 960), Place::At { at: 4_800, skip: 0, keep: 960 });
        assert_eq!(timeline.map(48_960), 5_760);
    }

    #[test]
    fn many_pauses_keep_the_sum() {
        let mut timeline = RecordingTime::new(0);
        for n in 0..1_000 {
            timeline.pause(n * 1_000 + 500);
            timeline.resume(n * 1_000 + 1_000);
        }
        assert_eq!(timeline.map(1_000_000), 500_000);
        assert_eq!(timeline.place(1_000_960, 960), Place::At { at: 500_960, skip: 0, keep: 960 });
        assert_eq!(timeline.pauses.len(), REMEMBERED);
    }

    #[test]
    fn senseless_calls_change_nothing() {
        let mut timeline = RecordingTime::new(100);
        timeline.resume(200);
        timeline.pause(50);
        timeline.pause(400);
        timeline.resume(100);
        assert_eq!(timeline.map(1_100), 1_000);
    }
}
