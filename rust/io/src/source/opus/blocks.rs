//! Opus in Matroska, WebM and MP4: packets from the demuxer, positions by counting.

use super::super::error::StageError;
use super::super::packet::Packet;
use super::super::pcm::{DemuxStep, Demuxer};
use super::head::{ByteOrder, OpusHead};
use super::history::PRE_ROLL;
use super::packet::packet_samples;
use super::{OpusPackets, Step};

/// Positions in a stream are multiples of the shortest Opus frame.
const GRID: f64 = 120.0;

/// Reads Opus packets out of a container with time stamps.
pub(crate) struct BlockPackets {
    demuxer: Demuxer,
    head: OpusHead,
    /// Time stamp of the first packet, in seconds.
    origin: Option<f64>,
    /// Position of the next packet; None after a seek.
    next: Option<i64>,
    broken: u64,
}

impl BlockPackets {
    /// Take over a demuxer whose track is Opus.
    pub(crate) fn new(demuxer: Demuxer) -> Result<Self, StageError> {
        let order = if demuxer.container() == "mp4" { ByteOrder::Big } else { ByteOrder::Little };
        let head = match demuxer.extra_data().map(|data| OpusHead::parse(data, order)) {
            Some(Some(Ok(head))) => head,
            Some(Some(Err(reason))) => return Err(StageError::Unsupported(reason)),
            _ => return Err(StageError::broken("the Opus header is missing or damaged")),
        };
        let next = Some(-i64::from(head.pre_skip));
        Ok(Self { demuxer, head, origin: None, next, broken: 0 })
    }

    /// The position that a time stamp stands for: containers round it, Opus frames do not.
    fn position(&self, seconds: f64) -> i64 {
        let samples = (seconds - self.origin.unwrap_or(0.0)) * 48_000.0;
        ((samples / GRID).round() * GRID) as i64 - i64::from(self.head.pre_skip)
    }
}

impl OpusPackets for BlockPackets {
    fn next(&mut self, packet: &mut Packet) -> Result<Step, StageError> {
        loop {
            match self.demuxer.next()? {
                DemuxStep::Packet(block) => {
                    let Some(samples) = packet_samples(&block.data) else {
                        self.broken += 1;
                        if self.demuxer.slice_is_over() {
                            return Ok(Step::Later);
                        }
                        continue;
                    };
                    let stamp = self.demuxer.seconds(block.pts.get());
                    self.origin.get_or_insert(stamp);
                    let start = self.next.unwrap_or_else(|| self.position(stamp));
                    self.next = Some(start + samples as i64);
                    *packet = Packet::from(block.data);
                    return Ok(Step::Packet { start, end: i64::MAX });
                }
                DemuxStep::Reset => {
                    return Err(StageError::broken("the tracks change in the middle"));
                }
                DemuxStep::Later => return Ok(Step::Later),
                DemuxStep::End => return Ok(Step::End),
            }
        }
    }

    fn seek(&mut self, target: i64) -> Result<(), StageError> {
        let origin = self.origin.unwrap_or(0.0);
        let wanted = target - PRE_ROLL as i64 + i64::from(self.head.pre_skip);
        self.next = None;
        if wanted > 0 && self.demuxer.seek(origin + wanted as f64 / 48_000.0)? {
            // The demuxer may land late; the packet it landed on is looked at and kept for later.
            if let Some(stamp) = self.demuxer.peek_seconds()?
                && self.position(stamp) <= target - PRE_ROLL as i64 / 2
            {
                return Ok(());
            }
        }
        self.demuxer.rewind()?;
        self.next = Some(-i64::from(self.head.pre_skip));
        Ok(())
    }

    fn slice_is_over(&self) -> bool {
        self.demuxer.slice_is_over()
    }

    fn container(&self) -> &'static str {
        self.demuxer.container()
    }

    fn head(&self) -> &OpusHead {
        &self.head
    }

    fn duration(&self) -> Option<u64> {
        let seconds = self.demuxer.duration()?;
        Some(((seconds * 48_000.0).round() as u64).saturating_sub(u64::from(self.head.pre_skip)))
    }

    fn broken(&self) -> u64 {
        self.broken + self.demuxer.broken()
    }
}
