//! Brings the sound of segments, one after the other, until nothing goes on.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::budget::Meter;
use super::super::http::{HttpError, Line, Retry};
use super::super::stream::{Outline, Stop, Supply, Window, fill};
use super::crypt::decrypt;
use super::fetch::Fetcher;
use super::playlist::{Key, Media, Resource, Segment};
use super::presentation::Presentation;
use super::ts::{TransportStream, is_transport_stream};

/// A longer segment is refused: ten seconds of a film take 10 MiB.
const MAX_SEGMENT: usize = 64 << 20;
const MAX_MAP: usize = 4 << 20;
/// A live playlist that does not change is given up after so many target durations, and not before this.
const PATIENCE: f64 = 10.0;
const LEAST_PATIENCE: Duration = Duration::from_secs(60);
/// Segments in a row that a live server has no more.
const MAX_LOST: u32 = 10;
/// Fresh URLs in a row that were as stale as the ones before.
const MAX_FRESH: u32 = 3;

/// A presentation, one of whose parts is being read.
#[derive(Clone)]
pub(crate) struct Presented {
    pub(crate) presentation: Arc<Presentation>,
    /// Where the next part begins, once this one is over.
    pub(super) next: Arc<Mutex<Option<u64>>>,
}

impl Presented {
    /// Begins to bring what follows from a segment on, in a thread of its own.
    ///
    /// # Errors
    /// There are too many streams.
    pub(crate) fn part(
        presentation: Arc<Presentation>,
        from: u64,
        meter: &Meter,
    ) -> io::Result<(Arc<Window>, Self)> {
        let next = Arc::new(Mutex::new(None));
        let outline = Outline { len: None, seekable: false, live: presentation.is_live(), kind: None };
        let part = Part::new(Arc::clone(&presentation), from, Arc::clone(&next));
        let window = fill("isocord-hls", outline, Box::new(part))?;
        let waiting = Arc::clone(&window);
        meter.on_close(move || waiting.close());
        Ok((window, Self { presentation, next }))
    }
}

/// What segments hold.
enum Kind {
    Transport(TransportStream),
    /// ADTS or MPEG audio, with a time in an ID3 tag in front of each segment.
    Packed,
    /// Fragments of MP4, behind a map.
    Fragments,
}

/// See above.
struct Part {
    presentation: Arc<Presentation>,
    line: Arc<Line>,
    fetcher: Fetcher,
    /// The number of the next segment.
    at: u64,
    begun: bool,
    kind: Option<Kind>,
    map: Option<Resource>,
    key: Option<(Key, [u8; 16])>,
    pending: Vec<u8>,
    taken: usize,
    /// Where another part begins, once this one is over.
    next: Arc<Mutex<Option<u64>>>,
    lost: u32,
    fresh: u32,
    /// When the playlist was asked for, and when there was something new in it.
    asked: Instant,
    changed: Instant,
}

enum Step {
    Bytes,
    Later,
    End,
}

impl Part {
    fn new(presentation: Arc<Presentation>, from: u64, next: Arc<Mutex<Option<u64>>>) -> Self {
        let line = Arc::new(Line::default());
        let fetcher = presentation.fetcher(Arc::clone(&line));
        let now = Instant::now();
        Self {
            presentation,
            line,
            fetcher,
            at: from,
            begun: false,
            kind: None,
            map: None,
            key: None,
            pending: Vec::new(),
            taken: 0,
            next,
            lost: 0,
            fresh: 0,
            asked: now,
            changed: now,
        }
    }

