//! A window that is filled by a thread, and pieces that are made by one: nothing is lost, and nothing waits for ever.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::super::budget::Meter;
use super::super::error::StageError;
use super::super::frame::Downstream;
use super::supply::{Outline, Stop, Supply};
use super::window::{AHEAD, Window};
use super::worker::{Maker, Pieces, Taken};
use super::{fill, supply};

/// The byte that stands at a place.
fn byte(at: u64) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

/// Places from which it was read, and whether it is to stop.
#[derive(Default)]
struct Seen {
    jumps: Mutex<Vec<u64>>,
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Stop for Seen {
    fn interrupt(&self) {}

    fn close(&self) {
        *self.closed.lock().expect("a lock") = true;
        self.changed.notify_all();
    }
}

struct Numbers {
    at: u64,
    len: u64,
    /// Here it fails.
    fails_at: u64,
    /// Here it waits until it is closed.
    hangs_at: u64,
    seen: Arc<Seen>,
}

impl Numbers {
    fn of(len: u64) -> Self {
        Self { at: 0, len, fails_at: u64::MAX, hangs_at: u64::MAX, seen: Arc::default() }
    }

    fn window(self, seekable: bool) -> (Arc<Window>, Arc<Seen>) {
        let seen = Arc::clone(&self.seen);
        let outline = Outline { len: Some(self.len), seekable, ..Outline::default() };
        (fill("isocord-test", outline, Box::new(self)).expect("a thread"), seen)
    }
}

impl Supply for Numbers {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.fails_at {
            return Err(io::Error::other("the sea is rough"));
        }
        if self.at >= self.hangs_at {
            let mut closed = self.seen.closed.lock().expect("a lock");
            while !*closed {
                closed = self.seen.changed.wait(closed).expect("a lock");
            }
        }
        let count = buf.len().min((self.len - self.at) as usize);
        for (index, slot) in buf[..count].iter_mut().enumerate() {
            *slot = byte(self.at + index as u64);
        }
        self.at += count as u64;
        Ok(count)
    }

    fn go_to(&mut self, to: u64) {
        self.seen.jumps.lock().expect("a lock").push(to);
        self.at = to;
    }

    fn take_title(&mut self) -> Option<String> {
        (self.at > 100_000).then(|| "late".to_owned())
    }

    fn stopper(&self) -> Arc<dyn supply::Stop> {
        Arc::clone(&self.seen) as _
    }
}

fn read(window: &Window, at: u64, len: usize) -> Vec<u8> {
    let mut all = vec![0; len];
    let mut done = 0;
    while done < len {
        match window.read_at(&mut all[done..], at + done as u64).expect("bytes").0 {
            0 => break,
            count => done += count,
        }
    }
    all.truncate(done);
    all
}

fn bytes(at: u64, len: usize) -> Vec<u8> {
    (at..at + len as u64).map(byte).collect()
}

#[test]
fn all_of_it_comes_in_order_and_ends() {
    let (window, seen) = Numbers::of(5 << 20).window(false);
    let mut at = 0;
    for len in [1, 1_000, 70_000, 100_000].into_iter().cycle() {
        let got = read(&window, at, len);
        assert_eq!(got, bytes(at, got.len()));
        at += got.len() as u64;
        if got.len() < len {
            break;
        }
    }
    assert_eq!(at, 5 << 20);
    assert_eq!(window.title().as_deref(), Some("late"));
    assert!(seen.jumps.lock().expect("a lock").is_empty());
}

#[test]
fn the_other_end_is_looked_at_and_the_beginning_is_still_there() {
    let len = 50 << 20;
    let (window, seen) = Numbers::of(len).window(true);
    assert_eq!(read(&window, 0, 5_000), bytes(0, 5_000));
    assert_eq!(read(&window, len - 5_000, 6_000), bytes(len - 5_000, 5_000));
    assert_eq!(read(&window, 0, 300_000), bytes(0, 300_000));
    let jumps = seen.jumps.lock().expect("a lock").clone();
    // Back at the beginning it goes on where the first run had ended, if that did not come so far.
    assert_eq!(jumps[0], len - 5_000);
    assert!(jumps.len() <= 2);
    assert!(jumps.iter().all(|&at| at > 0));
}

#[test]
fn what_is_near_is_waited_for_and_what_is_far_is_asked_for() {
    let (window, seen) = Numbers::of(50 << 20).window(true);
    window.opened();
    assert_eq!(read(&window, 100_000, 10), bytes(100_000, 10));
    assert!(seen.jumps.lock().expect("a lock").is_empty());
    assert_eq!(read(&window, 20 << 20, 10), bytes(20 << 20, 10));
    assert_eq!(read(&window, (20 << 20) - 10, 10), bytes((20 << 20) - 10, 10));
    assert_eq!(*seen.jumps.lock().expect("a lock"), [20 << 20, (20 << 20) - 10]);
}

#[test]
fn without_ranges_there_is_no_way_back_and_what_is_passed_over_counts() {
    let (window, _) = Numbers::of(50 << 20).window(false);
    window.opened();
    let (count, skipped) = window.read_at(&mut [0; 10], 40 << 20).expect("bytes");
    assert!(count > 0);
    assert!(skipped > (40 << 20) - AHEAD as u64);
    assert!(window.read_at(&mut [0; 10], 0).expect_err("it is gone").to_string().contains("go back"));
}

