//! A track: Opus frames between the thread that makes them and the clock thread.
//!
//! A wait-free ring (`rtrb`) holds the lookahead. The producer sleeps while more than half of it is
//! full, so that it runs seldom and long instead of often and short; the clock thread only flips
//! atomics and, once for each half ring, wakes the producer.

mod reader;
mod state;
mod writer;

use std::sync::Arc;
use std::time::Duration;

pub use reader::TrackReader;
pub use state::{ConsumerWaker, ProducerWaker, TrackState};
pub use writer::TrackWriter;

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

/// A track of `lookahead` frames (1 to [`MAX_LOOKAHEAD`]).
#[must_use]
pub fn track(lookahead: usize) -> (TrackWriter, TrackReader) {
    let lookahead = lookahead.clamp(1, MAX_LOOKAHEAD);
    let (producer, consumer) = rtrb::RingBuffer::new(lookahead + FLUSH_RESERVE);
    let state = Arc::new(TrackState::default());
    let writer = TrackWriter::new(producer, Arc::clone(&state), lookahead);
    let half = lookahead.div_ceil(2) + FLUSH_RESERVE;
    (writer, TrackReader::new(consumer, state, half))
}

#[cfg(test)]
mod tests {
    use isocord_proto::frame::OpusFrame;
    use isocord_proto::pacing::Supply;

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
        writer.flush();
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
        assert_eq!(writer.flush_after(2), Some(2));
        assert!(writer.push(&frame(9)));
        assert_eq!(drain(&mut reader), [1, 2, 9]);
    }

    #[test]
    fn a_flush_of_the_last_frames_is_no_end() {
        let (mut writer, mut reader) = track(4);
        assert!(writer.push(&frame(1)));
        writer.finish();
        writer.flush();
        assert_eq!(drain(&mut reader), [1]);
        assert_eq!(reader.supply(), Supply::Empty);
    }

    #[test]
    fn stale_frames_are_not_played_to_the_end() {
        let (mut writer, mut reader) = track(4);
        for byte in 1..=4 {
            assert!(writer.push(&frame(byte)));
        }
        writer.flush();
        writer.finish();
        assert_eq!(reader.supply(), Supply::Exhausted);
    }

    #[test]
    fn flushes_that_nobody_hears_never_shut_newer_frames_out() {
        let (mut writer, mut reader) = track(4);
        for byte in 1..=4 {
            assert!(writer.push(&frame(byte)));
        }
        let mut byte = 4;
        for _ in 0..5 {
            writer.flush();
            while writer.room() > 0 {
                byte += 1;
                assert!(writer.push(&frame(byte)));
            }
            // A paused track is looked at, but nothing is taken.
            assert_eq!(reader.supply(), Supply::Ready);
        }
        writer.flush();
        reader.supply();
        assert!(writer.push(&frame(99)), "room is made for what is wanted");
        assert_eq!(drain(&mut reader), [99]);
    }

    #[test]
    fn a_full_ring_asks_for_what_takes_the_place_of_stale_frames_at_once() {
        let (mut writer, mut reader) = track(8);
        let woken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        writer.state().set_waker(Box::new(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }));
        let wakes = || woken.load(std::sync::atomic::Ordering::Relaxed);
        while writer.push(&frame(1)) {}
        assert_eq!(writer.flush_after(3), Some(3));
        while writer.push(&frame(2)) {}
        for wake in 1..=4 {
            writer.going_to_sleep();
            assert_eq!(reader.supply(), Supply::Ready);
            assert_eq!(writer.is_flushing(), wake < 4);
            reader.take(|_| ());
            assert_eq!(wakes(), wake, "once for each frame, and once for the stale ones");
            assert!(writer.push(&frame(3)));
        }
        assert_eq!(drain(&mut reader), [2, 2, 3, 3, 3, 3]);
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
