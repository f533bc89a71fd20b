//! What the tags of one file may amount to, and how their names become one.

use std::collections::BTreeMap;

use super::cover::Place;

/// Frames, comments, boxes and elements that are looked at in one file.
const MAX_ITEMS: u32 = 2_000;
/// A longer name is none.
const MAX_KEY: usize = 100;
/// What is kept of one text, in bytes: a ballad has 5,000.
pub(super) const MAX_VALUE: usize = 16 * 1024;
/// All texts of a file together.
const MAX_ALL: usize = 128 * 1024;
/// What a cover is for the formats that number their pictures.
const FRONT_COVER: u32 = 3;

/// Names that mean the same in one format or another; the second is the one that is kept.
const SYNONYMS: [(&str, &str); 16] = [
    ("albumartist", "album_artist"),
    ("album artist", "album_artist"),
    ("tracknumber", "track"),
    ("part_number", "track"),
    ("discnumber", "disc"),
    ("year", "date"),
    ("date_released", "date"),
    ("date_recorded", "date"),
    ("description", "comment"),
    ("unsyncedlyrics", "lyrics"),
    ("organization", "publisher"),
    ("label", "publisher"),
    ("encoded-by", "encoded_by"),
    ("tempo", "bpm"),
    ("contentgroup", "grouping"),
    ("itunescompilation", "compilation"),
];

/// Collects what the tags of a file say, within bounds.
pub(super) struct Collector {
    text: BTreeMap<String, String>,
    /// What the tag says that is read just now.
    current: BTreeMap<String, String>,
    cover: Option<Picture>,
    items: u32,
    bytes: usize,
}

struct Picture {
    kind: u32,
    place: Place,
}

impl Collector {
    pub(super) fn new() -> Self {
        Self { text: BTreeMap::new(), current: BTreeMap::new(), cover: None, items: 0, bytes: 0 }
    }

    /// Whether one more item may be looked at.
    pub(super) fn more(&mut self) -> bool {
        self.items += 1;
        self.items <= MAX_ITEMS
    }

    /// A text. Another one of the same name and tag is put behind it.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        let key = key.trim().to_lowercase();
        let key = SYNONYMS.iter().find(|pair| pair.0 == key).map_or(key.as_str(), |pair| pair.1);
        let value = clean(value);
        if key.is_empty() || key.len() > MAX_KEY || value.is_empty() {
            return;
        }
        let room = (MAX_ALL - self.bytes).saturating_sub(key.len());
        let before = self.current.get(key).map_or(0, |text| text.len() + 2);
        let room = room.min(MAX_VALUE).saturating_sub(before);
        let value = &value[..value.floor_char_boundary(room)];
        if value.is_empty() {
            return;
        }
        self.bytes += key.len() + value.len();
        match self.current.get_mut(key) {
            None => {
                self.current.insert(key.to_owned(), value.to_owned());
            }
            Some(text) if text.split(", ").any(|one| one == value) => {}
            Some(text) => {
                text.push_str(", ");
                text.push_str(value);
            }
        }
    }

    /// A picture; the front cover is wanted, and any other for lack of it.
    pub(super) fn picture(&mut self, kind: u32, place: Option<Place>) {
        let Some(place) = place else { return };
        if self.cover.as_ref().is_none_or(|known| known.kind != FRONT_COVER && kind == FRONT_COVER) {
            self.cover = Some(Picture { kind, place });
        }
    }

    /// The tag is over. What another has said before stands.
    pub(super) fn end_tag(&mut self) {
        for (key, value) in std::mem::take(&mut self.current) {
            self.text.entry(key).or_insert(value);
        }
    }

    pub(super) fn finish(mut self) -> (BTreeMap<String, String>, Option<Place>) {
        self.end_tag();
        (self.text, self.cover.map(|picture| picture.place))
    }
}

/// Text without what no screen can show.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let shown = |one: &char| !one.is_control() || matches!(one, '\n' | '\t');
    text.chars().filter(shown).collect::<String>().trim().to_owned()
}

/// Bytes that should be UTF-8, and are Latin-1 where they are not.
pub(super) fn utf8_or_latin1(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // It was cut in the middle of a letter.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned()
        }
        Err(_) => latin1(bytes),
    }
}

pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// UTF-16 without a mark of its own.
pub(super) fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tags_amount_to_has_a_bound() {
        let mut collector = Collector::new();
        let long = "ä".repeat(MAX_VALUE);
        for index in 0..1_000 {
            collector.add(&format!("key {index}"), &long);
            collector.add("one", &long);
        }
        let (text, _) = collector.finish();
        assert!(text.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() <= MAX_ALL + 2_000);
        assert!(text.values().all(|value| value.len() <= MAX_VALUE));
    }

    #[test]
    fn values_of_a_name_are_joined_and_the_first_tag_stands() {
        let mut collector = Collector::new();
        for value in ["One", "Two", "One", "\u{1}\0 "] {
            collector.add("ARTIST", value);
        }
        collector.end_tag();
        collector.add("artist", "Three");
        collector.add("Album Artist", "Four");
        let (text, _) = collector.finish();
        assert_eq!(text["artist"], "One, Two");
        assert_eq!(text["album_artist"], "Four");
    }
}
