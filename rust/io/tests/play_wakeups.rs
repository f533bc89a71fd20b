//! The pool's wake-ups in every order in which threads can meet (loom). Whoever is not woken for something that waits
//! sleeps for ever, which loom tells.
#![allow(missing_docs, dead_code, clippy::unwrap_used)]

use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread::{self, Thread};

mod sync {
    pub use loom::sync::atomic::{AtomicIsize, AtomicU8, AtomicU64, Ordering, fence};
}

#[path = "../src/play/pool/marks.rs"]
mod marks;

#[path = "../src/play/pool/wakeups.rs"]
mod wakeups;

use marks::Marks;
use wakeups::{JobState, Sleepers};

struct Job {
    state: JobState,
    /// What it was woken for and has not seen yet.
    requests: AtomicUsize,
    /// How often it still goes on after a run, by itself.
    more: AtomicUsize,
}

struct Crew {
    sleepers: Sleepers,
    threads: Vec<Mutex<Option<Thread>>>,
}

/// A pool whose jobs have to fulfil so many requests in all, and whose threads then end.
struct World {
    jobs: Vec<Job>,
    crews: Vec<Crew>,
    left: AtomicUsize,
    over: AtomicBool,
    /// The crew of a job after each run.
    next_crew: fn(u8) -> u8,
}

impl World {
    fn new(jobs: usize, threads: &[usize], requests: usize, next_crew: fn(u8) -> u8) -> Arc<Self> {
        let crew = |&count: &usize| Crew {
            sleepers: Sleepers::new(),
            threads: (0..count).map(|_| Mutex::new(None)).collect(),
        };
        let job =
            |_| Job { state: JobState::idle(0), requests: AtomicUsize::new(0), more: AtomicUsize::new(0) };
        Arc::new(Self {
            jobs: (0..jobs).map(job).collect(),
            crews: threads.iter().map(crew).collect(),
            left: AtomicUsize::new(requests),
            over: AtomicBool::new(false),
            next_crew,
        })
    }

    fn unpark(&self, crew: u8, index: Option<usize>) {
        if let Some(index) = index
            && let Some(thread) = &*self.crews[usize::from(crew)].threads[index].lock().unwrap()
        {
            thread.unpark();
        }
    }

    fn queued(&self, crew: Option<u8>, by: Option<u8>) {
        let Some(crew) = crew else { return };
        let sleepers = &self.crews[usize::from(crew)].sleepers;
        if by == Some(crew) {
            sleepers.add_own();
        } else {
            self.unpark(crew, sleepers.add());
        }
    }

    fn request(&self, job: usize) {
        self.jobs[job].requests.fetch_add(1, Ordering::AcqRel);
        self.queued(self.jobs[job].state.wake(), None);
    }

    /// The same, for a job that has time.
    fn request_calmly(&self, job: usize) {
        self.jobs[job].requests.fetch_add(1, Ordering::AcqRel);
        if let Some(crew) = self.jobs[job].state.wake() {
            self.unpark(crew, self.crews[usize::from(crew)].sleepers.add_calm());
        }
    }

    fn run(&self, job: &Job, crew: u8) {
        let next = (self.next_crew)(crew);
        if job.more.load(Ordering::Acquire) > 0 {
            job.more.fetch_sub(1, Ordering::AcqRel);
            return self.queued(job.state.go_on(next), Some(crew));
        }
        let granted = job.requests.swap(0, Ordering::AcqRel);
        if granted > 0 && self.left.fetch_sub(granted, Ordering::AcqRel) == granted {
            self.over.store(true, Ordering::SeqCst);
            for thread in self.crews.iter().flat_map(|crew| &crew.threads) {
                if let Some(thread) = &*thread.lock().unwrap() {
                    thread.unpark();
                }
            }
        }
        self.queued(job.state.rest(next), Some(crew));
    }

    fn work(&self, crew: u8, index: usize) {
        let sleepers = &self.crews[usize::from(crew)].sleepers;
        *self.crews[usize::from(crew)].threads[index].lock().unwrap() = Some(thread::current());
        let mut handled = false;
        while !self.over.load(Ordering::SeqCst) {
            let found = (sleepers.queued() > 0).then(|| self.jobs.iter().find(|job| job.state.take(crew)));
            if let Some(job) = found.flatten() {
                self.unpark(crew, sleepers.remove());
                self.run(job, crew);
                handled = true;
            } else if std::mem::take(&mut handled) && sleepers.doze(index) {
                // Its time may be over at once, or later.
                thread::yield_now();
                sleepers.get_up(index);
            } else if sleepers.lie_down(index) {
                if !self.over.load(Ordering::SeqCst) {
                    thread::park();
                }
                sleepers.get_up(index);
            } else {
                thread::yield_now();
            }
        }
    }

    fn start(world: &Arc<Self>) -> Vec<thread::JoinHandle<()>> {
        let places = world.crews.iter().enumerate().flat_map(|(crew, it)| {
            (0..it.threads.len()).map(move |index| (u8::try_from(crew).unwrap(), index))
        });
        places
            .map(|(crew, index)| {
                let world = Arc::clone(world);
                thread::spawn(move || world.work(crew, index))
            })
            .collect()
    }

    /// Starts the threads, has these jobs run one after the other, and waits for the end.
    fn see_through(world: &Arc<Self>, jobs: &[usize]) {
        let threads = Self::start(world);
        jobs.iter().for_each(|&job| world.request(job));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn wakes_from_two_threads_are_all_answered_by_one() {
    check(3, || {
        let world = World::new(1, &[1], 2, |crew| crew);
        let threads = World::start(&world);
        let other = Arc::clone(&world);
        let waker = thread::spawn(move || other.request(0));
        world.request(0);
        waker.join().unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn two_jobs_and_two_threads_leave_nothing_undone() {
    check(2, || {
        let world = World::new(2, &[2], 2, |crew| crew);
        World::see_through(&world, &[0, 1]);
    });
}

#[test]
fn a_job_that_changes_crews_is_woken_in_the_one_where_it_is() {
    check(2, || {
        let world = World::new(1, &[1, 1], 2, |crew| 1 - crew);
        World::see_through(&world, &[0, 0]);
    });
}

#[test]
fn a_job_that_goes_on_by_itself_calls_nobody_and_is_not_forgotten() {
    check(2, || {
        let world = World::new(2, &[2], 2, |crew| crew);
        world.jobs[0].more.store(1, Ordering::Release);
        World::see_through(&world, &[0, 1]);
    });
}

#[test]
fn whoever_sees_that_a_job_was_counted_finds_its_mark() {
    check(3, || {
        let shared = Arc::new((Marks::new(2), AtomicUsize::new(0), AtomicUsize::new(0)));
        let setters = [0, 1].map(|mark| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.set(mark);
                shared.1.fetch_add(1, Ordering::AcqRel);
            })
        });
        let find = || {
            let (marks, counted, found) = &*shared;
            let counted = counted.load(Ordering::Acquire);
            marks.drain(|_| {
                let _ = found.fetch_add(1, Ordering::AcqRel);
            });
            assert!(found.load(Ordering::Acquire) >= counted);
        };
        // One at a time, as behind the lock; marks that are not counted yet may be found as well.
        find();
        setters.into_iter().for_each(|setter| setter.join().unwrap());
        find();
    });
}

#[test]
fn a_job_that_has_time_is_seen_by_who_dozes_or_somebody_is_called() {
    check(2, || {
        let world = World::new(1, &[1], 2, |crew| crew);
        let threads = World::start(&world);
        world.request_calmly(0);
        world.request_calmly(0);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
