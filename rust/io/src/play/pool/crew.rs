//! Jobs that are known to be quick have threads of their own, where no other can hold them up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use super::wakeups::Sleepers;

/// A piece of work that takes longer makes its job a slow one: a disk that stalls, a file that is mostly something
/// else than sound.
const SLOW: Duration = Duration::from_millis(20);
/// Most threads of one crew: those that sleep are bits of a word.
const MAX_THREADS: usize = 64;
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
            // One for each core, and one that goes on while a file is waited for.
            Self::Quick => thread::available_parallelism().map_or(2, usize::from).clamp(2, MAX_THREADS),
            // These mostly wait for disks.
            Self::New | Self::Slow => 3,
        }
    }
}

/// The threads for jobs of one kind.
pub(super) struct Crew {
    pub(super) sleepers: Sleepers,
    threads: Box<[OnceLock<Thread>]>,
    /// When the first ring of those whose jobs wait here runs empty, or a while before that.
    soonest: AtomicU64,
}

impl Crew {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            sleepers: Sleepers::new(),
            threads: (0..kind.threads()).map(|_| OnceLock::new()).collect(),
            soonest: AtomicU64::new(u64::MAX),
        }
    }

    /// Threads that it is to have.
    pub(super) fn size(&self) -> usize {
        self.threads.len()
    }

    /// See [`Self::soonest`].
    pub(super) fn soonest(&self) -> u64 {
        self.soonest.load(Ordering::Acquire)
    }

    /// A job waits whose ring runs empty then; it has been marked before.
    pub(super) fn waits(&self, empty_at: u64) {
        self.soonest.fetch_min(empty_at, Ordering::AcqRel);
    }

    /// Who waits is looked at anew: comes before the marks are.
    pub(super) fn look_anew(&self) {
        self.soonest.swap(u64::MAX, Ordering::AcqRel);
    }

    /// A thread of it runs. Until this is told, nobody can wake it; it does so itself before it first lies down.
    pub(super) fn enter(&self, index: usize) {
        if let Some(place) = self.threads.get(index) {
            let _ = place.set(thread::current());
        }
    }

    pub(super) fn count(&self) -> usize {
        self.threads.iter().filter_map(OnceLock::get).count()
    }

    /// A job was queued.
    pub(super) fn add(&self) {
        self.unpark(self.sleepers.add());
    }

    /// A job was queued that has time.
    pub(super) fn add_calm(&self) {
        self.unpark(self.sleepers.add_calm());
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
        match (self.quick.load(Ordering::Relaxed), self.needed.load(Ordering::Relaxed)) {
            (0, 0) => Kind::New,
            (quick, needed) if quick > needed => Kind::Quick,
            _ => Kind::Slow,
        }
    }

    /// A piece of work took so long; `searching` if there was no sound in it.
    pub(super) fn note(&self, took: Duration, searching: bool) {
        let needed = self.needed.load(Ordering::Relaxed);
        if took > SLOW || searching {
            self.quick.store(0, Ordering::Relaxed);
            self.needed.store((needed * 4).clamp(4, MAX_NEEDED), Ordering::Relaxed);
            return;
        }
        let quick = self.quick.load(Ordering::Relaxed).saturating_add(1);
        self.quick.store(quick, Ordering::Relaxed);
        if quick > needed.saturating_mul(4) {
            // It has kept its promise for long.
            self.needed.store(needed / 4, Ordering::Relaxed);
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
