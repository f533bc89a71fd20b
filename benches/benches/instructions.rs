//! Instruction counts (valgrind): they repeat where times do not. A bench that takes more than its limit fails.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use core::time::Duration;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use isocord_benches::opus;
use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;
use isocord_proto::send::{FrameSupply, MAX_PACKET_LEN, SendPath, SendStream};
use isocord_proto::timeline::Timeline;
use isocord_proto::timetable::{Demand, Room, Seat, Ticket, Timetable};
use std::hint::black_box;

/// Fails above so many instructions; about a fifth more than it takes.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

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

#[library_benchmark(config = at_most(10_000))]
#[bench::aes_gcm(setup(TransportMode::Aes256GcmRtpsize))]
#[bench::xchacha(setup(TransportMode::XChaCha20Poly1305Rtpsize))]
fn packet(mut setup: Setup) -> usize {
    let Setup { path, timeline, frame, packet } = &mut setup;
    black_box(path.packet(frame, timeline, 20, packet)).expect("nonces left")
}

/// A source that never ends.
struct Hum(OpusFrame);

impl FrameSupply for Hum {
    fn supply(&mut self) -> Supply {
        Supply::Ready
    }

    fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        let frame = self.0.as_bytes();
        out[..frame.len()].copy_from_slice(frame);
        Some(frame.len())
    }

    fn starve(&mut self) -> bool {
        false
    }
}

/// Connections that share a slot.
const SLOT: u32 = 16;

fn ticket(place: u32) -> Ticket {
    Ticket { place, id: u64::from(place) }
}

/// So many connections that all play, sealed end to end, in a timetable.
fn clock(members: u32) -> Timetable<SendStream<Hum>> {
    let mut table = Timetable::new(Room::new(members));
    let frame = *opus().last().expect("a second of frames");
    for place in 0..members {
        let mut stream = SendStream::new(Timeline::new(0, 0));
        let sealer = Sealer::new(TransportMode::Aes256GcmRtpsize, &[1; 32]);
        drop(stream.start_session(Box::new(SendPath::new(1, sealer))));
        stream.change_sender(SenderChange::key(SenderRatchet::new(&[2; 16])));
        drop(stream.play(Hum(frame), 0));
        drop(stream.hand_over());
        assert!(table.attach(Seat::new(ticket(place), stream)).is_ok());
        assert!(table.command(Duration::ZERO, ticket(place), (), |_, (), _| Demand::Slots).is_ok());
    }
    turn(&mut table, 1);
    table
}

/// All connections of a slot make their packets.
fn turn(table: &mut Timetable<SendStream<Hum>>, slot: u64) {
    let mut packet = [0; MAX_PACKET_LEN];
    table.prepare(slot, SendStream::fetch, |stream, now_ms| {
        black_box(stream.poll_slot(now_ms, &mut packet, |_| ()));
        Demand::Slots
    });
    table.finish(
        slot,
        |_, _| (),
        |stream| {
            black_box(stream.last_at());
        },
    );
}

// A slot of 16 connections.
#[library_benchmark(config = at_most(72_000))]
#[bench::of_16(clock(SLOT))]
fn slot(mut table: Timetable<SendStream<Hum>>) -> Timetable<SendStream<Hum>> {
    turn(&mut table, 11);
    table
}

// A command for one of 1,000 connections.
#[library_benchmark(config = at_most(150))]
#[bench::of_1000(clock(1_000))]
fn command(mut table: Timetable<SendStream<Hum>>) -> Timetable<SendStream<Hum>> {
    let found = table.command(Duration::ZERO, ticket(500), (), |_, (), _| Demand::Slots);
    black_box(found).expect("it is there");
    table
}

library_benchmark_group!(name = send, benchmarks = [packet, slot, command]);
main!(library_benchmark_groups = send);
