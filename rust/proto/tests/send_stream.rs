//! What leaves a connection in each slot, in virtual time and without a socket.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use isocord_proto::cipher::{Opener, Sealer, TransportMode};
use isocord_proto::dave::SenderChange;
use isocord_proto::frame::{OpusFrame, SILENCE};
use isocord_proto::pacing::Supply;
use isocord_proto::rtp::{self, Datagram};
use isocord_proto::send::{FrameSupply, MAX_PACKET_LEN, SendPath, SendStream, SingleUse, SlotUse};
use isocord_proto::timeline::Timeline;
use isocord_proto::timetable::Demand;

const MODE: TransportMode = TransportMode::Aes256GcmRtpsize;
const KEY: [u8; 32] = [7; 32];

#[derive(Default)]
struct Tape {
    frames: Rc<RefCell<VecDeque<u8>>>,
    is_over: bool,
    rests: bool,
    asks: u32,
}

impl FrameSupply for Tape {
    fn supply(&mut self) -> Supply {
        match (self.frames.borrow().is_empty(), self.is_over) {
            (false, _) => Supply::Ready,
            (true, false) if self.rests => Supply::Resting,
            (true, false) => Supply::Empty,
            (true, true) => Supply::Exhausted,
        }
    }

    fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        let byte = self.frames.borrow_mut().pop_front()?;
        out[..2].copy_from_slice(frame(byte).as_bytes());
        Some(2)
    }

    fn starve(&mut self) -> bool {
        self.asks += 1;
        self.supply() != Supply::Ready
    }
}

fn tape(frames: impl IntoIterator<Item = u8>) -> Tape {
    Tape { frames: Rc::new(RefCell::new(frames.into_iter().collect())), is_over: true, rests: false, asks: 0 }
}

fn frame(byte: u8) -> OpusFrame {
    OpusFrame::new(&[0xFC, byte]).unwrap()
}

fn session() -> Box<SendPath> {
    Box::new(SendPath::new(99, Sealer::new(MODE, &KEY)))
}

/// What a listener hears of a packet.
fn heard(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let Datagram::Rtp(parsed) = rtp::parse(&packet) else { panic!("not RTP") };
    let start = parsed.clear_len();
    let len = Opener::new(MODE, &KEY).open(&mut packet, start).unwrap();
    packet[start..][..len].to_vec()
}

struct Wire {
    stream: SendStream<Tape>,
    packet: [u8; MAX_PACKET_LEN],
    now_ms: u64,
}

impl Wire {
    fn new() -> Self {
        Self { stream: SendStream::new(Timeline::new(0, 0)), packet: [0; MAX_PACKET_LEN], now_ms: 0 }
    }

    fn started() -> Self {
        let mut wire = Self::new();
        assert!(wire.stream.start_session(session()).is_none());
        wire.stream.change_sender(SenderChange::Passthrough);
        wire
    }

    /// Plays, and gives back what has made place.
    fn play(&mut self, source: Tape) -> Option<Tape> {
        let waited = self.stream.play(source, self.now_ms);
        self.hand_over().or(waited)
    }

    fn hand_over(&mut self) -> Option<Tape> {
        if self.stream.hand_over_due(self.now_ms) { self.stream.hand_over() } else { None }
    }

    /// The next slot, and what is heard in it.
    fn slot(&mut self) -> (SlotUse, Vec<u8>) {
        self.now_ms += 20;
        let mut lent = Vec::new();
        let slot_use = self.stream.poll_slot(self.now_ms, &mut self.packet, |frame| lent = frame.to_vec());
        let heard = match slot_use {
            SlotUse::Frame(len) | SlotUse::Silence(len) => heard(&self.packet[..len]),
            _ => Vec::new(),
        };
        // What is lent is what leaves, and nothing else is.
        assert_eq!(lent, heard);
        (slot_use, heard)
    }

    fn single(&mut self) -> Option<(SingleUse, Vec<u8>)> {
        let (frame, single_use) = self.stream.poll_single(self.now_ms, &mut self.packet)?;
        let heard = match single_use {
            SingleUse::Packet(len) => heard(&self.packet[..len]),
            _ => frame.as_bytes().to_vec(),
        };
        Some((single_use, heard))
    }

    fn hears(&mut self, expected: &[u8]) {
        assert_eq!(self.slot().1, expected);
    }

    fn is(&mut self, expected: SlotUse) {
        assert_eq!(self.slot().0, expected);
    }
}

#[test]
fn a_track_is_heard_and_then_silence_and_then_nothing() {
    let mut wire = Wire::started();
    assert!(wire.play(tape([1, 2])).is_none());
    wire.hears(&[0xFC, 1]);
    wire.hears(&[0xFC, 2]);
    wire.is(SlotUse::Ended);
    assert!(wire.stream.stop().is_some());
    (0..5).for_each(|_| wire.hears(&SILENCE));
    wire.is(SlotUse::Rest);
}

