//! Opcodes 26 and 28, as the delivery service gets them.
#![no_main]

use isocord_fuzz::{Call, with_call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, payload)) = input.split_first() else { return };
    with_call(Call::established, |call| call.service.epoch() == 1, |call| {
        if kind & 1 == 0 {
            let _ = call.service.add(2, payload);
        } else {
            let _ = call.service.commit(1, payload);
        }
    });
});
