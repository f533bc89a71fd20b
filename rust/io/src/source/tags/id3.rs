//! ID3, versions 1 and 2.2 to 2.4 (id3.org: id3v2-00, id3v2.3.0, id3v2.4.0-structure and -frames).

use std::io;

use super::super::input::MediaFile;
use super::collector::{Collector, MAX_VALUE, latin1, utf8_or_latin1, utf16};
use super::cover::{Place, synchronised};
use super::section::Section;

/// A tag that is unsynchronised as a whole has to be decoded to be walked through; more of it is not read.
const MAX_UNSYNCHRONISED: usize = 1 << 20;
/// What stands in front of a picture: its media type and its description.
const MAX_PICTURE_HEAD: usize = 1_024;

const NAMES: [(&str, &str); 38] = [
    ("TIT2", "title"),
    ("TPE1", "artist"),
    ("TALB", "album"),
    ("TPE2", "album_artist"),
    ("TRCK", "track"),
    ("TPOS", "disc"),
    ("TDRC", "date"),
    ("TYER", "date"),
    ("TCON", "genre"),
    ("TCOM", "composer"),
    ("TPE3", "performer"),
    ("TIT1", "grouping"),
    ("TIT3", "subtitle"),
    ("TEXT", "lyricist"),
    ("TCOP", "copyright"),
    ("TPUB", "publisher"),
    ("TENC", "encoded_by"),
    ("TSSE", "encoder"),
    ("TBPM", "bpm"),
    ("TLAN", "language"),
    ("TSRC", "isrc"),
    ("TCMP", "compilation"),
    ("TDOR", "original_date"),
    // Version 2.2.
    ("TT2", "title"),
    ("TP1", "artist"),
    ("TAL", "album"),
    ("TP2", "album_artist"),
    ("TRK", "track"),
    ("TPA", "disc"),
    ("TYE", "date"),
    ("TCO", "genre"),
    ("TCM", "composer"),
    ("TCR", "copyright"),
    ("TPB", "publisher"),
    ("TEN", "encoded_by"),
    ("TSS", "encoder"),
    ("TBP", "bpm"),
    ("TLA", "language"),
];

/// How long the ID3v2 tag at `at` is with its head and foot; None if there is none.
pub(super) fn length(file: &MediaFile, at: u64) -> io::Result<Option<u64>> {
    let Some([b'I', b'D', b'3', version, _, flags, size @ ..]) = file.bytes_at::<10>(at)? else {
        return Ok(None);
    };
    let size = seven_bits(size).filter(|_| version != 0xff);
    Ok(size.map(|size| 10 + size + if flags & 0x10 != 0 { 10 } else { 0 }))
}

/// Read the ID3v2 tag at `at`.
pub(super) fn read(file: &MediaFile, at: u64, collector: &mut Collector) -> io::Result<()> {
    let Some([b'I', b'D', b'3', version @ 2..=4, _, flags, size @ ..]) = file.bytes_at::<10>(at)? else {
        return Ok(());
    };
    let Some(size) = seven_bits(size) else { return Ok(()) };
    let place = (at + 10, size.min(file.len().saturating_sub(at + 10)));
    let whole = Section::new(file, place.0, place.1);
    let unsynchronised = version < 4 && flags & 0x80 != 0;
    let section = match unsynchronised {
        true => Section::of_bytes(file, synchronised(&whole.bytes(0, place.1, MAX_UNSYNCHRONISED)?)),
        false => whole,
    };
    let mut at = 0;
    if version > 2 && flags & 0x40 != 0 {
        // An extended header, which in 2.4 counts itself.
        let Some(size) = section.bytes_at::<4>(0)? else { return Ok(()) };
        at = match version {
            3 => 4 + u64::from(u32::from_be_bytes(size)),
            _ => seven_bits(size).unwrap_or(0),
        };
    }
    let in_frames = version == 4 && flags & 0x80 != 0;
    let tag = Tag { section, version, raw: unsynchronised.then_some(place), in_frames };
    while let Some(frame) = tag.frame(at)? {
        if !collector.more() {
            break;
        }
        tag.collect(&frame, collector)?;
        at = frame.end;
    }
    collector.end_tag();
    Ok(())
}

