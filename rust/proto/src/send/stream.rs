//! One connection's way out, without its socket: what plays, single packets, the session and its keys.
//!
//! Everything that is taken from the stream is given back to the caller, so that nothing here allocates or frees.

use std::collections::VecDeque;

use super::gate::{Gate, Passage};
use super::{PacketBuffer, SendError, SendPath};
use crate::dave::{SealError, SenderChange, SenderKey};
use crate::frame::{FRAME_MS, OpusFrame, SILENCE};
use crate::pacing::{Pacer, Supply, Turn};
use crate::rtp::HEADER_LEN;
use crate::timeline::Timeline;
use crate::timetable::Demand;

/// Single packets that wait at most: those of 160 ms.
const MAX_HELD: usize = 8;

/// How long what plays goes on, at most, until what takes its place has a frame.
const HANDOVER_MS: u64 = 200;

/// Where the frames of a track come from.
pub trait FrameSupply {
    /// What it has now.
    fn supply(&mut self) -> Supply;

    /// Copies the oldest frame to the front of `out`, which has room for any, and takes it; its length, or none if there is
    /// none.
    fn take(&mut self, out: &mut [u8]) -> Option<usize>;

    /// Asks it to tell of the next frame, or of its end; false if there is one already.
    fn starve(&mut self) -> bool;

    /// Has what [`Self::take`] will need brought near, in steps from 0 on that each need what the one before has brought.
    fn fetch(&self, step: usize) {
        let _ = step;
    }
}

/// What a slot is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotUse {
    /// A frame of what plays: a packet of so many bytes.
    Frame(usize),
    /// Silence before a gap: a packet of so many bytes.
    Silence(usize),
    /// A frame is taken but not sent, for want of anybody who could open it.
    Withheld,
    /// No packet could be made.
    Failed(SendError),
    /// Nothing leaves, but the next slot is wanted.
    Nothing,
    /// What played is over: [`SendStream::stop`] gives it back. Then ask again for the same slot.
    Ended,
    /// Nothing leaves until the next command.
    Rest,
}

/// What becomes of a single packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SingleUse {
    /// A packet of so many bytes.
    Packet(usize),
    /// It is given up, for want of anybody who could open it.
    Withheld,
    /// No packet could be made.
    Failed(SendError),
}

/// Decides what leaves and when, and seals it with the keys of that moment. Times are milliseconds.
#[derive(Debug)]
pub struct SendStream<S> {
    path: Option<Box<SendPath>>,
    gate: Gate,
    timeline: Timeline,
    pacer: Pacer,
    source: Option<S>,
    /// What takes its place as soon as it has a frame, and since when it waits.
    next: Option<(S, u64)>,
    /// Whether a frame of the source has been taken.
    begun: bool,
    /// Whether the last slot passed while what plays waited for a key.
    waited: bool,
    /// Single packets that wait for a session, or for a key of the end-to-end encryption.
    held: VecDeque<Box<OpusFrame>>,
    /// Since when a playing source has had nothing to send, not even silence.
    starved_since_ms: Option<u64>,
    underruns: u64,
}

impl<S: FrameSupply> SendStream<S> {
    /// A stream without a session.
    #[must_use]
    pub fn new(timeline: Timeline) -> Self {
        Self {
            path: None,
            gate: Gate::default(),
            timeline,
            pacer: Pacer::default(),
            source: None,
            next: None,
            begun: false,
            waited: false,
            held: VecDeque::with_capacity(MAX_HELD),
            starved_since_ms: None,
            underruns: 0,
        }
    }

    /// Takes the keys of a session. The end-to-end encryption of a session before goes on, if it was the same
    /// stream's. Gives the path of before back.
    #[must_use]
    pub fn start_session(&mut self, mut path: Box<SendPath>) -> Option<Box<SendPath>> {
        self.starved_since_ms = None;
        if let Some(before) = &mut self.path {
            path.succeed(before);
        }
        self.path.replace(path)
    }

    /// The session is over: what plays keeps its place until the next one. Gives its path back.
    #[must_use]
    pub fn end_session(&mut self) -> Option<Box<SendPath>> {
        self.starved_since_ms = None;
        self.path.take()
    }

    /// What the end-to-end encryption does from now on. The key that is not needed any more is given back.
    pub fn change_sender(&mut self, change: SenderChange) -> Option<Box<SenderKey>> {
        self.starved_since_ms = None;
        match &mut self.path {
            Some(path) => path.change_sender(change),
            None => change.into_key(),
        }
    }

