//! One connection on the clock thread: its stream, its socket, its packet in waiting, and who is told of it.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Instant;

use isocord_prefetch::{prefetch, prefetch_front};
use isocord_proto::dave::SenderChange;
use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;
use isocord_proto::send::{FrameSupply, PacketBuffer, SendPath, SendStream, SingleUse, SlotUse};
use isocord_proto::timeline::Timeline;
use isocord_proto::timetable::Demand;
use isocord_volley::Departed;

use super::tap::{Tap, Taps};
use crate::events::{Event, EventHandler, EventOutbox, Notice};
use crate::play::track::{TrackEnd, TrackReader};
use crate::stats::Counters;

/// The receive thread has it as well. What the clock has done with goes as a box to those who free it.
type SharedSocket = Box<Arc<UdpSocket>>;

/// To one connection on the clock thread. Boxes are made and dropped elsewhere.
pub(crate) enum OutletCommand {
    /// A new socket; packets wait for the session that belongs to it.
    Socket(SharedSocket),
    Session(Box<SendPath>),
    /// The session is over; packets wait for the next one.
    EndSession,
    /// What the end-to-end encryption does from now on.
    Sender(SenderChange),
    Play(Box<PlayedTrack>),
    Stop,
    Pause,
    Resume,
    Packet(Box<OpusFrame>),
    /// Somebody wants to have what leaves.
    Tap(Box<Tap>),
    /// The track that ran empty has frames again.
    Ready,
}

impl OutletCommand {
    /// For a connection that is not there any more: what came with the command goes, a track as closed.
    pub(crate) fn refuse(self, out: &mut EventOutbox) {
        match self {
            Self::Socket(socket) => out.discard(socket),
            Self::Session(path) => out.discard(path),
            Self::Packet(frame) => out.discard(frame),
            Self::Tap(tap) => out.discard(tap),
            Self::Sender(change) => discard(change.into_key(), out),
            Self::Play(track) => track.end(TrackEnd::Closed, out),
            Self::EndSession | Self::Stop | Self::Pause | Self::Resume | Self::Ready => {}
        }
    }
}

/// Sees the frames of a track leave. It is called on the clock thread, and dropped on the event thread.
pub(crate) trait Monitor: Send {
    /// This one is about to.
    fn taken(&mut self, frame: &[u8]);

    /// It has left.
    fn sent(&mut self);

    /// Whether no more may leave, though frames wait.
    fn is_over(&self) -> bool;
}

/// A track, and who is told of its end.
pub(crate) struct PlayedTrack {
    pub reader: TrackReader,
    pub handler: Arc<dyn EventHandler>,
    pub monitor: Option<Box<dyn Monitor>>,
}

impl PlayedTrack {
    fn is_over(&self) -> bool {
        self.monitor.as_ref().is_some_and(|monitor| monitor.is_over())
    }

    fn end(self: Box<Self>, end: TrackEnd, out: &mut EventOutbox) {
        let state = self.reader.state();
        let interruption = state.interruption();
        let end = match end {
            TrackEnd::Finished if interruption.goes_out() || self.is_over() => TrackEnd::Interrupted,
            TrackEnd::Finished if self.reader.failed() => TrackEnd::Failed,
            end => end,
        };
        if end == TrackEnd::Interrupted {
            interruption.conclude(state.frames_sent(), self.reader.supply() == Supply::Exhausted);
        }
        if state.end_with(end) {
            out.tell(Notice::new(&self.handler, Event::TrackEnded(Arc::clone(state), end)));
        }
        out.discard(self);
    }
}

impl FrameSupply for Box<PlayedTrack> {
    fn supply(&mut self) -> Supply {
        if self.is_over() { Supply::Exhausted } else { self.reader.supply() }
    }

    fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        let len = self.reader.take_into(out)?;
        if let Some(monitor) = &mut self.monitor {
            monitor.taken(&out[..len]);
        }
        Some(len)
    }

    fn starve(&mut self) -> bool {
        self.reader.starve()
    }

    fn fetch(&self, step: usize) {
        match step {
            0 => prefetch(&**self),
            _ => self.reader.fetch(step - 1),
        }
    }
}

/// Bytes of the counters that change with each packet.
const COUNTED: usize = 64;

pub(crate) struct Outlet {
    socket: Option<SharedSocket>,
    stream: SendStream<Box<PlayedTrack>>,
    counters: Arc<Counters>,
    prepared: SlotUse,
    taps: Taps,
}

