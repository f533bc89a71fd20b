//! What the files of a recording tell about it: who is heard, when it began, which moments have a name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isocord_proto::frame::SAMPLE_RATE;

use crate::threads::lock;

/// Knows what users are called. It is called once for each, on the recorder's thread.
pub type NameOf = Box<dyn FnMut(u64) -> Option<String> + Send>;

/// A name has so many bytes at the most: 24 letters of any script.
pub(crate) const MAX_TITLE: usize = 96;
const MIXDOWN: &str = "mixdown";
const DAY: u64 = 24 * 3_600;

/// What is told; without a beginning, files tell only whose they are.
#[derive(Clone, Default)]
pub struct About {
    /// Since 1970.
    began: Option<Duration>,
    names: Arc<Mutex<Names>>,
    moments: Arc<Mutex<Moments>>,
}

#[derive(Default)]
struct Names {
    of: Option<NameOf>,
    known: HashMap<u64, String>,
}

#[derive(Default)]
struct Moments {
    /// From there on, in the recording's time, so many samples of pauses lie before.
    pauses: Vec<(u64, u64)>,
    /// Ascending.
    marks: Vec<(u64, String)>,
}

impl About {
    /// A recording of users whom `name_of` knows.
    #[must_use]
    pub fn new(name_of: NameOf) -> Self {
        let names = Names { of: Some(name_of), known: HashMap::new() };
        Self { names: Arc::new(Mutex::new(names)), ..Self::default() }
    }

    /// The same recording, which begins at that moment, by one recorder.
    #[must_use]
    pub fn began(&self, at: SystemTime) -> Self {
        Self { began: at.duration_since(UNIX_EPOCH).ok(), ..self.clone() }
    }

    /// The same for another recorder, which has moments of its own.
    pub(crate) fn apart(&self) -> Self {
        Self { moments: Arc::default(), ..self.clone() }
    }

    /// The same where everybody has this name.
    pub(crate) fn of(&self, name: &str) -> Self {
        let name = name.to_owned();
        Self { began: self.began, ..Self::new(Box::new(move |_| Some(name.clone()))) }
    }

    /// So many samples of pauses lie before what follows `at`.
    pub(crate) fn pause(&self, at: u64, samples: u64) {
        lock(&self.moments).pauses.push((at, samples));
    }

    /// The moment `at` has a name.
    pub(crate) fn mark(&self, at: u64, title: String) {
        let marks = &mut lock(&self.moments).marks;
        let place = marks.partition_point(|&(before, _)| before <= at);
        marks.insert(place, (at, title));
    }

    /// A file, or a track of one, whose sound begins at `begin`.
    pub(crate) fn file(&self, user_id: Option<u64>, begin: u64) -> Labels {
        Labels { about: self.clone(), user_id, title: self.title(user_id), begin }
    }

    /// What a user is called in files; None is for all of them in one.
    #[must_use]
    pub fn title(&self, user_id: Option<u64>) -> String {
        let Some(user_id) = user_id else { return MIXDOWN.to_owned() };
        let names = &mut *lock(&self.names);
        if let Some(known) = names.known.get(&user_id) {
            return known.clone();
        }
        let name = names.of.as_mut().and_then(|of| of(user_id)).unwrap_or_default();
        let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
        let name = shortened(name.trim(), MAX_TITLE);
        let name = if name.is_empty() { user_id.to_string() } else { name.to_owned() };
        names.known.insert(user_id, name.clone());
        name
    }
}

impl std::fmt::Debug for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("About").field("began", &self.began).finish_non_exhaustive()
    }
}

/// What one file tells.
#[derive(Clone)]
pub(crate) struct Labels {
    about: About,
    pub user_id: Option<u64>,
    /// Who is heard.
    pub title: String,
    begin: u64,
}

/// Whose a track is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub user_id: Option<u64>,
    pub name: String,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.user_id {
            Some(user_id) => write!(f, "{user_id}"),
            None => f.write_str(&self.name),
        }
    }
}

/// A moment of a file that has a name.
pub(crate) struct Chapter {
    /// In samples of the file.
    pub at: u64,
    pub title: String,
}

impl Labels {
    pub(crate) fn owner(&self) -> Owner {
        Owner { user_id: self.user_id, name: self.title.clone() }
    }

    /// Whether it is known when it began.
    pub(crate) fn is_dated(&self) -> bool {
        self.about.began.is_some()
    }

