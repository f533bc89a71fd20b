//! A few threads that keep the rings of all native sources full.
//!
//! A job is woken when its ring has room, and fills it, as long as no other one is in need, for an encoder that goes on
//! is faster than one that was away. The job whose ring is the first to run empty goes first. Waking is some atomic
//! steps and, if a thread sleeps, one unpark: the clock thread may do it. Jobs that were slow (a disk that stalls), and
//! those of which nothing is known yet, have other threads than the quick ones, so that these go on.

mod agenda;
mod crew;
mod marks;
mod slot;
mod sync;
mod wakeups;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use self::agenda::Agenda;
use self::crew::{Crew, Kind};
use self::slot::Slot;
use super::feed::{Feed, FeedStatus, Turn};
use super::pressure::{FRAME, Pace};
use crate::threads::lock;

/// A turn is over after this long.
const LONGEST_TURN: Duration = Duration::from_millis(5);
/// And not before that, as long as there is something to do: all of a job is cold when its turn comes, and packets that pass
/// are read in less time than that takes.
const SHORTEST_TURN: Duration = Duration::from_micros(200);
/// It is over while another ring has no more than this.
const NEED: Duration = Duration::from_millis(100);
/// And so is one while more jobs than this wait for each thread: how many do says how much there is to do.
const CROWD: usize = 16;
/// Who has handled some jobs in a row looks for the next ones after so long, instead of being woken for each.
const DOZE: Duration = Duration::from_millis(40);
/// Frames in a ring that has the time to wait for that.
const CALM: u32 = 8;

struct Shared {
    /// Nobody who may not wait locks it.
    agenda: Mutex<Agenda>,
    crews: [Crew; 3],
    pace: Pace,
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
        self.wake_by(left, By::Another);
    }

    /// Its ring has room, and `left` frames in it: if those last for long, nobody is woken as long as a thread will look
    /// by itself.
    pub fn refill(&self, left: u32) {
        self.wake_by(left, if left >= CALM { By::Room } else { By::Another });
    }

    fn wake_by(&self, left: u32, by: By) {
        self.shared.note_left(&self.slot, left);
        match self.slot.state.wake() {
            Some(crew) => self.shared.queued(&self.slot, crew, by),
            // If it waits already, its turn may come earlier now.
            None => {
                self.slot.state.queued().and_then(|crew| self.shared.announce(&self.slot, crew));
            }
        }
    }
}

/// Who queues a job.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A thread of this crew, which looks for a job next.
    Crew(u8),
    /// Somebody who wants it to run soon.
    Another,
    /// The clock, which has made room in a ring.
    Room,
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
        self.waker.slot.state.is_over()
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        let slot = &self.waker.slot;
        slot.removed.store(true, Ordering::Release);
        // A job that runs just now is dropped by its thread when it returns: the fences let one of both see the other.
        fence(Ordering::SeqCst);
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

impl Running {
    fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.handles.iter().for_each(|handle| handle.thread().unpark());
    }
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
        let slot = lock(&shared.agenda).add(|marks, place| Slot::new(job, marks, place));
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
        running.stop();
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
        let slots = lock(&running.shared.agenda).drain();
        for slot in slots {
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
    let shared = Arc::new(Shared {
        agenda: Mutex::default(),
        crews: Kind::ALL.map(Crew::new),
        pace: Pace::default(),
        stopping: AtomicBool::new(false),
        began: Instant::now(),
    });
    let threads = Kind::ALL.map(|kind| (kind, shared.crews[kind as usize].size()));
    let mut running = Running { shared, handles: Vec::new() };
    let most = threads.iter().map(|(_, size)| *size).max().unwrap_or(0);
    for index in 0..most {
        for (kind, _) in threads.into_iter().filter(|(_, size)| index < *size) {
            let mine = Arc::clone(&running.shared);
            let name = format!("isocord-pool-{}", running.handles.len());
            match thread::Builder::new().name(name).spawn(move || mine.work(kind, index)) {
                Ok(handle) => running.handles.push(handle),
                // One thread of each kind is enough to go on with.
                Err(_) if index > 0 => return Ok(running),
                Err(error) => {
                    running.stop();
                    return Err(error);
                }
            }
        }
    }
    Ok(running)
}

impl Shared {
    /// A job was queued in a crew.
    fn queued(&self, slot: &Slot, crew: u8, by: By) {
        let Some(it) = self.announce(slot, crew) else { return };
        match by {
            By::Crew(own) if own == crew => it.sleepers.add_own(),
            By::Room => it.add_calm(),
            By::Crew(_) | By::Another => it.add(),
        }
    }

    /// Has a job that is queued in a crew brought into the order; gives the crew.
    fn announce(&self, slot: &Slot, crew: u8) -> Option<&Crew> {
        let it = self.crews.get(usize::from(crew))?;
        slot.mark();
        it.waits(slot.empty_at());
        Some(it)
    }

