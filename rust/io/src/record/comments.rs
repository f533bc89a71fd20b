//! Fields as Vorbis has them, for FLAC and Ogg, with room for the chapters that are known at the end.

use isocord_proto::frame::SAMPLE_RATE;

use super::about::{Chapter, Labels};
use super::output::OpenTarget;

/// Bytes kept for chapters: some ninety. Of a file that may not be big, so small a part.
const ROOM: u64 = 4_096;
const ROOM_SHARE: u64 = 16;
const VENDOR: &str = "isocord";

/// What a file tells of itself in its header, which is written again at the end where it can be.
pub(crate) struct Comments {
    labels: Labels,
    room: usize,
}

impl Comments {
    pub(crate) fn new(labels: Labels, out: &OpenTarget) -> Self {
        let is_kept = labels.is_dated() && out.seekable();
        let room = if is_kept { ROOM.min(out.room() / ROOM_SHARE) as usize } else { 0 };
        Self { labels, room }
    }

    /// The fields of a file of so many samples, and how many bytes are left of the room.
    pub(crate) fn bytes(&self, samples: u64) -> (Vec<u8>, usize) {
        let (chapters, left) = chapter_fields(self.labels.chapters(samples), self.room);
        let fields = self.labels.fields();
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .chain(chapters.iter().map(|(key, value)| (key.as_str(), value.as_str())))
            .collect();
        let mut bytes = text(VENDOR);
        bytes.extend((fields.len() as u32).to_le_bytes());
        fields.iter().for_each(|(key, value)| bytes.extend(text(&format!("{key}={value}"))));
        (bytes, left)
    }

    /// Whether the end knows more than the beginning did.
    pub(crate) fn has_more(&self, samples: u64) -> bool {
        self.room > 0 && !self.labels.chapters(samples).is_empty()
    }
}

/// Chapters as fields (the Chapter Extension of Xiph), as many as `room` bytes hold, and what is left of those.
fn chapter_fields(chapters: Vec<Chapter>, room: usize) -> (Vec<(String, String)>, usize) {
    let mut fields = Vec::new();
    let mut left = room;
    for (index, Chapter { at, title }) in chapters.into_iter().enumerate().take(999) {
        let ms = at * 1_000 / u64::from(SAMPLE_RATE);
        let (seconds, ms) = (ms / 1_000, ms % 1_000);
        let time = format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let number = format!("CHAPTER{:03}", index + 1);
        let pair = [(number.clone(), time), (format!("{number}NAME"), title)];
        let needed: usize = pair.iter().map(|(key, value)| 5 + key.len() + value.len()).sum();
        if needed > left {
            break;
        }
        left -= needed;
        fields.extend(pair);
    }
    (fields, left)
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_chapters_as_there_is_room_for() {
        let titles = [(0, "first"), (48_000, "second"), (96_000, "third")];
        let chapters = titles.map(|(at, title)| Chapter { at, title: title.to_owned() });
        let (fields, left) = chapter_fields(chapters.into(), 110);
        assert_eq!(fields.len(), 4);
        assert_eq!(fields[2], ("CHAPTER002".to_owned(), "00:00:01.000".to_owned()));
        let bytes: usize = fields.iter().map(|(key, value)| text(&format!("{key}={value}")).len()).sum();
        assert_eq!(left, 110 - bytes);
    }
}
