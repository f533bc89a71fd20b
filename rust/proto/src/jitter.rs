//! The jitter buffer of one stream: packets in as they come, in order out when their time is come.
//!
//! Time is the connection's common clock in samples at 48 kHz; [`alignment`] maps RTP time to it. A
//! packet is due at its place on that clock plus the [`delay`]. What is missing then is
//! - *lost*, if a later packet of the sequence is here,
//! - a *pause* of the sender, if the RTP time jumps and the sequence does not: silence, nothing to conceal,
//! - unknown, if nothing later is here. Nothing is played then, and the next packet will tell; a packet
//!   is only too late when a later one has been played.

mod alignment;
mod delay;
mod slots;
mod suspect;
mod turn;

use alignment::Alignment;
use delay::AdaptiveDelay;
pub use delay::DelayBounds;
use slots::{CAPACITY, Slots};
use suspect::Suspect;

use crate::frame::FRAME_SAMPLES;
pub use turn::{Arrival, Inserted, Turn};

/// Sequence numbers that a network can lose in a row (RFC 3550, appendix A.1).
const MAX_DROPOUT: i64 = 3_000;
/// Sequence numbers that a packet can be late by.
const MAX_MISORDER: i64 = 1_000;
/// No packet is later than this: 2 s. One that seems to be has begun a stream anew.
const MAX_LATE: i64 = 96_000;
/// A spurt is over when nothing has come for this long: 200 ms.
const REST: i64 = 9_600;
/// A stream's place on the clock is found from the fastest of its first packets. So many of them tell how
/// much they differ;
const OPENING_PACKETS: u32 = 6;
/// fewer do where they hardly differ at all: by 1.5 ms.
const CALM_PACKETS: u32 = 4;
const CALM: i64 = 72;
/// They are held for so many times that spread, as the more they differ, the more of them it takes;
const OPENING_SPREADS: i64 = 16;
/// but no longer than this: 200 ms.
const OPENING: i64 = 9_600;
/// Until packets say otherwise, and in a gap that says nothing.
const FRAME: i64 = FRAME_SAMPLES as i64;
/// Numbers are extended from here, so that they never become negative.
const FIRST_CYCLE: i64 = 1 << 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No packet has come, or none since the restart.
    New,
    /// Between spurts.
    Resting,
    /// The first packets of a stream wait: where it begins may still change.
    Opening,
    /// The first packets of a further spurt wait.
    Buffering,
    /// In the midst of a spurt.
    Playing,
}

/// The buffer of one stream.
#[derive(Debug)]
pub struct JitterBuffer {
    phase: Phase,
    slots: Slots,
    alignment: Alignment,
    delay: AdaptiveDelay,
    suspect: Suspect,
    /// The newest packet's extended number and timestamp.
    newest: i64,
    newest_time: i64,
    /// What is to be played next.
    next: i64,
    next_time: i64,
    /// Packets before this one are due at once.
    hurry: i64,
    /// When the first packet of this spurt came.
    spurt_at: i64,
    /// When the last spurt was over.
    rested_at: i64,
    /// Packets lost that no turn has told of.
    skipped: u64,
    /// Samples of the last packet played.
    frame: i64,
    /// The last packet played ends a spurt.
    silent: bool,
}

impl JitterBuffer {
    /// An empty one.
    #[must_use]
    pub fn new(bounds: DelayBounds) -> Self {
        Self {
            phase: Phase::New,
            slots: Slots::default(),
            alignment: Alignment::default(),
            delay: AdaptiveDelay::new(bounds),
            suspect: Suspect::default(),
            newest: 0,
            newest_time: 0,
            next: 0,
            next_time: 0,
            hurry: 0,
            spurt_at: 0,
            rested_at: 0,
            skipped: 0,
            frame: FRAME,
            silent: false,
        }
    }

    /// The delay now, in samples.
    #[must_use]
    pub fn delay(&self) -> u32 {
        self.delay.get() as u32
    }

