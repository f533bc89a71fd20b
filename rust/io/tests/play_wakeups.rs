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

struct Lane {
    sleepers: Sleepers,
    threads: Vec<Mutex<Option<Thread>>>,
}

/// A pool whose jobs have to fulfil so many requests in all, and whose threads then end.
struct World {
    jobs: Vec<Job>,
    lanes: Vec<Lane>,
    left: AtomicUsize,
    over: AtomicBool,
    /// The lane of a job after each run.
    next_lane: fn(u8) -> u8,
}

impl World {
    fn new(jobs: usize, threads: &[usize], requests: usize, next_lane: fn(u8) -> u8) -> Arc<Self> {
        let lane = |&count: &usize| Lane {
            sleepers: Sleepers::new(),
            threads: (0..count).map(|_| Mutex::new(None)).collect(),
        };
        let job = |_| Job { state: JobState::idle(0), requests: AtomicUsize::new(0) };
        Arc::new(Self {
            jobs: (0..jobs).map(job).collect(),
            lanes: threads.iter().map(lane).collect(),
            left: AtomicUsize::new(requests),
            over: AtomicBool::new(false),
            next_lane,
        })
    }

    fn unpark(&self, lane: u8, index: Option<usize>) {
        if let Some(index) = index
            && let Some(thread) = &*self.lanes[usize::from(lane)].threads[index].lock().unwrap()
        {
            thread.unpark();
        }
    }

    fn queued(&self, lane: Option<u8>) {
        if let Some(lane) = lane {
            self.unpark(lane, self.lanes[usize::from(lane)].sleepers.add());
        }
    }

    fn request(&self, job: usize) {
        self.jobs[job].requests.fetch_add(1, Ordering::AcqRel);
        self.queued(self.jobs[job].state.wake());
    }

    fn run(&self, job: &Job, lane: u8) {
        let granted = job.requests.swap(0, Ordering::AcqRel);
        if granted > 0 && self.left.fetch_sub(granted, Ordering::AcqRel) == granted {
            self.over.store(true, Ordering::SeqCst);
            for thread in self.lanes.iter().flat_map(|lane| &lane.threads) {
                if let Some(thread) = &*thread.lock().unwrap() {
                    thread.unpark();
                }
            }
        }
        self.queued(job.state.rest((self.next_lane)(lane)));
    }

    fn work(&self, lane: u8, index: usize) {
        let sleepers = &self.lanes[usize::from(lane)].sleepers;
        *self.lanes[usize::from(lane)].threads[index].lock().unwrap() = Some(thread::current());
        while !self.over.load(Ordering::SeqCst) {
            let found = (sleepers.queued() > 0).then(|| self.jobs.iter().find(|job| job.state.take(lane)));
            if let Some(job) = found.flatten() {
                self.unpark(lane, sleepers.remove());
                self.run(job, lane);
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
        let places = world.lanes.iter().enumerate().flat_map(|(lane, it)| {
            (0..it.threads.len()).map(move |index| (u8::try_from(lane).unwrap(), index))
        });
        places
            .map(|(lane, index)| {
                let world = Arc::clone(world);
                thread::spawn(move || world.work(lane, index))
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
        let world = World::new(1, &[1], 2, |lane| lane);
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
        let world = World::new(2, &[2], 2, |lane| lane);
        let threads = World::start(&world);
        world.request(0);
        world.request(1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_job_that_changes_lanes_is_woken_in_the_one_where_it_is() {
    check(2, || {
        let world = World::new(1, &[1, 1], 2, |lane| 1 - lane);
        let threads = World::start(&world);
        world.request(0);
        world.request(0);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