    /// Plays, in the place of what plays, which goes on until the new one has a frame: [`Self::hand_over_due`] says
    /// when. Gives back what has waited for that until now.
    #[must_use]
    pub fn play(&mut self, source: S, now_ms: u64) -> Option<S> {
        self.next.replace((source, now_ms)).map(|(before, _)| before)
    }

    /// Whether [`Self::hand_over`] is due, as it may be after [`Self::play`] and before each slot.
    #[must_use]
    pub fn hand_over_due(&mut self, now_ms: u64) -> bool {
        let Some((next, since)) = &mut self.next else { return false };
        let heard =
            self.pacer.is_playing() && self.source.as_mut().is_some_and(|now| now.supply() == Supply::Ready);
        let waits = matches!(next.supply(), Supply::Empty | Supply::Resting);
        !heard || !waits || now_ms.saturating_sub(*since) >= HANDOVER_MS
    }

    /// Lets what waits take the place of what plays, which is given back.
    #[must_use]
    pub fn hand_over(&mut self) -> Option<S> {
        let (next, _) = self.next.take()?;
        self.starved_since_ms = None;
        self.begun = false;
        self.pacer.play();
        self.source.replace(next)
    }

    /// Gives back what plays if its last frame has been taken. That it is over is then told a slot earlier than
    /// [`SlotUse::Ended`] tells it: who has something else to play has 20 ms for it, and no silence lies between.
    #[must_use]
    pub fn take_exhausted(&mut self) -> Option<S> {
        let last = self.pacer.is_playing() && self.next.is_none();
        let over = last && self.source.as_mut().is_some_and(|source| source.supply() == Supply::Exhausted);
        if over { self.stop() } else { None }
    }

    /// Gives back what plays, which is over.
    #[must_use]
    pub fn stop(&mut self) -> Option<S> {
        self.starved_since_ms = None;
        self.pacer.stop();
        self.source.take()
    }

    /// What plays holds.
    pub fn pause(&mut self) {
        self.starved_since_ms = None;
        self.pacer.pause();
    }

    /// What plays goes on.
    pub fn resume(&mut self) {
        self.starved_since_ms = None;
        self.pacer.resume();
    }

    /// What plays.
    #[must_use]
    pub fn source(&self) -> Option<&S> {
        self.source.as_ref()
    }

    /// The same, to be changed.
    #[must_use]
    pub fn source_mut(&mut self) -> Option<&mut S> {
        self.source.as_mut()
    }

    /// Whether frames of what plays leave, or pass unsent, in slots from now on.
    #[must_use]
    pub fn flows(&mut self, now_ms: u64) -> bool {
        self.pacer.is_playing() && matches!(self.passage(now_ms), Passage::Open | Passage::Withheld)
    }

    /// Slots so far that found nothing where a frame was due.
    #[must_use]
    pub fn underruns(&self) -> u64 {
        self.underruns
    }

    /// Takes in a packet that [`Self::poll_single`] hands out as soon as it may leave. Gives the oldest one back if
    /// too many wait.
    #[must_use]
    pub fn hold(&mut self, frame: Box<OpusFrame>) -> Option<Box<OpusFrame>> {
        let oldest = if self.held.len() == MAX_HELD { self.held.pop_front() } else { None };
        self.held.push_back(frame);
        oldest
    }

    /// The next single packet that need not wait any longer: in `out`, or given up.
    #[must_use]
    pub fn poll_single(
        &mut self,
        now_ms: u64,
        out: &mut PacketBuffer,
    ) -> Option<(Box<OpusFrame>, SingleUse)> {
        match (self.passage(now_ms), &mut self.path) {
            (Passage::Open, Some(path)) => {
                let frame = self.held.pop_front()?;
                let packet = path.packet(&frame, &mut self.timeline, now_ms, out);
                if packet.is_ok() {
                    self.pacer.sent_one();
                }
                Some((frame, packet.map_or_else(SingleUse::Failed, SingleUse::Packet)))
            }
            (Passage::Withheld, _) => Some((self.held.pop_front()?, SingleUse::Withheld)),
            _ => None,
        }
    }

