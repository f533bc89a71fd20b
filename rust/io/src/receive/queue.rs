//! Frames on their way from the receive thread to one consumer: bounded, and never waited for.
//!
//! The queue holds boxes, which the consumer sends back empty: memory grows with the backlog and is
//! then used again. A frame that finds the queue full is dropped and counted.

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use isocord_proto::frame::{FRAME_BYTES, FRAME_LEN};
use isocord_proto::recv::{Frame, FrameKind, Sound, Speaking};
use rtrb::{Consumer, Producer, RingBuffer};

/// Frames in a queue unless the consumer says otherwise: 3 s of 25 speakers.
pub const DEFAULT_CAPACITY: usize = 4_096;
/// The most: 16 MB for each 4,096 frames, should they all wait.
pub const MAX_CAPACITY: usize = 65_536;
/// A consumer looks up at least this often, should a wake-up be missed.
const WAIT_SLICE: Duration = Duration::from_millis(200);

/// What a consumer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// 20 ms of 16-bit stereo at 48 kHz.
    Pcm,
    /// Opus packets as they came.
    Opus,
    /// No frames, only the news of talk spurts.
    Speaking,
}

/// What comes out of a queue, in the order of time for each user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// A user begins or ceases to speak at this position.
    Speaking(u64, Speaking, u64),
    /// A user left.
    Left(u64),
}

struct Stored {
    user_id: u64,
    position: u64,
    samples: u32,
    kind: FrameKind,
    received: Option<u64>,
    /// Bytes of an Opus packet at the front of `room`; none if it is all PCM.
    opus: Option<u16>,
    room: [i16; FRAME_LEN],
}

enum Entry {
    Frame(Box<Stored>),
    Speaking(u64, Speaking, u64),
    Left(u64),
}

#[derive(Default)]
struct Shared {
    dropped: AtomicU64,
    delay: AtomicU32,
    closed: AtomicBool,
    consumer_sleeps: AtomicBool,
    nudged: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

/// A queue of at most `capacity` frames.
#[must_use]
pub fn frame_queue(form: Form, capacity: usize) -> (FrameWriter, FrameReader) {
    let capacity = capacity.clamp(1, MAX_CAPACITY);
    let (full_in, full_out) = RingBuffer::new(capacity);
    let (empty_in, empty_out) = RingBuffer::new(capacity);
    let shared = Arc::new(Shared::default());
    let writer = FrameWriter {
        form,
        entries: full_in,
        empties: empty_out,
        spare: None,
        written: false,
        shared: Arc::clone(&shared),
    };
    (writer, FrameReader { form, entries: full_out, empties: empty_in, shared })
}

/// The receive thread's end. Dropping it closes the queue.
pub struct FrameWriter {
    form: Form,
    entries: Producer<Entry>,
    empties: Consumer<Box<Stored>>,
    spare: Option<Box<Stored>>,
    written: bool,
    shared: Arc<Shared>,
}

impl FrameWriter {
    /// What the consumer wants.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Whether the consumer has gone.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.entries.is_abandoned()
    }

    /// Queues a frame, if it has the form that the consumer wants.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let bytes: &[u8] = match (frame.sound, self.form) {
            (Sound::Pcm(pcm), Form::Pcm) => bytemuck::cast_slice(pcm.as_slice()),
            (Sound::Opus(packet), Form::Opus) => packet,
            _ => return,
        };
        if self.entries.is_full() || bytes.len() > FRAME_BYTES {
            self.shared.dropped.fetch_add(1, Relaxed);
            return;
        }
        let spare = self.spare.take().or_else(|| self.empties.pop().ok());
        let mut stored = spare.unwrap_or_else(|| {
            let room = [0; FRAME_LEN];
            let (kind, received, opus) = (FrameKind::Voice, None, None);
            Box::new(Stored { user_id: 0, position: 0, samples: 0, kind, received, opus, room })
        });
        let Frame { user_id, position, samples, kind, .. } = *frame;
        (stored.user_id, stored.position, stored.samples, stored.kind) = (user_id, position, samples, kind);
        stored.received = frame.received;
        stored.opus = matches!(self.form, Form::Opus).then_some(bytes.len() as u16);
        let room: &mut [u8] = bytemuck::cast_slice_mut(stored.room.as_mut_slice());
        room[..bytes.len()].copy_from_slice(bytes);
        self.push(Entry::Frame(stored));
    }

    /// Lets the consumer know how long packets are held now, in samples.
    pub fn note_delay(&mut self, delay: u32) {
        self.shared.delay.store(delay, Relaxed);
    }

    /// Queues the news of a talk spurt.
    pub fn speaking(&mut self, user_id: u64, speaking: Speaking, position: u64) {
        self.push(Entry::Speaking(user_id, speaking, position));
    }

    /// Queues the news that a user left.
    pub fn left(&mut self, user_id: u64) {
        self.push(Entry::Left(user_id));
    }

    /// Wakes the consumer, if there is something for it. To be called after each round of work.
    pub fn flush(&mut self) {
        if std::mem::take(&mut self.written) && self.shared.consumer_sleeps.swap(false, AcqRel) {
            self.shared.notify();
        }
    }

    fn push(&mut self, entry: Entry) {
        match self.entries.push(entry) {
            Ok(()) => self.written = true,
            Err(rtrb::PushError::Full(entry)) => {
                self.shared.dropped.fetch_add(1, Relaxed);
                if let Entry::Frame(stored) = entry {
                    self.spare = Some(stored);
                }
            }
        }
    }
}

impl Drop for FrameWriter {
    fn drop(&mut self) {
        self.shared.closed.store(true, Release);
        self.shared.notify();
    }
}

