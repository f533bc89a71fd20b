//! A URL, and what of it may be told: never its user, its password or its query.

use std::fmt;

use url::{Host, Origin, Url};

/// Longer ones are refused.
const MAX_URL: usize = 16 * 1024;
/// Characters of the last part of a path that are shown.
const MAX_SHOWN: usize = 80;

/// An http or https URL. Its user and password are kept apart.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    url: Url,
    /// User and password, as they are sent.
    login: Option<String>,
}

impl Address {
    /// # Errors
    /// What is wrong with it, without itself.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_URL {
            return Err(format!("it is longer than {MAX_URL} characters"));
        }
        Url::parse(text).map_err(|error| error.to_string()).and_then(Self::checked)
    }

    /// Where a redirect, or a line of a playlist, leads from here.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn join(&self, text: &str) -> Result<Self, String> {
        if text.len() > MAX_URL {
            return Err(format!("it is longer than {MAX_URL} characters"));
        }
        self.url.join(text).map_err(|error| error.to_string()).and_then(Self::checked)
    }

    fn checked(mut url: Url) -> Result<Self, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err("only http and https are played".to_owned());
        }
        if url.host().is_none_or(|host| matches!(host, Host::Domain(name) if name.is_empty())) {
            return Err("it has no host".to_owned());
        }
        url.set_fragment(None);
        let login = (!url.username().is_empty() || url.password().is_some())
            .then(|| format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default())));
        // These fail only for URLs without a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { url, login })
    }

    /// What is asked for.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// `user:password`.
    pub(crate) fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// Log in as before, where the same host sends us on.
    pub(crate) fn keep_login(&mut self, login: Option<String>) {
        self.login = self.login.take().or(login);
    }

    /// Who may see what was meant for this one: scheme, host and port.
    pub(crate) fn origin(&self) -> Origin {
        self.url.origin()
    }

    /// The last part of its path.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.url.path_segments()?.next_back().filter(|name| !name.is_empty())
    }
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Scheme, host, and the last part of the path.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin::Tuple(scheme, host, _) = self.url.origin() else { return f.write_str("a URL") };
        write!(f, "{scheme}://{host}")?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        let parts = self.url.path_segments().map_or(0, Iterator::count);
        f.write_str(if parts > 1 { "/.../" } else { "/" })?;
        let name = self.file_name().unwrap_or_default();
        f.write_str(&name[..name.floor_char_boundary(MAX_SHOWN)])
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let address =
            Address::parse("https://me:pass%20word@example.com:8443/token/song.mp3?key=secret#part")
                .expect("a URL");
        assert_eq!(address.to_string(), "https://example.com:8443/.../song.mp3");
        assert_eq!(address.login(), Some("me:pass word"));
        assert_eq!(address.as_str(), "https://example.com:8443/token/song.mp3?key=secret");
        assert_eq!(
            Address::parse("http://[::1]/a").map(|address| address.to_string()),
            Ok("http://[::1]/a".into())
        );
    }

    #[test]
    fn only_what_leads_to_a_web_server_is_taken() {
        for bad in [
            "ftp://a/b",
            "file:///etc/passwd",
            "http://",
            "https:///",
            "data:audio/mp3,",
            "song.mp3",
            "http://a b/",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
        assert!(Address::parse(&format!("http://a/{}", "x".repeat(MAX_URL))).is_err());
    }

    #[test]
    fn a_redirect_is_read_from_where_it_stands() {
        let from = Address::parse("https://a.example/x/y?z").expect("a URL");
        let to = |text| from.join(text).map(|address| address.as_str().to_owned());
        assert_eq!(to("../n?q"), Ok("https://a.example/n?q".to_owned()));
        assert_eq!(to("//b.example/n"), Ok("https://b.example/n".to_owned()));
        assert!(to("file:///etc/passwd").is_err());
        assert!(to("javascript:1").is_err());
    }
}