/// Read the 128 bytes of ID3v1 at the end of a file.
pub(super) fn read_v1(bytes: &[u8; 128], collector: &mut Collector) {
    if !bytes.starts_with(b"TAG") {
        return;
    }
    let text = |from: usize, to: usize| {
        let field = &bytes[from..to];
        latin1(field.split(|&byte| byte == 0).next().unwrap_or_default())
    };
    for (key, from, to) in
        [("title", 3, 33), ("artist", 33, 63), ("album", 63, 93), ("date", 93, 97), ("comment", 97, 127)]
    {
        collector.add(key, &text(from, to));
    }
    if let [0, track] = bytes[125..127]
        && track > 0
    {
        collector.add("track", &track.to_string());
    }
    collector.end_tag();
}

struct Tag<'a> {
    section: Section<'a>,
    version: u8,
    /// Where it lies, if what is walked through had to be decoded.
    raw: Option<(u64, u64)>,
    /// All of its frames are unsynchronised, each by itself.
    in_frames: bool,
}

struct Frame {
    name: String,
    from: u64,
    len: u64,
    end: u64,
    /// Its own zeros after each 0xff.
    unsynchronised: bool,
    /// Compressed or encrypted.
    sealed: bool,
}

impl Tag<'_> {
    /// The frame at `at`; None where padding begins, or the end.
    fn frame(&self, at: u64) -> io::Result<Option<Frame>> {
        let legible = |name: &[u8]| {
            let fits = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            name.iter().all(fits).then(|| String::from_utf8_lossy(name).into_owned())
        };
        if self.version == 2 {
            let Some([a, b, c, size @ ..]) = self.section.bytes_at::<6>(at)? else { return Ok(None) };
            let Some(name) = legible(&[a, b, c]) else { return Ok(None) };
            let len = u64::from(u32::from_be_bytes([0, size[0], size[1], size[2]]));
            let from = at + 6;
            return Ok(Some(Frame {
                name,
                from,
                len,
                end: from + len,
                unsynchronised: false,
                sealed: false,
            }));
        }
        let Some([a, b, c, d, e, f, g, h, _, flags]) = self.section.bytes_at::<10>(at)? else {
            return Ok(None);
        };
        let Some(name) = legible(&[a, b, c, d]) else { return Ok(None) };
        let all = match self.version {
            3 => u64::from(u32::from_be_bytes([e, f, g, h])),
            _ => self.size_of_2_4(at + 10, [e, f, g, h])?,
        };
        let (grouped, described, unsynchronised, sealed) = match self.version {
            3 => (flags & 0x20 != 0, false, false, flags & 0xc0 != 0),
            _ => (flags & 0x40 != 0, flags & 1 != 0, self.in_frames || flags & 2 != 0, flags & 0x0c != 0),
        };
        let head = u64::from(grouped) + if described { 4 } else { 0 };
        let (from, len) = (at + 10 + head, all.saturating_sub(head));
        Ok(Some(Frame { name, from, len, end: at + 10 + all, unsynchronised, sealed }))
    }

    /// Sizes have seven bits a byte, but some programs have written eight: whichever leads to another frame.
    fn size_of_2_4(&self, body: u64, size: [u8; 4]) -> io::Result<u64> {
        let eight = u64::from(u32::from_be_bytes(size));
        let Some(seven) = seven_bits(size) else { return Ok(eight) };
        if seven == eight || self.leads_on(body + seven)? || !self.leads_on(body + eight)? {
            return Ok(seven);
        }
        Ok(eight)
    }

    fn leads_on(&self, at: u64) -> io::Result<bool> {
        if at == self.section.len() {
            return Ok(true);
        }
        let name = self.section.bytes_at::<4>(at)?;
        Ok(name.is_some_and(|name| {
            name == [0; 4] || name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        }))
    }

    fn collect(&self, frame: &Frame, collector: &mut Collector) -> io::Result<()> {
        if frame.sealed {
            return Ok(());
        }
        let name = frame.name.as_str();
        if let "APIC" | "PIC" = name {
            return self.picture(frame, collector);
        }
        if !matches!(name, "COMM" | "COM" | "USLT" | "ULT") && !name.starts_with('T') {
            return Ok(());
        }
        let mut bytes = self.section.bytes(frame.from, frame.len, 2 * MAX_VALUE)?;
        if frame.unsynchronised {
            bytes = synchronised(&bytes);
        }
        let Some((&encoding, bytes)) = bytes.split_first() else { return Ok(()) };
        match name {
            "COMM" | "COM" | "USLT" | "ULT" => {
                // Three letters of its language, then a description.
                let Some(rest) = bytes.get(3..) else { return Ok(()) };
                let mut texts = texts(encoding, rest).into_iter();
                let (what, text) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                match (name, what.is_empty()) {
                    ("USLT" | "ULT", _) => collector.add("lyrics", &text),
                    (_, true) => collector.add("comment", &text),
                    // iTunes keeps numbers of its own in comments.
                    (_, false) if what.starts_with("iTun") => {}
                    (_, false) => collector.add("comment", &text),
                }
            }
            "TXXX" | "TXX" => {
                let mut texts = texts(encoding, bytes).into_iter();
                let key = texts.next().unwrap_or_default();
                texts.for_each(|text| collector.add(&key, &text));
            }
            _ => {
                let known = NAMES.iter().find(|known| known.0 == name).map(|known| known.1);
                for text in texts(encoding, bytes) {
                    let text = if known == Some("genre") { genre(&text) } else { &text };
                    collector.add(known.unwrap_or(name), text);
                }
            }
        }
        Ok(())
    }

    fn picture(&self, frame: &Frame, collector: &mut Collector) -> io::Result<()> {
        let head = self.section.bytes(frame.from, frame.len, MAX_PICTURE_HEAD)?;
        let Some((&encoding, rest)) = head.split_first() else { return Ok(()) };
        // A media type that ends in a zero, or three letters; then the type of picture.
        let media = match self.version {
            2 => 3,
            _ => rest.iter().position(|&byte| byte == 0).map_or(rest.len(), |end| end + 1),
        };
        let Some((&kind, described)) = rest.get(media..).and_then(<[u8]>::split_first) else { return Ok(()) };
        let wide = matches!(encoding, 1 | 2);
        let end = match wide {
            true => described.chunks_exact(2).position(|pair| pair == [0, 0]).map(|index| index * 2 + 2),
            false => described.iter().position(|&byte| byte == 0).map(|index| index + 1),
        };
        let Some(end) = end else { return Ok(()) };
        let skip = (1 + media + 1 + end) as u64;
        let (from, len) = (frame.from + skip, frame.len.saturating_sub(skip));
        let place = match (self.raw, frame.unsynchronised) {
            (Some(raw), _) => Place::unsynchronised(raw, from, len),
            (None, true) => {
                // How long it is without its zeros is known when it has been read.
                let pieces = self.section.places(frame.from, frame.len).unwrap_or_default();
                pieces.first().and_then(|&piece| Place::unsynchronised_rest(piece, skip))
            }
            (None, false) => Place::plain(&self.section, from, len),
        };
        collector.picture(u32::from(kind), place);
        Ok(())
    }
}

