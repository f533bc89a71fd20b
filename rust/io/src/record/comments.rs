//! Fields as Vorbis has them, for FLAC and Ogg, with room for the chapters that are known at the end.

use super::about::Labels;
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
        let chapters = self.labels.chapter_fields(samples, self.room);
        let fields = self.labels.fields();
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .chain(chapters.iter().map(|(key, value)| (key.as_str(), value.as_str())))
            .collect();
        let mut bytes = text(VENDOR);
        bytes.extend((fields.len() as u32).to_le_bytes());
        fields.iter().for_each(|(key, value)| bytes.extend(text(&format!("{key}={value}"))));
        let used: usize = chapters.iter().map(|(key, value)| 5 + key.len() + value.len()).sum();
        (bytes, self.room - used)
    }

    /// Whether the end knows more than the beginning did.
    pub(crate) fn has_more(&self, samples: u64) -> bool {
        self.room > 0 && !self.labels.chapters(samples).is_empty()
    }
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}
