//! Any datagram is taken apart without a panic, and every part lies inside it.
#![no_main]

use isocord_proto::rtp::{Datagram, Preamble, parse};
use isocord_proto::{keepalive, toc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let _ = keepalive::is_echo(datagram);
    if let Some(head) = toc::parse(datagram) {
        assert!((120..=5_760).contains(&head.samples) && head.frame_samples <= head.samples);
    }
    let Datagram::Rtp(packet) = parse(datagram) else { return };
    let clear = packet.clear_len();
    assert!(clear <= datagram.len() && packet.fixed_len <= clear);
    for (from, preamble) in [(clear, Preamble::Clear), (packet.fixed_len, Preamble::Sealed)] {
        if let Some(media) = packet.media(&datagram[from..], preamble) {
            assert!(media.len() <= datagram.len() - from);
        }
    }
});