    /// When its first sample was heard.
    pub(crate) fn began(&self) -> Option<Moment> {
        let since = self.about.began?;
        let moments = lock(&self.about.moments);
        let paused = moments.pauses.iter().rev().find(|&&(at, _)| at <= self.begin);
        let samples = self.begin + paused.map_or(0, |&(_, samples)| samples);
        let (whole, rest) = (samples / u64::from(SAMPLE_RATE), samples % u64::from(SAMPLE_RATE));
        let offset =
            Duration::from_secs(whole) + Duration::from_nanos(rest * 1_000_000_000 / u64::from(SAMPLE_RATE));
        Some(Moment(since + offset))
    }

    /// Its fields as Vorbis has them, `KEY` and value.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("TITLE", self.title.clone())];
        if let Some(began) = self.began() {
            fields.push(("DATE", began.to_string()));
            fields.extend(self.user_id.map(|user_id| ("USER_ID", user_id.to_string())));
        }
        fields
    }

    /// The moments that lie in its `samples`.
    pub(crate) fn chapters(&self, samples: u64) -> Vec<Chapter> {
        let moments = lock(&self.about.moments);
        let inside = moments.marks.iter().filter(|(at, _)| (self.begin..self.begin + samples).contains(at));
        inside.map(|(at, title)| Chapter { at: at - self.begin, title: title.clone() }).collect()
    }
}

/// A moment of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// Year, month and day, as ISO 8601 writes them.
    pub(crate) fn date(self) -> String {
        // Counted from the first of March of the year 0, so that the day that comes every four years is the last.
        let days = self.0.as_secs() / DAY + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let year = era * 400 + year + u64::from(month >= 10);
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Hours, minutes and seconds, as ISO 8601 writes them.
    pub(crate) fn time(self) -> String {
        let seconds = self.0.as_secs() % DAY;
        format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }

    /// Samples since midnight.
    pub(crate) fn samples(self) -> u64 {
        let rate = u64::from(SAMPLE_RATE);
        self.0.as_secs() % DAY * rate + u64::from(self.0.subsec_nanos()) * rate / 1_000_000_000
    }

    /// Nanoseconds since 2001, as Matroska counts.
    pub(crate) fn since_2001(self) -> i64 {
        self.0.as_nanos() as i64 - 978_307_200_000_000_000
    }
}

/// ISO 8601, with milliseconds.
impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}T{}.{:03}Z", self.date(), self.time(), self.0.subsec_millis())
    }
}

/// As much of a text as so many bytes hold, in whole letters.
pub(crate) fn shortened(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    text[..end.unwrap_or(0)].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (1_732_838_399, "2024-11-28T23:59:59.000Z"),
        ] {
            assert_eq!(Moment(Duration::from_secs(seconds)).to_string(), text);
        }
        let moment = Moment(Duration::from_millis(1_732_838_399_500));
        assert_eq!(moment.samples(), 24 * 3_600 * 48_000 - 24_000);
        assert_eq!(Moment(Duration::from_secs(978_307_201)).since_2001(), 1_000_000_000);
    }

    #[test]
    fn names_are_asked_for_once_and_kept_short() {
        let mut asked = 0;
        let about = About::new(Box::new(move |user_id| {
            asked += 1;
            assert_eq!(asked, 1, "one user, one question");
            (user_id == 1).then(|| format!(" A\nnna {}", "ü".repeat(200)))
        }));
        for _ in 0..2 {
            let title = about.file(Some(1), 0).title;
            assert!(title.starts_with("Anna ü") && title.len() <= MAX_TITLE, "{title}");
        }
        assert_eq!(About::default().file(Some(2), 0).title, "2");
        assert_eq!(About::default().file(None, 0).title, "mixdown");
    }

    #[test]
    fn a_file_has_its_own_moments_and_begins_later_by_the_pauses() {
        let about = About::default().began(UNIX_EPOCH);
        about.mark(48_000, "second".into());
        about.mark(0, "first".into());
        about.mark(96_000, "third".into());
        about.pause(48_000, 480_000);
        let file = about.file(Some(1), 24_000);
        let chapters: Vec<_> = file.chapters(72_000).into_iter().map(|one| (one.at, one.title)).collect();
        assert_eq!(chapters, [(24_000, "second".to_owned())]);
        assert_eq!(file.began().unwrap().to_string(), "1970-01-01T00:00:00.500Z");
        assert_eq!(about.file(None, 96_000).began().unwrap().to_string(), "1970-01-01T00:00:12.000Z");
        assert_eq!(about.apart().file(None, 0).chapters(100_000).len(), 0);
    }
}
