//! The clock thread never allocates for encryption, and opening allocates nothing either.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use isocord_proto::dave::{FrameSealer, MAX_OVERHEAD, Openers, ReceiverChange, SenderChange, SenderRatchet};

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn calls_of(work: impl FnOnce()) -> usize {
    let before = CALLS.with(Cell::get);
    work();
    CALLS.with(Cell::get) - before
}

#[test]
fn sealing_and_changing_keys_take_no_memory() {
    let mut sealer = FrameSealer::new();
    let mut out = [0; 320 + MAX_OVERHEAD];
    let mut changes: Vec<_> =
        (0..4).map(|epoch| SenderChange::key(SenderRatchet::new(&[epoch; 16]))).collect();
    // What is done with goes where memory may be freed.
    let mut done = Vec::with_capacity(8);
    let calls = calls_of(|| {
        for change in changes.drain(..) {
            done.push(sealer.apply(change));
            for _ in 0..100 {
                sealer.seal(&[1; 320], &mut out).unwrap();
            }
        }
        done.push(sealer.apply(SenderChange::Passthrough));
    });
    assert_eq!(calls, 0);
}

#[test]
fn a_ratchet_moves_on_without_memory() {
    let mut ratchet = SenderRatchet::new(&[1; 16]);
    let calls = calls_of(|| {
        for _ in 0..300 {
            ratchet.next_key();
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn opening_takes_no_memory() {
    let mut sealer = FrameSealer::new();
    sealer.apply(SenderChange::key(SenderRatchet::new(&[1; 16])));
    let mut openers = Openers::new();
    openers.apply(ReceiverChange::Epoch(vec![(7, SenderRatchet::new(&[1; 16]))]), Duration::ZERO);
    let (mut sealed, mut opened) = ([0; 320 + MAX_OVERHEAD], [0; 320 + MAX_OVERHEAD]);
    let calls = calls_of(|| {
        for _ in 0..100 {
            let len = sealer.seal(&[1; 320], &mut sealed).unwrap();
            openers.open(7, &sealed[..len], &mut opened, Duration::ZERO).unwrap();
            openers.open(8, &sealed[..len], &mut opened, Duration::ZERO).unwrap_err();
        }
    });
    assert_eq!(calls, 0);
}
