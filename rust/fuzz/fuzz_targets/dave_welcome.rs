//! Opcode 30, to a pending member. A refused welcome leads to a new key package, and the member is pending again.
//!
//! Some inputs change a true welcome instead, which names this member and so gets as far as its decryption.
#![no_main]

use isocord_fuzz::{Call, is_worth_a_group, with_call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    match payload {
        [0xff, changes @ ..] if is_worth_a_group(changes) => change_a_true_one(changes),
        [_, _, welcome @ ..] if is_worth_a_group(welcome) => {
            with_call(|| Call::pending().0, |_| true, |call| call.members[1].welcome(payload));
        }
        _ => {}
    }
});

/// Each pair of bytes is a place and what is changed there.
fn change_a_true_one(changes: &[u8]) {
    let (mut call, outcome) = Call::committed();
    let (_, mut welcome) = outcome.welcome_messages(1).remove(0);
    for (index, pair) in changes.chunks_exact(2).enumerate() {
        let at = (usize::from(pair[0]) + index * 256) % welcome.len();
        welcome[at] ^= pair[1];
    }
    call.members[1].welcome(&welcome);
}