    /// Whether slots are needed from now on; comes after each command. What has waited for a key is not to wait for
    /// its old slot as well.
    #[must_use]
    pub fn demand(&mut self, now_ms: u64) -> Demand {
        match self.passage(now_ms) {
            Passage::Closed => Demand::None,
            Passage::Open if std::mem::take(&mut self.waited) => Demand::Soon,
            _ => Demand::Slots,
        }
    }

    /// Where the last packet lies, in samples on the clock of `now_ms`.
    #[must_use]
    pub fn last_at(&self) -> u64 {
        self.timeline.last()
    }

    /// Has what [`Self::poll_slot`] will need brought near, in steps from 0 on that each need what the one before has
    /// brought.
    pub fn fetch(&self, step: usize) {
        self.path.iter().for_each(|path| path.fetch(step));
        self.source.iter().for_each(|source| source.fetch(step));
    }

    /// What the slot at `now_ms` is used for; a packet is written into `out`, and `leaves` is lent the frame that will be
    /// in it.
    #[must_use]
    pub fn poll_slot(&mut self, now_ms: u64, out: &mut PacketBuffer, leaves: impl FnOnce(&[u8])) -> SlotUse {
        let passage = self.passage(now_ms);
        self.waited = passage == Passage::Waiting;
        match passage {
            Passage::Waiting if self.pacer.is_playing() => return SlotUse::Nothing,
            Passage::Closed | Passage::Waiting => return SlotUse::Rest,
            Passage::Withheld | Passage::Open => {}
        }
        let supply = self.source.as_mut().map_or(Supply::Exhausted, S::supply);
        let turn = self.pacer.turn(supply);
        // Before the first frame of what plays nobody waits for sound, also while silence follows what played before.
        self.underruns += u64::from(self.begun && self.pacer.underran());
        match turn {
            Turn::Frame => {
                if let Some(since) = self.starved_since_ms.take() {
                    self.underruns += now_ms.saturating_sub(since) / FRAME_MS;
                }
                self.begun = true;
                self.frame(passage, now_ms, out, leaves)
            }
            Turn::Silence if passage == Passage::Open => self.silence(now_ms, out, leaves),
            Turn::Silence => SlotUse::Nothing,
            Turn::End => SlotUse::Ended,
            Turn::Rest => self.starve(supply, now_ms),
        }
    }

    fn passage(&mut self, now_ms: u64) -> Passage {
        self.gate.passage(self.path.as_deref(), now_ms)
    }

    fn frame(
        &mut self,
        passage: Passage,
        now_ms: u64,
        out: &mut PacketBuffer,
        leaves: impl FnOnce(&[u8]),
    ) -> SlotUse {
        let taken = self.source.as_mut().and_then(|source| source.take(&mut out[HEADER_LEN..]));
        let Some(len) = taken else { return SlotUse::Nothing };
        if passage == Passage::Withheld {
            return SlotUse::Withheld;
        }
        self.seal(len, now_ms, out, leaves).map_or_else(SlotUse::Failed, SlotUse::Frame)
    }

    fn silence(&mut self, now_ms: u64, out: &mut PacketBuffer, leaves: impl FnOnce(&[u8])) -> SlotUse {
        out[HEADER_LEN..][..SILENCE.len()].copy_from_slice(&SILENCE);
        self.seal(SILENCE.len(), now_ms, out, leaves).map_or_else(SlotUse::Failed, SlotUse::Silence)
    }

    /// Makes the packet of a frame that stands in `out`.
    fn seal(
        &mut self,
        len: usize,
        now_ms: u64,
        out: &mut PacketBuffer,
        leaves: impl FnOnce(&[u8]),
    ) -> Result<usize, SendError> {
        let Some(path) = &mut self.path else { return Err(SendError::EndToEnd(SealError::NoKey)) };
        leaves(&out[HEADER_LEN..][..len]);
        path.seal(len, &mut self.timeline, now_ms, out)
    }

    /// Nothing to send: rests, unless a frame came in at the last moment.
    fn starve(&mut self, supply: Supply, now_ms: u64) -> SlotUse {
        // A paused source with frames rests too; only a playing one wants slots for them.
        let Some(source) = self.source.as_mut().filter(|_| self.pacer.is_playing()) else {
            return SlotUse::Rest;
        };
        if self.begun && supply != Supply::Resting {
            self.starved_since_ms.get_or_insert(now_ms);
        }
        if source.starve() { SlotUse::Rest } else { SlotUse::Nothing }
    }
}
