//! The pool's wake-ups in every order in which threads can meet (loom). Whoever is not woken for something that waits
//! sleeps for ever, which loom tells.
#![allow(missing_docs, dead_code, clippy::unwrap_used)]

use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread::{self, Thread};

mod sync {
    pub use loom::sync::atomic::{AtomicIsize, AtomicU8, AtomicU32, Ordering, fence};
}

#[path = "../src/play/pool/wakeups.rs"]
mod wakeups;

use wakeups::{JobState, Sleepers};

struct Job {
    state: JobState,
    /// What it was woken for and has not seen yet.
    requests: AtomicUsize,
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
        let job = |_| Job { state: JobState::idle(0), requests: AtomicUsize::new(0) };
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

    fn queued(&self, crew: Option<u8>) {
        if let Some(crew) = crew {
            self.unpark(crew, self.crews[usize::from(crew)].sleepers.add());
        }
    }

    fn request(&self, job: usize) {
        self.jobs[job].requests.fetch_add(1, Ordering::AcqRel);
        self.queued(self.jobs[job].state.wake());
    }

    fn run(&self, job: &Job, crew: u8) {
        let granted = job.requests.swap(0, Ordering::AcqRel);
        if granted > 0 && self.left.fetch_sub(granted, Ordering::AcqRel) == granted {
            self.over.store(true, Ordering::SeqCst);
            for thread in self.crews.iter().flat_map(|crew| &crew.threads) {
                if let Some(thread) = &*thread.lock().unwrap() {
                    thread.unpark();
                }
            }
        }
        self.queued(job.state.rest((self.next_crew)(crew)));
    }

    fn work(&self, crew: u8, index: usize) {
        let sleepers = &self.crews[usize::from(crew)].sleepers;
        *self.crews[usize::from(crew)].threads[index].lock().unwrap() = Some(thread::current());
        while !self.over.load(Ordering::SeqCst) {
            let found = (sleepers.queued() > 0).then(|| self.jobs.iter().find(|job| job.state.take(crew)));
            if let Some(job) = found.flatten() {
                self.unpark(crew, sleepers.remove());
                self.run(job, crew);
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
        let threads = World::start(&world);
        world.request(0);
        world.request(1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_job_that_changes_crews_is_woken_in_the_one_where_it_is() {
    check(2, || {
        let world = World::new(1, &[1, 1], 2, |crew| 1 - crew);
        let threads = World::start(&world);
        world.request(0);
        world.request(0);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
