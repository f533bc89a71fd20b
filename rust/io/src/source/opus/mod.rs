//! Files that hold Opus: packets pass through where they can and are decoded where they must.

mod blocks;
mod decode;
mod head;
mod history;
mod link;
mod ogg;
mod packet;
mod page;
mod stream;

pub(crate) use blocks::BlockPackets;
pub(crate) use head::OpusHead;
pub(crate) use ogg::{OggPackets, Opened as OggOpened};
pub(crate) use stream::{OpusStream, Walked};

use std::sync::Arc;

use super::error::StageError;
use super::frame::Downstream;
use super::packet::Packet;

/// What a container gives next.
#[derive(Debug)]
pub(crate) enum Step {
    /// A packet is there. Its first sample stands at `start`; what stands at `end` and later is padding.
    Packet {
        /// Position of the first sample.
        start: i64,
        /// Position after the last sample that is meant to be heard.
        end: i64,
    },
    /// A stream with a header of its own begins (chained Ogg, or after a seek): the decoder starts anew.
    Head {
        /// Position of its first sample that is meant to be heard.
        base: i64,
    },
    /// No packet was among what could be looked at in one slice: ask again.
    Later,
    /// No packet has come yet: whoever brings it wakes the downstream.
    Starved,
    /// The file is over.
    End,
}

/// Opus packets of one file in order. Positions are samples of 48 kHz; 0 is the first that is meant to be heard.
pub(crate) trait OpusPackets: Send {
    /// Puts the next packet in the place of `packet`.
    fn next(&mut self, packet: &mut Packet) -> Result<Step, StageError>;
    /// Go to a packet that starts at or before `target`, so that the next step is that packet or a head.
    fn seek(&mut self, target: i64) -> Result<(), StageError>;
    /// True once others should have their turn.
    fn slice_is_over(&self) -> bool;
    /// The name of the container.
    fn container(&self) -> &'static str;
    /// The stream's identification header.
    fn head(&self) -> &OpusHead;
    /// Samples in all, if known.
    fn duration(&self) -> Option<u64>;
    /// Damaged pieces skipped so far.
    fn broken(&self) -> u64;
    /// Waits until [`Step::Starved`] is over.
    fn wait(&self) {}
    /// Who is woken then.
    fn attach(&self, downstream: &Arc<dyn Downstream>) {
        let _ = downstream;
    }
}
