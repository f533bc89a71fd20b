//! The ring between two real threads; also what Miri and ThreadSanitizer look at.
#![cfg(not(loom))]

use std::thread;

use isocord_ring::ring;

const FRAMES: u64 = if cfg!(miri) { 60 } else { 30_000 };

/// Each frame says its number and whether it is a first or a later attempt; the words tell if they are from one frame.
/// One to seven of them, as many as the number says.
fn frame(number: u64, attempt: u64) -> Vec<u8> {
    (number * 2 + attempt).to_le_bytes().repeat(1 + number as usize * 5 % 7)
}

#[test]
fn nobody_sleeps_for_ever_and_what_is_heard_is_in_order_and_whole() {
    for lookahead in [1, 2, 5] {
        let (mut writer, mut reader) = ring::<7>(lookahead);
        let producer = thread::current();
        let consumer = thread::spawn(move || {
            let (mut next, mut bytes) = (0, [0; 56]);
            loop {
                match reader.take(&mut bytes) {
                    Some(taken) => {
                        if taken.wakes {
                            producer.unpark();
                        }
                        let word = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
                        let number = word / 2;
                        assert!(bytes[..taken.len] == frame(number, word % 2), "two frames in one");
                        assert_eq!(number, next);
                        next += 1;
                    }
                    None if reader.starve() => thread::park(),
                    None if reader.supply() == (0, false) => return next,
                    None => {}
                }
            }
        });
        let wake = |wakes: bool| {
            if wakes {
                consumer.thread().unpark();
            }
        };
        let mut attempt = 0;
        while writer.end() < FRAMES {
            let number = writer.end();
            match writer.push(&frame(number, attempt)) {
                Some(wakes) => wake(wakes),
                None if writer.sleep(lookahead.div_ceil(2)) => thread::park(),
                None => {}
            }
            // Now and then the last two are made anew.
            if number % 7 == 0 && writer.take_back(number.saturating_sub(1)).is_ok() {
                attempt = 1 - attempt;
            }
        }
        wake(writer.finish());
        assert_eq!(consumer.join().expect("no panic"), FRAMES);
    }
}
