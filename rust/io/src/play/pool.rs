//! A few threads that keep the rings of all native sources full.
//!
//! A job is woken when its ring has room, fills a piece of it and says whether it wants to go on. The job whose
//! ring is the first to run empty goes first. Waking is an atomic store and, if a thread sleeps, one unpark: the clock thread may
//! do it. A job that has been slow (a disk that stalls) may not take the last free thread, so that the others go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::feed::{Feed, FeedStatus};
use super::pressure::{FRAME, Pace};

/// Threads at most; at least two, so that one slow job never holds up all.
const MAX_THREADS: usize = 4;
/// A piece of work that takes longer marks its job as slow.
const SLOW: Duration = Duration::from_millis(20);
/// A sleeping thread looks around by itself this often, should a wake ever be missed.
const NAP: Duration = Duration::from_millis(500);

// States of a job. A wake in the middle of a piece of work is remembered as AGAIN.
const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const AGAIN: u8 = 3;
const OVER: u8 = 4;

struct Slot {
    state: AtomicU8,
    /// When its ring will be empty, in microseconds since the pool began, as of its last wake or piece of work.
    empty_at: AtomicU64,
    slow: AtomicBool,
    removed: AtomicBool,
    job: Mutex<Option<Box<dyn Feed>>>,
}

struct Shared {
    slots: Mutex<Vec<Arc<Slot>>>,
    queued: AtomicUsize,
    slow_running: AtomicUsize,
    pace: Pace,
    /// One bit for each thread that sleeps or is about to.
    parked: AtomicU32,
    threads: [OnceLock<Thread>; MAX_THREADS],
    count: usize,
    stopping: AtomicBool,
    began: Instant,
}

/// Wakes one job. Cheap to clone, never blocks, never allocates; does nothing once the job is over.
#[derive(Clone)]
pub struct JobWaker {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
}

impl JobWaker {
    /// Ask for the job to run soon; `left` frames are in its ring.
    pub fn wake(&self, left: u32) {
        self.shared.note_left(&self.slot, left);
        self.shared.wake(&self.slot);
    }
}

/// A job in the pool. Dropping it removes the job.
pub struct JobHandle {
    waker: JobWaker,
}

impl JobHandle {
    /// A waker to hand to other threads.
    #[must_use]
    pub fn waker(&self) -> JobWaker {
        self.waker.clone()
    }

    /// See [`JobWaker::wake`].
    pub fn wake(&self, left: u32) {
        self.waker.wake(left);
    }

    /// True once the job has said that it is done, has panicked, or was removed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.waker.slot.state.load(Ordering::Acquire) == OVER
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        let slot = &self.waker.slot;
        slot.removed.store(true, Ordering::Release);
        // A job that runs just now is dropped by its thread when it returns.
        if let Ok(mut job) = slot.job.try_lock() {
            self.waker.shared.end(slot);
            drop_quietly(job.take());
        }
        self.waker.shared.forget(slot);
    }
}

/// The threads. Started by the first job, stopped by [`FeederPool::stop`] or by dropping the pool.
///
/// In a forked child the threads are gone: [`std::mem::forget`] the pool there and make a new one.
pub struct FeederPool {
    running: Mutex<Option<Running>>,
}

struct Running {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

impl Default for FeederPool {
    fn default() -> Self {
        Self::new()
    }
}

impl FeederPool {
    /// A pool without threads.
    #[must_use]
    pub const fn new() -> Self {
        Self { running: Mutex::new(None) }
    }

    /// Add a job. It does not run before it is woken.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn add(&self, job: Box<dyn Feed>) -> std::io::Result<JobHandle> {
        let mut running = lock(&self.running);
        let shared = match &*running {
            Some(running) => Arc::clone(&running.shared),
            None => {
                let started = start()?;
                let shared = Arc::clone(&started.shared);
                *running = Some(started);
                shared
            }
        };
        let slot = Arc::new(Slot {
            state: AtomicU8::new(IDLE),
            empty_at: AtomicU64::new(0),
            slow: AtomicBool::new(false),
            removed: AtomicBool::new(false),
            job: Mutex::new(Some(job)),
        });
        lock(&shared.slots).push(Arc::clone(&slot));
        Ok(JobHandle { waker: JobWaker { shared, slot } })
    }

