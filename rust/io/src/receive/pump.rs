//! A thread that brings the frames of one queue to a native consumer, such as one that writes files,
//! so that a slow disk never holds the receive thread.

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::common_clock::CommonClock;
use super::queue::{FrameReader, Item, ReaderWaker};

/// Items in a row before the consumer hears of the clock again.
const BATCH: usize = 1_024;
/// The consumer hears of the clock at least this often.
const LOOK_UP: Duration = Duration::from_millis(500);
/// Or this often, if it asks for that.
const LOOK_UP_SOON: Duration = Duration::from_millis(20);
/// Frames gather for that long, so that the thread wakes seldom.
const GATHER: Duration = Duration::from_millis(40);
/// While a thread is waited for, it is looked at this often.
const POLL: Duration = Duration::from_millis(2);

/// Whether a consumer wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appetite {
    /// It goes on.
    More,
    /// It goes on, and wants to hear of the clock again within 20 ms.
    MoreSoon,
    /// It goes on, and has more to do than it did: it wants to hear of the clock at once.
    MoreNow,
    /// It has all that it wanted: the thread ends.
    Sated,
}

/// Takes frames on a thread of its own. It may wait for disks, but not forever.
pub trait FrameConsumer: Send {
    /// So many items wait, some of which come now.
    fn waiting(&mut self, _count: usize) {}

    /// A frame, or the news of a talk spurt.
    fn item(&mut self, item: Item<'_>);

    /// All that was queued before the common clock had come to `position` has been handed over. Comes
    /// at least twice a second, also while nobody speaks, and whenever somebody nudges the queue.
    fn advance(&mut self, position: u64) -> Appetite;

    /// Nothing more comes; the clock is at `position`. Called once, last.
    fn finish(&mut self, position: u64);
}

/// A consumer on its thread. Dropping it ends the thread without waiting.
pub struct Pump<C> {
    thread: Option<JoinHandle<C>>,
    waker: ReaderWaker,
}

impl<C: FrameConsumer + 'static> Pump<C> {
    /// Starts the thread; it ends with [`Self::finish`], with the consumer's appetite, or with the connection.
    ///
    /// # Errors
    /// The system's, if it has no thread to give.
    pub fn spawn(name: &str, reader: FrameReader, consumer: C, clock: CommonClock) -> io::Result<Self> {
        let waker = reader.waker();
        // A stack of the usual size: consumers may encode.
        let thread = Builder::new().name(name.to_owned()).spawn(move || run(reader, consumer, clock))?;
        Ok(Self { thread: Some(thread), waker })
    }

    /// Has the consumer hear of the clock soon.
    pub fn nudge(&self) {
        self.waker.nudge();
    }

    /// Whether the thread has ended, as it does when the connection closes.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Hands over what is queued, ends the thread and gives the consumer back; none if that takes
    /// longer than `timeout`, or if the consumer panicked. It may be called again.
    pub fn finish(&mut self, timeout: Duration) -> Option<C> {
        self.waker.close();
        let deadline = Instant::now() + timeout;
        while !self.thread.as_ref()?.is_finished() {
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(POLL);
        }
        self.thread.take()?.join().ok()
    }
}

impl<C> Drop for Pump<C> {
    fn drop(&mut self) {
        self.waker.close();
    }
}

fn run<C: FrameConsumer>(mut reader: FrameReader, mut consumer: C, clock: CommonClock) -> C {
    let mut appetite = Appetite::More;
    while appetite != Appetite::Sated {
        let patience = match appetite {
            Appetite::MoreNow => Duration::ZERO,
            Appetite::MoreSoon => LOOK_UP_SOON,
            Appetite::More | Appetite::Sated => LOOK_UP,
        };
        if reader.wait(patience) && appetite == Appetite::More && !reader.is_closed() {
            std::thread::sleep(GATHER);
        }
        let closed = reader.is_closed();
        let position = clock.position();
        let mut taken = BATCH;
        while taken == BATCH {
            consumer.waiting(reader.len());
            taken = reader.drain(BATCH, |item| consumer.item(item));
        }
        appetite = consumer.advance(position);
        if closed {
            break;
        }
    }
    // The receive thread need not fill the queue while files are finished.
    drop(reader);
    consumer.finish(clock.position());
    consumer
}
