//! Opus packets to frames: passed through where packets are wanted and may pass, else decoded.
//!
//! Frames of a stream whose packets may pass stay on the grid of its packets in both modes, so that the mode can
//! change at any frame without a gap: what lies before the first audible sample is silenced, not cut away.

mod decoding;

use std::io;
use std::sync::Arc;

use super::super::error::StageError;
use super::super::frame::{Downstream, FRAME_SAMPLES, FrameBuf, MAX_OPUS_FRAME, SourceFrame, Want};
use super::super::packet::Packet;
use super::decode::OpusDecoder;
use super::head::OpusHead;
use super::history::History;
use super::packet::{Layout, packet_samples};
use super::{OpusPackets, Step};

/// Packets in a row that cannot be decoded before the file is given up.
const MAX_BROKEN_RUN: u32 = 500;
const FRAME_VALUES: usize = FRAME_SAMPLES * 2;

/// A piece of the stream that is passed or decoded as a whole: a packet, or one 20 ms frame of a longer one.
#[derive(Clone, Copy, Debug)]
struct Unit {
    start: i64,
    end: i64,
    samples: usize,
}

enum Next {
    Unit(Unit),
    Head { base: i64 },
    Later,
    Starved,
    End,
}

/// How far [`OpusStream::walk`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walked {
    /// To where the seek goes.
    There,
    /// As far as one slice reaches.
    Later,
    /// As far as packets have come.
    Starved,
}

/// A longer packet whose frames of 20 ms are handed out one by one.
struct Split {
    layout: Layout,
    /// All of them, each as a packet of its own: the same TOC byte with code 0, and what lies in the longer one.
    packets: Arc<[u8]>,
    /// Where the next one begins.
    at: usize,
    index: usize,
    unit: Unit,
}

/// The frames of one Opus file.
pub(crate) struct OpusStream {
    packets: Box<dyn OpusPackets>,
    head: OpusHead,
    split: Option<Split>,
    /// The unit that comes next; its bytes are in `bytes`.
    unit: Option<Unit>,
    bytes: Packet,
    /// A link begins here, with its first audible position.
    head_due: Option<i64>,
    /// The last unit was one that may pass.
    passable: bool,
    ended: bool,
    history: History,
    decoder: Option<OpusDecoder>,
    /// Decoded sound that has not left, and the position of its first sample.
    pending: Vec<f32>,
    pending_start: i64,
    /// What comes before is not heard: the pre-skip of a link.
    audible_from: i64,
    /// Where the last seek went. Streams that are not passed through begin there to the sample.
    target: i64,
    /// The packets before it still pass by.
    walking: bool,
    broken: u64,
    broken_run: u32,
}

impl OpusStream {
    /// Open a stream and read its first packet.
    pub(crate) fn new(packets: Box<dyn OpusPackets>) -> Result<Self, StageError> {
        let head = packets.head().clone();
        // A header that libopus refuses is found now, not when the volume changes.
        OpusDecoder::new(&head).map_err(StageError::Broken)?;
        let mut stream = Self {
            packets,
            head,
            split: None,
            unit: None,
            bytes: Packet::default(),
            head_due: None,
            passable: false,
            ended: false,
            history: History::default(),
            decoder: None,
            pending: Vec::new(),
            pending_start: 0,
            target: 0,
            walking: false,
            audible_from: 0,
            broken: 0,
            broken_run: 0,
        };
        if !matches!(stream.peek()?, Next::Unit(_)) {
            return Err(StageError::broken("it holds no sound"));
        }
        Ok(stream)
    }

    pub(crate) fn head(&self) -> &OpusHead {
        &self.head
    }

