//! The Opus packets of a stream, from the thread that finds them.

use std::io;
use std::sync::Arc;

use super::super::budget::Meter;
use super::super::error::StageError;
use super::super::frame::Downstream;
use super::super::opus::{OpusHead, OpusPackets, Step};
use super::super::packet::Packet;
use super::worker::{Maker, Pieces, Taken};

/// A step on its way from one thread to another.
#[derive(Default)]
struct Item {
    packet: Packet,
    step: Option<Step>,
    /// The header of the stream that begins with the step.
    head: Option<OpusHead>,
}

struct Find {
    packets: Box<dyn OpusPackets>,
    meter: Arc<Meter>,
}

impl Maker for Find {
    type Piece = Item;

    fn make(&mut self, item: &mut Item) -> Result<bool, StageError> {
        item.head = None;
        loop {
            self.meter.begin_slice();
            let step = self.packets.next(&mut item.packet).map_err(|error| self.meter.explain(error))?;
            match step {
                Step::Later | Step::Starved => continue,
                Step::End => return Ok(false),
                Step::Head { .. } => item.head = Some(self.packets.head().clone()),
                Step::Packet { .. } => {}
            }
            item.step = Some(step);
            return Ok(true);
        }
    }

    fn seek(&mut self, target: i64) -> Result<(), StageError> {
        self.meter.heard();
        self.meter.begin_slice();
        self.packets.seek(target).map_err(|error| self.meter.explain(error))
    }

    fn broken(&self) -> u64 {
        self.packets.broken()
    }
}

/// Packets that are found elsewhere.
pub(crate) struct FoundPackets {
    pieces: Pieces<Item>,
    item: Item,
    container: &'static str,
    head: OpusHead,
    duration: Option<u64>,
}

impl FoundPackets {
    /// Goes on looking in a thread of its own.
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn start(packets: Box<dyn OpusPackets>, meter: &Arc<Meter>) -> io::Result<Self> {
        let (container, head, duration) = (packets.container(), packets.head().clone(), packets.duration());
        let find = Find { packets, meter: Arc::clone(meter) };
        let pieces = Pieces::start("isocord-stream", find, Arc::clone(meter))?;
        Ok(Self { pieces, item: Item::default(), container, head, duration })
    }
}

impl OpusPackets for FoundPackets {
    fn next(&mut self, packet: &mut Packet) -> Result<Step, StageError> {
        match self.pieces.take(&mut self.item)? {
            Taken::Piece => {
                *packet = std::mem::take(&mut self.item.packet);
                if let Some(head) = self.item.head.take() {
                    self.head = head;
                }
                Ok(self.item.step.take().unwrap_or(Step::Later))
            }
            Taken::Starved => Ok(Step::Starved),
            Taken::End => Ok(Step::End),
        }
    }

    fn seek(&mut self, target: i64) -> Result<(), StageError> {
        self.pieces.seek(target);
        Ok(())
    }

    fn slice_is_over(&self) -> bool {
        false
    }

    fn container(&self) -> &'static str {
        self.container
    }

    fn head(&self) -> &OpusHead {
        &self.head
    }

    fn duration(&self) -> Option<u64> {
        self.duration
    }

    fn broken(&self) -> u64 {
        self.pieces.broken()
    }

    fn wait(&self) {
        self.pieces.wait();
    }

    fn attach(&self, downstream: &Arc<dyn Downstream>) {
        self.pieces.attach(downstream);
    }
}
