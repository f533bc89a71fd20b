//! Ogg Opus (RFC 7845), packets as they come.

use std::io;

use ogg::{PacketWriteEndInfo, PacketWriter as OggWriter};

use isocord_proto::frame::{CHANNELS, SAMPLE_RATE};

use super::about::Labels;
use super::comments::Comments;
use super::error::SinkError;
use super::lane::PacketWriter;
use super::output::OpenTarget;

/// A page is closed after half a second, or with the first packet after a flush: a reader of an unfinished file sees
/// whole pages only.
const PAGE: u64 = SAMPLE_RATE as u64 / 2;
/// Bytes of a page but for its segments' sizes and their content.
const PAGE_HEAD: u64 = 27;

/// The identification header (RFC 7845, section 5.1), also Matroska's CodecPrivate.
pub(crate) fn opus_head(pre_skip: u32) -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    head.push(1);
    head.push(CHANNELS as u8);
    head.extend((pre_skip as u16).to_le_bytes());
    head.extend(SAMPLE_RATE.to_le_bytes());
    // No gain; channel mapping family 0.
    head.extend([0, 0, 0]);
    head
}

/// The comment header (RFC 7845, section 5.2); what follows the fields is padding.
fn opus_tags(comments: &Comments, samples: u64) -> Vec<u8> {
    let (fields, room) = comments.bytes(samples);
    [b"OpusTags", &fields[..], &vec![0; room]].concat()
}

/// Packets of a page that is not closed yet.
#[derive(Default, Clone, Copy)]
struct Page {
    bytes: u64,
    segments: u64,
}

impl Page {
    fn with(self, packet: usize) -> Self {
        let len = packet as u64;
        Self { bytes: self.bytes + len, segments: self.segments + len / 255 + 1 }
    }

    /// What it comes to when it is closed; a page has 255 segments at the most (RFC 3533, section 6).
    fn len(self) -> u64 {
        self.bytes + self.segments + PAGE_HEAD * self.segments.div_ceil(255)
    }
}

/// Writes one logical stream.
pub(crate) struct OggOpus {
    ogg: OggWriter<'static, OpenTarget>,
    serial: u32,
    comments: Comments,
    pre_skip: u32,
    /// Bytes of the pages that are closed.
    closed: u64,
    page: Page,
    page_start: u64,
    /// What was flushed has no end yet.
    is_awaited: bool,
}

impl OggOpus {
    pub(crate) fn new(out: OpenTarget, serial: u32, labels: Labels) -> Self {
        let comments = Comments::new(labels, &out);
        Self {
            ogg: OggWriter::new(out),
            serial,
            comments,
            pre_skip: 0,
            closed: 0,
            page: Page::default(),
            page_start: 0,
            is_awaited: false,
        }
    }

    fn put(&mut self, packet: &[u8], end: PacketWriteEndInfo, granule: u64) -> Result<(), SinkError> {
        self.page = self.page.with(packet.len());
        self.ogg
            .write_packet(packet.to_vec(), self.serial, end, granule)
            .map_err(|source| self.broken(source))?;
        if end != PacketWriteEndInfo::NormalPacket {
            self.closed += self.page.len();
            (self.page, self.page_start) = (Page::default(), granule);
        }
        Ok(())
    }

    fn broken(&self, source: io::Error) -> SinkError {
        SinkError::Write { target: self.ogg.inner().name(), source }
    }

    /// The two headers, a page each, of a file of so many samples.
    fn headers(&self, samples: u64) -> [Vec<u8>; 2] {
        [opus_head(self.pre_skip), opus_tags(&self.comments, samples)]
    }

    /// Writes the headers again, which take as much room as they did.
    fn mend_headers(&mut self) -> Result<(), SinkError> {
        let mut pages = OggWriter::new(Vec::new());
        for header in self.headers(self.samples()) {
            pages
                .write_packet(header, self.serial, PacketWriteEndInfo::EndPage, 0)
                .map_err(|source| self.broken(source))?;
        }
        self.ogg.inner_mut().patch(0, &pages.into_inner())
    }
}

impl PacketWriter for OggOpus {
    fn begin(&mut self, pre_skip: u32) -> Result<(), SinkError> {
        self.pre_skip = pre_skip;
        self.headers(0).iter().try_for_each(|header| self.put(header, PacketWriteEndInfo::EndPage, 0))
    }

    fn fits(&mut self, held: usize, next: usize) -> bool {
        let first = if held > 0 { self.page.with(held) } else { self.page };
        // The page may be closed between the two.
        self.closed + first.len() + Page::default().with(next).len() <= self.ogg.inner().limit()
    }

    fn packet(&mut self, packet: &[u8], at: u64, samples: u32) -> Result<(), SinkError> {
        let granule = at + u64::from(samples);
        let is_due = self.is_awaited || granule - self.page_start >= PAGE;
        let end = if is_due { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
        self.put(packet, end, granule)?;
        if std::mem::take(&mut self.is_awaited) { self.ogg.inner_mut().flush() } else { Ok(()) }
    }

    fn last(&mut self, packet: &[u8], at: u64, samples: u32, trim: u32) -> Result<(), SinkError> {
        let granule = at + u64::from(samples - trim);
        self.put(packet, PacketWriteEndInfo::EndStream, granule.max(self.pre_skip.into()))?;
        if self.comments.has_more(self.samples()) {
            self.mend_headers()?;
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.is_awaited = self.page.segments > 0;
        self.ogg.inner_mut().flush()
    }

    fn len(&self) -> u64 {
        self.closed + self.page.len()
    }

    fn samples(&self) -> u64 {
        self.page_start.saturating_sub(self.pre_skip.into())
    }
}