/// Texts that zeros stand between (2.4, section 4.2), in one of four encodings.
fn texts(encoding: u8, bytes: &[u8]) -> Vec<String> {
    if !matches!(encoding, 1 | 2) {
        let decode = if encoding == 0 { latin1 } else { utf8_or_latin1 };
        return bytes.split(|&byte| byte == 0).map(decode).collect();
    }
    let mut texts = Vec::new();
    let mut big = encoding == 2;
    let pairs = bytes.chunks_exact(2).collect::<Vec<_>>();
    for text in pairs.split(|pair| *pair == [0, 0]) {
        // Each may have a mark; one that has none is as the one before.
        let text = match text.first() {
            Some([0xff, 0xfe]) => (big = false, &text[1..]).1,
            Some([0xfe, 0xff]) => (big = true, &text[1..]).1,
            _ => text,
        };
        let unit = if big { u16::from_be_bytes } else { u16::from_le_bytes };
        texts.push(utf16(&text.concat(), unit));
    }
    texts
}

/// `(17)Rock` is Rock.
fn genre(text: &str) -> &str {
    let named = text.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    match named {
        Some((number, name)) if !name.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    }
}

/// Four times seven bits.
fn seven_bits(bytes: [u8; 4]) -> Option<u64> {
    let fits = bytes.iter().all(|byte| byte & 0x80 == 0);
    fits.then(|| bytes.iter().fold(0, |sum, &byte| sum << 7 | u64::from(byte)))
}
