//! Once a stream is known, receiving takes no memory: in every transport mode, with DAVE, with loss.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use isocord_proto::cipher::{MAX_OVERHEAD, Opener, Sealer, TransportMode};
use isocord_proto::dave::{self, FrameSealer, Openers, ReceiverChange, SenderChange, SenderRatchet};
use isocord_proto::frame::{FRAME_LEN, MAX_OPUS_LEN};
use isocord_proto::opus::{Encoder, EncoderOptions};
use isocord_proto::recv::{DelayBounds, Frame, FrameOutput, Listening, ReceivePath, Speaking, Workspace};
use isocord_proto::rtp::{HEADER_LEN, Header};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Count(u64);

impl FrameOutput for Count {
    fn frame(&mut self, _: Frame<'_>) {
        self.0 += 1;
    }

    fn speaking(&mut self, _: u64, _: Speaking, _: u64) {}
}

#[test]
fn receiving_does_not_allocate() {
    let mut encoder = Encoder::new(&EncoderOptions::default()).expect("an encoder");
    let pcm: Vec<i16> = (0..FRAME_LEN).map(|i| ((i as f64 * 0.05).sin() * 9_000.0) as i16).collect();
    let mut opus = [0; MAX_OPUS_LEN];
    for mode in TransportMode::ALL {
        let mut sealer = Sealer::new(mode, &[3; 32]);
        let mut member = FrameSealer::new();
        member.apply(SenderChange::key(SenderRatchet::new(&[5; 16])));
        let mut out = Count(0);
        let mut workspace = Workspace::new();
        let mut path = ReceivePath::new(Openers::new(), DelayBounds::default());
        path.start_session(Opener::new(mode, &[3; 32]));
        path.listen(Listening::PcmAndOpus, Duration::ZERO, &mut workspace, &mut out);
        path.assign_ssrc(1, 100, Duration::ZERO, &mut workspace, &mut out);
        let keys = ReceiverChange::Epoch(vec![(100, SenderRatchet::new(&[5; 16]))]);
        path.change_keys(Duration::ZERO, &mut workspace, &mut out, |openers| {
            openers.apply(keys, Duration::ZERO)
        });
        let mut before = (0, 0);
        for number in 0..1_000u32 {
            let len = encoder.encode(&pcm, &mut opus).expect("encoded");
            let header = Header { sequence: number as u16, timestamp: number * 960, ssrc: 1 };
            let mut packet = [0; HEADER_LEN + MAX_OPUS_LEN + dave::MAX_OVERHEAD + MAX_OVERHEAD];
            packet[..HEADER_LEN].copy_from_slice(&header.encode());
            let len = member.seal(&opus[..len], &mut packet[HEADER_LEN..]).expect("a key");
            let total = sealer.seal(&mut packet, HEADER_LEN, HEADER_LEN + len).expect("nonces left");
            let now = Duration::from_millis(20 * u64::from(number));
            // Places for packets take their memory once.
            if number == 300 {
                before = (ALLOCATIONS.get(), out.0);
            }
            if number % 11 != 5 {
                path.datagram(&mut packet[..total], now, &mut workspace, &mut out);
            }
            path.poll(now, &mut workspace, &mut out);
        }
        assert_eq!(ALLOCATIONS.get() - before.0, 0, "{}", mode.name());
        assert!(out.0 - before.1 > 1_300, "{}", mode.name());
    }
}

#[test]
fn nothing_is_kept_for_those_to_whom_nobody_listens() {
    let opener = Opener::new(TransportMode::Aes256GcmRtpsize, &[3; 32]);
    let (mut out, mut workspace) = (Count(0), Workspace::new());
    let before = ALLOCATIONS.get();
    let mut path = ReceivePath::new(Openers::new(), DelayBounds::default());
    path.start_session(opener);
    for number in 0..100u16 {
        let header = Header { sequence: number, timestamp: u32::from(number) * 960, ssrc: 1 };
        let now = Duration::from_millis(20 * u64::from(number));
        path.datagram(&mut header.encode(), now, &mut workspace, &mut out);
        path.poll(now, &mut workspace, &mut out);
    }
    assert_eq!((path.stats().unheard, ALLOCATIONS.get() - before), (100, 0));
    assert!(size_of_val(&path) < 2_048, "{} bytes", size_of_val(&path));
}
