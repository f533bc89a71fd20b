//! What WAVE files tell of themselves: the broadcast extension (EBU Tech 3285), INFO, cue points with labels.

use isocord_proto::frame::SAMPLE_RATE;

use super::about::{Chapter, Labels, Moment};
use super::shape::SampleShape;

/// A chunk, padded to an even length.
fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// A text in so many bytes; what is not ASCII there is a question mark.
fn ascii(text: &str, len: usize) -> Vec<u8> {
    let letter = |letter: char| if letter.is_ascii() { letter as u8 } else { b'?' };
    let mut bytes: Vec<u8> = text.chars().map(letter).take(len).collect();
    bytes.resize(len, 0);
    bytes
}

fn bext(labels: &Labels, began: Moment) -> Vec<u8> {
    let mut content = ascii(&labels.title, 256);
    content.extend(ascii("isocord", 32));
    content.extend(ascii(&labels.user_id.map_or_else(String::new, |id| id.to_string()), 32));
    content.extend(ascii(&began.date(), 10));
    content.extend(ascii(&began.time(), 8));
    content.extend(began.samples().to_le_bytes());
    // Version 1: 64 bytes of UMID and 190 that are reserved, all unknown.
    content.extend(1u16.to_le_bytes());
    content.resize(content.len() + 64 + 190, 0);
    chunk(b"bext", &content)
}

fn info(labels: &Labels, began: Moment) -> Vec<u8> {
    let mut content = b"INFO".to_vec();
    let text = |name: &[u8; 4], text: &str| chunk(name, &[text.as_bytes(), &[0]].concat());
    content.extend(text(b"INAM", &labels.title));
    content.extend(text(b"ICRD", &began.date()));
    content.extend(text(b"ISFT", "isocord"));
    chunk(b"LIST", &content)
}

/// Cue points and their names; nothing if there are none.
pub(super) fn cues(chapters: &[Chapter]) -> Vec<u8> {
    let points: Vec<(u32, &str)> =
        chapters.iter().filter_map(|one| Some((u32::try_from(one.at).ok()?, one.title.as_str()))).collect();
    if points.is_empty() {
        return Vec::new();
    }
    let mut cue = (points.len() as u32).to_le_bytes().to_vec();
    let mut labels = b"adtl".to_vec();
    for (id, (at, title)) in (1u32..).zip(points) {
        for word in [id, at] {
            cue.extend(word.to_le_bytes());
        }
        cue.extend(b"data");
        for word in [0, 0, at] {
            cue.extend(word.to_le_bytes());
        }
        labels.extend(chunk(b"labl", &[&id.to_le_bytes(), title.as_bytes(), &[0]].concat()));
    }
    [chunk(b"cue ", &cue), chunk(b"LIST", &labels)].concat()
}

/// In a 32-bit size: look in ds64, or, without one, "until the end".
const UNKNOWN: u32 = u32::MAX;

/// All before the sound.
pub(super) struct Head {
    pub shape: SampleShape,
    /// What the file tells of itself.
    about: Vec<u8>,
}

impl Head {
    pub(super) fn new(shape: SampleShape, labels: &Labels) -> Self {
        let about = labels.began().map(|began| [bext(labels, began), info(labels, began)].concat());
        Self { shape, about: about.unwrap_or_default() }
    }

    /// Of a file with so many bytes of sound, and more behind; None if nobody knows.
    pub(super) fn bytes(&self, sizes: Option<(u64, u64)>) -> Vec<u8> {
        let mut rest = self.about.clone();
        rest.extend(chunk(b"fmt ", &self.format()));
        if self.shape.is_float() {
            let samples = sizes.and_then(|(data, _)| u32::try_from(data / self.shape.bytes()).ok());
            rest.extend(chunk(b"fact", &samples.unwrap_or(UNKNOWN).to_le_bytes()));
        }
        rest.extend(b"data");
        let large_len = 36;
        let whole =
            |(data, behind): (u64, u64)| (4 + large_len + 4 + rest.len() as u64 + data + behind, data);
        let sizes = sizes.map(whole);
        let small = sizes.and_then(|(riff, data)| Some((u32::try_from(riff).ok()?, data as u32)));
        let small = small.filter(|&(riff, _)| riff < UNKNOWN);
        let large = sizes.filter(|_| small.is_none());
        let (riff, data) = small.unwrap_or((UNKNOWN, UNKNOWN));
        let mut bytes = if large.is_some() { b"RF64".to_vec() } else { b"RIFF".to_vec() };
        bytes.extend(riff.to_le_bytes());
        bytes.extend(b"WAVE");
        let mut long = Vec::new();
        let (riff, sound) = large.unwrap_or((0, 0));
        for size in [riff, sound, sound / self.shape.bytes()] {
            long.extend(size.to_le_bytes());
        }
        // No table of other large chunks.
        long.extend(0u32.to_le_bytes());
        bytes.extend(chunk(if large.is_some() { b"ds64" } else { b"JUNK" }, &long));
        bytes.extend(rest);
        bytes.extend(data.to_le_bytes());
        bytes
    }

    fn format(&self) -> Vec<u8> {
        let (frame, bits) = (self.shape.bytes() as u32, self.shape.bits() as u16);
        let kind: u16 = if self.shape.is_float() { 3 } else { 1 };
        let mut format = kind.to_le_bytes().to_vec();
        format.extend((self.shape.channels() as u16).to_le_bytes());
        format.extend(SAMPLE_RATE.to_le_bytes());
        format.extend((SAMPLE_RATE * frame).to_le_bytes());
        format.extend((frame as u16).to_le_bytes());
        format.extend(bits.to_le_bytes());
        if self.shape.is_float() {
            // No extension.
            format.extend(0u16.to_le_bytes());
        }
        format
    }
}
