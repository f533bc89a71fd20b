//! Opcode 25, to a member of a group and to one who waits.
#![no_main]

use isocord_fuzz::{Call, with_call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    with_call(Call::established, |_| true, |call| {
        call.members[0].external_sender(payload);
        if call.members[1].epoch() == Some(1) {
            call.members[1].prepare_epoch(1, 1);
        }
        call.members[1].external_sender(payload);
    });
});
