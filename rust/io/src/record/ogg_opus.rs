//! Ogg Opus (RFC 7845), packets as they come.

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

/// A page of one packet, the second of its stream (RFC 3533, section 6).
fn second_page(serial: u32, packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0\0".to_vec();
    page.extend(0u64.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend(1u32.to_le_bytes());
    page.extend([0; 4]);
    page.push((packet.len() / 255 + 1) as u8);
    page.resize(page.len() + packet.len() / 255, 255);
    page.push((packet.len() % 255) as u8);
    page.extend(packet);
    let crc = page.iter().fold(0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            if crc >> 31 == 1 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 }
        })
    });
    page[22..26].copy_from_slice(&crc.to_le_bytes());
    page
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
    pre_skip: u64,
    /// Bytes of the pages that are closed.
    closed: u64,
    page: Page,
    page_start: u64,
    /// What was flushed has no end yet.
    is_awaited: bool,
    /// Where the page of the comments lies.
    second: u64,
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
            second: 0,
        }
    }

    fn put(&mut self, packet: &[u8], end: PacketWriteEndInfo, granule: u64) -> Result<(), SinkError> {
        self.page = self.page.with(packet.len());
        self.ogg
            .write_packet(packet.to_vec(), self.serial, end, granule)
            .map_err(|source| SinkError::Write { target: self.ogg.inner().name(), source })?;
        if end != PacketWriteEndInfo::NormalPacket {
            self.closed += self.page.len();
            (self.page, self.page_start) = (Page::default(), granule);
        }
        Ok(())
    }
}

impl PacketWriter for OggOpus {
    fn begin(&mut self, pre_skip: u32) -> Result<(), SinkError> {
        self.pre_skip = u64::from(pre_skip);
        self.put(&opus_head(pre_skip), PacketWriteEndInfo::EndPage, 0)?;
        let tags = opus_tags(&self.comments, 0);
        self.second = self.closed;
        self.put(&tags, PacketWriteEndInfo::EndPage, 0)
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
        self.put(packet, PacketWriteEndInfo::EndStream, granule.max(self.pre_skip))?;
        if self.comments.has_more(self.samples()) {
            let page = second_page(self.serial, &opus_tags(&self.comments, self.samples()));
            self.ogg.inner_mut().patch(self.second, &page)?;
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
        self.page_start.saturating_sub(self.pre_skip)
    }
}
