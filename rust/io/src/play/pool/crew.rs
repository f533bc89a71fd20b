//! Jobs that are known to be quick have threads of their own, where no other can hold them up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::{self, Thread};
use std::time::Duration;

use super::wakeups::Sleepers;

/// A piece of work that takes longer makes its job a slow one: a disk that stalls, a file that is mostly something
/// else than sound.
const SLOW: Duration = Duration::from_millis(20);
/// Most threads of one crew.
pub(super) const MAX_THREADS: usize = 4;
/// Quick pieces that a job needs in a row, after it has been slow again and again.
const MAX_NEEDED: u32 = 1_024;

/// Which threads a job may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It has been quick: nearly all of the time, all jobs are.
    Quick,
    /// It has not run yet.
    New,
    /// It was slow lately.
    Slow,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Quick, Self::New, Self::Slow];

    /// Threads that are started for them.
    pub(super) fn threads(self) -> usize {
        match self {
            Self::Quick => thread::available_parallelism().map_or(2, usize::from).clamp(2, MAX_THREADS),
            // These mostly wait for disks.
            Self::New | Self::Slow => 3,
        }
    }
}

/// The threads for jobs of one kind.
pub(super) struct Crew {
    pub(super) sleepers: Sleepers,
    threads: [OnceLock<Thread>; MAX_THREADS],
}

impl Crew {
    pub(super) fn new() -> Self {
        Self { sleepers: Sleepers::new(), threads: [const { OnceLock::new() }; MAX_THREADS] }
    }

    /// A thread of it runs. Until this is told, nobody can wake it; it does so itself before it first lies down.
    pub(super) fn enter(&self, index: usize) {
        let _ = self.threads[index].set(thread::current());
    }

    pub(super) fn count(&self) -> usize {
        self.threads.iter().filter_map(OnceLock::get).count()
    }

    /// A job was queued.
    pub(super) fn add(&self) {
        self.unpark(self.sleepers.add());
    }

    /// A job was taken from the queue.
    pub(super) fn remove(&self) {
        self.unpark(self.sleepers.remove());
    }

    fn unpark(&self, index: Option<usize>) {
        if let Some(thread) = index.and_then(|index| self.threads.get(index)?.get()) {
            thread.unpark();
        }
    }
}

/// What is known of a job. Only the thread that runs it writes here.
#[derive(Default)]
pub(super) struct Record {
    /// Quick pieces in a row.
    quick: AtomicU32,
    /// How many more than none it needs to count as quick; grows each time it is slow.
    needed: AtomicU32,
}

impl Record {
    pub(super) fn kind(&self) -> Kind {
        match (self.quick.load(Relaxed), self.needed.load(Relaxed)) {
            (0, 0) => Kind::New,
            (quick, needed) if quick > needed => Kind::Quick,
            _ => Kind::Slow,
        }
    }

    /// A piece of work took so long; `searching` if there was no sound in it.
    pub(super) fn note(&self, took: Duration, searching: bool) {
        let needed = self.needed.load(Relaxed);
        if took > SLOW || searching {
            self.quick.store(0, Relaxed);
            self.needed.store((needed * 4).clamp(4, MAX_NEEDED), Relaxed);
            return;
        }
        let quick = self.quick.load(Relaxed).saturating_add(1);
        self.quick.store(quick, Relaxed);
        if quick > needed.saturating_mul(4) {
            // It has kept its promise for long.
            self.needed.store(needed / 4, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_quick_after_its_first_piece_and_after_a_slow_one_only_by_and_by() {
        let record = Record::default();
        let quick = |times: u32| {
            (0..times).for_each(|_| record.note(Duration::from_millis(1), false));
            record.kind()
        };
        assert_eq!(record.kind(), Kind::New);
        assert_eq!(quick(1), Kind::Quick);
        record.note(SLOW * 2, false);
        assert_eq!([quick(0), quick(4), quick(1)], [Kind::Slow, Kind::Slow, Kind::Quick]);
        record.note(Duration::ZERO, true);
        assert_eq!([quick(16), quick(1)], [Kind::Slow, Kind::Quick]);
        quick(10_000);
        record.note(SLOW * 2, false);
        assert_eq!([quick(4), quick(1)], [Kind::Slow, Kind::Quick]);
    }

    #[test]
    fn a_first_piece_that_is_slow_makes_a_slow_job() {
        let record = Record::default();
        record.note(SLOW * 2, false);
        assert_eq!(record.kind(), Kind::Slow);
    }
}
