//! The ring, one thread after the other.
#![cfg(not(loom))]

use std::collections::VecDeque;

use isocord_ring::{RingReader, RingWriter, TooLate, ring};

const WORDS: usize = 3;

fn drain(reader: &mut RingReader<WORDS>) -> Vec<u8> {
    let mut bytes = [0; 24];
    std::iter::from_fn(|| reader.take(&mut bytes).map(|_| bytes[0])).collect()
}

fn full(frames: u8) -> (RingWriter<WORDS>, RingReader<WORDS>) {
    let (mut writer, reader) = ring(usize::from(frames));
    for byte in 1..=frames {
        assert_eq!(writer.push(&[byte]), Some(false));
    }
    (writer, reader)
}

#[test]
fn frames_come_out_whole_and_in_order() {
    let (mut writer, mut reader) = ring::<WORDS>(4);
    let frames: [&[u8]; 4] = [b"a", b"eight...", b"nine.....", b"twenty-four bytes in all"];
    for round in 0..10 {
        for frame in frames {
            assert!(writer.push(frame).is_some());
        }
        assert_eq!(writer.push(b"one too many"), None);
        for (index, frame) in frames.iter().enumerate() {
            let mut bytes = [0; 24];
            let taken = reader.take(&mut bytes).expect("a frame");
            assert_eq!(&bytes[..taken.len], *frame);
            assert_eq!(reader.observer().next(), round * 4 + index as u64 + 1);
        }
    }
}

#[test]
fn a_producer_that_sleeps_is_woken_once_when_half_is_free() {
    let (mut writer, mut reader) = full(5);
    let mut bytes = [0; 24];
    assert!(writer.sleep(3));
    let wakes = (0..5).map(|_| reader.take(&mut bytes).expect("a frame").wakes).collect::<Vec<_>>();
    assert_eq!(wakes, [false, false, true, false, false]);
    assert!(!writer.sleep(3), "there is room");
}

#[test]
fn a_consumer_that_starves_is_woken_by_a_frame_and_by_the_end() {
    let (mut writer, mut reader) = ring::<WORDS>(2);
    assert!(reader.starve());
    assert_eq!(writer.push(&[1]), Some(true));
    assert!(!reader.starve(), "a frame waits");
    assert_eq!(drain(&mut reader), [1]);
    assert!(reader.starve());
    assert!(writer.finish());
    assert!(!reader.starve(), "it has ended");
    assert_eq!(reader.supply(), (0, false));
}

#[test]
fn what_is_taken_back_makes_room_and_keeps_its_numbers() {
    let (mut writer, mut reader) = full(4);
    writer.finish();
    assert_eq!(writer.take_back(0), Err(TooLate), "one is left to be heard meanwhile");
    assert_eq!(writer.take_back(2), Ok(()));
    assert!(!writer.is_finished());
    assert_eq!((writer.room(), writer.end()), (2, 2));
    writer.push(&[9]);
    assert_eq!(drain(&mut reader), [1, 2, 9]);
    assert_eq!(writer.take_back(2), Err(TooLate));
    assert_eq!(writer.next(), 3);
}

#[test]
fn one_frame_in_the_place_of_all_is_the_next_one_heard() {
    let (mut writer, mut reader) = full(4);
    assert_eq!(writer.replace_all(&[9]), (4, false));
    assert_eq!(writer.room(), 3);
    writer.push(&[10]);
    assert_eq!(drain(&mut reader), [9, 10]);
    assert!(reader.starve());
    assert_eq!(writer.replace_all(&[11]), (6, true));
    assert_eq!(drain(&mut reader), [11]);
}

#[test]
fn an_end_at_once_is_heard_at_once_and_can_be_taken_back() {
    let (mut writer, mut reader) = full(4);
    writer.end_now();
    assert_eq!(reader.supply(), (0, false));
    assert_eq!(writer.replace_all(&[9]), (4, false));
    assert_eq!(reader.supply(), (1, true));
    assert_eq!(drain(&mut reader), [9]);
}

/// What waits in a ring of `frames` is exactly what was put in, whatever the lengths, however often it goes round.
fn frames_of_every_length(frames: usize, seed: u64) {
    const LONGEST: usize = 7;
    let (mut writer, mut reader) = ring::<LONGEST>(frames);
    let mut waiting: VecDeque<Vec<u8>> = VecDeque::new();
    let mut state = seed;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for step in 0..2_000 {
        let frame = vec![step as u8; random(LONGEST * 8 + 1)];
        match random(8) {
            0 => {
                writer.replace_all(&frame);
                waiting = VecDeque::from([frame]);
            }
            1 => {
                let late = random(2) == 1;
                let put = writer.replace_all_at(writer.next() + u64::from(late), &frame);
                assert_eq!(put.is_err(), late);
                if !late {
                    waiting = VecDeque::from([frame]);
                }
            }
            2 => {
                let left = random(frames + 1);
                let taken_back = writer.take_back(writer.next() + left as u64);
                assert_eq!(taken_back.is_err(), left == 0);
                if left > 0 {
                    waiting.truncate(left);
                }
            }
            3 => {
                writer.end_now();
                waiting.clear();
            }
            4..6 => {
                let is_pushed = writer.push(&frame).is_some();
                assert_eq!(is_pushed, waiting.len() < frames);
                waiting.extend(is_pushed.then_some(frame));
            }
            _ => {
                let mut bytes = [0; LONGEST * 8];
                let taken = reader.take(&mut bytes).map(|taken| bytes[..taken.len].to_vec());
                assert_eq!(taken, waiting.pop_front());
            }
        }
    }
}

#[test]
fn what_waits_is_what_was_put_in_whatever_the_lengths() {
    for seed in 0..if cfg!(miri) { 2 } else { 200 } {
        frames_of_every_length(1 + seed as usize % 6, seed);
    }
}
