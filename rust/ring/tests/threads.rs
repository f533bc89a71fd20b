//! The ring between two real threads; also what Miri and ThreadSanitizer look at.
#![cfg(not(loom))]

use std::thread;

use isocord_ring::ring;

const FRAMES: u64 = if cfg!(miri) { 60 } else { 30_000 };

/// Each frame says its number and whether it is a first or a later attempt; the words tell if they are from one frame.
fn frame(number: u64, attempt: u64) -> [u8; 24] {
    let mut bytes = [0; 24];
    for word in bytes.chunks_exact_mut(8) {
        word.copy_from_slice(&(number * 2 + attempt).to_le_bytes());
    }
    bytes
}

#[test]
fn nobody_sleeps_for_ever_and_what_is_heard_is_in_order_and_whole() {
    for lookahead in [1, 2, 5] {
        let (mut writer, mut reader) = ring::<3>(lookahead);
        let producer = thread::current();
        let consumer = thread::spawn(move || {
            let (mut next, mut bytes) = (0, [0; 24]);
            loop {
                match reader.take(&mut bytes) {
                    Some(taken) => {
                        if taken.wakes {
                            producer.unpark();
                        }
                        assert!(bytes.chunks_exact(8).all(|word| word == &bytes[..8]), "two frames in one");
                        let number = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) / 2;
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
