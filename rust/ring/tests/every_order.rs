//! The ring under `loom`: each model runs in every order in which two threads may see each other's steps, as far as
//! each is interrupted [`INTERRUPTIONS`] times at most. A thread that sleeps for ever is a deadlock, which `loom` reports.
#![cfg(loom)]

use isocord_ring::{RingReader, RingWriter, ring};
use loom::thread::{self, Thread};

type Writer = RingWriter<2>;
type Reader = RingReader<2>;

/// More of them find nothing more in a ring this small, and take hours.
const INTERRUPTIONS: usize = 3;

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(INTERRUPTIONS);
    builder.check(run);
}

/// A frame of two words that belong together; every third has only one.
fn frame(value: u64) -> Vec<u8> {
    value.to_le_bytes().repeat(words(value))
}

fn words(value: u64) -> usize {
    if value % 3 == 2 { 1 } else { 2 }
}

fn value(bytes: &[u8]) -> u64 {
    let value = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(bytes, frame(value), "a frame is one frame's bytes and not two frames' halves");
    value
}

/// What the clock does: takes what there is, and sleeps when there is nothing.
fn consume(mut reader: Reader, producer: &Thread) -> Vec<u64> {
    let mut heard = Vec::new();
    loop {
        let mut bytes = [0; 16];
        match reader.take(&mut bytes) {
            Some(taken) => {
                heard.push(value(&bytes[..taken.len]));
                if taken.wakes {
                    producer.unpark();
                }
            }
            None if reader.starve() => thread::park(),
            None if reader.supply() == (0, false) => return heard,
            None => {}
        }
    }
}

/// What the producer does: pushes, and sleeps when there is no room.
fn produce(writer: &mut Writer, half: usize, consumer: &Thread, values: std::ops::Range<u64>) {
    for next in values {
        while writer.room() == 0 {
            if writer.sleep(half) {
                thread::park();
            }
        }
        if writer.push(&frame(next)) == Some(true) {
            consumer.unpark();
        }
    }
}

fn finish(writer: &mut Writer, consumer: &Thread) {
    if writer.finish() {
        consumer.unpark();
    }
}

/// Runs a consumer beside `producer`, which is given the way to wake it; returns what it has heard.
fn beside(frames: usize, before: &[u64], producer: fn(Writer, &Thread)) -> Vec<u64> {
    let (mut writer, reader) = ring(frames);
    for &value in before {
        assert!(writer.push(&frame(value)).is_some());
    }
    let me = thread::current();
    let consumer = thread::spawn(move || consume(reader, &me));
    let wake = consumer.thread().clone();
    producer(writer, &wake);
    consumer.join().unwrap()
}

#[test]
fn no_wake_up_is_lost_with_room_for_one() {
    model(|| {
        let heard = beside(1, &[], |mut writer, consumer| {
            produce(&mut writer, 1, consumer, 0..2);
            finish(&mut writer, consumer);
        });
        assert_eq!(heard, [0, 1]);
    });
}

#[test]
fn no_wake_up_is_lost_when_the_end_meets_the_hunger() {
    model(|| {
        let heard = beside(2, &[7], |mut writer, consumer| finish(&mut writer, consumer));
        assert_eq!(heard, [7]);
    });
}

#[test]
fn no_wake_up_is_lost_when_half_of_it_is_free() {
    model(|| {
        let heard = beside(2, &[0, 1], |mut writer, consumer| {
            produce(&mut writer, 1, consumer, 2..3);
            finish(&mut writer, consumer);
        });
        assert_eq!(heard, [0, 1, 2]);
    });
}

#[test]
fn what_is_taken_back_is_not_heard_and_what_comes_instead_follows_what_left() {
    model(|| {
        let heard = beside(3, &[0, 1, 2], |mut writer, consumer| {
            let first = match writer.take_back(1) {
                Ok(()) => 1,
                // Both are heard as they were, or the second is.
                Err(_) if writer.take_back(2).is_ok() => 2,
                Err(_) => 3,
            };
            produce(&mut writer, 2, consumer, 10 + first..13);
            finish(&mut writer, consumer);
        });
        assert!([[0, 11, 12], [0, 1, 12], [0, 1, 2]].contains(&heard[..].try_into().unwrap()), "{heard:?}");
    });
}

#[test]
fn all_that_waits_is_taken_back_and_who_runs_empty_meanwhile_is_woken() {
    model(|| {
        let heard = beside(2, &[0, 1], |mut writer, consumer| {
            let first = (0..2).find(|&from| writer.take_all_back(from).is_ok()).unwrap_or(2);
            produce(&mut writer, 1, consumer, 10 + first..12);
            finish(&mut writer, consumer);
        });
        assert!([[10, 11], [0, 11], [0, 1]].contains(&heard[..].try_into().unwrap()), "{heard:?}");
    });
}

#[test]
fn a_frame_that_is_looked_at_is_whole_and_one_that_waited() {
    model(|| {
        let (mut writer, reader) = ring::<2>(2);
        assert!(writer.push(&frame(0)).is_some() && writer.push(&frame(1)).is_some());
        let looks = thread::spawn(move || {
            let mut bytes = [0; 16];
            [0, 1].map(|ahead| reader.peek(ahead, &mut bytes).map(|len| value(&bytes[..len])))
        });
        assert!(writer.take_back(1).is_ok());
        assert!(writer.push(&frame(11)).is_some());
        let [first, second] = looks.join().unwrap();
        assert_eq!(first, Some(0));
        assert!([None, Some(1), Some(11)].contains(&second), "{second:?}");
    });
}

#[test]
fn one_frame_takes_the_place_of_all_in_one_step() {
    model(|| {
        let heard = beside(2, &[0, 1], |mut writer, consumer| {
            if writer.replace_all(&frame(10)).1 {
                consumer.unpark();
            }
            // This one lies where the first lay.
            produce(&mut writer, 1, consumer, 11..12);
            finish(&mut writer, consumer);
        });
        assert!([&[10, 11][..], &[0, 10, 11], &[0, 1, 10, 11]].contains(&&heard[..]), "{heard:?}");
    });
}

#[test]
fn an_end_that_is_taken_back_and_an_end_at_once() {
    model(|| {
        let heard = beside(2, &[0, 1], |mut writer, consumer| {
            if writer.end_now().1 {
                consumer.unpark();
            }
        });
        assert!([&[][..], &[0], &[0, 1]].contains(&&heard[..]), "{heard:?}");
    });
}
