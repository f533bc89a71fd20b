//! Which jobs want a thread, and which threads sleep: all that a wake-up passes through, and nothing that blocks.
//!
//! `tests/play_wakeups.rs` runs this file through every order in which threads can meet in it.

use super::sync::{AtomicIsize, AtomicU8, AtomicU64, Ordering, fence};

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
/// Woken while it runs.
const AGAIN: u8 = 3;
const OVER: u8 = 4;
/// What a job does is in the lower half of the byte, its crew in the upper.
const CREW: u32 = 4;
const DOING: u8 = (1 << CREW) - 1;

/// What a job is doing, and in which crew. In one place, for who queues a job must count it in the crew from which it
/// is taken.
///
/// | from \ by | wake   | take    | rest   | go_on  | end  |
/// |-----------|--------|---------|--------|--------|------|
/// | idle      | queued | -       | -      | -      | over |
/// | queued    | -      | running | -      | -      | over |
/// | running   | again  | -       | idle   | queued | over |
/// | again     | -      | -       | queued | queued | over |
/// | over      | -      | -       | -      | -      | -    |
pub(super) struct JobState(AtomicU8);

impl JobState {
    pub(super) fn idle(crew: u8) -> Self {
        Self(AtomicU8::new(IDLE | crew << CREW))
    }

    /// Makes a step, which is given what is done and the crew. Returns the crew if the job is queued by it.
    fn step(&self, next: impl Fn(u8, u8) -> Option<(u8, u8)>) -> Option<u8> {
        let mut queued = None;
        let step = |state: u8| {
            let (doing, crew) = next(state & DOING, state >> CREW)?;
            queued = (doing == QUEUED).then_some(crew);
            Some(doing | crew << CREW)
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).ok().and(queued)
    }

    /// It has something to do. Returns the crew if it is now queued.
    pub(super) fn wake(&self) -> Option<u8> {
        self.step(|doing, crew| match doing {
            IDLE => Some((QUEUED, crew)),
            RUNNING => Some((AGAIN, crew)),
            _ => None,
        })
    }

    /// A thread of a crew wants to run it. True if it may.
    pub(super) fn take(&self, crew: u8) -> bool {
        let (from, to) = (QUEUED | crew << CREW, RUNNING | crew << CREW);
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// It has nothing more to do, and belongs into `crew` from now on. Returns it if it was woken and is now queued.
    pub(super) fn rest(&self, crew: u8) -> Option<u8> {
        self.step(|doing, _| match doing {
            RUNNING => Some((IDLE, crew)),
            AGAIN => Some((QUEUED, crew)),
            _ => None,
        })
    }

    /// It has more to do, in `crew`. Returns it if it is now queued: it may be over.
    pub(super) fn go_on(&self, crew: u8) -> Option<u8> {
        self.step(|doing, _| matches!(doing, RUNNING | AGAIN).then_some((QUEUED, crew)))
    }

    /// It is over, whatever it was. Returns the crew in which it was queued.
    pub(super) fn end(&self) -> Option<u8> {
        let before = self.0.swap(OVER, Ordering::AcqRel);
        (before & DOING == QUEUED).then_some(before >> CREW)
    }

    /// The crew in which it is queued.
    pub(super) fn queued(&self) -> Option<u8> {
        let state = self.0.load(Ordering::Acquire);
        (state & DOING == QUEUED).then_some(state >> CREW)
    }

    /// It was woken since it began to run.
    pub(super) fn is_woken(&self) -> bool {
        self.0.load(Ordering::Acquire) & DOING == AGAIN
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire) & DOING == OVER
    }
}

/// How many jobs are queued, and who sleeps. While there are any, a thread is awake or has been called.
///
/// A job is queued first and counted then, so that the count may lag behind, and be -1 for a moment; whoever counts it
/// calls a thread after that.
pub(super) struct Sleepers {
    queued: AtomicIsize,
    /// One bit for each thread that sleeps or is about to.
    asleep: AtomicU64,
    /// The same of threads that will look for jobs soon by themselves.
    dozing: AtomicU64,
}

impl Sleepers {
    pub(super) fn new() -> Self {
        Self { queued: AtomicIsize::new(0), asleep: AtomicU64::new(0), dozing: AtomicU64::new(0) }
    }

    /// Jobs that wait for a thread.
    pub(super) fn queued(&self) -> usize {
        usize::try_from(self.queued.load(Ordering::Acquire)).unwrap_or(0)
    }

    /// A job was queued. Returns the thread to unpark.
    pub(super) fn add(&self) -> Option<usize> {
        self.queued.fetch_add(1, Ordering::AcqRel);
        self.call()
    }

    /// A job was queued that has time until a thread that dozes looks. Returns the thread to unpark if none does.
    pub(super) fn add_calm(&self) -> Option<usize> {
        self.queued.fetch_add(1, Ordering::AcqRel);
        // Either this sees that none dozes any more, or the one that did sees the job before it lies down.
        fence(Ordering::SeqCst);
        if self.dozing.load(Ordering::Acquire) != 0 { None } else { self.call() }
    }

    /// A job was queued by a thread of this crew, which looks for one before it lies down: nobody else is called for it.
    pub(super) fn add_own(&self) {
        self.queued.fetch_add(1, Ordering::AcqRel);
    }

    /// A job was taken from the queue. Returns the thread to unpark for what is left: the one that was called for that
    /// may be this one.
    pub(super) fn remove(&self) -> Option<usize> {
        if self.queued.fetch_sub(1, Ordering::AcqRel) > 1 { self.call() } else { None }
    }

    /// Thread `index` has found nothing to do. True if it may park.
    pub(super) fn lie_down(&self, index: usize) -> bool {
        self.asleep.fetch_or(1 << index, Ordering::AcqRel);
        // First it says so, then it looks once more. Who adds a job does the same the other way round: the fences let
        // at least one of them see the other.
        fence(Ordering::SeqCst);
        let may = self.queued.load(Ordering::Acquire) <= 0;
        if !may {
            self.get_up(index);
        }
        may
    }

    /// Thread `index` has found nothing to do, and is sure to look again soon. True if it may park for so long: one at a
    /// time may.
    pub(super) fn doze(&self, index: usize) -> bool {
        let (none, alone) = (0, 1 << index);
        if self.dozing.compare_exchange(none, alone, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        fence(Ordering::SeqCst);
        let may = self.queued.load(Ordering::Acquire) <= 0;
        if !may {
            self.get_up(index);
        }
        may
    }

    /// Thread `index` is awake, whoever woke it.
    pub(super) fn get_up(&self, index: usize) {
        self.asleep.fetch_and(!(1 << index), Ordering::AcqRel);
        self.dozing.fetch_and(!(1 << index), Ordering::AcqRel);
    }

    fn call(&self) -> Option<usize> {
        fence(Ordering::SeqCst);
        let dozing = self.dozing.load(Ordering::Acquire);
        let idle = if dozing == 0 { self.asleep.load(Ordering::Acquire) } else { dozing };
        if idle == 0 {
            return None;
        }
        let index = idle.trailing_zeros() as usize;
        self.get_up(index);
        Some(index)
    }
}
