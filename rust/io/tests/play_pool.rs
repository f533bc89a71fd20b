//! The feeder pool: every job gets its turn, and nothing one job does holds up the others.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use isocord_io::play::{Feed, FeedStatus, FeederPool, Pressure};

/// Longer than anything here should take.
const LONG: Duration = Duration::from_secs(20);

/// A job that does what a closure says.
struct Job<F>(F);

impl<F: FnMut() -> FeedStatus + Send> Feed for Job<F> {
    fn feed(&mut self, _: Pressure) -> FeedStatus {
        (self.0)()
    }
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
    let (inside, is_inside) = channel();
    let (go, may_go) = channel::<()>();
    let job = job(move || {
        inside.send(()).unwrap();
        let _ = may_go.recv_timeout(LONG);
        FeedStatus::Wait
    });
    (job, is_inside, go)
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
    assert!((2..=4).contains(&pool.threads()));
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
    let gates = (0..4)
        .map(|_| {
            let (gate, inside, go) = gate();
            let handle = pool.add(gate).unwrap();
            handle.wake(0);
            (handle, inside, go)
        })
        .collect::<Vec<_>>();
    for (_, inside, _) in gates.iter().take(pool.threads()) {
        inside.recv_timeout(LONG).unwrap();
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let (done, all_done) = channel();
    let handles = [9, 2, 7, 4, 0].map(|left| {
        let (order, done) = (Arc::clone(&order), done.clone());
        let handle = pool
            .add(job(move || {
                order.lock().unwrap().push(left);
                done.send(()).unwrap();
                FeedStatus::Wait
            }))
            .unwrap();
        handle.wake(left);
        handle
    });
    // Only one thread is let go, so that the order is its own. Gates that have not begun lie in front of the queue.
    gates[0].2.send(()).unwrap();
    for (_, inside, go) in gates.iter().skip(pool.threads()) {
        inside.recv_timeout(LONG).unwrap();
        go.send(()).unwrap();
    }
    for _ in 0..5 {
        all_done.recv_timeout(LONG).unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 2, 4, 7, 9]);
    drop(handles);
    drop(gates);
    assert!(pool.stop(LONG));
}

#[test]
fn slow_jobs_leave_one_thread_to_the_others() {
    let pool = FeederPool::new();
    // Each says that it is there, and has been slow once before it blocks for good.
    let (inside, is_inside) = channel();
    let mut held = Vec::new();
    for _ in 0..8 {
        let inside = inside.clone();
        let (go, may_go) = channel::<()>();
        let mut slow_once = false;
        let handle = pool
            .add(job(move || {
                if !slow_once {
                    slow_once = true;
                    thread::sleep(Duration::from_millis(50));
                    return FeedStatus::Again { left: 0 };
                }
                inside.send(()).unwrap();
                let _ = may_go.recv_timeout(LONG);
                FeedStatus::Done
            }))
            .unwrap();
        handle.wake(0);
        held.push((handle, go));
    }
    for _ in 0..pool.threads() - 1 {
        is_inside.recv_timeout(LONG).unwrap();
    }
    let (ran, runs) = channel();
    let quick = pool
        .add(job(move || {
            ran.send(()).unwrap();
            FeedStatus::Wait
        }))
        .unwrap();
    for _ in 0..10 {
        quick.wake(5);
        runs.recv_timeout(LONG).unwrap();
    }
    drop(held);
    assert!(pool.stop(LONG));
}

#[test]
fn a_job_that_panics_is_dropped_and_the_thread_lives_on() {
    let pool = FeederPool::new();
    let (tell, told) = channel();
    for _ in 0..8 {
        let token = Token(tell.clone());
        let handle = pool
            .add(job(move || {
                let _kept = &token;
                panic!("a job of the test that panics on purpose");
            }))
            .unwrap();
        handle.wake(0);
        assert_eq!(told.recv_timeout(LONG), Ok("dropped"));
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
