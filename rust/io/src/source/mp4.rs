//! What MP4 says about the encoder's delay, and where its pictures lie (ISO/IEC 14496-12; iTunes' `iTunSMPB`).

use std::io;

use symphonia::core::io::MediaSource;

use super::input::MediaFile;

const MAX_BOXES: usize = 20_000;

/// The edit of one track: what of it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) track: u32,
    /// First audible sample, in the track's time scale.
    pub(crate) start: i64,
    /// Audible length in the track's time scale; 0 where it is not said.
    pub(crate) length: i64,
    /// The edit list has this many entries that play something.
    entries: u32,
}

/// Delay and length as iTunes writes them, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Smpb {
    pub(crate) delay: i64,
    pub(crate) length: i64,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Mp4Info {
    edits: Vec<Edit>,
    pub(crate) smpb: Option<Smpb>,
    /// The types of boxes that hold only tags and pictures, changed so that the demuxer skips them.
    pub(crate) patches: Vec<(u64, u8)>,
}

impl Mp4Info {
    /// The edit of a track, if it is a single one.
    pub(crate) fn edit(&self, track: u32) -> Option<Edit> {
        self.edits.iter().copied().find(|edit| edit.track == track && edit.entries == 1)
    }
}

/// True if this looks like MP4: a file type box first.
pub(crate) fn is_mp4(start: &[u8]) -> bool {
    start.get(4..8) == Some(b"ftyp")
}

/// Read the boxes that matter. Anything odd is left to the demuxer to complain about.
pub(crate) fn inspect(file: &MediaFile) -> io::Result<Mp4Info> {
    let mut info = Mp4Info::default();
    let mut budget = MAX_BOXES;
    let mut walker = Walker { file, at: 0, end: file.len() };
    while let Some(found) = walker.next(&mut budget)? {
        if &found.kind == b"moov" {
            inspect_movie(file, &found, &mut info, &mut budget)?;
            break;
        }
        if &found.kind == b"mdat" && !file.is_seekable() {
            return Err(io::Error::other(
                "its index stands at its end, which its server does not let be asked for (make it with -movflags faststart)",
            ));
        }
    }
    Ok(info)
}

fn inspect_movie(file: &MediaFile, movie: &Box4, info: &mut Mp4Info, budget: &mut usize) -> io::Result<()> {
    let mut movie_scale = 0;
    let mut walker = movie.children(file);
    while let Some(found) = walker.next(budget)? {
        match &found.kind {
            b"mvhd" => movie_scale = time_scale(file, &found)?,
            b"trak" => {
                if let Some(edit) = inspect_track(file, &found, movie_scale, budget)? {
                    info.edits.push(edit);
                }
            }
            b"udta" => {
                find_smpb(file, &found, info, budget)?;
                info.hide(&found);
            }
            b"meta" => info.hide(&found),
            _ => {}
        }
    }
    Ok(())
}

impl Mp4Info {
    fn hide(&mut self, found: &Box4) {
        self.patches
            .extend(b"free".iter().enumerate().map(|(index, &byte)| (found.offset + 4 + index as u64, byte)));
    }
}

fn inspect_track(
    file: &MediaFile,
    track: &Box4,
    movie_scale: u32,
    budget: &mut usize,
) -> io::Result<Option<Edit>> {
    let (mut id, mut scale) = (None, 0);
    let mut list = None;
    let mut walker = track.children(file);
    while let Some(found) = walker.next(budget)? {
        match &found.kind {
            b"tkhd" => {
                let version = file.bytes_at::<1>(found.body)?;
                let at = found.body + if version == Some([1]) { 20 } else { 12 };
                id = file.bytes_at::<4>(at)?.map(u32::from_be_bytes);
            }
            b"edts" => {
                let mut inner = found.children(file);
                while let Some(found) = inner.next(budget)? {
                    if &found.kind == b"elst" {
                        list = edit_list(file, &found)?;
                    }
                }
            }
            b"mdia" => {
                let mut inner = found.children(file);
                while let Some(found) = inner.next(budget)? {
                    if &found.kind == b"mdhd" {
                        scale = time_scale(file, &found)?;
                    }
                }
            }
            _ => {}
        }
    }
    let (Some(track), Some((start, length, entries))) = (id, list) else {
        return Ok(None);
    };
    let length = match movie_scale {
        0 => 0,
        movie => (i128::from(length) * i128::from(scale) / i128::from(movie)).try_into().unwrap_or(0),
    };
    Ok(Some(Edit { track, start, length, entries }))
}

/// The time scale of an `mvhd` or `mdhd` box.
fn time_scale(file: &MediaFile, found: &Box4) -> io::Result<u32> {
    let version = file.bytes_at::<1>(found.body)?;
    let at = found.body + if version == Some([1]) { 20 } else { 12 };
    Ok(file.bytes_at::<4>(at)?.map_or(0, u32::from_be_bytes))
}

