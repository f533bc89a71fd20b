//! Opcode 27, to a member of a group.
#![no_main]

use isocord_fuzz::{Call, with_call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    with_call(Call::established, |_| true, |call| {
        call.members[0].proposals(payload);
        call.members[0].answer_proposals();
    });
});
