//! Both ends of a track, driven by hand.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;

use super::*;

fn frame(byte: u8) -> OpusFrame {
    OpusFrame::new(&[byte]).expect("one byte")
}

fn drain(reader: &mut TrackReader) -> Vec<u8> {
    std::iter::from_fn(|| reader.take().map(|frame| frame.as_bytes()[0])).collect()
}

fn full(lookahead: u8) -> (TrackWriter, TrackReader) {
    let (mut writer, reader) = track(usize::from(lookahead));
    for byte in 1..=lookahead {
        assert!(writer.push(&frame(byte)));
    }
    (writer, reader)
}

fn count_wakes(state: &TrackState) -> Arc<AtomicUsize> {
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    state.set_waker(Box::new(move |_| {
        count.fetch_add(1, Relaxed);
    }));
    woken
}

#[test]
fn frames_come_out_in_order_and_the_end_after_them() {
    let (mut writer, mut reader) = full(4);
    assert!(!writer.push(&frame(5)));
    writer.finish();
    assert_eq!(reader.supply(), Supply::Ready);
    assert_eq!(drain(&mut reader), [1, 2, 3, 4]);
    assert_eq!(reader.supply(), Supply::Exhausted);
}

#[test]
fn a_full_ring_asks_for_work_again_when_half_of_it_is_free() {
    let (mut writer, mut reader) = full(4);
    let woken = count_wakes(writer.state());
    assert_eq!(writer.room_or_sleep(), None);
    reader.take();
    assert_eq!(writer.room_or_sleep(), None);
    assert_eq!(woken.load(Relaxed), 0);
    reader.take();
    assert_eq!(woken.load(Relaxed), 1);
    assert_eq!(writer.room_or_sleep(), Some(2));
}

#[test]
fn frames_in_the_place_of_others_follow_exactly_what_has_left() {
    let (mut writer, mut reader) = full(4);
    assert_eq!(writer.replace_from(0, &[frame(9)]), Err(TooLate), "the clock may be about to take it");
    reader.take();
    assert_eq!(writer.replace_from(2, &[frame(8), frame(9)]), Ok(()));
    assert_eq!(drain(&mut reader), [2, 8, 9]);
    assert_eq!(writer.replace_from(3, &[frame(9)]), Err(TooLate));
    // With nothing queued they simply come next.
    assert_eq!(writer.replace_from(4, &[frame(10)]), Ok(()));
    assert_eq!(drain(&mut reader), [10]);
}

#[test]
fn a_frame_in_the_place_of_all_is_no_end() {
    let (mut writer, mut reader) = full(4);
    writer.finish();
    assert_eq!(writer.replace_all(&frame(9)), 4);
    assert_eq!(reader.state().next_heard(), 4);
    assert_eq!(drain(&mut reader), [9]);
    assert_eq!(reader.supply(), Supply::Empty);
    writer.end_now();
    assert_eq!(reader.supply(), Supply::Exhausted);
}

#[test]
fn the_first_end_counts() {
    let (writer, reader) = track(1);
    assert!(reader.state().end_with(TrackEnd::Stopped));
    assert!(!writer.state().end_with(TrackEnd::Finished));
    assert_eq!(writer.state().wait_end(Duration::ZERO), Some(TrackEnd::Stopped));
}

#[test]
fn a_producer_that_goes_ends_the_track_after_what_is_queued() {
    let (writer, mut reader) = full(2);
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let counting = Box::new(move || {
        count.fetch_add(1, Relaxed);
    });
    assert!(reader.state().attach(counting));
    assert_eq!(drain(&mut reader), [1, 2]);
    assert!(reader.starve());
    drop(writer);
    assert_eq!(woken.load(Relaxed), 1, "the clock is told");
    assert_eq!(reader.supply(), Supply::Exhausted);
    assert!(reader.state().failed());
}

#[test]
fn a_finished_producer_that_goes_has_not_failed() {
    let (mut writer, reader) = full(2);
    writer.finish();
    drop(writer);
    assert!(!reader.state().failed());
}

#[test]
fn a_consumer_that_goes_ends_the_track_and_wakes_the_producer() {
    let (writer, reader) = full(2);
    let woken = count_wakes(writer.state());
    drop(reader);
    assert_eq!(writer.state().end(), Some(TrackEnd::Closed));
    assert_eq!(woken.load(Relaxed), 1);
}

#[test]
fn a_waiting_producer_is_told_that_the_track_is_over() {
    let (mut writer, reader) = full(1);
    let state = Arc::clone(reader.state());
    let producer = std::thread::spawn(move || writer.wait_room(Duration::from_secs(60)));
    state.end_with(TrackEnd::Closed);
    assert_eq!(producer.join().expect("no panic"), None);
}
