//! The feeder pool: every job gets its turn, and nothing one job does holds up the others.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use isocord_io::play::{Feed, FeedStatus, FeederPool, JobHandle, Turn};

/// Longer than anything here should take.
const LONG: Duration = Duration::from_secs(20);

/// A job that does what a closure says.
struct Job<F>(F);

impl<F: FnMut() -> FeedStatus + Send> Feed for Job<F> {
    fn feed(&mut self, _: &Turn<'_>) -> FeedStatus {
        (self.0)()
    }

    fn panicked(&mut self) {}
}

/// A job that fails, says that it was told so, and then that it is dropped.
struct Failing(Token);

impl Feed for Failing {
    fn feed(&mut self, _: &Turn<'_>) -> FeedStatus {
        panic!("a job of the test that panics on purpose");
    }

    fn panicked(&mut self) {
        let _ = self.0.0.send("panicked");
    }
}

/// Threads for jobs that are quick, as the machine is.
fn quick_threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(2, 64)
}

/// Threads for jobs of which nothing is known, and for slow ones, each.
const OTHERS: usize = 3;

/// A job that has been quick once.
fn proven(pool: &FeederPool, mut work: impl FnMut() -> FeedStatus + Send + 'static) -> JobHandle {
    let (ran, runs) = channel();
    let mut first = true;
    let handle = pool
        .add(job(move || {
            if std::mem::take(&mut first) {
                ran.send(()).unwrap();
                return FeedStatus::Wait;
            }
            work()
        }))
        .unwrap();
    handle.wake(0);
    runs.recv_timeout(LONG).unwrap();
    handle
}

fn job(work: impl FnMut() -> FeedStatus + Send + 'static) -> Box<dyn Feed> {
    Box::new(Job(work))
}

