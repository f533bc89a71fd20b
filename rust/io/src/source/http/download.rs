//! A file or a radio over HTTP, as one run of bytes: what breaks is taken up again where it broke.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::stream::{Outline, Stop, Supply};
use super::address::Address;
use super::client::{Answer, Ask, Client, Headers, Line};
use super::error::{BROKE_OFF, HttpError};
use super::facts::Facts;
use super::icy::Titles;
use super::options::HttpOptions;
use super::retry::{Next, Retry};

/// While it is opened, somebody waits.
const OPENING: Duration = Duration::from_secs(9);
/// A server that cannot begin in the middle sends the beginning again, which is passed over.
const MAX_PASSED_OVER: u64 = 64 << 20;
/// Speech at its cheapest takes 750 bytes a second; who sends less than a third of it is not sending sound.
const SLOW_WINDOW: Duration = Duration::from_secs(20);
const SLOW_BYTES: u64 = 5_000;

/// See above.
pub(crate) struct Download {
    client: Client,
    address: Address,
    headers: Headers,
    options: HttpOptions,
    /// What the first answer said.
    first: Facts,
    body: Option<Box<dyn Read + Send>>,
    /// It is asked for without a range.
    plain: bool,
    /// Bytes of the body that are passed over.
    pass_over: u64,
    titles: Option<Titles>,
    title: Option<String>,
    /// Place in the file of the next byte.
    at: u64,
    retry: Retry,
    born: Instant,
    interruptions: u64,
    waited: Duration,
    brought: u64,
}

impl Download {
    /// Ask for it, and wait for the headers.
    ///
    /// # Errors
    /// It is not to be had.
    pub(crate) fn open(address: Address, options: HttpOptions, line: Arc<Line>) -> Result<Self, HttpError> {
        let client = Client::new(options.allow_private, line);
        let mut download = Self {
            client,
            address,
            headers: options.headers.clone(),
            options,
            first: Facts::default(),
            body: None,
            plain: false,
            pass_over: 0,
            titles: None,
            title: None,
            at: 0,
            retry: Retry::opening(OPENING),
            born: Instant::now(),
            interruptions: 0,
            waited: Duration::ZERO,
            brought: 0,
        };
        while let Err(error) = download.connect() {
            download.recover(error)?;
        }
        download.retry = Retry::new(download.first.live);
        Ok(download)
    }

    /// What is known of it by now.
    pub(crate) fn outline(&self) -> Outline {
        Outline {
            len: self.first.total,
            seekable: self.first.ranges,
            live: self.first.live,
            kind: self.first.content_type.clone(),
        }
    }

    /// Ask for what is wanted next.
    fn connect(&mut self) -> Result<(), HttpError> {
        self.body = None;
        self.titles = None;
        (self.waited, self.brought) = (Duration::ZERO, 0);
        let known = self.first.status != 0;
        let middle = known && !self.first.live;
        let ask = Ask {
            range: (!known && !self.plain || middle && self.first.ranges).then_some((self.at, None)),
            if_range: if middle && self.at > 0 { self.first.validator.as_deref() } else { None },
            titles: true,
        };
        let answer = self.client.get(&self.address, &self.headers, &ask)?;
        self.accept(answer, known)
    }

    fn accept(&mut self, answer: Answer, known: bool) -> Result<(), HttpError> {
        let Answer { facts, body } = answer;
        if facts.status == 416 && facts.total == Some(self.at) {
            // It is empty, or shorter than was said: this is its end.
            if !known {
                self.first = facts;
            }
            self.first.total = Some(self.at);
            self.body = Some(Box::new(io::empty()));
            return Ok(());
        }
        if !known && facts.status == 416 && !self.plain {
            // Some cannot stand to be asked for a part.
            self.plain = true;
            return self.connect();
        }
        if !matches!(facts.status, 200 | 206) {
            return Err(HttpError::status(&facts));
        }
        if facts.packed {
            return Err(HttpError::Refused(
                "its server packs it (Content-Encoding), though it was asked not to: have it send audio as it is"
                    .to_owned(),
            ));
        }
        if !known {
            if facts.from != 0 {
                return Err(HttpError::Refused(
                    "its server sends another part than was asked for".to_owned(),
                ));
            }
            self.first = facts.clone();
        } else if !self.first.live {
            self.check_same(&facts)?;
            self.pass_over = self.at.checked_sub(facts.from).ok_or_else(|| {
                HttpError::Refused("its server sends another part than was asked for".to_owned())
            })?;
            if self.pass_over > MAX_PASSED_OVER {
                return Err(HttpError::Refused("its server cannot begin in the middle".to_owned()));
            }
        }
        self.titles = facts.title_every.map(Titles::new);
        self.body = Some(body);
        Ok(())
    }

