//! Titles between the sound of a radio, as Shoutcast began it: after each `icy-metaint` bytes of sound a byte with the
//! length of a piece of text, in sixteens, and the text: `StreamTitle='...';`.

/// Takes the titles out of a body.
pub(crate) struct Titles {
    every: usize,
    part: Part,
    title: Option<String>,
}

enum Part {
    /// So many bytes of sound before the next length.
    Sound(usize),
    /// So many bytes of text are still to come.
    Text(usize, Vec<u8>),
}

impl Titles {
    pub(crate) fn new(every: u32) -> Self {
        Self { every: every as usize, part: Part::Sound(every as usize), title: None }
    }

    /// Moves the sound in `bytes` together; returns how much of it there is.
    pub(crate) fn take_out(&mut self, bytes: &mut [u8]) -> usize {
        let (mut from, mut to) = (0, 0);
        while from < bytes.len() {
            match &mut self.part {
                Part::Sound(0) => {
                    self.part = Part::Text(usize::from(bytes[from]) * 16, Vec::new());
                    from += 1;
                    self.end_text();
                }
                Part::Sound(left) => {
                    let count = (*left).min(bytes.len() - from);
                    bytes.copy_within(from..from + count, to);
                    *left -= count;
                    (from, to) = (from + count, to + count);
                }
                Part::Text(left, text) => {
                    let count = (*left).min(bytes.len() - from);
                    text.extend_from_slice(&bytes[from..from + count]);
                    *left -= count;
                    from += count;
                    self.end_text();
                }
            }
        }
        to
    }

    fn end_text(&mut self) {
        if let Part::Text(0, text) = &self.part {
            self.title = title_in(text).or(self.title.take());
            self.part = Part::Sound(self.every);
        }
    }

    /// A title that was told since.
    pub(crate) fn take(&mut self) -> Option<String> {
        self.title.take()
    }
}

/// `StreamTitle='it's like this';StreamUrl='';`, in UTF-8 or else in Latin-1.
fn title_in(text: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().map(|&byte| char::from(byte)).collect(),
    };
    let (_, rest) = text.split_once("StreamTitle='")?;
    // A quote in a title is not escaped: its end is the quote before the next field, or the last one.
    let end = rest.find("';Stream").or_else(|| rest.rfind("';")).or_else(|| rest.rfind('\''))?;
    let title = rest[..end].trim_matches('\0').trim();
    Some(title.chars().filter(|one| !one.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(every: usize, sound: &[u8], texts: &[&str]) -> Vec<u8> {
        let mut all = Vec::new();
        for (index, piece) in sound.chunks(every).enumerate() {
            all.extend_from_slice(piece);
            if piece.len() == every {
                let text = texts.get(index).copied().unwrap_or_default();
                let sixteens = text.len().div_ceil(16);
                all.push(sixteens as u8);
                let mut text = text.as_bytes().to_vec();
                text.resize(sixteens * 16, 0);
                all.extend(text);
            }
        }
        all
    }

    #[test]
    fn sound_and_titles_come_apart_however_they_are_cut() {
        let sound: Vec<u8> = (0..1_000_u32).map(|index| (index * 7) as u8).collect();
        let all = body(100, &sound, &["StreamTitle='One';", "", "StreamTitle='Don't; stop';StreamUrl='x';"]);
        for size in [1, 2, 15, 99, 100, 101, 5_000] {
            let mut titles = Titles::new(100);
            let (mut heard, mut told) = (Vec::new(), Vec::new());
            for piece in all.chunks(size) {
                let mut piece = piece.to_vec();
                let count = titles.take_out(&mut piece);
                heard.extend_from_slice(&piece[..count]);
                told.extend(titles.take());
            }
            assert_eq!(heard, sound);
            assert_eq!(told.last().map(String::as_str), Some("Don't; stop"));
            if size < 100 {
                assert_eq!(told, ["One", "Don't; stop"]);
            }
        }
    }

    #[test]
    fn titles_are_read_as_they_come() {
        let title = |text: &[u8]| title_in(text);
        assert_eq!(title(b"StreamTitle='';").as_deref(), Some(""));
        assert_eq!(title(b"StreamTitle='Bj\xf6rk - J\xf3ga';\0\0").as_deref(), Some("Björk - Jóga"));
        assert_eq!(title("StreamTitle='Björk\n';".as_bytes()).as_deref(), Some("Björk"));
        assert_eq!(title(b"StreamTitle='cut off'").as_deref(), Some("cut off"));
        assert_eq!(title(b"StreamUrl='x';"), None);
        assert_eq!(title(b"\xff\xff"), None);
    }
}