    /// Threads that run now.
    #[must_use]
    pub fn threads(&self) -> usize {
        lock(&self.running).as_ref().map_or(0, |running| running.handles.len())
    }

    /// Stop the threads and drop all jobs. Returns false if a thread did not end within `timeout`; it then ends when
    /// its job returns. The next [`FeederPool::add`] starts new threads.
    pub fn stop(&self, timeout: Duration) -> bool {
        let Some(running) = lock(&self.running).take() else {
            return true;
        };
        running.shared.stopping.store(true, Ordering::SeqCst);
        for thread in running.shared.threads.iter().filter_map(OnceLock::get) {
            thread.unpark();
        }
        let deadline = Instant::now() + timeout;
        let mut all = true;
        for handle in running.handles {
            while !handle.is_finished() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
            }
            if handle.is_finished() {
                all &= handle.join().is_ok();
            } else {
                all = false;
            }
        }
        for slot in std::mem::take(&mut *lock(&running.shared.slots)) {
            slot.removed.store(true, Ordering::Release);
            if let Ok(mut job) = slot.job.try_lock() {
                running.shared.end(&slot);
                drop_quietly(job.take());
            }
        }
        all
    }
}

impl Drop for FeederPool {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(1));
    }
}

fn start() -> std::io::Result<Running> {
    let count = thread::available_parallelism().map_or(2, usize::from).clamp(2, MAX_THREADS);
    let shared = Arc::new(Shared {
        slots: Mutex::new(Vec::new()),
        queued: AtomicUsize::new(0),
        slow_running: AtomicUsize::new(0),
        pace: Pace::default(),
        parked: AtomicU32::new(0),
        threads: [const { OnceLock::new() }; MAX_THREADS],
        count,
        stopping: AtomicBool::new(false),
        began: Instant::now(),
    });
    let mut handles = Vec::with_capacity(count);
    for index in 0..count {
        let mine = Arc::clone(&shared);
        let name = format!("isocord-pool-{index}");
        match thread::Builder::new().name(name).spawn(move || mine.work(index)) {
            Ok(handle) => {
                // Set before the thread can be asked for: only a parked bit makes a waker look here.
                let _ = shared.threads[index].set(handle.thread().clone());
                handles.push(handle);
            }
            Err(error) if handles.is_empty() => return Err(error),
            // One thread is enough to go on with.
            Err(_) => break,
        }
    }
    Ok(Running { shared, handles })
}

impl Shared {
    fn wake(&self, slot: &Slot) {
        let mut state = slot.state.load(Ordering::Acquire);
        loop {
            let next = match state {
                IDLE => QUEUED,
                RUNNING => AGAIN,
                _ => return,
            };
            match slot.state.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) if next == QUEUED => {
                    self.queued.fetch_add(1, Ordering::SeqCst);
                    self.unpark_one();
                    return;
                }
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }

    fn unpark_one(&self) {
        let parked = self.parked.load(Ordering::SeqCst);
        if parked != 0 {
            let index = parked.trailing_zeros();
            self.parked.fetch_and(!(1 << index), Ordering::SeqCst);
            if let Some(thread) = self.threads.get(index as usize).and_then(OnceLock::get) {
                thread.unpark();
            }
        }
    }

    fn forget(&self, slot: &Arc<Slot>) {
        lock(&self.slots).retain(|other| !Arc::ptr_eq(other, slot));
    }

    fn work(&self, index: usize) {
        let bit = 1 << index;
        while !self.stopping.load(Ordering::SeqCst) {
            if let Some((slot, was_slow)) = self.take() {
                self.run(&slot);
                if was_slow {
                    self.slow_running.fetch_sub(1, Ordering::SeqCst);
                }
                continue;
            }
            // Say that this thread sleeps, then look once more: a wake from now on sees the bit.
            self.parked.fetch_or(bit, Ordering::SeqCst);
            if self.has_work() || self.stopping.load(Ordering::SeqCst) {
                self.parked.fetch_and(!bit, Ordering::SeqCst);
                thread::yield_now();
                continue;
            }
            thread::park_timeout(NAP);
            self.parked.fetch_and(!bit, Ordering::SeqCst);
        }
    }

