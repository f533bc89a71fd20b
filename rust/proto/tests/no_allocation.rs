//! A packet is made without allocating, in every transport mode, with and without end-to-end encryption.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::{Pacer, Supply, Turn};
use isocord_proto::send::{MAX_PACKET_LEN, SendPath};
use isocord_proto::timeline::Timeline;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn making_packets_does_not_allocate() {
    for (mode, encrypted) in TransportMode::ALL.into_iter().flat_map(|mode| [(mode, false), (mode, true)]) {
        let mut path = SendPath::new(7, Sealer::new(mode, &[3; 32]));
        path.change_sender(match encrypted {
            true => SenderChange::key(SenderRatchet::new(&[5; 16])),
            false => SenderChange::Passthrough,
        });
        let mut timeline = Timeline::new(0, 0);
        let mut pacer = Pacer::default();
        let mut out = [0; MAX_PACKET_LEN];
        let frame = OpusFrame::new(&[0xFC; 320]).expect("a short packet");
        pacer.play();

        let before = ALLOCATIONS.get();
        for slot in 0..1_000u64 {
            assert_eq!(pacer.turn(Supply::Ready), Turn::Frame);
            let len = path.packet(&frame, &mut timeline, slot * 20, &mut out).expect("nonces left");
            assert!(len > frame.as_bytes().len());
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{}, encrypted: {encrypted}", mode.name());
    }
}
