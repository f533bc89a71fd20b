//! One connection on the clock thread: what it plays, its keys, its socket, its packet in waiting.

use std::collections::VecDeque;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Instant;

use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::{Pacer, Supply, Turn};
use isocord_proto::send::{MAX_PACKET_LEN, SendPath};
use isocord_proto::timeline::Timeline;

use crate::messages::{ConnectionId, Event, OutletCommand};
use crate::play::track::{TrackEnd, TrackReader};
use crate::send::gate::{Gate, Passage};
use crate::stats::Counters;
use crate::threads::events::{EventHandler, EventSender, Trash};

/// Whether an outlet needs slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Every 20 ms.
    Slots,
    /// None until the next command.
    None,
}

/// Single packets that wait at most: those of 160 ms.
const MAX_HELD: usize = 8;
/// How long what plays goes on, at most, until the track that takes its place has a frame.
const HANDOVER_MS: u64 = 200;
/// From one slot of a connection to its next.
const SLOT_MS: u64 = 20;

enum Prepared {
    Nothing,
    /// A frame that is taken but not sent, for want of anybody who could open it.
    Unsent,
    Frame(usize),
    Silence(usize),
}

pub(crate) struct Outlet {
    pub id: ConnectionId,
    socket: Option<Arc<UdpSocket>>,
    path: Option<Box<SendPath>>,
    gate: Gate,
    timeline: Timeline,
    pacer: Pacer,
    track: Option<TrackReader>,
    /// What takes its place as soon as it has a frame, and since when it waits.
    next: Option<(TrackReader, u64)>,
    counters: Arc<Counters>,
    handler: Arc<dyn EventHandler>,
    events: EventSender,
    prepared: Prepared,
    /// Single packets that wait for a key of the end-to-end encryption.
    held: VecDeque<Box<OpusFrame>>,
    /// Since when a playing track has had nothing to send, not even silence.
    starved_since_ms: Option<u64>,
    packet: [u8; MAX_PACKET_LEN],
}

impl Outlet {
    pub(crate) fn new(
        id: ConnectionId,
        timeline: Timeline,
        counters: Arc<Counters>,
        handler: Arc<dyn EventHandler>,
        events: EventSender,
    ) -> Self {
        Self {
            id,
            socket: None,
            path: None,
            gate: Gate::default(),
            timeline,
            pacer: Pacer::default(),
            track: None,
            next: None,
            counters,
            handler,
            events,
            prepared: Prepared::Nothing,
            held: VecDeque::with_capacity(MAX_HELD),
            starved_since_ms: None,
            packet: [0; MAX_PACKET_LEN],
        }
    }

    /// Carries out a command; says whether slots are needed from now on.
    pub(crate) fn command(&mut self, command: OutletCommand, now_ms: u64) -> Demand {
        if !matches!(command, OutletCommand::Ready | OutletCommand::Packet(_)) {
            self.starved_since_ms = None;
        }
        match command {
            OutletCommand::Socket(socket) => {
                self.discard_path();
                if let Some(old) = self.socket.replace(socket) {
                    self.events.trash(Trash::Socket(old));
                }
            }
            OutletCommand::Session(mut path) => {
                if let Some(before) = &mut self.path {
                    path.succeed(before);
                }
                self.discard_path();
                self.path = Some(path);
            }
            OutletCommand::EndSession => self.discard_path(),
            OutletCommand::Sender(change) => {
                self.passage(now_ms);
                if let Some(path) = &mut self.path {
                    path.change_sender(change);
                }
                self.release_held(now_ms);
            }
            OutletCommand::Play(track) => {
                self.hand_over();
                self.next = Some((track, now_ms));
                if !self.is_heard() {
                    self.hand_over();
                }
            }
            OutletCommand::Stop => {
                self.hand_over();
                self.pacer.stop();
                self.end_track(TrackEnd::Stopped);
            }
            OutletCommand::Pause => {
                self.hand_over();
                self.pacer.pause();
            }
            OutletCommand::Resume => self.pacer.resume(),
            OutletCommand::Packet(frame) => match self.passage(now_ms) {
                Passage::Open => self.send_now(frame, now_ms),
                Passage::Closed | Passage::Waiting => self.hold(frame),
                Passage::Withheld => self.withhold(frame),
            },
            OutletCommand::Ready => {}
        }
        if self.passage(now_ms) == Passage::Closed { Demand::None } else { Demand::Slots }
    }