/// Media time and duration of the first entry that plays something, and how many do.
fn edit_list(file: &MediaFile, found: &Box4) -> io::Result<Option<(i64, u64, u32)>> {
    let Some([version, _, _, _, a, b, c, d]) = file.bytes_at::<8>(found.body)? else {
        return Ok(None);
    };
    let count = u32::from_be_bytes([a, b, c, d]).min(1_000);
    let mut result = None;
    let mut playing = 0;
    let mut at = found.body + 8;
    for _ in 0..count {
        let entry = if version == 1 {
            let Some(duration) = file.bytes_at::<8>(at)? else {
                break;
            };
            let Some(time) = file.bytes_at::<8>(at + 8)? else {
                break;
            };
            at += 20;
            (i64::from_be_bytes(time), u64::from_be_bytes(duration))
        } else {
            let Some(duration) = file.bytes_at::<4>(at)? else {
                break;
            };
            let Some(time) = file.bytes_at::<4>(at + 4)? else {
                break;
            };
            at += 12;
            (i64::from(i32::from_be_bytes(time)), u64::from(u32::from_be_bytes(duration)))
        };
        if entry.0 >= 0 {
            playing += 1;
            result = result.or(Some(entry));
        }
    }
    Ok(result.map(|(time, duration)| (time, duration, playing)))
}

/// Look for iTunes' gapless tag: `udta/meta/ilst/----` with the name `iTunSMPB`.
fn find_smpb(file: &MediaFile, user: &Box4, info: &mut Mp4Info, budget: &mut usize) -> io::Result<()> {
    let mut users = user.children(file);
    while let Some(meta) = users.next(budget)? {
        if &meta.kind != b"meta" {
            continue;
        }
        // `meta` is a full box: version and flags come before its children.
        let mut metas = Walker { file, at: meta.body + 4, end: meta.end };
        while let Some(list) = metas.next(budget)? {
            if &list.kind != b"ilst" {
                continue;
            }
            let mut tags = list.children(file);
            while let Some(tag) = tags.next(budget)? {
                if &tag.kind == b"----" && tag.end - tag.body < 4_096 {
                    let mut text = vec![0; (tag.end - tag.body) as usize];
                    let count = file.read_at(&mut text, tag.body)?;
                    info.smpb = info.smpb.or_else(|| parse_smpb(&text[..count]));
                }
            }
        }
    }
    Ok(())
}

/// ` 00000000 00000840 000001CA 00000000003F31F6 ...`: zero, delay, padding, length, all in hexadecimal.
fn parse_smpb(tag: &[u8]) -> Option<Smpb> {
    let text = String::from_utf8_lossy(tag);
    let (_, rest) = text.split_once("iTunSMPB")?;
    let start = rest.find(" 0000")?;
    let mut numbers = rest[start..].split_ascii_whitespace().map(|word| i64::from_str_radix(word, 16));
    let (_, delay, _, length) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
    let (delay, length) = (delay.ok()?, length.ok()?);
    ((0..=65_536).contains(&delay) && length > 0).then_some(Smpb { delay, length })
}

pub(super) struct Box4 {
    pub(super) kind: [u8; 4],
    offset: u64,
    pub(super) body: u64,
    pub(super) end: u64,
}

impl Box4 {
    pub(super) fn children<'a>(&self, file: &'a MediaFile) -> Walker<'a> {
        Walker { file, at: self.body, end: self.end }
    }
}

pub(super) struct Walker<'a> {
    pub(super) file: &'a MediaFile,
    pub(super) at: u64,
    pub(super) end: u64,
}

impl Walker<'_> {
    pub(super) fn next(&mut self, budget: &mut usize) -> io::Result<Option<Box4>> {
        if *budget == 0 || self.at.saturating_add(8) > self.end {
            return Ok(None);
        }
        *budget -= 1;
        let Some([a, b, c, d, kind @ ..]) = self.file.bytes_at::<8>(self.at)? else {
            return Ok(None);
        };
        let (len, header) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (self.end - self.at, 8),
            1 => match self.file.bytes_at::<8>(self.at + 8)? {
                Some(bytes) => (u64::from_be_bytes(bytes), 16),
                None => return Ok(None),
            },
            len => (u64::from(len), 8),
        };
        let offset = self.at;
        match offset.checked_add(len) {
            Some(end) if len >= header && end <= self.end => {
                self.at = end;
                Ok(Some(Box4 { kind, offset, body: offset + header, end }))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_tag_of_itunes() {
        let tag = b"mean com.apple.iTunes name iTunSMPBdata\0\0\0\x01\0\0\0\0 00000000 00000840 000001CA 00000000003F31F6 00000000";
        assert_eq!(parse_smpb(tag), Some(Smpb { delay: 2_112, length: 0x3f_31f6 }));
        assert_eq!(parse_smpb(b"iTunSMPB 0000"), None);
        assert_eq!(parse_smpb(b"other 00000000 00000840 000001CA 00000000003F31F6"), None);
    }
}
