//! Ogg pages (RFC 3533), read by position and checked by their CRC. Damaged ones are skipped and counted.

use std::collections::VecDeque;
use std::io;
use std::iter::repeat_n;
use std::sync::{Arc, LazyLock};

use crc_fast::{CrcParams, Digest};

use super::super::budget::Meter;
use super::super::input::MediaFile;
use super::super::packet::Packet;
use symphonia::core::io::MediaSource;

const HEADER: usize = 27;
/// The longest page: header, 255 lacing values, 255 segments of 255 bytes.
pub(crate) const MAX_PAGE: u64 = 27 + 255 + 255 * 255;

/// Pages of a second of music have half of it.
const REMOTE_END: u64 = 32 << 10;

/// A page is kept in chunks of this size at most, unless a piece is longer: what of it nobody needs any more, who holds a
/// packet or reads on, goes chunk by chunk.
const CHUNK: usize = 8_192;

/// Damaged pages in a row before the rest is given up.
const MAX_DAMAGED_RUN: u32 = 2_000;

/// Page flags (RFC 3533, section 6).
const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// One page as it stands in the file.
pub(crate) struct Page {
    /// Where it begins and where the next one should.
    pub(crate) offset: u64,
    pub(crate) end: u64,
    pub(crate) serial: u32,
    pub(crate) sequence: u32,
    /// Granule position; -1 where no packet ends on the page.
    pub(crate) granule: i64,
    flags: u8,
    lacing_len: usize,
    lacing: [u8; 255],
    /// No piece goes on from one into the next.
    body: VecDeque<Arc<[u8]>>,
    /// Bytes of the body before the first chunk.
    gone: usize,
}

impl Page {
    pub(crate) fn empty() -> Self {
        Self {
            offset: 0,
            end: 0,
            serial: 0,
            sequence: 0,
            granule: -1,
            flags: 0,
            lacing_len: 0,
            lacing: [0; 255],
            body: VecDeque::new(),
            gone: 0,
        }
    }

    /// Drop the content.
    pub(crate) fn clear(&mut self) {
        self.lacing_len = 0;
    }

    /// What lies before body byte `body` has been read and may go.
    pub(crate) fn forget_before(&mut self, body: usize) {
        while let Some(chunk) = self.body.front()
            && self.gone + chunk.len() <= body
        {
            self.gone += chunk.len();
            self.body.pop_front();
        }
    }

    /// The page begins inside a packet.
    pub(crate) fn is_continued(&self) -> bool {
        self.flags & CONTINUED != 0
    }

    /// The first page of a logical stream.
    pub(crate) fn is_first(&self) -> bool {
        self.flags & FIRST != 0
    }

    /// The last page of a logical stream.
    pub(crate) fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    /// The pieces of packets on the page, from lacing value `lacing` and body byte `body` on.
    pub(crate) fn piece(&self, lacing: usize, body: usize) -> Option<Piece<'_>> {
        let values = &self.lacing[lacing.min(self.lacing_len)..self.lacing_len];
        if values.is_empty() {
            return None;
        }
        let full = values.iter().take_while(|&&value| value == 255).count();
        let complete = full < values.len();
        let count = full + usize::from(complete);
        let len = values[..count].iter().map(|&value| usize::from(value)).sum::<usize>();
        let (chunk, at) = if len == 0 { (None, 0) } else { self.chunk(body)? };
        let data = chunk.map_or(Some(&[][..]), |chunk| chunk.get(at..at + len))?;
        Some(Piece { data, chunk, at, complete, next_lacing: lacing + count, next_body: body + len })
    }

    /// The chunk that holds body byte `body`, and where in it that is.
    fn chunk(&self, body: usize) -> Option<(Option<&Arc<[u8]>>, usize)> {
        let mut at = body.checked_sub(self.gone)?;
        for chunk in &self.body {
            match at.checked_sub(chunk.len()) {
                Some(behind) => at = behind,
                None => return Some((Some(chunk), at)),
            }
        }
        None
    }

    /// Makes room for the body that the lacing values tell of.
    fn make_room(&mut self, lacing_len: usize) {
        self.gone = 0;
        self.body.clear();
        let (mut pieces, mut piece) = (0, 0);
        for (index, &value) in self.lacing[..lacing_len].iter().enumerate() {
            piece += usize::from(value);
            let is_last = index + 1 == lacing_len;
            if value == 255 && !is_last {
                continue;
            }
            if pieces > 0 && pieces + piece > CHUNK {
                self.body.push_back(repeat_n(0, pieces).collect());
                pieces = 0;
            }
            (pieces, piece) = (pieces + piece, 0);
        }
        if pieces > 0 {
            self.body.push_back(repeat_n(0, pieces).collect());
        }
    }
}

