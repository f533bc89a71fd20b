//! Vorbis comments (xiph.org/vorbis/doc/v-comment.html), as FLAC and Ogg have them.

use std::collections::VecDeque;
use std::io;

use super::super::input::MediaFile;
use super::collector::{Collector, MAX_VALUE, utf8_or_latin1};
use super::cover::Place;
use super::section::Section;

/// A comment's name is looked for in so many bytes.
const MAX_NAME: usize = 100;
/// Metadata blocks of a FLAC file that are looked at.
const MAX_BLOCKS: usize = 200;
/// Pages that are looked at in an Ogg file: the largest cover takes so many where they have 4 KiB each.
const MAX_PAGES: usize = 6_000;

/// Read a comment header without what stands in front of it.
pub(super) fn comments(section: &Section<'_>, from: u64, collector: &mut Collector) -> io::Result<()> {
    let number = |at: u64| Ok::<_, io::Error>(section.bytes_at::<4>(at)?.map(u32::from_le_bytes));
    let Some(vendor) = number(from)? else { return Ok(()) };
    let mut at = from + 4 + u64::from(vendor);
    let Some(count) = number(at)? else { return Ok(()) };
    at += 4;
    for _ in 0..count {
        let Some(len) = number(at)?.map(u64::from).filter(|_| collector.more()) else { break };
        comment(section, at + 4, len, collector)?;
        at += 4 + len;
    }
    collector.end_tag();
    Ok(())
}

fn comment(section: &Section<'_>, from: u64, len: u64, collector: &mut Collector) -> io::Result<()> {
    let head = section.bytes(from, len, MAX_NAME + 1)?;
    let Some(name) = head.iter().position(|&byte| byte == b'=') else { return Ok(()) };
    let (value, value_len) = (from + name as u64 + 1, len.saturating_sub(name as u64 + 1));
    let name = String::from_utf8_lossy(&head[..name]).to_ascii_lowercase();
    match name.as_str() {
        "metadata_block_picture" => {
            if let Some((kind, place)) = Place::base64(section, value, value_len)? {
                collector.picture(kind, Some(place));
            }
        }
        // The picture in an older way, and what it is.
        "coverart" | "coverartmime" => {}
        _ => collector.add(&name, &utf8_or_latin1(&section.bytes(value, value_len, MAX_VALUE)?)),
    }
    Ok(())
}

/// Read the metadata blocks of a FLAC file that begins at `at` (RFC 9639, 8).
pub(super) fn flac(file: &MediaFile, at: u64, collector: &mut Collector) -> io::Result<()> {
    let mut at = at + 4;
    for _ in 0..MAX_BLOCKS {
        let Some([kind, a, b, c]) = file.bytes_at::<4>(at)? else { break };
        let len = u64::from(u32::from_be_bytes([0, a, b, c]));
        flac_block(&Section::new(file, at + 4, len), kind & 0x7f, 0, collector)?;
        at += 4 + len;
        if kind & 0x80 != 0 {
            break;
        }
    }
    Ok(())
}

fn flac_block(section: &Section<'_>, kind: u8, from: u64, collector: &mut Collector) -> io::Result<()> {
    match kind {
        4 => comments(section, from, collector),
        6 => {
            let found = Place::flac(section, from, section.len().saturating_sub(from))?;
            if let Some((kind, place)) = found {
                collector.picture(kind, Some(place));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Read the header packets of the first stream of sound in an Ogg file that begins at `at`.
pub(super) fn ogg(file: &MediaFile, at: u64, collector: &mut Collector) -> io::Result<()> {
    let mut packets =
        Packets { file, at, serial: None, pages: 0, pieces: Vec::new(), pending: VecDeque::new() };
    let mut first = Vec::new();
    // What the first packet is decides what the others are.
    while let Some(packet) = packets.next(&mut first)? {
        let head = packet.bytes_at::<8>(0)?.unwrap_or_default();
        match (first.as_slice(), head) {
            ([b'O', ..], [b'O', b'p', b'u', b's', b'T', b'a', b'g', b's']) => {
                return comments(&packet, 8, collector);
            }
            ([1, ..], [3, b'v', b'o', b'r', b'b', b'i', b's', _]) => return comments(&packet, 7, collector),
            ([0x7f, ..], [kind, ..]) if kind != 0xff => {
                flac_block(&packet, kind & 0x7f, 4, collector)?;
                if kind & 0x80 != 0 {
                    break;
                }
            }
            _ => break,
        }
    }
    Ok(())
}

/// Packets of one stream, by where they lie: a picture in them is passed over.
struct Packets<'a> {
    file: &'a MediaFile,
    at: u64,
    serial: Option<[u8; 4]>,
    pages: usize,
    /// The beginning of the next packet.
    pieces: Vec<(u64, u64)>,
    /// Packets of the last page, and whether they end there.
    pending: VecDeque<((u64, u64), bool)>,
}

impl<'a> Packets<'a> {
    /// The next packet; `first` is set to what the stream's first one begins with.
    fn next(&mut self, first: &mut Vec<u8>) -> io::Result<Option<Section<'a>>> {
        loop {
            while let Some((piece, ends)) = self.pending.pop_front() {
                self.pieces.push(piece);
                if ends {
                    let pieces = std::mem::take(&mut self.pieces);
                    return Ok(Some(Section::of_pieces(self.file, pieces)));
                }
            }
            if !self.page(first)? {
                // What there is of the last one may do.
                let pieces = std::mem::take(&mut self.pieces);
                return Ok((!pieces.is_empty()).then(|| Section::of_pieces(self.file, pieces)));
            }
        }
    }

    fn page(&mut self, first: &mut Vec<u8>) -> io::Result<bool> {
        self.pages += 1;
        let mut head = [0; 27 + 255];
        let count = self.file.read_at(&mut head, self.at)?;
        let segments = usize::from(head[26]);
        if !head.starts_with(b"OggS\0") || count < 27 + segments || self.pages > MAX_PAGES {
            return Ok(false);
        }
        let lacing = &head[27..27 + segments];
        let mut at = self.at + 27 + u64::from(head[26]);
        let begins = at;
        let serial = [head[14], head[15], head[16], head[17]];
        let mut len = 0;
        let mut pieces = Vec::new();
        for &value in lacing {
            len += u64::from(value);
            if value < 255 {
                pieces.push(((at, len), true));
                at += len;
                len = 0;
            }
        }
        if len > 0 {
            pieces.push(((at, len), false));
        }
        self.at = at + len;
        if head[5] & 2 != 0 {
            // The first page of a stream holds what it is and nothing else.
            let start = self.file.bytes_at::<8>(begins)?.unwrap_or_default();
            let known =
                start == *b"OpusHead" || start.starts_with(b"\x01vorbis") || start.starts_with(b"\x7fFLAC");
            if known && self.serial.is_none() {
                self.serial = Some(serial);
                *first = start.to_vec();
            }
        } else if self.serial == Some(serial) {
            self.pending = pieces.into();
        } else if self.serial.is_none() {
            return Ok(false);
        }
        Ok(true)
    }
}
