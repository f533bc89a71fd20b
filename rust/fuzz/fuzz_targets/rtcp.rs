//! Any compound packet is walked through without a panic and without end.
#![no_main]

use isocord_proto::rtcp::sender_reports;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|compound: &[u8]| {
    // A sender report has 28 bytes at least.
    assert!(sender_reports(compound).count() <= compound.len() / 28);
});