    /// True if a queued job may run now.
    fn has_work(&self) -> bool {
        self.queued.load(Ordering::SeqCst) > 0 && {
            let room = self.room_for_slow();
            lock(&self.slots).iter().any(|slot| {
                slot.state.load(Ordering::Acquire) == QUEUED && (room || !slot.slow.load(Ordering::Relaxed))
            })
        }
    }

    fn room_for_slow(&self) -> bool {
        self.slow_running.load(Ordering::SeqCst) + 1 < self.count
    }

    /// A ring with `left` frames was seen now.
    fn note_left(&self, slot: &Slot, left: u32) {
        let empty_at = self.began.elapsed() + FRAME * left;
        slot.empty_at.store(empty_at.as_micros() as u64, Ordering::Relaxed);
    }

    /// How long the ring of a job lasts.
    fn lasts(&self, slot: &Slot) -> Duration {
        Duration::from_micros(slot.empty_at.load(Ordering::Relaxed)).saturating_sub(self.began.elapsed())
    }

    /// Take the queued job whose ring is the first to run empty, and say whether it counts as slow.
    fn take(&self) -> Option<(Arc<Slot>, bool)> {
        if self.queued.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let slots = lock(&self.slots);
        let room = self.room_for_slow();
        let slot = slots
            .iter()
            .filter(|slot| slot.state.load(Ordering::Acquire) == QUEUED)
            .filter(|slot| room || !slot.slow.load(Ordering::Relaxed))
            .min_by_key(|slot| slot.empty_at.load(Ordering::Relaxed))?;
        // Only threads that hold the lock take jobs, so the state is still what it was.
        slot.state.compare_exchange(QUEUED, RUNNING, Ordering::AcqRel, Ordering::Acquire).ok()?;
        if self.queued.fetch_sub(1, Ordering::SeqCst) > 1 {
            // The thread that was woken for another job may be this one.
            self.unpark_one();
        }
        let slow = slot.slow.load(Ordering::Relaxed);
        if slow {
            self.slow_running.fetch_add(1, Ordering::SeqCst);
        }
        Some((Arc::clone(slot), slow))
    }

    fn run(&self, slot: &Arc<Slot>) {
        let mut job = lock(&slot.job);
        let waiting = self.queued.load(Ordering::SeqCst);
        let pressure = self.pace.pressure(waiting, self.count, self.lasts(slot));
        let began = Instant::now();
        let status = match job.as_mut() {
            Some(job) => catch_unwind(AssertUnwindSafe(|| job.feed(pressure))).unwrap_or(FeedStatus::Done),
            None => FeedStatus::Done,
        };
        let took = began.elapsed();
        self.pace.note(took);
        slot.slow.store(took > SLOW, Ordering::Relaxed);
        if status == FeedStatus::Done || slot.removed.load(Ordering::Acquire) {
            let finished = job.take();
            self.end(slot);
            drop(job);
            drop_quietly(finished);
            self.forget(slot);
            return;
        }
        drop(job);
        // Between the two locks a handle may have been dropped without getting at the job.
        if slot.removed.load(Ordering::Acquire) {
            self.end(slot);
            drop_quietly(lock(&slot.job).take());
            return;
        }
        if let FeedStatus::Again { left } = status {
            self.note_left(slot, left);
            self.requeue(slot);
        } else if slot.state.compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // It was woken meanwhile.
            self.requeue(slot);
        }
    }

    /// Back from running to the queue, unless the job was ended meanwhile.
    fn requeue(&self, slot: &Slot) {
        let back = |state| matches!(state, RUNNING | AGAIN).then_some(QUEUED);
        if slot.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, back).is_ok() {
            self.queued.fetch_add(1, Ordering::SeqCst);
            self.unpark_one();
        }
    }

    /// Mark a job as over, in whatever state it was.
    fn end(&self, slot: &Slot) {
        if slot.state.swap(OVER, Ordering::AcqRel) == QUEUED {
            self.queued.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A job whose drop panics must not take the thread with it.
fn drop_quietly(job: Option<Box<dyn Feed>>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