    pub(crate) fn container(&self) -> &'static str {
        self.packets.container()
    }

    pub(crate) fn duration(&self) -> Option<u64> {
        self.packets.duration()
    }

    pub(crate) fn broken(&self) -> u64 {
        self.broken + self.packets.broken()
    }

    /// True if the next frame can be an Opus packet of the file, as far as packets stay as they were.
    pub(crate) fn passes(&self) -> bool {
        self.pending.is_empty() && self.unit.map_or(self.passable, |unit| self.may_pass(unit))
    }

    fn may_pass(&self, unit: Unit) -> bool {
        self.head.is_passable() && unit.samples == FRAME_SAMPLES && self.bytes.len() <= MAX_OPUS_FRAME
    }

    /// Produce the next frame; None if it is not found within a slice.
    pub(crate) fn next_frame(
        &mut self,
        out: &mut FrameBuf,
        want: Want,
    ) -> Result<Option<SourceFrame>, StageError> {
        match self.walk()? {
            Walked::There => {}
            Walked::Later => return Ok(None),
            Walked::Starved => return Ok(Some(SourceFrame::Starved)),
        }
        loop {
            if self.pending.len() >= FRAME_VALUES {
                return Ok(Some(self.cut(out)));
            }
            let unit = match self.peek()? {
                Next::Unit(unit) => unit,
                Next::Starved => return Ok(Some(SourceFrame::Starved)),
                Next::Head { .. } | Next::End if !self.pending.is_empty() => {
                    return Ok(Some(self.cut(out)));
                }
                Next::Head { base } => {
                    self.begin_link(base);
                    continue;
                }
                Next::Later => return Ok(None),
                Next::End => return Ok(Some(SourceFrame::End)),
            };
            self.unit = None;
            self.passable = self.may_pass(unit);
            let unit_end = unit.start + unit.samples as i64;
            if unit.start >= unit.end {
                if self.packets.slice_is_over() {
                    return Ok(None);
                }
                continue;
            }
            if want.packets && self.pending.is_empty() && self.passable {
                self.decoder = None;
                self.history.push(self.bytes.clone(), unit.start, unit.samples);
                // The pre-skip passes too: it lets the far end's decoder converge.
                out.opus = std::mem::take(&mut self.bytes);
                out.position = u64::try_from(unit.start).unwrap_or(0);
                out.samples = (unit_end.min(unit.end) - unit.start) as u16;
                out.lead = self.lead(unit.start, out.samples);
                return Ok(Some(SourceFrame::Opus));
            }
            self.decode(unit)?;
        }
    }

    /// Go to `target`. The next frame begins at the packet that holds it, or there if the stream is not passed on.
    pub(crate) fn seek(&mut self, target: i64) -> Result<(), StageError> {
        self.split = None;
        self.unit = None;
        self.head_due = None;
        self.ended = false;
        self.broken_run = 0;
        self.pending.clear();
        self.history.clear();
        self.decoder = None;
        self.packets.seek(target)?;
        self.target = target;
        self.walking = true;
        self.walk().map(drop)
    }

    /// Let the packets before the target pass by.
    pub(crate) fn walk(&mut self) -> Result<Walked, StageError> {
        while self.walking {
            match self.peek()? {
                Next::Unit(unit) if unit.start + unit.samples as i64 > self.target => self.walking = false,
                // What lies before is what a decoder converges on.
                Next::Unit(unit) => {
                    self.history.push(self.bytes.clone(), unit.start, unit.samples);
                    self.unit = None;
                    if self.packets.slice_is_over() {
                        return Ok(Walked::Later);
                    }
                }
                Next::Head { base } => self.begin_link(base),
                Next::Later => return Ok(Walked::Later),
                Next::Starved => return Ok(Walked::Starved),
                Next::End => self.walking = false,
            }
        }
        Ok(Walked::There)
    }

    /// Waits until packets have come.
    pub(crate) fn wait(&self) {
        self.packets.wait();
    }

    /// Who is woken when they have.
    pub(crate) fn attach(&self, downstream: &Arc<dyn Downstream>) {
        self.packets.attach(downstream);
    }

    /// Has the packets found in a thread of their own.
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn move_packets(
        self,
        found: impl FnOnce(Box<dyn OpusPackets>) -> io::Result<Box<dyn OpusPackets>>,
    ) -> io::Result<Self> {
        Ok(Self { packets: found(self.packets)?, ..self })
    }

    /// Where the next frame begins, as far as it is known.
    pub(crate) fn position(&self) -> i64 {
        match self.unit {
            _ if !self.pending.is_empty() => self.pending_start,
            Some(unit) if self.may_pass(unit) => unit.start.max(0),
            Some(unit) => unit.start.max(self.target).max(self.audible_from),
            None => self.target,
        }
    }

    fn begin_link(&mut self, base: i64) {
        self.head_due = None;
        self.head = self.packets.head().clone();
        self.audible_from = base;
        self.decoder = None;
        self.history.clear();
    }

    /// Make the next unit ready without taking it.
    fn peek(&mut self) -> Result<Next, StageError> {
        if let Some(unit) = self.unit {
            return Ok(Next::Unit(unit));
        }
        if let Some(base) = self.head_due {
            return Ok(Next::Head { base });
        }
        if self.ended {
            return Ok(Next::End);
        }
        loop {
            if let Some(unit) = self.next_of_split() {
                self.unit = Some(unit);
                return Ok(Next::Unit(unit));
            }
            let mut packet = Packet::default();
            match self.packets.next(&mut packet)? {
                Step::Packet { start, end } => {
                    if let Some(unit) = self.take_packet(packet, start, end)? {
                        self.unit = Some(unit);
                        return Ok(Next::Unit(unit));
                    }
                }
                Step::Head { base } => {
                    self.head_due = Some(base);
                    return Ok(Next::Head { base });
                }
                Step::Later => return Ok(Next::Later),
                Step::Starved => return Ok(Next::Starved),
                Step::End => {
                    self.ended = true;
                    return Ok(Next::End);
                }
            }
        }
    }

    /// Check a packet. None if it is broken, or if it was split.
    fn take_packet(&mut self, packet: Packet, start: i64, end: i64) -> Result<Option<Unit>, StageError> {
        let Some(samples) = packet_samples(&packet) else {
            self.count_broken()?;
            return Ok(None);
        };
        let unit = Unit { start, end, samples };
        if self.head.is_plain() && !Layout::is_one(&packet) {
            // Only the packets of a single stream can be laid out without decoding.
            let Some(layout) = Layout::parse(&packet) else {
                self.count_broken()?;
                return Ok(None);
            };
            if layout.frame_samples == FRAME_SAMPLES && layout.count() > 1 && self.head.is_passable() {
                let frames = (0..layout.count()).map(|index| layout.frame(index));
                let mut packets = Vec::with_capacity(packet.len() + layout.count());
                for (offset, len) in frames {
                    packets.push(packet[0] & 0xfc);
                    packets.extend_from_slice(&packet[offset..offset + len]);
                }
                self.split = Some(Split { layout, packets: packets.into(), at: 0, index: 0, unit });
                return Ok(None);
            }
        }
        self.bytes = packet;
        Ok(Some(unit))
    }

    /// The next frame of a split packet.
    fn next_of_split(&mut self) -> Option<Unit> {
        let split = self.split.as_mut()?;
        let end = split.at + 1 + split.layout.frame(split.index).1;
        self.bytes = Packet::part(&split.packets, split.at..end);
        split.at = end;
        let start = split.unit.start + (split.index * FRAME_SAMPLES) as i64;
        let unit = Unit { start, end: split.unit.end, samples: FRAME_SAMPLES };
        split.index += 1;
        if split.index == split.layout.count() {
            self.split = None;
        }
        Some(unit)
    }

    fn count_broken(&mut self) -> Result<(), StageError> {
        self.broken += 1;
        self.broken_run += 1;
        if self.broken_run > MAX_BROKEN_RUN {
            return Err(StageError::broken("no Opus packet can be decoded any more"));
        }
        Ok(())
    }
}