/// A packet, or the part of it that lies on one page.
pub(crate) struct Piece<'a> {
    pub(crate) data: &'a [u8],
    /// What it lies in, unless it is empty, and where.
    chunk: Option<&'a Arc<[u8]>>,
    at: usize,
    /// The packet ends here.
    pub(crate) complete: bool,
    pub(crate) next_lacing: usize,
    pub(crate) next_body: usize,
}

impl Piece<'_> {
    /// Its bytes, for those who keep them.
    pub(crate) fn packet(&self) -> Packet {
        let part = |chunk| Packet::part(chunk, self.at..self.at + self.data.len());
        self.chunk.map(part).unwrap_or_default()
    }
}

/// Reads pages from any place of a file on.
pub(crate) struct PageReader {
    file: MediaFile,
    /// Where the next page is looked for.
    pub(crate) offset: u64,
    /// Damaged or misplaced pages skipped.
    pub(crate) broken: u64,
}

impl PageReader {
    pub(crate) fn new(file: MediaFile) -> Self {
        Self { file, offset: 0, broken: 0 }
    }

    pub(crate) fn into_file(self) -> MediaFile {
        self.file
    }

    pub(crate) fn len(&self) -> u64 {
        self.file.len()
    }

    /// Whether its end can be looked at.
    pub(crate) fn reaches_its_end(&self) -> bool {
        self.file.is_seekable() && self.file.told_len().is_some()
    }

    /// How much of its end is looked at: a network brings it while somebody waits.
    pub(crate) fn end_to_look_at(&self) -> u64 {
        if self.file.window().is_some() { REMOTE_END } else { 2 * MAX_PAGE }
    }

    /// What is counted of the file.
    pub(crate) fn meter(&self) -> &Meter {
        self.file.meter()
    }

    /// Read the next sound page into `page`. False at the end of the file, or where nothing but damage follows.
    pub(crate) fn next(&mut self, page: &mut Page) -> io::Result<bool> {
        for _ in 0..MAX_DAMAGED_RUN {
            match self.load(page)? {
                Loaded::Page => {
                    self.offset = page.end;
                    return Ok(true);
                }
                Loaded::End => return Ok(false),
                Loaded::Damaged => {
                    self.broken += 1;
                    if !self.resync(self.offset + 1)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Move to the next capture pattern at `from` or later. False if there is none.
    pub(crate) fn resync(&mut self, from: u64) -> io::Result<bool> {
        let mut window = [0_u8; 4_096];
        let mut at = from;
        loop {
            let count = self.file.read_at(&mut window, at)?;
            if let Some(index) = window[..count].windows(4).position(|bytes| bytes == b"OggS") {
                self.offset = at + index as u64;
                return Ok(true);
            }
            if count < window.len() {
                self.offset = self.file.len();
                return Ok(false);
            }
            at += count as u64 - 3;
        }
    }

    fn load(&self, page: &mut Page) -> io::Result<Loaded> {
        // The page is invalid until it is whole, so that no old body is read with a new header.
        page.lacing_len = 0;
        let mut header = [0_u8; HEADER];
        match self.file.read_at(&mut header, self.offset)? {
            0 => return Ok(Loaded::End),
            HEADER => {}
            _ => return Ok(Loaded::Damaged),
        }
        if !header.starts_with(b"OggS\0") {
            return Ok(Loaded::Damaged);
        }
        let lacing_len = usize::from(header[26]);
        let mut at = self.offset + HEADER as u64;
        if self.file.read_at(&mut page.lacing[..lacing_len], at)? != lacing_len {
            return Ok(Loaded::Damaged);
        }
        at += lacing_len as u64;
        let stated = u32::from_le_bytes([header[22], header[23], header[24], header[25]]);
        header[22..26].fill(0);
        let mut digest = Digest::new_with_params(*CRC);
        digest.update(&header);
        digest.update(&page.lacing[..lacing_len]);
        page.make_room(lacing_len);
        for chunk in &mut page.body {
            let Some(chunk) = Arc::get_mut(chunk) else { return Ok(Loaded::Damaged) };
            if self.file.read_at(chunk, at)? != chunk.len() {
                return Ok(Loaded::Damaged);
            }
            digest.update(chunk);
            at += chunk.len() as u64;
        }
        if digest.finalize() != u64::from(stated) {
            return Ok(Loaded::Damaged);
        }
        let four = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
        let mut granule = [0_u8; 8];
        granule.copy_from_slice(&header[6..14]);
        page.flags = header[5];
        page.granule = i64::from_le_bytes(granule);
        page.serial = u32::from_le_bytes(four(14));
        page.sequence = u32::from_le_bytes(four(18));
        page.lacing_len = lacing_len;
        page.offset = self.offset;
        page.end = at;
        Ok(Loaded::Page)
    }
}

enum Loaded {
    Page,
    Damaged,
    End,
}

/// CRC-32 of Ogg: no reflection, no inversion.
static CRC: LazyLock<CrcParams> =
    LazyLock::new(|| CrcParams::new("CRC-32/OGG", 32, 0x04c1_1db7, 0, false, 0, 0x89a1_897f));