    /// A file that has changed meanwhile cannot be gone on with.
    fn check_same(&self, facts: &Facts) -> Result<(), HttpError> {
        let differs = |before: bool| if before { Err(()) } else { Ok(()) };
        let other_total =
            matches!((self.first.total, facts.total), (Some(before), Some(now)) if before != now);
        let other_tag =
            matches!((&self.first.validator, &facts.validator), (Some(before), Some(now)) if before != now);
        differs(other_total || other_tag)
            .map_err(|()| HttpError::Refused("it has been replaced on its server".to_owned()))
    }

    /// Wait, or find another URL, before the next try.
    fn recover(&mut self, error: HttpError) -> Result<(), HttpError> {
        self.body = None;
        let line = Arc::clone(self.client.line());
        if line.is_closed() {
            return Err(HttpError::Closed);
        }
        match self.retry.failed(&error, self.options.fresh.is_some(), self.born.elapsed()) {
            Next::After(pause) => {
                if !line.pause(pause) {
                    return Err(HttpError::Closed);
                }
                Ok(())
            }
            Next::Fresh => {
                let fresh = self.options.fresh.as_ref().and_then(|fresh| fresh());
                let (url, headers) = fresh.ok_or(error)?;
                self.address = Address::parse(&url)
                    .map_err(|error| HttpError::Refused(format!("its fresh URL is a bad one: {error}")))?;
                self.headers = headers;
                Ok(())
            }
            Next::GiveUp => Err(error),
        }
    }

    /// Bytes of the body, titles left out; none at its end.
    fn take(&mut self, buf: &mut [u8]) -> Result<usize, HttpError> {
        let Some(body) = &mut self.body else { return Err(HttpError::Broken("there is no body".to_owned())) };
        loop {
            let began = Instant::now();
            let count = body.read(buf).map_err(HttpError::from)?;
            self.waited += began.elapsed();
            self.brought += count as u64;
            if self.waited > SLOW_WINDOW {
                if self.brought < SLOW_BYTES {
                    return Err(HttpError::Broken("its server sends next to nothing".to_owned()));
                }
                (self.waited, self.brought) = (Duration::ZERO, 0);
            }
            if count == 0 {
                return Ok(0);
            }
            let mut sound = match &mut self.titles {
                Some(titles) => titles.take_out(&mut buf[..count]),
                None => count,
            };
            if let Some(title) = self.titles.as_mut().and_then(Titles::take) {
                self.title = Some(title);
            }
            let over = self.pass_over.min(sound as u64) as usize;
            if over > 0 {
                buf.copy_within(over..sound, 0);
                self.pass_over -= over as u64;
                sound -= over;
            }
            if sound > 0 {
                return Ok(sound);
            }
        }
    }

    fn more(&mut self, buf: &mut [u8]) -> Result<usize, HttpError> {
        loop {
            let broke = match self.body {
                None => self.connect().err(),
                Some(_) => match self.take(buf) {
                    Ok(0) if !self.is_at_end() => Some(self.cut()),
                    Ok(count) => {
                        self.at += count as u64;
                        self.retry.brought(count);
                        return Ok(count);
                    }
                    Err(HttpError::Broken(text)) if text == BROKE_OFF => Some(self.cut()),
                    Err(error) => Some(error),
                },
            };
            if let Some(error) = broke {
                if self.client.line().interruptions() != self.interruptions {
                    return Err(HttpError::Closed);
                }
                self.recover(error)?;
            }
        }
    }

    /// Whether a body that ends here ends as it should.
    fn is_at_end(&self) -> bool {
        match self.first.total {
            Some(total) => self.at >= total,
            None => !self.first.live,
        }
    }

    fn cut(&self) -> HttpError {
        HttpError::Broken(match self.first.total {
            Some(total) => format!("{BROKE_OFF} at byte {} of {total}", self.at),
            None => BROKE_OFF.to_owned(),
        })
    }
}

impl Supply for Download {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.more(buf).map_err(|error| {
            self.body = None;
            io::Error::other(error)
        })
    }

    fn go_to(&mut self, to: u64) {
        self.interruptions = self.client.line().interruptions();
        self.at = to;
        self.body = None;
        self.retry = Retry::new(self.first.live);
    }

    fn take_title(&mut self) -> Option<String> {
        self.title.take()
    }

    fn stopper(&self) -> Arc<dyn Stop> {
        Arc::clone(self.client.line()) as Arc<dyn Stop>
    }
}