#[test]
fn what_plays_keeps_its_place_from_session_to_session() {
    let mut wire = Wire::new();
    assert!(wire.play(tape([1, 2, 3])).is_none());
    assert_eq!(wire.stream.demand(0), Demand::None);
    wire.is(SlotUse::Rest);
    assert!(wire.stream.start_session(session()).is_none());
    wire.stream.change_sender(SenderChange::Passthrough);
    assert_eq!(wire.stream.demand(0), Demand::Slots);
    wire.hears(&[0xFC, 1]);
    assert!(wire.stream.end_session().is_some());
    wire.is(SlotUse::Rest);
    let _ = wire.stream.start_session(session());
    // Not a word of the end-to-end encryption yet.
    wire.is(SlotUse::Nothing);
    wire.stream.change_sender(SenderChange::Passthrough);
    wire.hears(&[0xFC, 2]);
    // A new key of the transport alone: the end-to-end encryption goes on.
    assert!(wire.stream.start_session(session()).is_some());
    wire.hears(&[0xFC, 3]);
}

#[test]
fn a_key_is_waited_for_two_seconds() {
    let mut wire = Wire::new();
    assert!(wire.stream.start_session(session()).is_none());
    assert!(wire.play(tape(0..3)).is_none());
    assert_eq!(wire.stream.demand(0), Demand::Slots);
    (0..99).for_each(|_| wire.is(SlotUse::Nothing));
    wire.is(SlotUse::Withheld);
    wire.stream.change_sender(SenderChange::Passthrough);
    wire.hears(&[0xFC, 1]);
    wire.stream.change_sender(SenderChange::Blocked);
    wire.is(SlotUse::Nothing);
}

#[test]
fn what_has_waited_for_a_key_begins_anew_and_nothing_comes_too_soon() {
    let mut wire = Wire::new();
    assert!(wire.stream.start_session(session()).is_none());
    assert!(wire.play(tape(0..9)).is_none());
    wire.is(SlotUse::Nothing);
    wire.stream.change_sender(SenderChange::Passthrough);
    assert_eq!(wire.stream.demand(wire.now_ms + 3), Demand::Soon);
    assert_eq!(wire.stream.demand(wire.now_ms + 3), Demand::Slots);
    wire.hears(&[0xFC, 0]);
    // Another key, and no slot has passed since the last packet.
    wire.stream.change_sender(SenderChange::Blocked);
    assert_eq!(wire.stream.demand(wire.now_ms), Demand::Slots);
    wire.stream.change_sender(SenderChange::Passthrough);
    assert_eq!(wire.stream.demand(wire.now_ms), Demand::Slots);
    wire.hears(&[0xFC, 1]);
}

#[test]
fn single_packets_wait_for_a_key_and_the_oldest_make_room() {
    let mut wire = Wire::new();
    for byte in 0..8 {
        assert!(wire.stream.hold(Box::new(frame(byte))).is_none());
    }
    let oldest = wire.stream.hold(Box::new(frame(8)));
    assert_eq!(oldest.unwrap().as_bytes(), [0xFC, 0]);
    assert!(wire.single().is_none());
    assert!(wire.stream.start_session(session()).is_none());
    assert!(wire.single().is_none());
    wire.stream.change_sender(SenderChange::Passthrough);
    for byte in 1..=8 {
        assert_eq!(wire.single().unwrap().1, [0xFC, byte]);
    }
    assert!(wire.single().is_none());
    (0..5).for_each(|_| wire.hears(&SILENCE));
}

#[test]
fn single_packets_that_waited_in_vain_are_given_up() {
    let mut wire = Wire::new();
    assert!(wire.stream.start_session(session()).is_none());
    assert!(wire.stream.hold(Box::new(frame(1))).is_none());
    assert!(wire.single().is_none());
    wire.now_ms = 2_000;
    assert_eq!(wire.single(), Some((SingleUse::Withheld, vec![0xFC, 1])));
    assert!(wire.single().is_none());
}

#[test]
fn slots_without_a_frame_are_counted_once_there_is_sound() {
    let mut wire = Wire::started();
    let silent = Tape::default();
    assert!(wire.play(silent).is_none());
    wire.is(SlotUse::Rest);
    assert_eq!((wire.stream.underruns(), wire.stream.source().unwrap().asks), (0, 1));

    let short = Tape { is_over: false, ..tape([1]) };
    assert!(wire.play(short).is_some());
    wire.hears(&[0xFC, 1]);
    (0..5).for_each(|_| wire.hears(&SILENCE));
    wire.is(SlotUse::Rest);
    assert_eq!(wire.stream.underruns(), 5);
    // It rests for 200 ms, in which it has no slots at all.
    wire.now_ms += 180;
    let more = Tape { is_over: false, ..tape([2]) };
    assert!(wire.play(more).is_some());
    wire.hears(&[0xFC, 2]);
    assert_eq!(wire.stream.underruns(), 5, "another track had no hole");
}