    /// What becomes of a frame now. Single packets that wait in vain are given up.
    fn passage(&mut self, now_ms: u64) -> Passage {
        let passage = self.gate.passage(self.path.as_deref(), now_ms);
        if passage == Passage::Withheld {
            while let Some(frame) = self.held.pop_front() {
                self.withhold(frame);
            }
        }
        passage
    }

    /// Makes the packet of the slot at `now_ms`, sealed with the keys of this moment.
    pub(crate) fn prepare(&mut self, now_ms: u64) -> Demand {
        self.prepared = Prepared::Nothing;
        let passage = self.passage(now_ms);
        match passage {
            Passage::Closed => return Demand::None,
            Passage::Waiting if self.pacer.is_playing() => return Demand::Slots,
            Passage::Waiting => return Demand::None,
            Passage::Withheld | Passage::Open => {}
        }
        let due = |(next, since): &(TrackReader, u64)| {
            next.supply() != Supply::Empty || now_ms.saturating_sub(*since) >= HANDOVER_MS
        };
        if self.next.as_ref().is_some_and(due) || !self.is_heard() {
            self.hand_over();
        }
        loop {
            let supply = self.track.as_ref().map_or(Supply::Exhausted, TrackReader::supply);
            let turn = self.pacer.turn(supply);
            if self.pacer.underran() {
                self.note_underruns(1);
            }
            match turn {
                Turn::Frame => {
                    if let Some(since) = self.starved_since_ms.take() {
                        self.note_underruns(now_ms.saturating_sub(since) / SLOT_MS);
                    }
                    self.prepared = match passage {
                        Passage::Open => self.seal_frame(now_ms),
                        _ => self.pass_over(),
                    };
                }
                Turn::Silence if passage == Passage::Open => self.prepared = self.seal_silence(now_ms),
                Turn::Silence => {}
                Turn::End => {
                    self.end_track(TrackEnd::Finished);
                    continue;
                }
                Turn::Rest => return self.starve(now_ms),
            }
            return Demand::Slots;
        }
    }

    /// Sends what was prepared for `deadline`.
    pub(crate) fn send(&mut self, deadline: Instant) {
        let (len, is_frame) = match std::mem::replace(&mut self.prepared, Prepared::Nothing) {
            Prepared::Nothing => return,
            Prepared::Unsent => {
                Counters::add(&self.counters.withheld, 1);
                self.note_sent();
                return;
            }
            Prepared::Frame(len) => (len, true),
            Prepared::Silence(len) => (len, false),
        };
        self.counters.lateness.note(Instant::now().saturating_duration_since(deadline));
        self.transmit(len);
        if is_frame {
            self.note_sent();
        } else {
            Counters::add(&self.counters.silence_sent, 1);
        }
    }

    /// A frame of the track has left. If it was the last one, that is told now and not in the next slot: who has
    /// another track at hand then has 20 ms to play it, and no silence lies between.
    fn note_sent(&mut self) {
        let Some(track) = &self.track else { return };
        track.state().note_sent();
        let over = self.pacer.is_playing() && self.next.is_none() && track.supply() == Supply::Exhausted;
        if over && self.pacer.turn(Supply::Exhausted) == Turn::End {
            self.end_track(TrackEnd::Finished);
        }
    }

    /// Whether a track plays that has a frame.
    fn is_heard(&self) -> bool {
        let ready = |track: &TrackReader| track.supply() == Supply::Ready;
        self.pacer.is_playing() && self.track.as_ref().is_some_and(ready)
    }

    /// Lets the track that waits take the place of the one that plays.
    fn hand_over(&mut self) {
        let Some((track, _)) = self.next.take() else { return };
        self.end_track(TrackEnd::Replaced);
        self.track = Some(track);
        self.pacer.play();
    }

    /// Counts slots that passed while the clock thread could not run.
    pub(crate) fn note_missed(&self, count: u64) {
        Counters::add(&self.counters.missed_slots, count);
    }

    /// Ends what plays, as the connection closes.
    pub(crate) fn close(&mut self) {
        self.hand_over();
        self.pacer.stop();
        self.end_track(TrackEnd::Closed);
    }

