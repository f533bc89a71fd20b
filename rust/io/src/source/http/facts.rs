//! What the headers of a response say, as far as it is believed.

use std::time::{Duration, SystemTime};

use ureq::http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, LAST_MODIFIED,
    RETRY_AFTER,
};
use ureq::http::{HeaderMap, StatusCode};

/// Headers are bounded in all; of those that are kept no more than this is kept.
const MAX_KEPT: usize = 1_024;

/// The part of a response that decides how its body is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) status: u16,
    /// Where in the file the body begins.
    pub(crate) from: u64,
    /// Length of the whole file.
    pub(crate) total: Option<u64>,
    /// The server can begin in the middle.
    pub(crate) ranges: bool,
    /// What tells whether the file is still the same: a strong ETag, else when it was changed.
    pub(crate) validator: Option<String>,
    pub(crate) content_type: Option<String>,
    /// How long not to ask again.
    pub(crate) retry_after: Option<Duration>,
    /// The body is packed, though it was asked for as it is.
    pub(crate) packed: bool,
    /// It is a radio: nobody knows an end of it.
    pub(crate) live: bool,
    /// Bytes of sound between two titles.
    pub(crate) title_every: Option<u32>,
    /// What the radio calls itself.
    pub(crate) station: Option<String>,
}

impl Facts {
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let kept = |name: &str| text(name).filter(|text| text.len() <= MAX_KEPT);
        let range = text(CONTENT_RANGE.as_str()).as_deref().and_then(content_range);
        let partial = status == StatusCode::PARTIAL_CONTENT;
        let length = text(CONTENT_LENGTH.as_str()).and_then(|text| text.trim().parse::<u64>().ok());
        let (from, total) = match range {
            Some((from, total)) if partial => (from.unwrap_or(0), total),
            Some((_, total)) if status == StatusCode::RANGE_NOT_SATISFIABLE => (0, total),
            _ => (0, length),
        };
        let is_radio = headers.keys().any(|name| name.as_str().starts_with("icy-"));
        // Icecast gives a range of a stream that has no end.
        let total = total.filter(|&total| total < i64::MAX as u64);
        let live = is_radio && (total.is_none() || length.is_none());
        let accepts =
            text(ACCEPT_RANGES.as_str()).is_some_and(|text| text.trim().eq_ignore_ascii_case("bytes"));
        Self {
            status: status.as_u16(),
            from,
            total: total.filter(|_| !live),
            ranges: !live && total.is_some() && (partial || accepts),
            validator: kept(ETAG.as_str())
                .filter(|tag| !tag.starts_with("W/"))
                .or_else(|| kept(LAST_MODIFIED.as_str())),
            content_type: kept(CONTENT_TYPE.as_str()),
            retry_after: text(RETRY_AFTER.as_str()).and_then(|text| retry_after(&text, text_date(headers))),
            packed: text(CONTENT_ENCODING.as_str())
                .is_some_and(|text| !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "identity")),
            live,
            title_every: text("icy-metaint")
                .and_then(|text| text.trim().parse().ok())
                .filter(|&every| every > 0),
            station: kept("icy-name"),
        }
    }
}

fn text_date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// `bytes 5-9/10` (RFC 9110, 14.4): where it begins, and how long the whole is, as far as they are told.
fn content_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let from = range.split_once('-').and_then(|(from, _)| from.trim().parse().ok());
    Some((from, total.trim().parse().ok()))
}

/// Seconds, or a date by the server's own clock (RFC 9110, 10.2.3).
fn retry_after(text: &str, server: Option<SystemTime>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text.trim()).ok()?;
    Some(at.duration_since(server.unwrap_or_else(SystemTime::now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ureq::http::{HeaderName, HeaderValue};

    use super::*;

    fn facts(status: u16, headers: &[(&'static str, &'static str)]) -> Facts {
        let headers = headers
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Facts::read(StatusCode::from_u16(status).expect("a status"), &headers)
    }

    #[test]
    fn a_part_tells_where_it_begins_and_how_long_the_whole_is() {
        let part = facts(
            206,
            &[("content-range", "bytes 100-999/1000"), ("content-length", "900"), ("etag", "\"a\"")],
        );
        assert_eq!((part.from, part.total, part.ranges), (100, Some(1_000), true));
        assert_eq!(part.validator.as_deref(), Some("\"a\""));
        let open = facts(206, &[("content-range", "bytes 100-999/*")]);
        assert_eq!((open.from, open.total, open.ranges), (100, None, false));
        assert_eq!(facts(416, &[("content-range", "bytes */1000")]).total, Some(1_000));
    }

    #[test]
    fn a_whole_can_be_sought_in_only_if_the_server_says_so() {
        let whole = facts(200, &[("content-length", "1000"), ("content-range", "bytes 7-9/10")]);
        assert_eq!((whole.from, whole.total, whole.ranges), (0, Some(1_000), false));
        assert!(facts(200, &[("content-length", "1000"), ("accept-ranges", "bytes")]).ranges);
        assert!(!facts(200, &[("accept-ranges", "bytes")]).ranges);
        assert_eq!(
            facts(200, &[("etag", "W/\"a\""), ("last-modified", "x")]).validator.as_deref(),
            Some("x")
        );
    }

    #[test]
    fn a_radio_has_no_end() {
        let radio =
            facts(200, &[("icy-name", "Radio"), ("icy-metaint", "16000"), ("accept-ranges", "bytes")]);
        assert_eq!((radio.live, radio.ranges, radio.title_every), (true, false, Some(16_000)));
        let icecast = facts(206, &[("icy-br", "128"), ("content-range", "bytes 0-18446744073709551614/*")]);
        assert!(icecast.live && !icecast.ranges);
        let episode = facts(200, &[("icy-name", "Podcast"), ("content-length", "1000")]);
        assert!(!episode.live);
    }

    #[test]
    fn what_is_said_of_coming_back_is_understood() {
        let after = |text| {
            facts(503, &[("retry-after", text), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")]).retry_after
        };
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn packed_bodies_are_seen() {
        assert!(facts(200, &[("content-encoding", "gzip")]).packed);
        assert!(!facts(200, &[("content-encoding", "identity")]).packed);
    }
}
