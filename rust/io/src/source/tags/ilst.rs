//! iTunes' list of tags in MP4 (`moov/udta/meta/ilst`; Apple: "QuickTime File Format", metadata).

use std::io;

use super::super::input::MediaFile;
use super::super::mp4::{Box4, Walker};
use super::collector::{Collector, MAX_VALUE, utf8_or_latin1, utf16};
use super::cover::Place;
use super::section::Section;

/// Boxes that are walked over to where the tags are.
const MAX_BOXES: usize = 10_000;

const NAMES: [(&[u8; 4], &str); 19] = [
    (b"\xa9nam", "title"),
    (b"\xa9ART", "artist"),
    (b"\xa9alb", "album"),
    (b"aART", "album_artist"),
    (b"\xa9day", "date"),
    (b"\xa9gen", "genre"),
    (b"\xa9wrt", "composer"),
    (b"\xa9cmt", "comment"),
    (b"\xa9lyr", "lyrics"),
    (b"\xa9grp", "grouping"),
    (b"\xa9too", "encoder"),
    (b"\xa9enc", "encoded_by"),
    (b"\xa9pub", "publisher"),
    (b"cprt", "copyright"),
    (b"desc", "description"),
    (b"ldes", "synopsis"),
    (b"tmpo", "bpm"),
    (b"cpil", "compilation"),
    (b"tvsh", "show"),
];

/// Read the tags of an MP4 file that begins at `at`.
pub(super) fn read(file: &MediaFile, at: u64, collector: &mut Collector) -> io::Result<()> {
    let mut budget = MAX_BOXES;
    let mut top = Walker { file, at, end: file.len() };
    while let Some(found) = top.next(&mut budget)? {
        if &found.kind != b"moov" {
            continue;
        }
        let mut movie = found.children(file);
        while let Some(found) = movie.next(&mut budget)? {
            match &found.kind {
                b"udta" => {
                    let mut user = found.children(file);
                    while let Some(found) = user.next(&mut budget)? {
                        if &found.kind == b"meta" {
                            meta(file, &found, &mut budget, collector)?;
                        }
                    }
                }
                b"meta" => meta(file, &found, &mut budget, collector)?,
                _ => {}
            }
        }
    }
    collector.end_tag();
    Ok(())
}

fn meta(file: &MediaFile, found: &Box4, budget: &mut usize, collector: &mut Collector) -> io::Result<()> {
    // Version and flags come before its children, but not in QuickTime.
    let plain = file.bytes_at::<4>(found.body + 4)? == Some(*b"hdlr");
    let mut inner = Walker { file, at: found.body + if plain { 0 } else { 4 }, end: found.end };
    while let Some(list) = inner.next(budget)? {
        if &list.kind != b"ilst" {
            continue;
        }
        let mut items = list.children(file);
        while let Some(found) = items.next(budget)?.filter(|_| collector.more()) {
            item(file, &found, budget, collector)?;
        }
    }
    Ok(())
}

fn item(file: &MediaFile, found: &Box4, budget: &mut usize, collector: &mut Collector) -> io::Result<()> {
    let mut own = String::new();
    let known = NAMES.iter().find(|known| *known.0 == found.kind).map(|known| known.1);
    let mut inner = found.children(file);
    while let Some(part) = inner.next(budget)?.filter(|_| collector.more()) {
        let section = Section::new(file, part.body, part.end - part.body);
        match &part.kind {
            // What it is called, where it is one of nobody's own.
            b"name" => own = utf8_or_latin1(&section.bytes(4, section.len().saturating_sub(4), 100)?),
            b"data" => {
                let Some([_, _, _, form, ..]) = section.bytes_at::<8>(0)? else { continue };
                let len = section.len() - 8;
                match &found.kind {
                    b"covr" => collector.picture(3, Place::plain(&section, 8, len)),
                    b"trkn" => pair(&section, "track", collector)?,
                    b"disk" => pair(&section, "disc", collector)?,
                    b"----" => collector.add(&own, &value(form, &section.bytes(8, len, MAX_VALUE)?)),
                    _ => {
                        if let Some(name) = known {
                            collector.add(name, &value(form, &section.bytes(8, len, MAX_VALUE)?));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Text, or a number as text.
fn value(form: u8, bytes: &[u8]) -> String {
    match form {
        2 => utf16(bytes, u16::from_be_bytes),
        21 | 22 if bytes.len() <= 8 => {
            bytes.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)).to_string()
        }
        13 | 14 => String::new(),
        _ => utf8_or_latin1(bytes),
    }
}

/// `3/12`: two zeros, two numbers of two bytes.
fn pair(section: &Section<'_>, name: &str, collector: &mut Collector) -> io::Result<()> {
    let Some([_, _, a, b, c, d]) = section.bytes_at::<6>(8)? else { return Ok(()) };
    let (index, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    match (index, count) {
        (0, 0) => {}
        (index, 0) => collector.add(name, &index.to_string()),
        (index, count) => collector.add(name, &format!("{index}/{count}")),
    }
    Ok(())
}
