//! A track: Opus frames between the thread that makes them and the clock thread.
//!
//! A wait-free ring (`rtrb`) holds the lookahead. The producer sleeps while more than half of it is
//! full, so that it runs seldom and long instead of often and short; the clock thread only flips
//! atomics and, once for each half ring, wakes the producer.

use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;

use crate::clock::ClockHandle;
use crate::messages::{ConnectionId, OutletCommand};

/// Ring places that only frames after a [`TrackWriter::flush`] may use.
const FLUSH_RESERVE: usize = 3;
/// A producer looks up at least this often, should a wake-up be missed.
const PARK_SLICE: Duration = Duration::from_millis(100);
/// Frames in the ring unless the user says otherwise.
pub const DEFAULT_LOOKAHEAD: usize = 25;
/// The longest lookahead: 20 s.
pub const MAX_LOOKAHEAD: usize = 1_000;

/// How a track ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TrackEnd {
    /// Played to its end.
    Finished = 1,
    /// By `stop`.
    Stopped = 2,
    /// Another track took its place.
    Replaced = 3,
    /// Its connection closed.
    Closed = 4,
    /// Its native source failed.
    Failed = 5,
}

impl TrackEnd {
    fn from_code(code: u8) -> Option<Self> {
        [Self::Finished, Self::Stopped, Self::Replaced, Self::Closed, Self::Failed]
            .into_iter()
            .find(|end| *end as u8 == code)
    }
}

/// Wakes whoever makes the frames and says how many are left. It is called on the clock thread: it
/// must not block or allocate.
pub type ProducerWaker = Box<dyn Fn(u32) + Send + Sync>;

/// What producer, clock and onlookers share of a track.
#[derive(Default)]
pub struct TrackState {
    end: AtomicU8,
    finished: AtomicBool,
    failed: AtomicBool,
    frames_sent: AtomicU64,
    /// Frames that left the ring, sent or flushed.
    taken: AtomicU64,
    underruns: AtomicU64,
    /// Frames from `flush_from` up to this one are stale.
    flush_to: AtomicU64,
    flush_from: AtomicU64,
    producer_sleeps: AtomicBool,
    clock_starves: AtomicBool,
    producer: OnceLock<ProducerWaker>,
    outlet: OnceLock<(ClockHandle, ConnectionId)>,
    ended_lock: Mutex<()>,
    ended: Condvar,
}

impl std::fmt::Debug for TrackState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrackState").field("end", &self.end()).finish_non_exhaustive()
    }
}

impl TrackState {
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

    /// Frames that have left the ring, sent or flushed away.
    #[must_use]
    pub fn frames_taken(&self) -> u64 {
        self.taken.load(Acquire)
    }

    /// Slots that found the ring empty too early.
    #[must_use]
    pub fn underruns(&self) -> u64 {
        self.underruns.load(Relaxed)
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
    }

    /// Ends it, unless it has ended. Wakes the producer, who then sees the end.
    pub(crate) fn end_with(&self, end: TrackEnd) -> bool {
        let first = self.end.compare_exchange(0, end as u8, AcqRel, Acquire).is_ok();
        if first {
            self.wake_producer(0);
        }
        first
    }

