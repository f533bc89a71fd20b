//! One presentation: its playlist as it is now, and where to find it again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::http::{Address, HttpError, HttpHeaders, HttpOptions, Line, Retry};
use super::fetch::Fetcher;
use super::playlist::{MAX_PLAYLIST, Media, Playlist, Resource, parse};

/// Master playlists that name each other.
const MAX_DEPTH: usize = 3;
/// Seconds that a demuxer needs to tell what it reads.
const LEAST: f64 = 0.5;
/// A live presentation is begun so many target durations before its end (RFC 8216, 6.3.3).
const FROM_LIVE_EDGE: f64 = 3.0;

/// What is known of a presentation, for all of its parts.
pub(crate) struct Presentation {
    options: HttpOptions,
    state: Mutex<State>,
    live: bool,
    seconds: f64,
}

struct State {
    /// Of the media playlist.
    address: Address,
    /// Who may see the headers.
    home: Address,
    headers: HttpHeaders,
    media: Arc<Media>,
}

impl Presentation {
    /// Read what a playlist leads to.
    ///
    /// # Errors
    /// It is broken, empty, or cannot be played.
    pub(crate) fn open(
        text: &[u8],
        found: &Address,
        home: Address,
        options: HttpOptions,
        line: Arc<Line>,
    ) -> Result<Self, String> {
        let headers = options.headers.clone();
        let fetcher = Fetcher::new(home.clone(), headers.clone(), &options, line);
        let (media, address) =
            follow(&fetcher, text.to_vec(), found.clone()).map_err(|error| error.to_string())?;
        if media.segments.is_empty() {
            return Err("its playlist is empty".to_owned());
        }
        let (live, seconds) = (!media.ended, media.seconds());
        let state = Mutex::new(State { address, home, headers, media: Arc::new(media) });
        Ok(Self { options, state, live, seconds })
    }

    /// Whether more of it is to come.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// How long it is, in seconds, where it has an end.
    pub(crate) fn seconds(&self) -> Option<f64> {
        (!self.live).then_some(self.seconds)
    }

    /// The segment to begin with.
    pub(crate) fn first(&self) -> u64 {
        let media = self.media();
        let edge = -FROM_LIVE_EDGE * media.target.as_secs_f64();
        match (media.start, self.live) {
            (Some(start), true) => media.at(from_end(start.min(edge), media.seconds())).0,
            (None, true) => media.at(from_end(edge, media.seconds())).0,
            // A recording is begun at its beginning, wherever its maker would rather begin.
            (_, false) => media.first,
        }
    }

    /// The segment from which on a time is read, and when it begins: the one that holds it, unless too little is left
    /// there to tell what it is.
    pub(super) fn at(&self, seconds: f64) -> (u64, f64) {
        let media = self.media();
        let (number, begins) = media.at(seconds);
        let goes_on = media.get(number).is_some_and(|segment| !segment.breaks);
        match number.checked_sub(1).and_then(|before| media.get(before)) {
            Some(before) if goes_on && media.seconds() - begins < LEAST => {
                (number - 1, begins - before.seconds)
            }
            _ => (number, begins),
        }
    }

    /// The first segment from this one on that is there, none if there is none; and how many seconds are not.
    pub(super) fn there_from(&self, number: u64) -> (Option<u64>, f64) {
        let media = self.media();
        let (there, seconds) = media.there_from(number.max(media.first));
        (Some(there).filter(|there| seconds == 0.0 || *there < media.end()), seconds)
    }

    pub(super) fn media(&self) -> Arc<Media> {
        Arc::clone(&self.state().media)
    }

    pub(super) fn fetcher(&self, line: Arc<Line>) -> Fetcher {
        let state = self.state();
        Fetcher::new(state.home.clone(), state.headers.clone(), &self.options, line)
    }

    /// Ask for the playlist again. True if there is something new in it.
    pub(super) fn reload(&self, fetcher: &Fetcher) -> Result<bool, HttpError> {
        let address = self.state().address.clone();
        let resource = Resource { address: address.clone(), range: None };
        let (text, found) = fetcher.get(&resource, MAX_PLAYLIST, Retry::new(self.live))?;
        match parse(&text, &found).map_err(HttpError::Refused)? {
            Playlist::Media(media) => {
                let before = self.media();
                let new =
                    media.end() != before.end() || media.ended != before.ended || media.first != before.first;
                self.state().media = Arc::new(media);
                Ok(new)
            }
            Playlist::Master(_) => Err(HttpError::Refused("its playlist has become another".to_owned())),
        }
    }

    /// Ask for another URL where this one has expired. False if there is none.
    pub(super) fn renew(&self, line: &Arc<Line>) -> Result<bool, HttpError> {
        let Some((url, headers)) = self.options.fresh.as_ref().and_then(|fresh| fresh()) else {
            return Ok(false);
        };
        let address = Address::parse(&url)
            .map_err(|error| HttpError::Refused(format!("its fresh URL is a bad one: {error}")))?;
        let fetcher = Fetcher::new(address.clone(), headers.clone(), &self.options, Arc::clone(line));
        let resource = Resource { address: address.clone(), range: None };
        let (text, found) = fetcher.get(&resource, MAX_PLAYLIST, Retry::new(self.live))?;
        let (media, found) = follow(&fetcher, text, found)?;
        *self.state() = State { address: found, home: address, headers, media: Arc::new(media) };
        Ok(true)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From a playlist to the one that names segments.
fn follow(fetcher: &Fetcher, mut text: Vec<u8>, mut found: Address) -> Result<(Media, Address), HttpError> {
    for _ in 0..MAX_DEPTH {
        match parse(&text, &found).map_err(HttpError::Refused)? {
            Playlist::Media(media) => return Ok((media, found)),
            Playlist::Master(address) => {
                let resource = Resource { address, range: None };
                (text, found) = fetcher.get(&resource, MAX_PLAYLIST, Retry::new(false))?;
            }
        }
    }
    Err(HttpError::Refused("its playlist leads to playlists only".to_owned()))
}

/// A time, where negative ones count from the end.
fn from_end(seconds: f64, all: f64) -> f64 {
    if seconds < 0.0 { (all + seconds).max(0.0) } else { seconds.min(all) }
}