    /// Nothing to send: rests, unless a frame came in at the last moment.
    fn starve(&mut self, now_ms: u64) -> Demand {
        // A paused track with frames rests too; only a playing one wants slots for them.
        let Some(track) = self.track.as_mut().filter(|_| self.pacer.is_playing()) else {
            return Demand::None;
        };
        if track.state().frames_sent() > 0 {
            self.starved_since_ms.get_or_insert(now_ms);
        }
        if track.starve() { Demand::None } else { Demand::Slots }
    }

    fn note_underruns(&self, slots: u64) {
        Counters::add(&self.counters.underruns, slots);
        if let Some(track) = &self.track {
            track.state().note_underruns(slots);
        }
    }

    fn seal_frame(&mut self, now_ms: u64) -> Prepared {
        let (Some(track), Some(path)) = (&mut self.track, &mut self.path) else {
            return Prepared::Nothing;
        };
        let Some(frame) = track.take() else { return Prepared::Nothing };
        match path.packet(&frame, &mut self.timeline, now_ms, &mut self.packet) {
            Ok(len) => Prepared::Frame(len),
            Err(_) => self.seal_failed(),
        }
    }

    /// Takes a frame that nobody could open.
    fn pass_over(&mut self) -> Prepared {
        match self.track.as_mut().and_then(TrackReader::take) {
            Some(_) => Prepared::Unsent,
            None => Prepared::Nothing,
        }
    }

    fn seal_silence(&mut self, now_ms: u64) -> Prepared {
        let Some(path) = &mut self.path else { return Prepared::Nothing };
        match path.packet(&OpusFrame::SILENCE, &mut self.timeline, now_ms, &mut self.packet) {
            Ok(len) => Prepared::Silence(len),
            Err(_) => self.seal_failed(),
        }
    }

    fn seal_failed(&self) -> Prepared {
        Counters::add(&self.counters.send_errors, 1);
        Prepared::Nothing
    }

    fn send_now(&mut self, frame: Box<OpusFrame>, now_ms: u64) {
        let Some(path) = &mut self.path else { return self.hold(frame) };
        match path.packet(&frame, &mut self.timeline, now_ms, &mut self.packet) {
            Ok(len) => {
                self.pacer.sent_one();
                self.transmit(len);
            }
            Err(_) => Counters::add(&self.counters.send_errors, 1),
        }
        self.events.trash(Trash::Frame(frame));
    }

    /// Keeps a packet that may not leave yet, in the place of the oldest one if there are too many.
    fn hold(&mut self, frame: Box<OpusFrame>) {
        if self.held.len() == MAX_HELD
            && let Some(oldest) = self.held.pop_front()
        {
            Counters::add(&self.counters.dropped_commands, 1);
            self.events.trash(Trash::Frame(oldest));
        }
        self.held.push_back(frame);
    }

    fn withhold(&mut self, frame: Box<OpusFrame>) {
        Counters::add(&self.counters.withheld, 1);
        self.events.trash(Trash::Frame(frame));
    }

    fn release_held(&mut self, now_ms: u64) {
        while self.passage(now_ms) == Passage::Open
            && let Some(frame) = self.held.pop_front()
        {
            self.send_now(frame, now_ms);
        }
    }

    fn transmit(&mut self, len: usize) {
        let Some(socket) = &self.socket else { return };
        match socket.send(&self.packet[..len]) {
            Ok(_) => {
                Counters::add(&self.counters.packets_sent, 1);
                Counters::add(&self.counters.bytes_sent, len as u64);
            }
            Err(_) => Counters::add(&self.counters.send_errors, 1),
        }
    }

    fn discard_path(&mut self) {
        if let Some(path) = self.path.take() {
            self.events.trash(Trash::Path(path));
        }
    }

    fn end_track(&mut self, end: TrackEnd) {
        let Some(track) = self.track.take() else { return };
        let end = if track.state().failed() && end == TrackEnd::Finished { TrackEnd::Failed } else { end };
        if track.state().end_with(end) {
            self.events.event(&self.handler, Event::TrackEnded(Arc::clone(track.state()), end));
        }
        self.events.trash(Trash::Track(track));
    }
}

#[cfg(test)]
mod tests;
