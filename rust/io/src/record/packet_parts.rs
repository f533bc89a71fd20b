//! Opus packets in parts. A file ends with the last packet that begins before a cut, or with the last one that it has
//! room for.

use super::error::SinkError;
use super::lane::PacketWriter;
use super::parts::{Cuts, Extent, Shelf};

type Result<T> = std::result::Result<T, SinkError>;

/// Opens the file of a part, or the track in it: by its number, the cut where it begins, and where its first packet lies.
pub(crate) type OpenPackets = Box<dyn FnMut(u32, u64, u64) -> Result<Box<dyn PacketWriter>> + Send>;

/// Writes a track to one file after the other.
pub(crate) struct PacketParts {
    open: OpenPackets,
    cuts: Cuts,
    /// None where a file is not this track's alone.
    shelf: Option<Shelf>,
    user_id: Option<u64>,
    /// A file that is full is followed by another.
    by_size: bool,
    writer: Box<dyn PacketWriter>,
    number: u32,
    /// The cut where the part begins, and where its first sample lies, in the recording's time.
    begin: u64,
    offset: u64,
    /// Its first packet, counted as packets are.
    base: u64,
    /// Where the track begins in the recording, and what decoders drop there.
    origin: u64,
    pre_skip: u64,
    /// Of the parts that are complete.
    bytes: u64,
    samples: u64,
    ended: bool,
}

impl PacketParts {
    /// The first part, which begins at `origin` of the recording.
    pub(crate) fn new(
        mut open: OpenPackets,
        cuts: Cuts,
        shelf: Option<Shelf>,
        user_id: Option<u64>,
        by_size: bool,
        origin: u64,
    ) -> Result<Self> {
        let (begin, number) = cuts.part_at(origin);
        let writer = open(number, begin, origin)?;
        Ok(Self {
            open,
            cuts,
            shelf,
            user_id,
            by_size,
            writer,
            number,
            begin,
            offset: origin,
            base: 0,
            origin,
            pre_skip: 0,
            bytes: 0,
            samples: 0,
            ended: false,
        })
    }

    /// Where the sound of a packet lies in the recording.
    fn time(&self, at: u64) -> u64 {
        (self.origin + at).saturating_sub(self.pre_skip)
    }

    /// The part has its last packet, which ends at `end` of the recording.
    fn close(&mut self, end: u64) {
        let (samples, bytes) = (end.saturating_sub(self.offset), self.writer.len());
        self.bytes += bytes;
        self.samples += samples;
        self.ended = true;
        if let Some(shelf) = &self.shelf {
            let extent = Extent { number: self.number, offset: self.offset, samples, bytes };
            shelf.put(self.user_id, self.user_id.is_none(), extent);
        }
    }
}

impl PacketWriter for PacketParts {
    fn begin(&mut self, pre_skip: u32) -> Result<()> {
        self.pre_skip = u64::from(pre_skip);
        self.writer.begin(pre_skip)
    }

    fn fits(&mut self, held: usize, next: usize) -> bool {
        self.writer.fits(held, next)
    }

    fn packet(&mut self, packet: &[u8], at: u64, samples: u32) -> Result<()> {
        self.writer.packet(packet, at - self.base, samples)
    }

    fn last(&mut self, packet: &[u8], at: u64, samples: u32, trim: u32) -> Result<()> {
        self.writer.last(packet, at - self.base, samples, trim)?;
        self.close(self.time(at + u64::from(samples - trim)));
        Ok(())
    }

    fn is_over(&mut self, at: u64, held: usize, next: usize) -> bool {
        self.time(at) >= self.cuts.after(self.begin)
            || self.writer.is_over(at - self.base, held, next)
            || self.by_size && !self.writer.fits(held, next)
    }

    fn turn(&mut self, at: u64) -> Result<()> {
        let (time, cut) = (self.time(at), self.cuts.after(self.begin));
        self.begin = time.min(cut);
        self.number += 1;
        self.base = at;
        self.offset = time;
        self.writer = (self.open)(self.number, self.begin, time)?;
        self.ended = false;
        // The decoder goes on: nothing is dropped at the begin.
        self.writer.begin(0)
    }

    fn flush(&mut self) -> Result<()> {
        if self.ended { Ok(()) } else { self.writer.flush() }
    }

    fn len(&self) -> u64 {
        self.bytes + if self.ended { 0 } else { self.writer.len() }
    }

    fn samples(&self) -> u64 {
        self.samples + if self.ended { 0 } else { self.writer.samples() }
    }
}
