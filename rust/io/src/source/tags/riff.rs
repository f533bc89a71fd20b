//! What WAV says in `LIST INFO` and AIFF in chunks of its own, and the ID3 tags that either may hold.

use std::io;

use super::super::input::MediaFile;
use super::collector::{Collector, MAX_VALUE, utf8_or_latin1};
use super::id3;

/// Chunks of a file that are looked at.
const MAX_CHUNKS: usize = 500;

const NAMES: [(&[u8; 4], &str); 20] = [
    (b"INAM", "title"),
    (b"IART", "artist"),
    (b"IPRD", "album"),
    (b"IAAR", "album_artist"),
    (b"ICMT", "comment"),
    (b"ICRD", "date"),
    (b"IGNR", "genre"),
    (b"IPRT", "track"),
    (b"ITRK", "track"),
    (b"ICOP", "copyright"),
    (b"ISFT", "encoder"),
    (b"ITCH", "encoded_by"),
    (b"IENG", "engineer"),
    (b"ILNG", "language"),
    (b"IMUS", "composer"),
    (b"IPUB", "publisher"),
    (b"NAME", "title"),
    (b"AUTH", "artist"),
    (b"(c) ", "copyright"),
    (b"ANNO", "comment"),
];

/// Read the chunks of a WAV (little-endian) or AIFF file that begins at `at`.
pub(super) fn read(
    file: &MediaFile,
    at: u64,
    number: fn([u8; 4]) -> u32,
    collector: &mut Collector,
) -> io::Result<()> {
    let mut at = at + 12;
    // A file of more than 4 GiB says there how long its sound is.
    let mut data = None;
    let mut lists = Vec::new();
    for _ in 0..MAX_CHUNKS {
        let Some([a, b, c, d, size @ ..]) = file.bytes_at::<8>(at)? else { break };
        let (kind, mut len, body) = ([a, b, c, d], u64::from(number(size)), at + 8);
        match &kind {
            b"ds64" => data = file.bytes_at::<8>(body + 8)?.map(u64::from_le_bytes),
            b"data" if len == u64::from(u32::MAX) => len = data.unwrap_or(len),
            b"LIST" if file.bytes_at::<4>(body)? == Some(*b"INFO") => {
                lists.push((body + 4, len.saturating_sub(4)))
            }
            b"id3 " | b"ID3 " => id3::read(file, body, collector)?,
            _ => text(file, kind, body, len, collector)?,
        }
        let Some(next) = body.checked_add(len).and_then(|end| end.checked_add(len & 1)) else { break };
        at = next;
    }
    collector.end_tag();
    // ID3 knows more, and in which encoding.
    for (from, len) in lists {
        info(file, from, from.saturating_add(len), number, collector)?;
    }
    Ok(())
}

fn info(
    file: &MediaFile,
    mut at: u64,
    end: u64,
    number: fn([u8; 4]) -> u32,
    collector: &mut Collector,
) -> io::Result<()> {
    while at < end && collector.more() {
        let Some([a, b, c, d, size @ ..]) = file.bytes_at::<8>(at)? else { break };
        let len = u64::from(number(size));
        text(file, [a, b, c, d], at + 8, len, collector)?;
        at += 8 + len + (len & 1);
    }
    collector.end_tag();
    Ok(())
}

fn text(file: &MediaFile, kind: [u8; 4], from: u64, len: u64, collector: &mut Collector) -> io::Result<()> {
    let Some((_, name)) = NAMES.iter().find(|known| *known.0 == kind) else { return Ok(()) };
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(MAX_VALUE)];
    let count = file.read_at(&mut bytes, from)?;
    let text = bytes[..count].split(|&byte| byte == 0).next().unwrap_or_default();
    collector.add(name, &utf8_or_latin1(text));
    Ok(())
}