impl Outlet {
    pub(crate) fn new(timeline: Timeline, counters: Arc<Counters>) -> Self {
        Self {
            socket: None,
            stream: SendStream::new(timeline),
            counters,
            prepared: SlotUse::Rest,
            taps: Taps::default(),
        }
    }

    /// Carries out a command; says whether slots are needed from now on. `packet` is room for what leaves at once.
    pub(crate) fn command(
        &mut self,
        command: OutletCommand,
        now_ms: u64,
        packet: &mut PacketBuffer,
        out: &mut EventOutbox,
    ) -> Demand {
        self.taps.prune(out);
        // What has waited in vain until now is not sent with a key that comes now.
        self.send_singles(now_ms, packet, out);
        match command {
            OutletCommand::Socket(socket) => {
                discard(self.stream.end_session(), out);
                discard(self.socket.replace(socket), out);
            }
            OutletCommand::Session(path) => discard(self.stream.start_session(path), out),
            OutletCommand::EndSession => discard(self.stream.end_session(), out),
            OutletCommand::Sender(change) => discard(self.stream.change_sender(change), out),
            OutletCommand::Play(track) => {
                replaced(self.stream.play(track, now_ms), out);
                self.hand_over(now_ms, out);
            }
            OutletCommand::Stop => self.stop(TrackEnd::Stopped, out),
            OutletCommand::Pause => {
                replaced(self.stream.hand_over(), out);
                self.stream.pause();
            }
            OutletCommand::Resume => self.stream.resume(),
            OutletCommand::Packet(frame) => {
                if let Some(oldest) = self.stream.hold(frame) {
                    Counters::add(&self.counters.dropped_commands, 1);
                    out.discard(oldest);
                }
            }
            OutletCommand::Tap(tap) => self.taps.add(tap),
            OutletCommand::Ready => {}
        }
        self.send_singles(now_ms, packet, out);
        self.drop_interrupted(now_ms, out);
        self.stream.demand(now_ms)
    }

    /// Has what [`Self::prepare`] will need brought near, step by step.
    pub(crate) fn fetch(&self, step: usize) {
        match step {
            0 => {
                prefetch_front(&*self.counters, COUNTED);
                self.socket.iter().for_each(|socket| prefetch(&**socket));
            }
            1 => self.socket.iter().for_each(|socket| prefetch(&***socket)),
            _ => {}
        }
        self.stream.fetch(step);
    }

    /// The same for [`Self::send`], in its last steps: a send is long, and uses the caches itself.
    pub(crate) fn fetch_sent(&self, step: usize) {
        match step {
            3 => {
                prefetch_front(&*self.counters, COUNTED);
                self.socket.iter().for_each(|socket| prefetch(&**socket));
                self.stream.source().iter().for_each(|track| track.fetch(0));
            }
            4 => {
                self.socket.iter().for_each(|socket| prefetch(&***socket));
                self.stream.source().iter().for_each(|track| track.fetch(1));
            }
            _ => {}
        }
    }

    /// Makes the packet of the slot at `now_ms`, sealed with the keys of this moment.
    pub(crate) fn prepare(
        &mut self,
        now_ms: u64,
        packet: &mut PacketBuffer,
        out: &mut EventOutbox,
    ) -> Demand {
        self.taps.prune(out);
        self.send_singles(now_ms, packet, out);
        self.hand_over(now_ms, out);
        self.drop_interrupted(now_ms, out);
        self.prepared = self.poll_slot(now_ms, packet);
        if self.prepared == SlotUse::Ended {
            self.stop(TrackEnd::Finished, out);
            self.prepared = self.poll_slot(now_ms, packet);
        }
        if self.prepared == SlotUse::Rest { Demand::None } else { Demand::Slots }
    }

    /// How much of the packet was prepared to leave, and by which socket.
    pub(crate) fn loaded(&self) -> Option<(&UdpSocket, usize)> {
        match self.prepared {
            SlotUse::Frame(len) | SlotUse::Silence(len) => Some((self.socket.as_deref()?, len)),
            _ => None,
        }
    }