#[test]
fn nobody_waits_for_a_first_frame_or_for_a_source_at_rest() {
    let mut wire = Wire::started();
    assert!(wire.play(tape([1])).is_none());
    wire.hears(&[0xFC, 1]);
    assert!(wire.stream.take_exhausted().is_some());
    // While silence still follows the one, the next is slow to begin.
    let slow = Tape { is_over: false, ..Tape::default() };
    let producer = Rc::clone(&slow.frames);
    assert!(wire.play(slow).is_none());
    (0..5).for_each(|_| wire.hears(&SILENCE));
    wire.is(SlotUse::Rest);
    producer.borrow_mut().push_back(2);
    wire.hears(&[0xFC, 2]);
    assert_eq!(wire.stream.underruns(), 0);

    let rests = Tape { is_over: false, rests: true, ..tape([3]) };
    let writer = Rc::clone(&rests.frames);
    let _ = wire.play(rests);
    wire.hears(&[0xFC, 3]);
    (0..5).for_each(|_| wire.hears(&SILENCE));
    wire.is(SlotUse::Rest);
    wire.now_ms += 1_000;
    writer.borrow_mut().push_back(4);
    wire.hears(&[0xFC, 4]);
    assert_eq!(wire.stream.underruns(), 0);
}

#[test]
fn a_hole_is_as_long_as_it_lasted() {
    let mut wire = Wire::started();
    let slow = Tape { is_over: false, ..tape([1]) };
    let producer = Rc::clone(&slow.frames);
    assert!(wire.play(slow).is_none());
    wire.hears(&[0xFC, 1]);
    (0..5).for_each(|_| wire.hears(&SILENCE));
    wire.is(SlotUse::Rest);
    // Its producer comes late, and says nothing to the stream but that there is a frame.
    wire.now_ms += 180;
    producer.borrow_mut().push_back(2);
    wire.hears(&[0xFC, 2]);
    assert_eq!(wire.stream.underruns(), 5 + 10);
}

#[test]
fn the_end_is_told_with_the_last_frame_and_what_is_played_then_follows_without_silence() {
    let mut wire = Wire::started();
    assert!(wire.play(tape([1, 2])).is_none());
    wire.hears(&[0xFC, 1]);
    assert!(wire.stream.take_exhausted().is_none());
    wire.hears(&[0xFC, 2]);
    assert!(wire.stream.take_exhausted().is_some());
    assert!(wire.play(tape([3])).is_none());
    wire.hears(&[0xFC, 3]);
    assert!(wire.stream.take_exhausted().is_some());
    // With nothing more to play there are five frames of silence, no more and no less.
    (0..5).for_each(|_| wire.hears(&SILENCE));
    wire.is(SlotUse::Rest);
}

#[test]
fn what_plays_goes_on_until_the_next_has_a_frame() {
    let mut wire = Wire::started();
    assert!(wire.play(tape(0..20)).is_none());
    wire.hears(&[0xFC, 0]);
    let next = Tape { is_over: false, ..tape([]) };
    let producer = Rc::clone(&next.frames);
    assert!(wire.play(next).is_none());
    for byte in 1..4 {
        assert!(wire.hand_over().is_none());
        wire.hears(&[0xFC, byte]);
    }
    producer.borrow_mut().push_back(99);
    assert!(wire.hand_over().is_some());
    wire.hears(&[0xFC, 99]);
    assert_eq!(wire.stream.underruns(), 0);
}

#[test]
fn a_next_track_without_a_frame_is_waited_for_200_ms() {
    let mut wire = Wire::started();
    assert!(wire.play(tape(0..100)).is_none());
    wire.hears(&[0xFC, 0]);
    assert!(wire.play(Tape::default()).is_none());
    // Another one makes it needless: it comes back, unheard.
    let waited = wire.play(Tape::default());
    assert_eq!(waited.unwrap().asks, 0);
    let mut slots = 0;
    while wire.hand_over().is_none() {
        wire.slot();
        slots += 1;
    }
    assert_eq!(slots, 10);
    (0..5).for_each(|_| wire.hears(&SILENCE));
    wire.is(SlotUse::Rest);
}

#[test]
fn what_is_held_makes_place_at_once() {
    let mut wire = Wire::started();
    assert!(wire.play(tape(0..100)).is_none());
    wire.hears(&[0xFC, 0]);
    wire.stream.pause();
    assert!(wire.play(Tape::default()).is_some());
}
