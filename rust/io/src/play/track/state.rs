//! What producer, clock and onlookers share of a track: flags and counts, and who is to be woken.

use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
    fence,
};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use isocord_ring::RingObserver;

use super::interruption::{Interrupted, Interrupter, Interruption};
use super::{FRAME_WORDS, TrackEnd};

/// Who waits for an end looks up at least this often.
const PARK_SLICE: Duration = Duration::from_millis(100);

/// Wakes whoever makes the frames and says how many are left. It is called on the clock thread: it
/// must not block or allocate.
pub type ProducerWaker = Box<dyn Fn(u32) + Send + Sync>;

/// Has whoever takes the frames look at the ring. It is called on the producer's thread.
pub type ConsumerWaker = Box<dyn Fn() + Send + Sync>;

/// What producer, clock and onlookers share of a track.
pub struct TrackState {
    end: AtomicU8,
    pub(super) failed: AtomicBool,
    rests: AtomicBool,
    frames_sent: AtomicU64,
    underruns: AtomicU64,
    silences: AtomicU64,
    interruption: Interruption,
    ring: RingObserver<FRAME_WORDS>,
    producer: OnceLock<ProducerWaker>,
    consumer: OnceLock<ConsumerWaker>,
    ended_lock: Mutex<()>,
    ended: Condvar,
}

impl std::fmt::Debug for TrackState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrackState").field("end", &self.end()).finish_non_exhaustive()
    }
}

impl TrackState {
    pub(super) fn new(ring: RingObserver<FRAME_WORDS>) -> Self {
        Self {
            end: AtomicU8::new(0),
            failed: AtomicBool::new(false),
            rests: AtomicBool::new(false),
            frames_sent: AtomicU64::new(0),
            underruns: AtomicU64::new(0),
            silences: AtomicU64::new(0),
            interruption: Interruption::new(),
            ring,
            producer: OnceLock::new(),
            consumer: OnceLock::new(),
            ended_lock: Mutex::new(()),
            ended: Condvar::new(),
        }
    }

    /// That of another track that takes the same frames.
    pub(super) fn beside(&self) -> Self {
        Self::new(self.ring.clone())
    }

    /// How it ended, or none while it has not.
    #[must_use]
    pub fn end(&self) -> Option<TrackEnd> {
        TrackEnd::from_code(self.end.load(Acquire))
    }

    /// Frames that have left.
    #[must_use]
    pub fn frames_sent(&self) -> u64 {
        self.frames_sent.load(Relaxed)
    }

    /// Number of the frame that is heard next.
    #[must_use]
    pub fn next_heard(&self) -> u64 {
        self.ring.next()
    }

    /// Frames that wait to leave.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.ring.queued()
    }

    /// Slots that found the ring empty too early.
    #[must_use]
    pub fn underruns(&self) -> u64 {
        self.underruns.load(Relaxed)
    }

    /// How it was interrupted, if that was its end.
    #[must_use]
    pub fn interrupted(&self) -> Option<Interrupted> {
        (self.end() == Some(TrackEnd::Interrupted)).then(|| self.interruption.told())
    }

    /// Waits until the track has ended; none after `timeout`.
    #[must_use]
    pub fn wait_end(&self, timeout: Duration) -> Option<TrackEnd> {
        let deadline = Instant::now() + timeout;
        let mut guard = self.ended_lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let end = self.end();
            let left = deadline.saturating_duration_since(Instant::now());
            if end.is_some() || left.is_zero() {
                return end;
            }
            // The clock thread never takes the lock, so a notice can be missed; the slice bounds that.
            let slice = left.min(PARK_SLICE);
            guard = self.ended.wait_timeout(guard, slice).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says how to wake the producer; only the first call counts.
    pub fn set_waker(&self, waker: ProducerWaker) {
        // A second waker would be a second producer, which the ring's type already rules out.
        let _ = self.producer.set(waker);
        // Whoever ends the track sees the waker, or the producer, who looks from now on, sees the end.
        fence(SeqCst);
    }

    /// Ends it, unless it has ended. Wakes the producer, who then sees the end.
    pub(crate) fn end_with(&self, end: TrackEnd) -> bool {
        let first = self.end.compare_exchange(0, end as u8, AcqRel, Acquire).is_ok();
        if first {
            fence(SeqCst);
            self.wake_producer(0);
        }
        first
    }

    /// Wakes those in [`Self::wait_end`]; not for the clock thread.
    pub(crate) fn notify_ended(&self) {
        drop(self.ended_lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.ended.notify_all();
    }

    /// Whether no frame is due where none waits: the source is at rest, and nobody is late.
    pub fn note_rests(&self, rests: bool) {
        self.rests.store(rests, Relaxed);
    }

    pub(crate) fn rests(&self) -> bool {
        self.rests.load(Relaxed)
    }

    pub(crate) fn interruption(&self) -> &Interruption {
        &self.interruption
    }

    /// Somebody speaks over it: it goes out natively, as soon as it can. For the receive thread, which waits for nobody.
    pub(crate) fn interrupt(&self, by: Interrupter) {
        if self.interruption.ask(by) {
            self.wake_producer(0);
        }
    }

    pub(crate) fn note_sent(&self) {
        self.frames_sent.fetch_add(1, Relaxed);
    }

    /// So many frames have left, as one tells who sends them.
    pub(crate) fn note_sent_in_all(&self, frames: u64) {
        self.frames_sent.store(frames, Relaxed);
    }

    /// Frames of silence that have left while it had nothing, or was held.
    pub(crate) fn silences(&self) -> u64 {
        self.silences.load(Relaxed)
    }

    /// Silence has left. What waits was made as if it followed what left before: its producer may make it anew.
    pub(crate) fn note_silence(&self) {
        self.silences.fetch_add(1, Relaxed);
        let waiting = self.waiting();
        if waiting > 0 {
            self.wake_producer(waiting as u32);
        }
    }

    pub(crate) fn note_underruns(&self, slots: u64) {
        self.underruns.fetch_add(slots, Relaxed);
    }

    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Says how to wake the one who plays the track, which is done when it has run empty; false if somebody does
    /// already.
    pub(crate) fn attach(&self, waker: ConsumerWaker) -> bool {
        self.consumer.set(waker).is_ok()
    }

    pub(super) fn wake_producer(&self, left: u32) {
        if let Some(wake) = self.producer.get() {
            wake(left);
        }
    }

    pub(super) fn wake_consumer(&self) {
        if let Some(wake) = self.consumer.get() {
            wake();
        }
    }
}
