//! Memory that is given back holds no key: queues, boxes and maps through which keys have gone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use isocord_proto::cipher::{MAX_OVERHEAD, NonceLedger, Opener, Sealer, TransportMode};
use isocord_proto::dave::{self, FrameSealer, Openers, ReceiverChange, SenderChange, SenderRatchet};
use isocord_proto::send::SendPath;

struct Searching;

thread_local! {
    /// Secrets of 16 bytes; none is searched for where it is all zeros.
    static SECRETS: RefCell<[[u8; 16]; 2]> = const { RefCell::new([[0; 16]; 2]) };
    static FOUND: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the contract of `alloc`; zeroed memory is as good as any.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the block is still the caller's, as long as its layout says, and was written when it was made.
        let block = unsafe { std::slice::from_raw_parts(pointer, layout.size()) };
        let secrets = SECRETS.try_with(|secrets| secrets.try_borrow().map(|secrets| *secrets)).ok();
        for secret in secrets.and_then(Result::ok).iter().flatten().filter(|secret| **secret != [0; 16]) {
            FOUND.set(FOUND.get() + usize::from(block.windows(16).any(|window| window == secret)));
        }
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// How often one of the secrets was in memory that `run` gave back.
fn leaks(secrets: [[u8; 16]; 2], run: impl FnOnce()) -> usize {
    SECRETS.with(|slot| *slot.borrow_mut() = secrets);
    FOUND.set(0);
    run();
    SECRETS.with(|slot| *slot.borrow_mut() = [[0; 16]; 2]);
    FOUND.get()
}

/// Through a queue that grows while it is in it.
fn through_a_queue<T>(value: T) -> T {
    let mut queue = VecDeque::with_capacity(1);
    queue.push_back((1u64, value));
    queue.reserve(64);
    let (_, value) = queue.pop_front().unwrap();
    value
}

#[test]
fn the_search_finds_what_is_left_behind() {
    let secret = *b"not all the same";
    assert_eq!(leaks([secret, [0; 16]], || _ = through_a_queue(secret)), 2);
}

#[test]
fn keys_of_the_end_to_end_encryption_leave_no_copies() {
    let base: [u8; 16] = core::array::from_fn(|i| 0x31 ^ (i as u8 * 7));
    let key = *SenderRatchet::new(&base).next_key();
    let found = leaks([base, key], || {
        let change = through_a_queue(SenderChange::key(through_a_queue(SenderRatchet::new(&base))));
        let mut sealer = FrameSealer::new();
        sealer.apply(change);
        let mut sealed = [0; 40 + dave::MAX_OVERHEAD];
        let len = sealer.seal(&[1; 40], &mut sealed).unwrap();

        let mut openers = Openers::new();
        for epoch in 0..3 {
            // The members' ratchets come as one change, in a vector.
            let ratchets = (0..5).map(|user| {
                let wanted = if (epoch, user) == (0, 3) { base } else { [epoch * 16 + user as u8; 16] };
                (user, SenderRatchet::new(&wanted))
            });
            let change = through_a_queue(ReceiverChange::Epoch(ratchets.collect()));
            openers.apply(change, Duration::from_secs(u64::from(epoch)));
            let mut opened = [0; 64];
            openers.open(3, &sealed[..len], &mut opened, Duration::from_secs(4)).ok();
        }
        openers.apply(ReceiverChange::Expire, Duration::from_secs(5));
        openers.apply(ReceiverChange::Epoch(vec![]), Duration::from_secs(60));
        let path = through_a_queue(SendPath::new(1, Sealer::new(TransportMode::Aes256GcmRtpsize, &[9; 32])));
        drop((path, sealer.apply(SenderChange::Blocked)));
    });
    assert_eq!(found, 0);
}

#[test]
fn transport_keys_leave_no_copies() {
    let key: [u8; 32] = core::array::from_fn(|i| 0xC5 ^ (i as u8 * 5));
    let halves = [key[..16].try_into().unwrap(), key[16..].try_into().unwrap()];
    for mode in TransportMode::ALL {
        let found = leaks(halves, || {
            let mut ledger = NonceLedger::default();
            let mut sealer = through_a_queue(ledger.sealer(mode, &key));
            let opener = through_a_queue(Box::new(through_a_queue(Opener::new(mode, &key))));
            let mut packet = vec![0x80; 60 + MAX_OVERHEAD];
            let len = sealer.seal(&mut packet, 12, 60).unwrap();
            opener.open(&mut packet[..len], 12).unwrap();
            drop((through_a_queue(sealer), ledger));
        });
        assert_eq!(found, 0, "{}", mode.name());
    }
}
