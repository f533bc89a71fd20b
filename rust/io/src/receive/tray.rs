//! What a thread has ready for an event loop, which waits for no thread: it watches a file, where one byte tells of all
//! that has come.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What goes when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goes {
    /// What has waited longest.
    Oldest,
    /// What comes.
    Newest,
}

/// What waits may be of two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It takes room.
    Counts,
    /// News, which are kept while others go.
    News,
}

/// News that may wait for each place of those that count.
const NEWS: usize = 4;

/// Items from one thread to one loop. Neither waits for the other.
pub struct Tray<T> {
    held: Mutex<Held<T>>,
    came: Condvar,
    bell: Bell,
    capacity: usize,
    goes: Goes,
    weigh: fn(&T) -> Weight,
}

struct Held<T> {
    items: VecDeque<T>,
    /// How many of them count.
    counted: usize,
    dropped: u64,
    /// Whether the bell has rung for what is there.
    rung: bool,
    ended: bool,
}

impl<T> Tray<T> {
    /// One with room for `capacity` items that count.
    ///
    /// # Errors
    /// The system's, if it has no files to give.
    pub fn new(capacity: usize, goes: Goes, weigh: fn(&T) -> Weight) -> io::Result<Self> {
        let held = Held { items: VecDeque::new(), counted: 0, dropped: 0, rung: false, ended: false };
        let (held, came) = (Mutex::new(held), Condvar::new());
        Ok(Self { held, came, bell: Bell::new()?, capacity: capacity.max(1), goes, weigh })
    }

    /// The file that can be read from while something is there, or nothing more comes.
    #[must_use]
    pub fn file(&self) -> RawFd {
        self.bell.watched.as_raw_fd()
    }

    /// Puts items there.
    pub fn put(&self, items: impl IntoIterator<Item = T>) {
        let mut held = self.held();
        for item in items {
            self.put_one(&mut held, item);
        }
        if !held.items.is_empty() {
            self.ring(held);
        }
    }

    /// Nothing more comes.
    pub fn end(&self) {
        let mut held = self.held();
        held.ended = true;
        self.ring(held);
    }

    /// At most `max` items, none of them if nothing is there; none at all once nothing more comes.
    pub fn take(&self, max: usize) -> Option<Vec<T>> {
        self.take_from(&mut self.held(), max)
    }

    /// The same, waiting for the first up to `timeout`.
    pub fn wait(&self, max: usize, timeout: Duration) -> Option<Vec<T>> {
        let deadline = Instant::now() + timeout;
        let mut held = self.held();
        while held.items.is_empty() && !held.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            held = self.came.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.take_from(&mut held, max)
    }

    /// Items that found no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.held().dropped
    }

    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_one(&self, held: &mut Held<T>, item: T) {
        if (self.weigh)(&item) == Weight::News {
            if held.items.len() < self.capacity * (1 + NEWS) {
                held.items.push_back(item);
            }
            return;
        }
        if held.counted >= self.capacity {
            held.dropped += 1;
            if self.goes == Goes::Newest {
                return;
            }
            if let Some(oldest) = held.items.iter().position(|item| (self.weigh)(item) == Weight::Counts) {
                held.items.remove(oldest);
                held.counted -= 1;
            }
        }
        held.items.push_back(item);
        held.counted += 1;
    }

    fn take_from(&self, held: &mut Held<T>, max: usize) -> Option<Vec<T>> {
        if held.items.is_empty() && held.ended {
            return None;
        }
        let count = held.items.len().min(max);
        let taken: Vec<T> = held.items.drain(..count).collect();
        held.counted -= taken.iter().filter(|item| (self.weigh)(item) == Weight::Counts).count();
        if held.items.is_empty() && !held.ended && std::mem::take(&mut held.rung) {
            self.bell.hush();
        }
        Some(taken)
    }

    fn ring(&self, mut held: MutexGuard<'_, Held<T>>) {
        if !std::mem::replace(&mut held.rung, true) {
            self.bell.ring();
        }
        drop(held);
        self.came.notify_all();
    }
}

/// A file to watch, and the end that is written to.
struct Bell {
    watched: UnixStream,
    written: UnixStream,
}

impl Bell {
    fn new() -> io::Result<Self> {
        let (watched, written) = UnixStream::pair()?;
        watched.set_nonblocking(true)?;
        written.set_nonblocking(true)?;
        Ok(Self { watched, written })
    }

    /// One byte at most is there, so there is room for it.
    fn ring(&self) {
        while matches!((&self.written).write(&[1]), Err(error) if error.kind() == ErrorKind::Interrupted) {}
    }

    fn hush(&self) {
        while matches!((&self.watched).read(&mut [0]), Err(error) if error.kind() == ErrorKind::Interrupted) {
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn tray(capacity: usize, goes: Goes) -> Tray<i32> {
        // What is negative is news.
        let weigh = |item: &i32| if *item < 0 { Weight::News } else { Weight::Counts };
        Tray::new(capacity, goes, weigh).expect("files")
    }

    /// Bytes that a loop would see.
    fn rung(tray: &Tray<i32>) -> usize {
        let seen = tray.bell.watched.try_clone().expect("a file");
        let mut room = [0; 64];
        let count = (&seen).read(&mut room).unwrap_or(0);
        (0..count).for_each(|_| tray.bell.ring());
        count
    }

    #[test]
    fn one_byte_tells_of_all_and_is_gone_when_all_is_taken() {
        let tray = tray(100, Goes::Oldest);
        assert_eq!((tray.take(9), rung(&tray)), (Some(vec![]), 0));
        for round in 0..3_000 {
            tray.put([round, round + 1]);
            tray.put([round + 2]);
            assert_eq!(rung(&tray), 1);
            assert_eq!(tray.take(2), Some(vec![round, round + 1]));
            assert_eq!(rung(&tray), 1, "one is left");
            assert_eq!((tray.take(2), rung(&tray)), (Some(vec![round + 2]), 0));
        }
        tray.put([]);
        assert_eq!(rung(&tray), 0);
    }

    #[test]
    fn the_end_comes_last_and_stays_to_be_seen() {
        let tray = tray(100, Goes::Oldest);
        tray.put([1]);
        tray.end();
        assert_eq!(tray.take(9), Some(vec![1]));
        assert_eq!((rung(&tray), tray.take(9), rung(&tray), tray.take(9)), (1, None, 1, None));
        assert_eq!(tray.wait(9, Duration::MAX / 4), None);
    }

    #[test]
    fn what_finds_no_room_goes_as_was_chosen_and_news_stay() {
        for (goes, left) in [(Goes::Oldest, vec![-1, 3, 4]), (Goes::Newest, vec![-1, 0, 1])] {
            let tray = tray(2, goes);
            tray.put([-1, 0, 1, 2, 3, 4]);
            assert_eq!((tray.dropped(), tray.take(9)), (3, Some(left)));
            // Also of news there is an end.
            tray.put([-1; 1_000]);
            assert_eq!(tray.take(2_000).map(|items| items.len()), Some(10));
        }
    }

    #[test]
    fn nothing_is_lost_between_two_threads() {
        let tray = Arc::new(tray(100_000, Goes::Oldest));
        let other = Arc::clone(&tray);
        let writer = thread::spawn(move || {
            (0..50_000).for_each(|number| other.put([number]));
            other.end();
        });
        let mut all = Vec::new();
        while let Some(some) = tray.wait(7, Duration::from_secs(60)) {
            all.extend(some);
        }
        writer.join().expect("it wrote");
        assert!(all.into_iter().eq(0..50_000));
    }
}
