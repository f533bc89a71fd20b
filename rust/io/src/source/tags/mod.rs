//! What a file says of itself: title, artist and whatever else, its loudness, and where its cover lies.
//!
//! It is read while the file is opened, by position: a few hundred bytes here and there. Pictures are passed over, and
//! are read when they are asked for. How much is looked at, and how much is kept, is bounded by `collector`.

mod ape;
mod collector;
mod cover;
mod id3;
mod ilst;
mod matroska;
mod riff;
mod section;
mod vorbis;

use std::collections::BTreeMap;
use std::io;

use super::input::MediaFile;
use collector::Collector;
pub(crate) use cover::Place;

/// ID3v2 tags in front of a file that are read: an editor that does not know of the one before leaves two.
const MAX_TAGS: u32 = 4;
/// What R128 gains are relative to, and what those of ReplayGain are, in LUFS (RFC 7845, 5.2.1; ReplayGain 2.0).
const R128_REFERENCE: f32 = -23.0;
const REPLAY_GAIN_REFERENCE: f32 = -18.0;

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    text: BTreeMap<String, String>,
    cover: Option<Place>,
}

impl Tags {
    /// Everything textual: names in lower case, the same ones for all formats.
    #[must_use]
    pub fn text(&self) -> &BTreeMap<String, String> {
        &self.text
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.text.get(name).map(String::as_str)
    }

    /// What brings the track to -18 LUFS, in dB, where it is told (ReplayGain, or R128 of Opus).
    #[must_use]
    pub fn gain(&self) -> Option<f32> {
        let replay_gain = self.get("replaygain_track_gain").and_then(|text| {
            let number = text.trim_end_matches(|one: char| one.is_ascii_alphabetic() || one.is_whitespace());
            number.parse::<f32>().ok()
        });
        let r128 = || {
            let steps = self.get("r128_track_gain")?.parse::<i16>().ok()?;
            Some(f32::from(steps) / 256.0 + REPLAY_GAIN_REFERENCE - R128_REFERENCE)
        };
        replay_gain.or_else(r128).filter(|gain| (-60.0..=60.0).contains(gain))
    }

    pub(crate) fn cover(&self) -> Option<&Place> {
        self.cover.as_ref()
    }
}

/// Read the tags of a file, as far as they can be read: what is broken in them is no reason not to play it.
pub(super) fn read(file: &MediaFile) -> Tags {
    let mut collector = Collector::new();
    // The disk's errors show again when the sound is read.
    let _ = collect(file, &mut collector);
    let (text, cover) = collector.finish();
    Tags { text, cover }
}

fn collect(file: &MediaFile, collector: &mut Collector) -> io::Result<()> {
    let mut at = 0;
    let mut in_front = Vec::new();
    while let Some(len) = id3::length(file, at)?.filter(|_| in_front.len() < MAX_TAGS as usize) {
        in_front.push(at);
        at += len;
    }
    let start = file.bytes_at::<12>(at)?.unwrap_or_default();
    // What a format says in its own way comes before what was put in front of it.
    match start {
        [b'f', b'L', b'a', b'C', ..] => vorbis::flac(file, at, collector)?,
        [b'O', b'g', b'g', b'S', ..] => vorbis::ogg(file, at, collector)?,
        [b'R', b'I' | b'F', b'F' | b'6', b'F' | b'4', ..] => {
            riff::read(file, at, u32::from_le_bytes, collector)?
        }
        [b'F', b'O', b'R', b'M', ..] => riff::read(file, at, u32::from_be_bytes, collector)?,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => ilst::read(file, at, collector)?,
        [0x1a, 0x45, 0xdf, 0xa3, ..] => matroska::read(file, at, true, collector)?,
        _ => {}
    }
    for at in in_front {
        id3::read(file, at, collector)?;
    }
    let mut end = file.len();
    // Only what is no other container may end in one by intent; the end of a stream is far away.
    if file.window().is_none() && start[0] == 0xff && start[1] & 0xe0 == 0xe0 {
        let last = end.checked_sub(128).map(|at| file.bytes_at::<128>(at)).transpose()?.flatten();
        let v1 = last.filter(|bytes| bytes.starts_with(b"TAG"));
        if v1.is_some() {
            end -= 128;
        }
        ape::read(file, end, collector)?;
        if let Some(v1) = v1 {
            id3::read_v1(&v1, collector);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(key: &str, value: &str) -> Option<f32> {
        Tags { text: [(key.to_owned(), value.to_owned())].into(), cover: None }.gain()
    }

    #[test]
    fn gains_of_both_kinds_have_one_reference() {
        assert_eq!(gain("replaygain_track_gain", "-7.25 dB"), Some(-7.25));
        assert_eq!(gain("replaygain_track_gain", "+1.5dB"), Some(1.5));
        assert_eq!(gain("r128_track_gain", "-3136"), Some(-7.25));
        assert_eq!(gain("replaygain_track_gain", "loud"), None);
        assert_eq!(gain("replaygain_track_gain", "1e9 dB"), None);
    }
}