    /// Bring one more segment.
    fn advance(&mut self) -> Result<Step, HttpError> {
        let media = self.presentation.media();
        if self.at < media.first {
            // They have been taken away before they were asked for.
            self.at = media.first;
        }
        let Some(segment) = media.get(self.at) else {
            if media.ended {
                return Ok(Step::End);
            }
            return self.wait(&media);
        };
        let other_map = self.begun && self.map.as_ref() != segment.map.as_ref().map(|map| &map.0);
        // In a recording what is not there takes its time all the same.
        let is_hole = segment.is_gap && media.ended;
        if self.begun && (segment.breaks || other_map || is_hole) {
            *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.at);
            return Ok(Step::End);
        }
        if segment.is_gap {
            self.at += 1;
            return Ok(Step::Later);
        }
        match self.bring(segment) {
            Ok(()) => {
                (self.lost, self.fresh) = (0, 0);
                self.at += 1;
                self.begun = true;
                Ok(Step::Bytes)
            }
            Err(error) => self.recover(error),
        }
    }

    fn recover(&mut self, error: HttpError) -> Result<Step, HttpError> {
        if error.is_stale() && self.fresh < MAX_FRESH {
            self.fresh += 1;
            if self.presentation.renew(&self.line)? {
                self.fetcher = self.presentation.fetcher(Arc::clone(&self.line));
                return Ok(Step::Later);
            }
        }
        let gone = matches!(error, HttpError::Status { .. } | HttpError::Broken(_));
        if !self.presentation.is_live() || !gone || self.lost >= MAX_LOST || self.line.is_closed() {
            return Err(error);
        }
        self.lost += 1;
        self.at += 1;
        Ok(Step::Later)
    }

    /// Wait for segments that are not there yet.
    fn wait(&mut self, media: &Media) -> Result<Step, HttpError> {
        let patience = media.target.mul_f64(PATIENCE).max(LEAST_PATIENCE);
        if self.changed.elapsed() > patience {
            let reason = format!("its live playlist has not changed for {} s", patience.as_secs());
            return Err(HttpError::Refused(reason));
        }
        // One that has not changed is asked for again sooner (RFC 8216, 6.3.4).
        let pause = if self.changed >= self.asked { media.target } else { media.target / 2 };
        if !self.line.pause(pause.saturating_sub(self.asked.elapsed())) {
            return Err(HttpError::Closed);
        }
        let changed = self.presentation.reload(&self.fetcher);
        self.asked = Instant::now();
        match changed {
            Ok(true) => self.changed = self.asked,
            Ok(false) => {}
            Err(error) if error.is_stale() => return self.recover(error),
            Err(error) => return Err(error),
        }
        let now = self.presentation.media();
        if now.end() < media.first {
            // The server has begun anew.
            self.at = now.first;
        }
        Ok(Step::Later)
    }

    fn bring(&mut self, segment: &Segment) -> Result<(), HttpError> {
        let bytes = self.open(&segment.resource, segment.key.as_ref(), self.at, MAX_SEGMENT)?;
        let kind = match &mut self.kind {
            Some(kind) => kind,
            none => none.insert(if segment.map.is_some() {
                Kind::Fragments
            } else if is_transport_stream(&bytes) {
                Kind::Transport(TransportStream::default())
            } else if matches!(bytes.get(4..8), Some(b"ftyp" | b"styp" | b"moof" | b"sidx")) {
                Kind::Fragments
            } else {
                Kind::Packed
            }),
        };
        self.pending.clear();
        self.taken = 0;
        match kind {
            Kind::Transport(stream) => stream.push(&bytes, &mut self.pending).map_err(HttpError::Refused)?,
            Kind::Packed => self.pending.extend_from_slice(without_tags(&bytes)),
            Kind::Fragments => {
                if let (Some((map, key)), false) = (&segment.map, self.begun) {
                    let map_bytes = self.open(map, key.as_ref(), self.at, MAX_MAP)?;
                    self.map = Some(map.clone());
                    self.pending.extend(map_bytes);
                }
                self.pending.extend(bytes);
            }
        }
        Ok(())
    }

    /// What a resource holds, decrypted.
    fn open(
        &mut self,
        what: &Resource,
        key: Option<&Key>,
        number: u64,
        most: usize,
    ) -> Result<Vec<u8>, HttpError> {
        let (bytes, _) = self.fetcher.get(what, most, Retry::new(false))?;
        let Some(key) = key else { return Ok(bytes) };
        let secret = match &self.key {
            Some((known, secret)) if known.address == key.address => *secret,
            _ => {
                let resource = Resource { address: key.address.clone(), range: None };
                let (bytes, _) = self.fetcher.get(&resource, 4_096, Retry::new(false))?;
                let secret = <[u8; 16]>::try_from(bytes.as_slice())
                    .map_err(|_| HttpError::Refused("its key is none: it has not 16 bytes".to_owned()))?;
                self.key = Some((key.clone(), secret));
                secret
            }
        };
        let iv = key.iv.unwrap_or_else(|| u128::from(number).to_be_bytes());
        decrypt(bytes, secret, iv).map_err(HttpError::Refused)
    }
}

impl Supply for Part {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.taken >= self.pending.len() {
            match self.advance() {
                Ok(Step::Bytes | Step::Later) => {}
                Ok(Step::End) => return Ok(0),
                Err(error) => return Err(io::Error::other(self.line.explain(error))),
            }
        }
        let count = buf.len().min(self.pending.len() - self.taken);
        buf[..count].copy_from_slice(&self.pending[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }

    /// A run of segments is read from front to back.
    fn go_to(&mut self, _: u64) {}

    fn stopper(&self) -> Arc<dyn Stop> {
        Arc::clone(&self.line) as Arc<dyn Stop>
    }
}

/// Without the ID3 tag that tells the time (RFC 8216, 3.4).
fn without_tags(mut bytes: &[u8]) -> &[u8] {
    while let [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] = bytes {
        let len = [a, b, c, d].iter().fold(0_usize, |sum, &&byte| sum << 7 | usize::from(byte & 0x7f));
        bytes = bytes.get(10 + len..).unwrap_or_default();
    }
    bytes
}
