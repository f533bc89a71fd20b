//! Frames of the network, with a key and without, in plain and encrypted calls.
#![no_main]

use std::time::Duration;

use isocord_proto::dave::{Openers, ReceiverChange, SenderRatchet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, frame)) = input.split_first() else { return };
    let mut openers = Openers::new();
    let start = Duration::ZERO;
    openers.apply(ReceiverChange::Epoch(vec![(1, SenderRatchet::new(&[0; 16]))]), start);
    if kind & 1 == 1 {
        openers.apply(ReceiverChange::AllowPlain, start);
    }
    if kind & 2 == 2 {
        openers.apply(ReceiverChange::Epoch(vec![(1, SenderRatchet::new(&[1; 16]))]), start);
    }
    let now = Duration::from_secs(u64::from(kind >> 2) * 1_000_000);
    let mut out = vec![0; frame.len()];
    for user_id in [1, 2] {
        if let Ok(opened) = openers.open(user_id, frame, &mut out, now) {
            assert!(opened.len() <= frame.len());
        }
    }
    let _ = openers.open(1, frame, &mut out[..frame.len() / 2], now);
});
