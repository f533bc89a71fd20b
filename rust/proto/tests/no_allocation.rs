//! A packet is made without allocating, in every transport mode, with and without end-to-end encryption; and whatever is
//! commanded, the timetable and its streams neither allocate nor free.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::{Pacer, Supply, Turn};
use isocord_proto::send::{FrameSupply, MAX_PACKET_LEN, SendPath, SendStream, SlotUse};
use isocord_proto::timeline::Timeline;
use isocord_proto::timetable::{Demand, Room, Seat, Ticket, Timetable};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static FREES: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        FREES.set(FREES.get() + 1);
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

/// A source that never ends.
struct Hum;

impl FrameSupply for Box<Hum> {
    fn supply(&mut self) -> Supply {
        Supply::Ready
    }

    fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        out[..3].copy_from_slice(OpusFrame::SILENCE.as_bytes());
        Some(3)
    }

    fn starve(&mut self) -> bool {
        false
    }
}

#[test]
fn members_and_what_they_are_given_come_and_go_without_the_allocator() {
    let session = || Box::new(SendPath::new(7, Sealer::new(TransportMode::Aes256GcmRtpsize, &[3; 32])));
    let ticket = |id: u32| Ticket { place: id, id: u64::from(id) };
    let (mut table, mut bigger) = (Timetable::new(Room::new(200)), Some(Room::new(400)));
    let streams: Vec<_> =
        (0..200).map(|id| Seat::new(ticket(id), SendStream::new(Timeline::new(0, 0)))).collect();
    let mut sessions: Vec<_> = (0..400).map(|_| session()).collect();
    let mut singles: Vec<_> = (0..2_000).map(|_| Box::new(OpusFrame::SILENCE)).collect();
    let mut sources: Vec<_> = (0..400).map(|_| Box::new(Hum)).collect();
    let mut keys: Vec<_> = (0..200).map(|_| SenderChange::key(SenderRatchet::new(&[5; 16]))).collect();
    let mut old_keys = Vec::with_capacity(400);
    let mut out = [0; MAX_PACKET_LEN];
    let (mut old_paths, mut old_sources) = (Vec::with_capacity(800), Vec::with_capacity(800));
    let mut left = Vec::with_capacity(1);
    let (mut old_frames, mut old_streams) = (Vec::with_capacity(4_000), Vec::with_capacity(400));

    let before = (ALLOCATIONS.get(), FREES.get());
    streams.into_iter().for_each(|stream| assert!(table.attach(stream).is_ok()));
    let streams_freed = FREES.get() - before.1;
    for round in 0..10u64 {
        let now = Duration::from_millis(round * 200);
        for id in 0..200 {
            let carried_out = table.command(now, ticket(id), (), |stream, (), now_ms| {
                match round {
                    0 | 5 => old_paths.extend(sessions.pop().and_then(|path| stream.start_session(path))),
                    1 => old_keys.extend(stream.change_sender(SenderChange::Passthrough)),
                    2 | 6 => {
                        old_sources.extend(sources.pop().and_then(|source| stream.play(source, now_ms)));
                        old_sources.extend(stream.hand_over());
                    }
                    3 => stream.pause(),
                    4 => stream.resume(),
                    7 => old_keys.extend(keys.pop().and_then(|key| stream.change_sender(key))),
                    8 => old_sources.extend(stream.stop()),
                    _ => old_paths.extend(stream.end_session()),
                }
                old_frames.extend(singles.pop().and_then(|frame| stream.hold(frame)));
                while let Some((frame, _)) = stream.poll_single(now_ms, &mut out) {
                    old_frames.push(frame);
                }
                stream.demand(now_ms)
            });
            assert!(carried_out.is_ok());
        }
        while let Some(slot) = table.next().filter(|slot| *slot < (round + 1) * 100) {
            table.prepare(slot, SendStream::fetch, |stream, now_ms| {
                match stream.poll_slot(now_ms, &mut out, |_| ()) {
                    SlotUse::Rest => Demand::None,
                    _ => Demand::Slots,
                }
            });
            table.finish(slot, |_, _| (), |_| ());
        }
        left.extend(bigger.take().map(|mut room| {
            table.move_to(&mut room);
            room
        }));
    }
    old_streams.extend(table.detach(ticket(77)));
    old_streams.extend(table.drain());
    let after = (ALLOCATIONS.get(), FREES.get());
    assert_eq!((after.0 - before.0, after.1 - before.1 - streams_freed), (0, 0));
    assert_eq!((old_streams.len(), old_paths.len(), old_sources.len()), (200, 400, 400));
}
