//! Whether the pool keeps up with its jobs, told to each of them before it works.
//!
//! A machine that is too slow for what is asked of it has a choice: simpler sound, or sound with holes. Nobody hears
//! the first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use isocord_proto::frame::FRAME_MS;

/// How long a frame plays.
pub(super) const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// A piece of work counts as this long at most: what a disk holds up says nothing about the processor.
const LONGEST: Duration = Duration::from_millis(5);
/// One piece of work has this share in the mean: one part of so many.
const SHARE: u64 = 8;

/// How far behind the pool is, as one job sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// All have what they need.
    None,
    /// Until the job's next turn, more than half of its frames will have been sent.
    Some,
    /// They will not last until then.
    High,
}

impl Pressure {
    /// What a job has to expect whose ring lasts that long, and who comes back in `wait`.
    fn of(wait: Duration, lasts: Duration) -> Self {
        // The frame that it makes now will be there, too.
        let lasts = lasts.saturating_add(FRAME);
        match wait {
            wait if wait <= lasts / 2 => Self::None,
            wait if wait <= lasts => Self::Some,
            _ => Self::High,
        }
    }

    /// The complexity to encode with where `asked` is what the user wants.
    #[must_use]
    pub fn complexity(self, asked: u8) -> u8 {
        asked.min(match self {
            Self::None => 10,
            Self::Some => 5,
            Self::High => 0,
        })
    }
}

/// How long a piece of work takes, on average of late.
#[derive(Default)]
pub(super) struct Pace {
    mean_ns: AtomicU64,
}

impl Pace {
    /// Threads write over one another here, which costs a share of the mean now and then.
    pub(super) fn note(&self, took: Duration) {
        let mean = self.mean_ns.load(Ordering::Relaxed);
        let took = took.min(LONGEST).as_nanos() as u64;
        self.mean_ns.store(mean - mean / SHARE + took / SHARE, Ordering::Relaxed);
    }

    /// The pressure on a job whose ring lasts that long, while `waiting` others wait for one of `threads`.
    pub(super) fn pressure(&self, waiting: usize, threads: usize, lasts: Duration) -> Pressure {
        let ahead = waiting as u64 / threads.max(1) as u64;
        Pressure::of(Duration::from_nanos(self.mean_ns.load(Ordering::Relaxed).saturating_mul(ahead)), lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(took: Duration) -> Pace {
        let pace = Pace::default();
        for _ in 0..100 {
            pace.note(took);
        }
        pace
    }

    #[test]
    fn a_few_jobs_are_no_pressure_even_when_their_rings_are_empty() {
        let pace = pace(Duration::from_millis(1));
        assert_eq!(pace.pressure(0, 2, Duration::ZERO), Pressure::None);
        assert_eq!(pace.pressure(15, 2, Duration::ZERO), Pressure::None);
    }

    #[test]
    fn the_fewer_frames_a_job_has_and_the_more_jobs_wait_the_higher_it_is() {
        let pace = pace(Duration::from_millis(1));
        let seen = |waiting, left| pace.pressure(waiting, 2, FRAME * left);
        assert_eq!(
            [seen(200, 12), seen(200, 6), seen(200, 1)],
            [Pressure::None, Pressure::Some, Pressure::High]
        );
        assert_eq!(
            [seen(60, 1), seen(100, 1), seen(160, 1)],
            [Pressure::Some, Pressure::High, Pressure::High]
        );
    }

    #[test]
    fn a_stalled_disk_and_absurd_numbers_are_put_up_with() {
        let pace = pace(Duration::from_secs(3));
        assert_eq!(pace.pressure(2, 2, Duration::ZERO), Pressure::None);
        assert_eq!(pace.pressure(usize::MAX, 0, Duration::from_secs(60)), Pressure::High);
        assert_eq!(pace.pressure(1, 2, Duration::MAX), Pressure::None);
    }

    #[test]
    fn it_never_makes_sound_better_than_asked() {
        assert_eq!([10, 7, 3].map(|asked| Pressure::None.complexity(asked)), [10, 7, 3]);
        assert_eq!([10, 7, 3].map(|asked| Pressure::Some.complexity(asked)), [5, 5, 3]);
        assert_eq!([10, 7, 3].map(|asked| Pressure::High.complexity(asked)), [0, 0, 0]);
    }
}
