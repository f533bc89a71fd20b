//! Opcode 29, to a member of a group.
#![no_main]

use isocord_fuzz::{Call, is_worth_a_group, with_call};
use isocord_proto::dave::Status;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    if payload.len() < 2 || is_worth_a_group(&payload[2..]) {
        let is_good = |call: &Call| call.members[0].status() == Status::Established;
        with_call(Call::established, is_good, |call| call.members[0].announce_commit(payload));
    }
});
