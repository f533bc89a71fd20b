//! Playlists, keys and segments: whole files, each within a bound and within its time.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::http::{Address, Ask, Client, HttpError, HttpHeaders, HttpOptions, Line, Next, Retry};
use super::playlist::Resource;

/// One file may take so long, whatever its server does.
const PATIENCE: Duration = Duration::from_secs(60);
const PIECE: usize = 64 * 1024;

/// Asks for what a presentation is made of, on one thread at a time.
pub(super) struct Fetcher {
    client: Client,
    /// Who may see the headers.
    home: Address,
    headers: HttpHeaders,
    born: Instant,
}

impl Fetcher {
    pub(super) fn new(home: Address, headers: HttpHeaders, options: &HttpOptions, line: Arc<Line>) -> Self {
        Self { client: Client::new(options.allow_private, line), home, headers, born: Instant::now() }
    }

    pub(super) fn line(&self) -> &Arc<Line> {
        self.client.line()
    }

    /// A whole file, or a part of it, of at most so many bytes; and where it was found.
    ///
    /// # Errors
    /// It is not to be had, or longer.
    pub(super) fn get(
        &self,
        what: &Resource,
        most: usize,
        mut retry: Retry,
    ) -> Result<(Vec<u8>, Address), HttpError> {
        loop {
            let error = match self.once(what, most) {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            match retry.failed(&error, false, self.born.elapsed()) {
                Next::After(pause) => {
                    if !self.line().pause(pause) {
                        return Err(HttpError::Closed);
                    }
                }
                Next::Fresh | Next::GiveUp => return Err(error),
            }
        }
    }

    fn once(&self, what: &Resource, most: usize) -> Result<(Vec<u8>, Address), HttpError> {
        let ask = Ask { range: what.range.map(|(from, to)| (from, Some(to))), ..Ask::default() };
        let foreign = what.address.origin() != self.home.origin();
        let headers = if foreign { self.headers.for_strangers() } else { self.headers.clone() };
        let mut answer = self.client.get(&what.address, &headers, &ask)?;
        if !matches!(answer.facts.status, 200 | 206) {
            return Err(HttpError::status(&answer.facts));
        }
        if answer.facts.packed {
            return Err(HttpError::Refused(
                "its server packs it (Content-Encoding), though it was asked not to".to_owned(),
            ));
        }
        // A server without ranges sends all.
        let (skip, len) = match what.range {
            Some((from, to)) => (from.saturating_sub(answer.facts.from), to.saturating_sub(from)),
            None => (0, most as u64),
        };
        let most = most as u64;
        if skip > most || what.range.is_some() && len > most {
            return Err(HttpError::Refused(format!("a part of it is longer than {} MiB", most >> 20)));
        }
        let began = Instant::now();
        let mut bytes = Vec::new();
        let mut piece = vec![0; PIECE];
        loop {
            let count =
                answer.body.read(&mut piece).map_err(|error| self.line().explain(HttpError::from(error)))?;
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(&piece[..count]);
            if what.range.is_some() && bytes.len() as u64 >= skip + len {
                break;
            }
            if bytes.len() as u64 > most {
                return Err(HttpError::Refused(format!("a part of it is longer than {} MiB", most >> 20)));
            }
            if began.elapsed() > PATIENCE {
                return Err(HttpError::Broken("its server sends a part of it too slowly".to_owned()));
            }
        }
        bytes.drain(..usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len()));
        if what.range.is_some() {
            bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        }
        Ok((bytes, answer.at))
    }
}
