//! GET, and nothing else: redirects followed by our own rules, times bounded, private addresses refused.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::Agent;
use ureq::http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, IF_RANGE, LOCATION, RANGE, USER_AGENT,
};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, RustlsConnector, TcpConnector};

use super::super::stream::Stop;
use super::address::Address;
use super::error::HttpError;
use super::facts::Facts;
use super::resolver::GuardedResolver;
use super::roots::tls_config;
use super::status_line::StatusLineConnector;

const MAX_REDIRECTS: usize = 10;
const MAX_HEADERS: usize = 64 * 1024;
const LOOK_UP: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(6);
/// From the request to the end of the headers.
const ANSWER: Duration = Duration::from_secs(10);
/// Without a byte.
const SILENCE: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("isocord/", env!("CARGO_PKG_VERSION"), " (+https://github.com/isocord/isocord)");
/// What is our own business.
const OURS: [&str; 10] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "icy-metadata",
    "if-range",
    "range",
    "te",
    "transfer-encoding",
];

/// What is asked of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask<'a> {
    /// From this byte on, to before that one.
    pub(crate) range: Option<(u64, Option<u64>)>,
    /// Only if the file is still this one; else all of it.
    pub(crate) if_range: Option<&'a str>,
    /// Titles between the sound, if it is a radio.
    pub(crate) titles: bool,
}

/// A response whose body is still to be read.
pub(crate) struct Answer {
    pub(crate) facts: Facts,
    pub(crate) body: Box<dyn Read + Send>,
}

/// Headers that are sent with each request to the first host. Their values are secrets.
#[derive(Clone, Default)]
pub struct Headers(HeaderMap);

impl Headers {
    /// What is our own business (ranges, encodings, the connection) is left out.
    ///
    /// # Errors
    /// A name or a value that no header may have; told without the value.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let key = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| "a header has a name that none may have")?;
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| format!("the header {key} has a value that none may have"))?;
            value.set_sensitive(true);
            if !OURS.contains(&key.as_str()) {
                headers.insert(key, value);
            }
        }
        Ok(Self(headers))
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Headers({})", self.0.len())
    }
}

/// Asks servers, one request at a time; another thread may interrupt it.
pub(crate) struct Client {
    allow_private: bool,
    line: Arc<Line>,
}

impl Client {
    pub(crate) fn new(allow_private: bool, line: Arc<Line>) -> Self {
        Self { allow_private, line }
    }

    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    /// Ask for a file, by way of redirects.
    ///
    /// # Errors
    /// There is no answer. A status that is no success is an answer.
    pub(crate) fn get(
        &self,
        address: &Address,
        headers: &Headers,
        ask: &Ask<'_>,
    ) -> Result<Answer, HttpError> {
        let mut at = address.clone();
        for _ in 0..=MAX_REDIRECTS {
            let foreign = at.origin() != address.origin();
            let response = self.once(&at, headers, foreign, ask)?;
            if !matches!(response.status().as_u16(), 301..=303 | 307 | 308) {
                let facts = Facts::read(response.status(), response.headers());
                let body = response.into_body().into_with_config().limit(u64::MAX).reader();
                return Ok(Answer { facts, body: Box::new(body) });
            }
            let Some(location) = response.headers().get(LOCATION) else {
                return Err(HttpError::Refused("the server sends us on to nowhere".to_owned()));
            };
            let location = String::from_utf8_lossy(location.as_bytes());
            let login = if foreign { None } else { at.login().map(str::to_owned) };
            at = at.join(&location).map_err(|error| {
                HttpError::Refused(format!("the server sends us on to a bad URL: {error}"))
            })?;
            if at.origin() == address.origin() {
                at.keep_login(login);
            }
        }
        Err(HttpError::Refused(format!("the server sends us on and on, more than {MAX_REDIRECTS} times")))
    }