#[test]
fn a_failure_is_told_after_what_came_before_it() {
    let (window, _) = Numbers { fails_at: 64 << 10, ..Numbers::of(1 << 20) }.window(true);
    assert_eq!(read(&window, 0, 64 << 10), bytes(0, 64 << 10));
    assert_eq!(window.read_at(&mut [0], 64 << 10).expect_err("it fails").to_string(), "the sea is rough");
}

#[test]
fn who_waits_is_let_go_when_it_is_closed() {
    let (window, _) = Numbers { hangs_at: 0, ..Numbers::of(1 << 20) }.window(true);
    let waiting = Arc::clone(&window);
    let reader = std::thread::spawn(move || waiting.read_at(&mut [0], 0).map(|_| ()));
    window.close();
    assert!(reader.join().expect("it returns").is_err());
}

/// Makes numbers, as many as it is let.
struct Count {
    next: i64,
    may: Arc<(Mutex<i64>, Condvar)>,
    last: i64,
}

impl Maker for Count {
    type Piece = i64;

    fn make(&mut self, piece: &mut i64) -> Result<bool, StageError> {
        let mut may = self.may.0.lock().expect("a lock");
        while *may == 0 {
            may = self.may.1.wait(may).expect("a lock");
        }
        *may -= 1;
        if self.next == self.last {
            return Ok(false);
        }
        *piece = self.next;
        self.next += 1;
        Ok(true)
    }

    fn seek(&mut self, target: i64) -> Result<(), StageError> {
        if target < 0 {
            return Err(StageError::broken("there is nothing"));
        }
        self.next = target;
        Ok(())
    }

    fn broken(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Downstream for Woken {
    fn wake(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn ahead(&self) -> u64 {
        0
    }
}

fn counting(may: i64, last: i64) -> (Pieces<i64>, Arc<(Mutex<i64>, Condvar)>) {
    let may = Arc::new((Mutex::new(may), Condvar::new()));
    let count = Count { next: 0, may: Arc::clone(&may), last };
    (Pieces::start("isocord-test", count, Meter::new()).expect("a thread"), may)
}

fn let_make(may: &(Mutex<i64>, Condvar), more: i64) {
    *may.0.lock().expect("a lock") += more;
    may.1.notify_all();
}

/// The next piece, waited for.
fn next(pieces: &Pieces<i64>) -> Option<i64> {
    let mut piece = -1;
    loop {
        match pieces.take(&mut piece).expect("no failure") {
            Taken::Piece => return Some(piece),
            Taken::Starved => pieces.wait(),
            Taken::End => return None,
        }
    }
}

#[test]
fn pieces_come_in_order_to_the_end() {
    let (pieces, _) = counting(i64::MAX, 500);
    for number in 0..500 {
        assert_eq!(next(&pieces), Some(number));
    }
    assert_eq!([next(&pieces), next(&pieces)], [None, None]);
}

#[test]
fn who_starves_is_woken_once_when_there_is_enough() {
    let (pieces, may) = counting(0, 500);
    let woken = Arc::new(Woken::default());
    pieces.attach(&(Arc::clone(&woken) as Arc<dyn Downstream>));
    let mut piece = 0;
    assert!(matches!(pieces.take(&mut piece), Ok(Taken::Starved)));
    let_make(&may, 9);
    // Nine are not enough; more come, and the wait is over.
    assert!(matches!(pieces.take(&mut piece), Ok(Taken::Starved)));
    assert_eq!(woken.0.load(SeqCst), 0);
    let_make(&may, 11);
    pieces.wait();
    for number in 0..10 {
        assert_eq!(next(&pieces), Some(number));
    }
    // Whoever takes more may be faster than they are made, and waits again. Who waits sees it before others are woken.
    let deadline = Instant::now() + Duration::from_secs(15);
    while woken.0.load(SeqCst) == 0 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(woken.0.load(SeqCst), 1);
    for number in 10..20 {
        assert_eq!(next(&pieces), Some(number));
    }
    drop(pieces);
    let_make(&may, 1);
}

#[test]
fn a_seek_drops_what_was_made_for_another_place() {
    let (pieces, _) = counting(i64::MAX, 1_000_000);
    assert_eq!(next(&pieces), Some(0));
    pieces.seek(5_000);
    assert_eq!(next(&pieces), Some(5_000));
    pieces.seek(999_999);
    assert_eq!([next(&pieces), next(&pieces)], [Some(999_999), None]);
    pieces.seek(7);
    assert_eq!(next(&pieces), Some(7));
    pieces.seek(-1);
    pieces.wait();
    let mut piece = 0;
    let failed = loop {
        match pieces.take(&mut piece) {
            Ok(Taken::Starved) => pieces.wait(),
            other => break other,
        }
    };
    assert!(failed.is_err());
    assert!(matches!(pieces.take(&mut piece), Ok(Taken::End)));
    pieces.seek(3);
    assert_eq!(next(&pieces), Some(3));
}
