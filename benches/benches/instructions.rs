//! Instruction counts (valgrind): they repeat where times do not.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gungraun::{library_benchmark, library_benchmark_group, main};
use isocord_benches::opus;
use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::frame::OpusFrame;
use isocord_proto::send::{MAX_PACKET_LEN, SendPath};
use isocord_proto::timeline::Timeline;
use std::hint::black_box;

struct Setup {
    path: SendPath,
    timeline: Timeline,
    frame: OpusFrame,
    packet: [u8; MAX_PACKET_LEN],
}

fn setup(mode: TransportMode) -> Setup {
    let mut path = SendPath::new(1, Sealer::new(mode, &[1; 32]));
    path.change_sender(SenderChange::key(SenderRatchet::new(&[2; 16])));
    let mut timeline = Timeline::new(0, 0);
    let frame = *opus().last().expect("a second of frames");
    let mut packet = [0; MAX_PACKET_LEN];
    // The first packet pays for finding out what the processor can do.
    path.packet(&frame, &mut timeline, 0, &mut packet).expect("nonces left");
    Setup { path, timeline, frame, packet }
}

#[library_benchmark]
#[bench::aes_gcm(setup(TransportMode::Aes256GcmRtpsize))]
#[bench::xchacha(setup(TransportMode::XChaCha20Poly1305Rtpsize))]
fn packet(mut setup: Setup) -> usize {
    let Setup { path, timeline, frame, packet } = &mut setup;
    black_box(path.packet(frame, timeline, 20, packet)).expect("nonces left")
}

library_benchmark_group!(name = send, benchmarks = packet);
main!(library_benchmark_groups = send);
