//! Title, tags and cover of Matroska and WebM (RFC 9559, 5.1.2, 5.1.6 and 5.1.8).

use std::io;

use super::super::ebml::{Element, element};
use super::super::input::MediaFile;
use super::collector::{Collector, MAX_VALUE, utf8_or_latin1};
use super::cover::Place;
use super::section::Section;

const SEGMENT: u64 = 0x1853_8067;
const SEEK_HEAD: u64 = 0x114d_9b74;
const SEEK: u64 = 0x4dbb;
const SEEK_ID: u64 = 0x53ab;
const SEEK_POSITION: u64 = 0x53ac;
const CLUSTER: u64 = 0x1f43_b675;
const INFO: u64 = 0x1549_a966;
const TITLE: u64 = 0x7ba9;
const TAGS: u64 = 0x1254_c367;
const TAG: u64 = 0x7373;
const TARGETS: u64 = 0x63c0;
const TARGET_TYPE: u64 = 0x68ca;
const SIMPLE_TAG: u64 = 0x67c8;
const TAG_NAME: u64 = 0x45a3;
const TAG_STRING: u64 = 0x4487;
const ATTACHMENTS: u64 = 0x1941_a469;
const ATTACHED_FILE: u64 = 0x61a7;
const FILE_NAME: u64 = 0x466e;
const FILE_MEDIA_TYPE: u64 = 0x4660;
const FILE_DATA: u64 = 0x465c;
/// The level of albums, among those that tags can be about.
const ALBUM: u64 = 50;

/// Read what stands in front of the sound of a file that begins at `at`; and behind it, where `everywhere`.
pub(super) fn read(file: &MediaFile, at: u64, everywhere: bool, collector: &mut Collector) -> io::Result<()> {
    let mut at = at;
    let mut segment = None;
    let mut later = Vec::new();
    let mut parts = Vec::new();
    while collector.more() {
        let Some(found) = element(file, at)? else { break };
        match found.id {
            SEGMENT => {
                segment = Some(found.body);
                at = found.body;
                continue;
            }
            CLUSTER => break,
            SEEK_HEAD => later.extend(seek_head(file, &found, collector)?),
            INFO | TAGS | ATTACHMENTS => parts.push(found.body),
            _ => {}
        }
        read_part(file, &found, collector)?;
        let Some(next) = found.end() else { break };
        at = next;
    }
    if let (true, Some(segment)) = (everywhere, segment) {
        for place in later {
            let Some(found) = element(file, segment.saturating_add(place))? else { continue };
            if !parts.contains(&found.body) {
                parts.push(found.body);
                read_part(file, &found, collector)?;
            }
        }
    }
    collector.end_tag();
    Ok(())
}

fn read_part(file: &MediaFile, found: &Element, collector: &mut Collector) -> io::Result<()> {
    match found.id {
        INFO => each(file, found, collector, |found, collector| {
            if found.id == TITLE {
                collector.add("title", &text(file, found)?);
            }
            Ok(())
        }),
        TAGS => each(file, found, collector, |found, collector| match found.id {
            TAG => tag(file, found, collector),
            _ => Ok(()),
        }),
        ATTACHMENTS => each(file, found, collector, |found, collector| match found.id {
            ATTACHED_FILE => attached(file, found, collector),
            _ => Ok(()),
        }),
        _ => Ok(()),
    }
}

/// Where tags and attachments lie in the segment.
fn seek_head(file: &MediaFile, head: &Element, collector: &mut Collector) -> io::Result<Vec<u64>> {
    let mut places = Vec::new();
    each(file, head, collector, |found, collector| {
        if found.id == SEEK {
            let (mut id, mut place) = (0, None);
            each(file, found, collector, |found, _| {
                match found.id {
                    SEEK_ID => id = number(file, found)?,
                    SEEK_POSITION => place = Some(number(file, found)?),
                    _ => {}
                }
                Ok(())
            })?;
            places.extend(place.filter(|_| matches!(id, TAGS | ATTACHMENTS)));
        }
        Ok(())
    })?;
    Ok(places)
}

fn tag(file: &MediaFile, tag: &Element, collector: &mut Collector) -> io::Result<()> {
    let mut level = None;
    each(file, tag, collector, |found, collector| {
        match found.id {
            TARGETS => each(file, found, collector, |found, _| {
                if found.id == TARGET_TYPE {
                    level = Some(number(file, found)?);
                }
                Ok(())
            }),
            SIMPLE_TAG => {
                let (mut name, mut value) = (String::new(), String::new());
                each(file, found, collector, |found, _| {
                    match found.id {
                        TAG_NAME => name = text(file, found)?.to_lowercase(),
                        TAG_STRING => value = text(file, found)?,
                        _ => {}
                    }
                    Ok(())
                })?;
                // A title of the album is no title of the song.
                let name = match (level, name.as_str()) {
                    (Some(ALBUM), "title") => "album",
                    (Some(ALBUM), "artist") => "album_artist",
                    (_, name) => name,
                };
                collector.add(name, &value);
                Ok(())
            }
            _ => Ok(()),
        }
    })
}

fn attached(file: &MediaFile, found: &Element, collector: &mut Collector) -> io::Result<()> {
    let (mut name, mut media, mut place) = (String::new(), String::new(), None);
    each(file, found, collector, |found, _| {
        match found.id {
            FILE_NAME => name = text(file, found)?.to_lowercase(),
            FILE_MEDIA_TYPE => media = text(file, found)?,
            FILE_DATA => place = found.len.map(|len| (found.body, len)),
            _ => {}
        }
        Ok(())
    })?;
    if let (Some((at, len)), true) = (place, media.starts_with("image/")) {
        // The specification calls the front cover so.
        let kind = if name.starts_with("cover.") { 3 } else { 0 };
        collector.picture(kind, Place::plain(&Section::new(file, at, len), 0, len));
    }
    Ok(())
}

/// Every element in `parent`, which is as long as it says.
fn each(
    file: &MediaFile,
    parent: &Element,
    collector: &mut Collector,
    mut with: impl FnMut(&Element, &mut Collector) -> io::Result<()>,
) -> io::Result<()> {
    let Some(end) = parent.end() else { return Ok(()) };
    let mut at = parent.body;
    while at < end && collector.more() {
        let Some(found) = element(file, at)? else { break };
        let Some(next) = found.end().filter(|&next| next <= end) else { break };
        with(&found, collector)?;
        at = next;
    }
    Ok(())
}

fn text(file: &MediaFile, found: &Element) -> io::Result<String> {
    let bytes =
        Section::new(file, found.body, found.len.unwrap_or(0)).bytes(0, found.len.unwrap_or(0), MAX_VALUE)?;
    Ok(utf8_or_latin1(bytes.split(|&byte| byte == 0).next().unwrap_or_default()))
}

fn number(file: &MediaFile, found: &Element) -> io::Result<u64> {
    let section = Section::new(file, found.body, found.len.unwrap_or(0));
    let bytes = section.bytes(0, found.len.unwrap_or(0), 8)?;
    Ok(bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}