/// Tells when it is dropped.
struct Token(Sender<&'static str>);

impl Drop for Token {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// A job that waits inside `feed` until it is let go, and says when it is there.
fn gate() -> (Box<dyn Feed>, Receiver<()>, Sender<()>) {
    let (work, is_inside, go) = gated();
    (job(work), is_inside, go)
}

fn gated() -> (impl FnMut() -> FeedStatus + Send + 'static, Receiver<()>, Sender<()>) {
    let (inside, is_inside) = channel();
    let (go, may_go) = channel::<()>();
    let work = move || {
        inside.send(()).unwrap();
        let _ = may_go.recv_timeout(LONG);
        FeedStatus::Wait
    };
    (work, is_inside, go)
}

#[test]
fn a_job_runs_when_it_is_woken_and_not_before() {
    let pool = FeederPool::new();
    assert_eq!(pool.threads(), 0);
    let (ran, runs) = channel();
    let handle = pool
        .add(job(move || {
            ran.send(thread::current().name().unwrap_or_default().to_owned()).unwrap();
            FeedStatus::Wait
        }))
        .unwrap();
    assert_eq!(pool.threads(), quick_threads() + 2 * OTHERS);
    assert!(runs.try_recv().is_err());
    for _ in 0..100 {
        handle.wake(0);
        assert!(runs.recv_timeout(LONG).unwrap().starts_with("isocord-pool-"));
    }
    assert!(pool.stop(LONG));
    assert_eq!(pool.threads(), 0);
}

#[test]
fn a_wake_while_it_runs_is_not_lost() {
    let pool = FeederPool::new();
    let (gate, inside, go) = gate();
    let handle = pool.add(gate).unwrap();
    handle.wake(0);
    inside.recv_timeout(LONG).unwrap();
    handle.wake(0);
    handle.wake(0);
    go.send(()).unwrap();
    // Once more for both wakes together.
    inside.recv_timeout(LONG).unwrap();
    go.send(()).unwrap();
    drop(go);
    assert!(pool.stop(LONG));
    assert!(inside.try_recv().is_err());
}

#[test]
fn a_job_that_wants_to_go_on_does_not_keep_others_out() {
    let pool = FeederPool::new();
    let mut handles = Vec::new();
    for _ in 0..8 {
        let greedy = pool.add(job(|| FeedStatus::Again { left: 3 })).unwrap();
        greedy.wake(3);
        handles.push(greedy);
    }
    let (ran, runs) = channel();
    let needy = pool
        .add(job(move || {
            ran.send(()).unwrap();
            FeedStatus::Wait
        }))
        .unwrap();
    for _ in 0..50 {
        needy.wake(0);
        runs.recv_timeout(LONG).unwrap();
    }
    drop(handles);
    assert!(pool.stop(LONG));
}

#[test]
fn the_emptiest_ring_goes_first() {
    let pool = FeederPool::new();
    // Every thread is held, so that the queue is full when it is looked at.
    let gates = (0..quick_threads())
        .map(|_| {
            let (gate, inside, go) = gated();
            let handle = proven(&pool, gate);
            handle.wake(0);
            inside.recv_timeout(LONG).unwrap();
            (handle, go)
        })
        .collect::<Vec<_>>();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (done, all_done) = channel();
    let handles = [9, 2, 7, 4, 0].map(|left| {
        let (order, done) = (Arc::clone(&order), done.clone());
        let handle = proven(&pool, move || {
            order.lock().unwrap().push(left);
            done.send(()).unwrap();
            FeedStatus::Wait
        });
        handle.wake(left);
        handle
    });
    // Only one thread is let go, so that the order is its own.
    gates[0].1.send(()).unwrap();
    for _ in 0..5 {
        all_done.recv_timeout(LONG).unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 2, 4, 7, 9]);
    drop(handles);
    drop(gates);
    assert!(pool.stop(LONG));
}

/// Jobs that block for good in piece number `piece`, as many as have a thread.
fn blocked(pool: &FeederPool, piece: usize) -> Vec<(JobHandle, Sender<()>)> {
    let (inside, is_inside) = channel();
    let jobs = (0..8)
        .map(|_| {
            let inside = inside.clone();
            let (go, may_go) = channel::<()>();
            let mut pieces = 0;
            let handle = pool.add(job(move || {
                pieces += 1;
                if pieces <= piece {
                    thread::sleep(Duration::from_millis(50));
                    return FeedStatus::Again { left: 0 };
                }
                inside.send(()).unwrap();
                let _ = may_go.recv_timeout(LONG);
                FeedStatus::Done
            }));
            let handle = handle.unwrap();
            handle.wake(0);
            (handle, go)
        })
        .collect();
    for _ in 0..OTHERS {
        is_inside.recv_timeout(LONG).unwrap();
    }
    jobs
}

#[test]
fn jobs_that_hang_in_their_first_piece_hold_up_no_quick_ones() {
    let pool = FeederPool::new();
    let (ran, runs) = channel();
    let quick = proven(&pool, move || {
        ran.send(()).unwrap();
        FeedStatus::Wait
    });
    let held = blocked(&pool, 0);
    for _ in 0..100 {
        quick.wake(5);
        runs.recv_timeout(LONG).unwrap();
    }
    drop(held);
    assert!(pool.stop(LONG));
}

#[test]
fn jobs_that_were_slow_hold_up_neither_quick_ones_nor_new_ones() {
    let pool = FeederPool::new();
    let held = blocked(&pool, 1);
    for _ in 0..10 {
        let (ran, runs) = channel();
        let ran_again = ran.clone();
        let quick = proven(&pool, move || {
            ran_again.send(()).unwrap();
            FeedStatus::Wait
        });
        quick.wake(5);
        runs.recv_timeout(LONG).unwrap();
    }
    drop(held);
    assert!(pool.stop(LONG));
}

#[test]
fn jobs_that_search_for_ever_let_others_have_their_turn() {
    let pool = FeederPool::new();
    let searching = (0..8)
        .map(|_| {
            let handle = pool.add(job(|| FeedStatus::Searching { left: 0 })).unwrap();
            handle.wake(0);
            handle
        })
        .collect::<Vec<_>>();
    let (ran, runs) = channel();
    let quick = proven(&pool, move || {
        ran.send(()).unwrap();
        FeedStatus::Wait
    });
    for _ in 0..100 {
        quick.wake(25);
        runs.recv_timeout(LONG).unwrap();
    }
    drop(searching);
    assert!(pool.stop(LONG));
}

#[test]
fn a_job_that_panics_is_told_and_dropped_and_the_thread_lives_on() {
    let pool = FeederPool::new();
    let (tell, told) = channel();
    for _ in 0..8 {
        let handle = pool.add(Box::new(Failing(Token(tell.clone())))).unwrap();
        handle.wake(0);
        assert_eq!(told.recv_timeout(LONG), Ok("panicked"));
        assert_eq!(told.recv_timeout(LONG), Ok("dropped"));
        assert!(handle.is_over());
    }
    let (gate, inside, go) = gate();
    let handle = pool.add(gate).unwrap();
    handle.wake(0);
    inside.recv_timeout(LONG).unwrap();
    drop(go);
    assert!(pool.stop(LONG));
}

#[test]
fn a_job_ends_by_itself_by_its_handle_or_with_the_pool() {
    let pool = FeederPool::new();
    let (tell, told) = channel();
    let add = |status| {
        let token = Token(tell.clone());
        pool.add(job(move || {
            let _kept = &token;
            status
        }))
        .unwrap()
    };
    let done = add(FeedStatus::Done);
    done.wake(0);
    assert_eq!(told.recv_timeout(LONG), Ok("dropped"));
    let waker = done.waker();
    waker.wake(0);
    drop(done);
    drop(add(FeedStatus::Wait));
    assert_eq!(told.recv_timeout(LONG), Ok("dropped"));
    let last = add(FeedStatus::Wait);
    assert!(pool.stop(LONG));
    assert_eq!(told.recv_timeout(LONG), Ok("dropped"));
    assert!(last.is_over());
    last.wake(0);
    // The next job starts the threads anew.
    let again = add(FeedStatus::Done);
    again.wake(0);
    assert_eq!(told.recv_timeout(LONG), Ok("dropped"));
}

#[test]
fn stopping_does_not_wait_for_a_job_that_hangs() {
    let pool = FeederPool::new();
    let (gate, inside, go) = gate();
    let handle = pool.add(gate).unwrap();
    handle.wake(0);
    inside.recv_timeout(LONG).unwrap();
    assert!(!pool.stop(Duration::from_millis(10)));
    go.send(()).unwrap();
    drop(handle);
}

#[test]
fn many_wakes_from_many_threads_lose_nothing() {
    let pool = FeederPool::new();
    let jobs = (0..50)
        .map(|_| {
            let (ran, runs) = channel();
            let handle = pool
                .add(job(move || {
                    let _ = ran.send(());
                    FeedStatus::Wait
                }))
                .unwrap();
            (handle, runs)
        })
        .collect::<Vec<_>>();
    thread::scope(|scope| {
        for chunk in jobs.chunks(10) {
            let wakers = chunk.iter().map(|(handle, _)| handle.waker()).collect::<Vec<_>>();
            scope.spawn(move || {
                for round in 0..1_000 {
                    for waker in &wakers {
                        waker.wake(round % 25);
                    }
                }
            });
        }
    });
    for (handle, runs) in &jobs {
        while runs.try_recv().is_ok() {}
        // Whatever came before, a wake from now on is answered.
        handle.wake(0);
        runs.recv_timeout(LONG).unwrap();
    }
    drop(jobs);
    assert!(pool.stop(LONG));
}

#[test]
fn a_job_with_frames_left_has_its_turn_even_if_others_never_have_enough() {
    let pool = FeederPool::new();
    let hungry: Vec<_> = (0..8).map(|_| pool.add(job(|| FeedStatus::Again { left: 0 })).unwrap()).collect();
    for handle in &hungry {
        handle.wake(0);
    }
    let (ran, runs) = channel();
    let patient = pool
        .add(job(move || {
            let _ = ran.send(());
            FeedStatus::Wait
        }))
        .unwrap();
    patient.wake(12);
    // Its frames are sent meanwhile, so that after 240 ms it has none either.
    runs.recv_timeout(LONG).unwrap();
    assert!(pool.stop(LONG));
}