    /// Sends what was prepared for `deadline`, if it has not left with others.
    pub(crate) fn send(
        &mut self,
        deadline: Instant,
        packet: &PacketBuffer,
        departed: Option<Departed>,
        out: &mut EventOutbox,
    ) {
        let prepared = std::mem::replace(&mut self.prepared, SlotUse::Nothing);
        if let SlotUse::Frame(len) | SlotUse::Silence(len) = prepared {
            let at = departed.as_ref().map_or_else(Instant::now, |departed| departed.at);
            self.counters.lateness.note(at.saturating_duration_since(deadline));
            match departed {
                Some(departed) => self.note_left(departed.result),
                None => self.transmit(&packet[..len]),
            }
        }
        match prepared {
            SlotUse::Frame(_) => self.note_sent(out),
            SlotUse::Silence(_) => {
                Counters::add(&self.counters.silence_sent, 1);
                if let Some(track) = self.stream.source() {
                    track.reader.state().note_silence();
                }
            }
            SlotUse::Withheld => {
                Counters::add(&self.counters.withheld, 1);
                self.note_sent(out);
            }
            SlotUse::Failed(_) => Counters::add(&self.counters.send_errors, 1),
            SlotUse::Nothing | SlotUse::Ended | SlotUse::Rest => {}
        }
    }

    /// Counts slots that passed while the clock thread could not run.
    pub(crate) fn note_missed(&self, count: u64) {
        Counters::add(&self.counters.missed_slots, count);
    }

    /// Ends what plays, as the connection closes.
    pub(crate) fn close(&mut self, out: &mut EventOutbox) {
        self.stop(TrackEnd::Closed, out);
    }

    fn poll_slot(&mut self, now_ms: u64, packet: &mut PacketBuffer) -> SlotUse {
        let before = self.stream.underruns();
        let taps = &mut self.taps;
        let slot_use = self.stream.poll_slot(now_ms, packet, |frame| taps.prepare(frame));
        let underruns = self.stream.underruns() - before;
        if underruns > 0 {
            Counters::add(&self.counters.underruns, underruns);
            if let Some(track) = self.stream.source() {
                track.reader.state().note_underruns(underruns);
            }
        }
        slot_use
    }

    fn send_singles(&mut self, now_ms: u64, packet: &mut PacketBuffer, out: &mut EventOutbox) {
        while let Some((frame, single_use)) = self.stream.poll_single(now_ms, packet) {
            match single_use {
                SingleUse::Packet(len) => {
                    self.taps.prepare(frame.as_bytes());
                    self.transmit(&packet[..len]);
                }
                SingleUse::Withheld => Counters::add(&self.counters.withheld, 1),
                SingleUse::Failed(_) => Counters::add(&self.counters.send_errors, 1),
            }
            out.discard(frame);
        }
    }

    fn transmit(&mut self, packet: &[u8]) {
        if let Some(socket) = &self.socket {
            self.note_left(socket.send(packet));
        }
    }

    fn note_left(&mut self, result: io::Result<usize>) {
        match result {
            Ok(len) => {
                Counters::count(&self.counters.packets_sent, 1);
                Counters::count(&self.counters.bytes_sent, len as u64);
                self.taps.sent(|| self.stream.last_at());
            }
            Err(_) => Counters::add(&self.counters.send_errors, 1),
        }
    }

    fn note_sent(&mut self, out: &mut EventOutbox) {
        if let Some(track) = self.stream.source_mut() {
            track.reader.state().note_sent();
            if let Some(monitor) = &mut track.monitor {
                monitor.sent();
            }
        }
        if let Some(track) = self.stream.take_exhausted() {
            track.end(TrackEnd::Finished, out);
        }
    }

    fn hand_over(&mut self, now_ms: u64, out: &mut EventOutbox) {
        if self.stream.hand_over_due(now_ms) {
            replaced(self.stream.hand_over(), out);
        }
    }

    /// What is interrupted and cannot go out now is not heard at all: not after a pause, and in no other session.
    fn drop_interrupted(&mut self, now_ms: u64, out: &mut EventOutbox) {
        let asked = self.stream.source().is_some_and(|track| track.reader.state().interruption().is_asked());
        if !asked || self.stream.flows(now_ms) {
            return;
        }
        match self.stream.hand_over() {
            Some(track) => replaced(Some(track), out),
            None => self.stop(TrackEnd::Interrupted, out),
        }
    }

    fn stop(&mut self, end: TrackEnd, out: &mut EventOutbox) {
        replaced(self.stream.hand_over(), out);
        if let Some(track) = self.stream.stop() {
            track.end(end, out);
        }
    }
}

fn replaced(track: Option<Box<PlayedTrack>>, out: &mut EventOutbox) {
    if let Some(track) = track {
        track.end(TrackEnd::Replaced, out);
    }
}

fn discard<T: Send + 'static>(memory: Option<Box<T>>, out: &mut EventOutbox) {
    if let Some(memory) = memory {
        out.discard(memory);
    }
}

#[cfg(test)]
mod tests;