    /// Wakes those in [`Self::wait_end`]; not for the clock thread.
    pub(crate) fn notify_ended(&self) {
        drop(self.ended_lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.ended.notify_all();
    }

    pub(crate) fn note_sent(&self) {
        self.frames_sent.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_underruns(&self, slots: u64) {
        self.underruns.fetch_add(slots, Relaxed);
    }

    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Says who plays the track, so that the producer can wake the clock when it has run empty.
    pub(crate) fn attach(&self, clock: ClockHandle, id: ConnectionId) -> bool {
        self.outlet.set((clock, id)).is_ok()
    }

    fn wake_producer(&self, left: u32) {
        if let Some(wake) = self.producer.get() {
            wake(left);
        }
    }

    fn wake_clock(&self) {
        if self.clock_starves.swap(false, AcqRel)
            && let Some((clock, id)) = self.outlet.get()
        {
            clock.send_to(*id, OutletCommand::Ready);
        }
    }
}

/// The producer's end.
pub struct TrackWriter {
    ring: rtrb::Producer<OpusFrame>,
    state: Arc<TrackState>,
    lookahead: usize,
    pushed: u64,
    was_full: bool,
}

/// The clock's end.
pub struct TrackReader {
    ring: rtrb::Consumer<OpusFrame>,
    state: Arc<TrackState>,
    half: usize,
    taken: u64,
}

/// A track of `lookahead` frames (1 to [`MAX_LOOKAHEAD`]).
#[must_use]
pub fn track(lookahead: usize) -> (TrackWriter, TrackReader) {
    let lookahead = lookahead.clamp(1, MAX_LOOKAHEAD);
    let (producer, consumer) = rtrb::RingBuffer::new(lookahead + FLUSH_RESERVE);
    let state = Arc::new(TrackState::default());
    let writer =
        TrackWriter { ring: producer, state: Arc::clone(&state), lookahead, pushed: 0, was_full: false };
    let half = lookahead.div_ceil(2) + FLUSH_RESERVE;
    (writer, TrackReader { ring: consumer, state, half, taken: 0 })
}

impl TrackWriter {
    /// What is shared.
    #[must_use]
    pub fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    /// Frames that may be pushed now.
    #[must_use]
    pub fn room(&self) -> usize {
        let stale = self.state.flush_to.load(Relaxed).saturating_sub(self.state.frames_taken()) as usize;
        let reserve = FLUSH_RESERVE.saturating_sub(stale.min(FLUSH_RESERVE));
        self.ring.slots().saturating_sub(reserve)
    }

    /// How many frames may be pushed if the producer should work now, or none if it should sleep:
    /// once the ring has been full, until half of it is free.
    pub fn room_to_work(&mut self) -> Option<usize> {
        let room = self.room();
        let enough = if self.was_full { self.lookahead.div_ceil(2) } else { 1 };
        let flushing = self.state.flush_to.load(Relaxed) > self.state.frames_taken();
        (room >= enough || (flushing && room > 0)).then(|| {
            self.was_full = false;
            room
        })
    }

    /// Asks to be woken when half the ring is free; then look at [`Self::room_to_work`] once more.
    pub fn going_to_sleep(&self) {
        self.state.producer_sleeps.store(true, Release);
    }

    /// Queues a frame; false if there is no room.
    #[must_use]
    pub fn push(&mut self, frame: &OpusFrame) -> bool {
        let pushed = self.room() > 0 && self.ring.push(*frame).is_ok();
        if pushed {
            self.pushed += 1;
            self.was_full |= self.room() == 0;
            self.state.wake_clock();
        }
        pushed
    }

    /// Frames pushed so far.
    #[must_use]
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Makes the frames in the ring stale, but for the next `keep`: they are passed over as soon as
    /// a newer one is there. Returns the number of the frame that the next pushed one will follow.
    pub fn flush(&mut self, keep: u64) -> u64 {
        let from = (self.state.frames_taken() + keep).min(self.pushed);
        self.state.flush_from.store(from, Release);
        self.state.flush_to.store(self.pushed, Release);
        from
    }

    /// Frames in the ring.
    #[must_use]
    pub fn queued(&self) -> u32 {
        (self.ring.buffer().capacity() - self.ring.slots()) as u32
    }

    /// No more frames will come.
    pub fn finish(&self) {
        self.state.finished.store(true, Release);
        self.state.wake_clock();
    }

    /// More frames will come after all, as after a seek; too late if the end was already reached.
    pub fn unfinish(&self) {
        self.state.finished.store(false, Release);
    }

    /// No more frames will come, because the source failed.
    pub fn fail(&self) {
        self.state.failed.store(true, Relaxed);
        self.finish();
    }

    /// Parks the calling thread until there is [`Self::room_to_work`]; 0 after `timeout`, none if
    /// the track is over. The first thread that waits is the producer from then on.
    pub fn wait_room(&mut self, timeout: Duration) -> Option<usize> {
        let me: Thread = std::thread::current();
        self.state.set_waker(Box::new(move |_| me.unpark()));
        let deadline = Instant::now() + timeout;
        loop {
            self.going_to_sleep();
            if self.state.end().is_some() {
                return None;
            }
            if let Some(room) = self.room_to_work() {
                self.state.producer_sleeps.store(false, Relaxed);
                return Some(room);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(0);
            }
            std::thread::park_timeout(left.min(PARK_SLICE));
        }
    }
}

impl TrackReader {
    /// What is shared.
    pub(crate) fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    /// What the ring has now.
    pub(crate) fn supply(&mut self) -> Supply {
        self.drop_stale();
        // `finished` is read first: whatever was pushed before it was set is then seen.
        let finished = self.state.finished.load(Acquire);
        match (self.ring.is_empty(), finished) {
            (false, _) => Supply::Ready,
            (true, false) => Supply::Empty,
            (true, true) => Supply::Exhausted,
        }
    }

    /// Asks to be woken by the next frame; then look at [`Self::supply`] once more.
    pub(crate) fn going_to_starve(&self) {
        self.state.clock_starves.store(true, Release);
    }

    /// Lends the oldest frame to `use_it` and takes it out; none if the ring is empty.
    pub(crate) fn take<T>(&mut self, use_it: impl FnOnce(&OpusFrame) -> T) -> Option<T> {
        let chunk = self.ring.read_chunk(1).ok()?;
        let result = chunk.as_slices().0.first().map(use_it);
        chunk.commit_all();
        self.note_taken(1);
        result
    }

    fn drop_stale(&mut self) {
        let stale = self.state.flush_to.load(Acquire).saturating_sub(self.taken) as usize;
        if stale > 0
            && self.taken >= self.state.flush_from.load(Acquire)
            && self.ring.slots() > stale
            && let Ok(chunk) = self.ring.read_chunk(stale)
        {
            chunk.commit_all();
            self.note_taken(stale as u64);
        }
    }

    fn note_taken(&mut self, count: u64) {
        self.taken += count;
        self.state.taken.store(self.taken, Release);
        let left = self.ring.slots();
        let free = self.ring.buffer().capacity() - left;
        if free >= self.half && self.state.producer_sleeps.swap(false, AcqRel) {
            self.state.wake_producer(left as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(byte: u8) -> OpusFrame {
        OpusFrame::new(&[byte]).expect("one byte")
    }

    fn drain(reader: &mut TrackReader) -> Vec<u8> {
        let mut bytes = Vec::new();
        while reader.supply() == Supply::Ready {
            bytes.extend(reader.take(|frame| frame.as_bytes()[0]));
        }
        bytes
    }

    #[test]
    fn frames_come_out_in_order_and_the_end_after_them() {
        let (mut writer, mut reader) = track(4);
        assert_eq!(reader.supply(), Supply::Empty);
        for byte in 1..=4 {
            assert!(writer.push(&frame(byte)));
        }
        assert!(!writer.push(&frame(5)));
        writer.finish();
        assert_eq!(drain(&mut reader), [1, 2, 3, 4]);
        assert_eq!(reader.supply(), Supply::Exhausted);
    }

    #[test]
    fn a_full_ring_asks_for_work_again_when_half_of_it_is_free() {
        let (mut writer, mut reader) = track(4);
        for byte in 0..4 {
            assert!(writer.room_to_work().is_some());
            assert!(writer.push(&frame(byte)));
        }
        assert_eq!(writer.room_to_work(), None);
        reader.take(|_| ());
        assert_eq!(writer.room_to_work(), None);
        reader.take(|_| ());
        assert_eq!(writer.room_to_work(), Some(2));
    }

    #[test]
    fn stale_frames_play_until_a_newer_one_is_there() {
        let (mut writer, mut reader) = track(4);
        for byte in 1..=4 {
            assert!(writer.push(&frame(byte)));
        }
        writer.flush(0);
        assert_eq!(reader.supply(), Supply::Ready);
        assert_eq!(reader.take(|frame| frame.as_bytes()[0]), Some(1));
        assert!(writer.room_to_work().is_some(), "a flush must have room in a full ring");
        assert!(writer.push(&frame(9)));
        assert_eq!(drain(&mut reader), [9]);
        assert_eq!(writer.room(), 4);
    }

    #[test]
    fn a_flush_can_leave_the_next_frames_alone() {
        let (mut writer, mut reader) = track(4);
        for byte in 1..=4 {
            assert!(writer.push(&frame(byte)));
        }
        assert_eq!(writer.flush(2), 2);
        assert!(writer.push(&frame(9)));
        assert_eq!(drain(&mut reader), [1, 2, 9]);
    }

    #[test]
    fn the_first_end_counts() {
        let (writer, reader) = track(1);
        assert!(reader.state().end_with(TrackEnd::Stopped));
        assert!(!writer.state().end_with(TrackEnd::Finished));
        assert_eq!(writer.state().wait_end(Duration::ZERO), Some(TrackEnd::Stopped));
    }

    #[test]
    fn a_waiting_producer_is_told_that_the_track_is_over() {
        let (mut writer, reader) = track(1);
        assert!(writer.push(&frame(0)));
        let state = Arc::clone(reader.state());
        let producer = std::thread::spawn(move || writer.wait_room(Duration::from_secs(60)));
        state.end_with(TrackEnd::Closed);
        assert_eq!(producer.join().expect("no panic"), None);
    }
}