    /// Where the last thing played ends.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.alignment.position(self.next_time)
    }

    /// Takes a packet in.
    pub fn insert(&mut self, packet: &Arrival<'_>) -> Inserted {
        if self.phase == Phase::New {
            self.begin(packet);
        }
        let sequence = self.newest + i64::from(packet.sequence.wrapping_sub(self.newest as u16) as i16);
        if sequence > self.newest + MAX_DROPOUT || sequence < self.next - MAX_MISORDER {
            return self.suspect(packet);
        }
        let time =
            self.newest_time + i64::from(packet.timestamp.wrapping_sub(self.newest_time as u32) as i32);
        let transit = packet.at - time;
        if sequence < self.next && !self.may_open_with(sequence) {
            let rested = packet.at - self.rested_at;
            if self.phase == Phase::Resting && rested > MAX_LATE {
                return self.restarted();
            }
            return self.too_late(sequence, transit);
        }
        if self.slots.waiting(sequence).is_some() {
            return Inserted::Duplicate;
        }
        if sequence >= self.next + CAPACITY {
            if self.next <= self.newest {
                return Inserted::Full;
            }
            self.skipped += (sequence - self.next) as u64;
            (self.next, self.next_time) = (sequence, time);
        }
        if self.phase == Phase::Resting {
            self.alignment.begin_spurt(transit);
            self.spurt_at = packet.at;
            self.phase = Phase::Buffering;
        } else if sequence > self.newest && self.alignment.is_elsewhere(transit) {
            return self.restarted();
        }
        self.suspect.forget();
        self.measure(transit);
        if sequence < self.next {
            (self.next, self.next_time) = (sequence, time);
        }
        if sequence > self.newest {
            (self.newest, self.newest_time) = (sequence, time);
        }
        let slot = self.slots.place(sequence);
        slot.timestamp = time;
        slot.at = packet.at;
        slot.samples = packet.samples;
        slot.frame_samples = packet.frame_samples;
        slot.silence = packet.silence;
        slot.payload.clear();
        slot.payload.extend_from_slice(packet.payload);
        Inserted::Queued(self.alignment.expected(time).max(self.end()))
    }

    /// Makes all that waits due at once.
    pub fn hurry(&mut self) {
        self.hurry = self.newest + 1;
    }

    /// Forgets the stream's numbering and its place on the clock; the next packet sets them.
    pub fn restart(&mut self) {
        self.slots.clear();
        self.alignment = Alignment::default();
        self.phase = Phase::New;
        (self.hurry, self.skipped, self.frame, self.silent) = (0, 0, FRAME, false);
        let mut suspect = std::mem::take(&mut self.suspect);
        suspect.release(|first| _ = self.insert(first));
        self.suspect = suspect;
    }

    /// What is to be played at `now`. To be called until it says [`Turn::Wait`] or [`Turn::Rest`].
    pub fn next(&mut self, now: i64) -> Turn<'_> {
        match std::mem::take(&mut self.skipped) {
            0 => {}
            skipped => return Turn::Skipped(skipped),
        }
        if matches!(self.phase, Phase::New | Phase::Resting) {
            return Turn::Rest;
        }
        if let Some(head) = self.slots.waiting(self.next) {
            let (time, samples) = (head.timestamp, head.samples);
            let due = self.due(time);
            if now < due && self.next >= self.hurry {
                return Turn::Wait(due);
            }
            return match self.align(time) {
                0 => self.packet(time, samples),
                by => Turn::Shifted(by),
            };
        }
        let found = self.slots.first_waiting(self.next + 1, self.newest);
        if let Some((sequence, slot)) = found {
            let (time, silent_before) = (slot.timestamp, self.silent);
            let lost = sequence - self.next;
            let begin = time - lost * self.frame;
            let is_pause = begin - self.next_time > self.frame;
            if is_pause && silent_before {
                // The spurt before the pause was over, so the lost ones began the next.
                self.next_time = begin;
            }
            let due = self.due(if is_pause { begin } else { self.next_time });
            if now < due && self.next >= self.hurry {
                return Turn::Wait(due);
            }
            return match self.align(self.next_time) {
                0 => self.lost(sequence, time),
                by => Turn::Shifted(by),
            };
        }
        self.dry(now)
    }

    fn begin(&mut self, packet: &Arrival<'_>) {
        self.newest = FIRST_CYCLE + i64::from(packet.sequence);
        self.newest_time = FIRST_CYCLE + i64::from(packet.timestamp);
        (self.next, self.next_time) = (self.newest, self.newest_time);
        self.alignment.begin_spurt(packet.at - self.newest_time);
        self.spurt_at = packet.at;
        self.phase = Phase::Opening;
    }

    /// When something of `time` is to be played.
    fn due(&self, time: i64) -> i64 {
        let due = self.alignment.position(time) + self.delay.get();
        match self.phase {
            Phase::Opening => due.max(self.spurt_at + self.opening()),
            Phase::Buffering if self.alignment.is_in_doubt() => due.max(self.spurt_at + self.delay.get()),
            _ => due,
        }
    }

    /// How long the first packets of a stream are held.
    fn opening(&self) -> i64 {
        let Some((packets, spread)) = self.alignment.spread() else { return OPENING };
        let enough = if spread <= CALM { CALM_PACKETS } else { OPENING_PACKETS };
        if packets < enough { OPENING } else { (OPENING_SPREADS * spread).min(OPENING) }
    }

    /// Whether a packet from before the first one can still open the stream.
    fn may_open_with(&self, sequence: i64) -> bool {
        self.phase == Phase::Opening && sequence > self.newest - CAPACITY
    }

    fn too_late(&mut self, sequence: i64, transit: i64) -> Inserted {
        if self.slots.was_played(sequence) {
            return Inserted::Duplicate;
        }
        if sequence > self.next - CAPACITY {
            self.slots.note_late(sequence);
            self.measure(transit);
        }
        Inserted::Late
    }

    fn measure(&mut self, transit: i64) {
        if let Some(behind) = self.alignment.note(transit) {
            self.delay.note(behind);
        }
    }

    fn suspect(&mut self, packet: &Arrival<'_>) -> Inserted {
        if self.suspect.is_followed_by(packet) {
            return Inserted::Restarted;
        }
        if self.phase == Phase::Resting {
            return self.restarted();
        }
        self.suspect.hold(packet);
        Inserted::Suspect
    }

    /// The stream begins anew with the packet at hand; a suspect from before is no part of it.
    fn restarted(&mut self) -> Inserted {
        self.suspect.forget();
        Inserted::Restarted
    }

    fn packet(&mut self, time: i64, samples: u32) -> Turn<'_> {
        let position = self.alignment.position(time);
        let slot = self.slots.take(self.next);
        self.next += 1;
        self.next_time = time + i64::from(samples);
        self.frame = i64::from(samples);
        self.silent = slot.silence;
        let (silence, payload) = (slot.silence, &slot.payload);
        Turn::Packet { position, samples, at: slot.at, silence, payload }
    }

    fn lost(&mut self, found: i64, found_time: i64) -> Turn<'_> {
        let position = self.alignment.position(self.next_time);
        let left = (found_time - self.next_time).max(0);
        let is_last = found == self.next + 1;
        // The last one fills the gap, unless a pause is in it.
        let samples = if is_last && left < 2 * self.frame { left } else { left.min(self.frame) };
        self.next += 1;
        self.next_time += samples;
        let slot = self.slots.waiting(found);
        let next = slot
            .filter(|_| is_last && self.next_time == found_time)
            .map(|slot| (&slot.payload[..], slot.frame_samples));
        Turn::Lost { position, samples: samples as u32, next }
    }

    /// Before something of `time` is played: puts the mapping right. Returns by how much it has moved, if
    /// that is in the midst of a spurt.
    fn align(&mut self, time: i64) -> i64 {
        let begins = matches!(self.phase, Phase::Opening | Phase::Buffering);
        if !begins && time - self.next_time < FRAME {
            return self.alignment.correct();
        }
        self.phase = Phase::Playing;
        for behind in self.alignment.settle().into_iter().flatten() {
            self.delay.note(behind);
        }
        self.delay.relax();
        0
    }

    fn dry(&mut self, now: i64) -> Turn<'_> {
        let end = self.end();
        let rest_at = if self.silent { end } else { end + self.delay.get() + REST };
        if now < rest_at && self.next > self.hurry {
            return Turn::Wait(rest_at);
        }
        self.rested_at = now;
        self.phase = Phase::Resting;
        self.delay.relax();
        Turn::SpurtEnd
    }
}