/// The consumer's end. Dropping it ends the listening.
pub struct FrameReader {
    form: Form,
    entries: Consumer<Entry>,
    empties: Producer<Box<Stored>>,
    shared: Arc<Shared>,
}

impl FrameReader {
    /// What it gets.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Hands at most `max` items to `take`; returns how many there were.
    pub fn drain(&mut self, max: usize, mut take: impl FnMut(Item<'_>)) -> usize {
        let mut taken = 0;
        while taken < max {
            let Ok(entry) = self.entries.pop() else { break };
            taken += 1;
            match entry {
                Entry::Speaking(user_id, speaking, position) => {
                    take(Item::Speaking(user_id, speaking, position));
                }
                Entry::Left(user_id) => take(Item::Left(user_id)),
                Entry::Frame(stored) => {
                    take(Item::Frame(stored.as_frame()));
                    // Where the way back is full there are enough; this one is freed.
                    let _ = self.empties.push(stored);
                }
            }
        }
        taken
    }

    /// Waits until something is there, nothing more will come, or somebody nudges; false after `timeout`.
    pub fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut guard = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            self.shared.consumer_sleeps.store(true, Release);
            std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
            let nudged = self.shared.nudged.swap(false, AcqRel);
            if nudged || !self.entries.is_empty() || self.shared.closed.load(Acquire) {
                self.shared.consumer_sleeps.store(false, Relaxed);
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.shared.consumer_sleeps.store(false, Relaxed);
                return false;
            }
            let slice = left.min(WAIT_SLICE);
            guard = self.shared.wake.wait_timeout(guard, slice).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether nothing more will come; what is queued can still be drained.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Acquire)
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.slots()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How long the packets of any user are held now at most, in samples at 48 kHz.
    #[must_use]
    pub fn delay(&self) -> u32 {
        self.shared.delay.load(Relaxed)
    }

    /// Items that found the queue full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed)
    }

    /// Ends a [`Self::wait`] on another thread early.
    #[must_use]
    pub fn waker(&self) -> ReaderWaker {
        ReaderWaker(Arc::clone(&self.shared))
    }
}

/// Closes a queue from the consumer's side, whoever waits for it.
#[derive(Clone)]
pub struct ReaderWaker(Arc<Shared>);

impl ReaderWaker {
    /// From now on [`FrameReader::wait`] returns at once and [`FrameReader::is_closed`] is true.
    pub fn close(&self) {
        self.0.closed.store(true, Release);
        self.0.notify();
    }

    /// Ends the present [`FrameReader::wait`], or the next one, at once.
    pub fn nudge(&self) {
        self.0.nudged.store(true, Release);
        self.0.notify();
    }

    /// Items that found the queue full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }
}

impl Shared {
    fn notify(&self) {
        // The consumer holds the lock from its last look at the queue until it sleeps, so the lock here
        // is short, and no notice comes between the two.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_all();
    }
}

impl Stored {
    fn as_frame(&self) -> Frame<'_> {
        let sound = match self.opus {
            None => Sound::Pcm(&self.room),
            Some(len) => {
                let bytes: &[u8] = bytemuck::cast_slice(self.room.as_slice());
                Sound::Opus(&bytes[..usize::from(len)])
            }
        };
        let Self { user_id, position, samples, kind, received, .. } = *self;
        Frame { user_id, position, samples, kind, received, sound }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opus(position: u64) -> Frame<'static> {
        let sound = Sound::Opus(&[1, 2, 3]);
        Frame { user_id: 7, position, samples: 960, kind: FrameKind::Voice, received: Some(position), sound }
    }

    #[test]
    fn what_goes_in_comes_out_and_what_finds_no_room_is_counted() {
        let (mut writer, mut reader) = frame_queue(Form::Opus, 4);
        let pcm = [5; FRAME_LEN];
        for round in 0..10 {
            writer.speaking(7, Speaking::Started, round);
            for position in 0..5 {
                writer.frame(&opus(position));
                writer.frame(&Frame { sound: Sound::Pcm(&pcm), ..opus(position) });
            }
            writer.flush();
            let mut seen = Vec::new();
            assert!(reader.wait(Duration::ZERO));
            let taken = reader.drain(usize::MAX, |item| match item {
                Item::Frame(frame) => {
                    assert_eq!(frame, opus(frame.position));
                    seen.push(frame.position);
                }
                Item::Speaking(7, Speaking::Started, at) => assert_eq!(at, round),
                other => panic!("{other:?}"),
            });
            assert_eq!((taken, seen), (4, vec![0, 1, 2]));
            assert_eq!(reader.dropped(), 2 * (round + 1));
        }
        assert!(!reader.wait(Duration::ZERO) && !reader.is_closed());
        drop(writer);
        assert!(reader.wait(Duration::ZERO) && reader.is_closed() && reader.is_empty());
    }

    #[test]
    fn a_consumer_that_sleeps_is_woken() {
        let (mut writer, mut reader) = frame_queue(Form::Pcm, 64);
        let consumer = std::thread::spawn(move || {
            let mut count = 0;
            while reader.wait(Duration::from_secs(20)) {
                count += reader.drain(8, |_| {});
                if reader.is_closed() && reader.is_empty() {
                    break;
                }
            }
            count
        });
        let pcm = [5; FRAME_LEN];
        let mut sent = 0;
        for position in 0..500 {
            if position % 7 == 0 {
                std::thread::yield_now();
            }
            let before = writer.shared.dropped.load(Relaxed);
            writer.frame(&Frame { sound: Sound::Pcm(&pcm), ..opus(position) });
            writer.flush();
            sent += usize::from(writer.shared.dropped.load(Relaxed) == before);
        }
        drop(writer);
        assert_eq!(consumer.join().ok(), Some(sent));
    }
}