    fn once(
        &self,
        at: &Address,
        headers: &Headers,
        foreign: bool,
        ask: &Ask<'_>,
    ) -> Result<Response<ureq::Body>, HttpError> {
        let mut request = Request::get(at.as_str());
        if let Some(map) = request.headers_mut() {
            map.insert(USER_AGENT, HeaderValue::from_static(AGENT));
            map.insert(ACCEPT, HeaderValue::from_static("*/*"));
            for (name, value) in &headers.0 {
                // Another host gets nothing that was meant for the first.
                if !foreign || [USER_AGENT, ACCEPT, ACCEPT_LANGUAGE].contains(name) {
                    map.insert(name.clone(), value.clone());
                }
            }
            if let Some(login) = at.login() {
                let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(login)))
                    .map_err(|_| HttpError::Refused("its user cannot be sent".to_owned()))?;
                value.set_sensitive(true);
                map.insert(AUTHORIZATION, value);
            }
            // What is packed can be neither sought in nor taken up again.
            map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            if let Some((from, to)) = ask.range {
                let to = to.map_or(String::new(), |to| to.saturating_sub(1).to_string());
                map.extend(
                    HeaderValue::from_str(&format!("bytes={from}-{to}")).ok().map(|value| (RANGE, value)),
                );
                let validator = ask.if_range.and_then(|tag| HeaderValue::from_str(tag).ok());
                map.extend(validator.map(|value| (IF_RANGE, value)));
            }
            if ask.titles {
                map.insert("icy-metadata", HeaderValue::from_static("1"));
            }
        }
        let request =
            request.body(()).map_err(|_| HttpError::Refused("its URL cannot be asked for".to_owned()))?;
        let agent = self.line.agent(|| make_agent(self.allow_private))?;
        agent.run(request).map_err(|error| self.line.explain(HttpError::from(error)))
    }
}

fn make_agent(allow_private: bool) -> Agent {
    let config = Agent::config_builder()
        // A proxy would look up names in our place.
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(MAX_HEADERS)
        // Headers have to fit into it as a whole.
        .input_buffer_size(MAX_HEADERS + 16 * 1024)
        .output_buffer_size(32 * 1024)
        .max_idle_connections(1)
        .timeout_resolve(Some(LOOK_UP))
        .timeout_connect(Some(CONNECT))
        .timeout_send_request(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .timeout_per_read(Some(SILENCE))
        .timeout_per_write(Some(SILENCE))
        .tls_config(tls_config())
        .build();
    let connector =
        ().chain(TcpConnector::default()).chain(RustlsConnector::default()).chain(StatusLineConnector);
    let resolver = GuardedResolver { allow_private, system: DefaultResolver::default() };
    Agent::with_parts(config, connector, resolver)
}

/// What stands between a thread that waits for the network, and those who want it to stop waiting.
#[derive(Default)]
pub(crate) struct Line {
    state: Mutex<LineState>,
    changed: Condvar,
}

#[derive(Default)]
struct LineState {
    agent: Option<Agent>,
    closed: bool,
    /// Grows with each interruption.
    interruptions: u64,
}

impl Line {
    fn agent(&self, make: impl FnOnce() -> Agent) -> Result<Agent, HttpError> {
        let mut state = self.lock();
        if state.closed {
            return Err(HttpError::Closed);
        }
        Ok(state.agent.get_or_insert_with(make).clone())
    }

    fn shut(&self) {
        let agent = {
            let mut state = self.lock();
            state.interruptions += 1;
            state.agent.take()
        };
        self.changed.notify_all();
        agent.map(Agent::shutdown);
    }

    /// How often it was interrupted.
    pub(crate) fn interruptions(&self) -> u64 {
        self.lock().interruptions
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits; false if it was interrupted.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.lock();
        let before = state.interruptions;
        loop {
            if state.closed || state.interruptions != before {
                return false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A failure, seen by who may have caused it.
    pub(crate) fn explain(&self, error: HttpError) -> HttpError {
        if self.is_closed() { HttpError::Closed } else { error }
    }

    fn lock(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stop for Line {
    /// Whoever waits for the network is told that it broke; the next request is another matter.
    fn interrupt(&self) {
        self.shut();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.shut();
    }
}