    fn forget(&self, slot: &Arc<Slot>) {
        lock(&self.agenda).forget(slot);
    }

    fn work(&self, kind: Kind, index: usize) {
        let crew = &self.crews[kind as usize];
        crew.enter(index);
        let mut handled = 0;
        while !self.stopping.load(Ordering::SeqCst) {
            if let Some(slot) = self.take(kind as u8, crew) {
                self.run(&slot, kind as u8, crew);
                handled += 1;
            } else if std::mem::take(&mut handled) > 1 && crew.sleepers.doze(index) {
                if !self.stopping.load(Ordering::SeqCst) {
                    thread::park_timeout(DOZE);
                }
                crew.sleepers.get_up(index);
            } else if crew.sleepers.lie_down(index) {
                // Who stops the pool says so before it unparks all.
                if !self.stopping.load(Ordering::SeqCst) {
                    thread::park();
                }
                crew.sleepers.get_up(index);
            } else {
                thread::yield_now();
            }
        }
    }

    /// A ring with `left` frames was seen now.
    fn note_left(&self, slot: &Slot, left: u32) {
        let empty_at = self.began.elapsed() + FRAME * left;
        slot.empty_at.store(empty_at.as_micros() as u64, Ordering::Relaxed);
    }

    /// How long the ring of a job lasts.
    fn lasts(&self, slot: &Slot) -> Duration {
        Duration::from_micros(slot.empty_at()).saturating_sub(self.began.elapsed())
    }

    /// Take the queued job of this crew whose ring is the first to run empty.
    fn take(&self, number: u8, crew: &Crew) -> Option<Arc<Slot>> {
        if crew.sleepers.queued() == 0 {
            return None;
        }
        let mut agenda = lock(&self.agenda);
        crew.look_anew();
        let slot = agenda.take(number);
        if let Some(empty_at) = agenda.soonest(number) {
            crew.waits(empty_at);
        }
        drop(agenda);
        let slot = slot?;
        crew.remove();
        Some(slot)
    }

    fn run(&self, slot: &Arc<Slot>, number: u8, crew: &Crew) {
        let mut job = lock(&slot.job);
        let threads = crew.count();
        let pressure = self.pace.pressure(crew.sleepers.queued(), threads, self.lasts(slot));
        let (began, crowd) = (self.began.elapsed(), CROWD * threads);
        let is_over = || {
            let now = self.began.elapsed();
            let in_need = || crew.soonest() <= (now + NEED).as_micros() as u64;
            let others = || in_need() || crew.sleepers.queued() > crowd || slot.state.is_woken();
            let lasts = now - began;
            lasts >= LONGEST_TURN
                || lasts >= SHORTEST_TURN && others()
                || self.stopping.load(Ordering::Relaxed)
        };
        let turn = Turn::new(pressure, &is_over);
        let status = job.as_mut().map_or(FeedStatus::Done, |job| feed(&mut **job, &turn));
        let took = self.began.elapsed() - began;
        self.pace.note(took);
        slot.record.note(took, matches!(status, FeedStatus::Searching { .. }));
        if status == FeedStatus::Done || slot.removed.load(Ordering::Acquire) {
            let finished = job.take();
            slot.state.end();
            drop(job);
            drop_quietly(finished);
            self.forget(slot);
            return;
        }
        drop(job);
        // Meanwhile its handle may have been dropped without getting at the job.
        fence(Ordering::SeqCst);
        if slot.removed.load(Ordering::Acquire) {
            slot.state.end();
            drop_quietly(lock(&slot.job).take());
            return;
        }
        let next = slot.record.kind() as u8;
        let queued = match status {
            FeedStatus::Again { left } | FeedStatus::Searching { left } => {
                self.note_left(slot, left);
                slot.state.go_on(next)
            }
            FeedStatus::Wait | FeedStatus::Done => slot.state.rest(next),
        };
        if let Some(next) = queued {
            self.queued(slot, next, By::Crew(number));
        }
    }

    /// Mark a job as over, in whatever state it was.
    fn end(&self, slot: &Slot) {
        if let Some(crew) = slot.state.end().and_then(|crew| self.crews.get(usize::from(crew))) {
            crew.remove();
        }
    }
}

/// A piece of work. A job that panics is told so and is over; the thread and its other jobs go on.
fn feed(job: &mut dyn Feed, turn: &Turn<'_>) -> FeedStatus {
    catch_unwind(AssertUnwindSafe(|| job.feed(turn))).unwrap_or_else(|_| {
        let _ = catch_unwind(AssertUnwindSafe(|| job.panicked()));
        FeedStatus::Done
    })
}

/// A job whose drop panics must not take the thread with it.
fn drop_quietly(job: Option<Box<dyn Feed>>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
}

#[cfg(test)]
mod tests;
