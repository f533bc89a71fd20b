//! What goes wrong between us and a server, without a word of the URL in it.

use std::error::Error;
use std::time::Duration;

use super::facts::Facts;
use super::resolver::PrivateAddress;

/// Said of a connection that ended too early.
pub(crate) const BROKE_OFF: &str = "the connection broke off";

/// Why there is nothing to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// The server has answered something else than the file.
    #[error("the server answers {status}{}", hint(*.status))]
    Status {
        /// The code of the status line.
        status: u16,
        /// How long not to ask again.
        retry_after: Option<Duration>,
    },
    /// It will not get better by asking again.
    #[error("{0}")]
    Refused(String),
    /// The connection was not made, or broke.
    #[error("{0}")]
    Broken(String),
    /// Nobody wants it any more.
    #[error("it is closed")]
    Closed,
}

/// What a bot's author can do about a status.
fn hint(status: u16) -> &'static str {
    match status {
        401 => " (it wants a login: give headers={\"Authorization\": ...})",
        403 => " (forbidden: the URL may have expired, or wants headers=)",
        404 => " (nothing is there)",
        410 => " (it is gone: the URL may have expired)",
        416 => " (it has no such part)",
        429 => " (too many requests)",
        500.. => " (the fault is the server's)",
        _ => "",
    }
}

impl HttpError {
    pub(crate) fn status(facts: &Facts) -> Self {
        Self::Status { status: facts.status, retry_after: facts.retry_after }
    }

    /// Whether the next try may succeed.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502..=504),
            Self::Broken(_) => true,
            Self::Refused(_) | Self::Closed => false,
        }
    }

    /// Whether the URL may have expired.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(self, Self::Status { status: 403 | 410, .. })
    }
}

impl From<ureq::Error> for HttpError {
    fn from(error: ureq::Error) -> Self {
        use ureq::Error as E;
        match error {
            E::Io(error) => Self::from(error),
            E::Timeout(ureq::Timeout::Resolve) => {
                Self::Broken("its name was not looked up in time".to_owned())
            }
            E::Timeout(ureq::Timeout::Connect) => Self::Broken("its server does not answer".to_owned()),
            E::Timeout(_) => Self::Broken("its server has gone silent".to_owned()),
            E::HostNotFound => Self::Broken("its server is not known by that name".to_owned()),
            E::LargeResponseHeader(..) => Self::Refused("its server sends too many headers".to_owned()),
            E::Rustls(error) => Self::Refused(format!("its server is not to be trusted: {error}")),
            E::Protocol(_) => Self::Broken("its server does not speak HTTP".to_owned()),
            // Others may hold the URL.
            _ => Self::Broken("the request failed".to_owned()),
        }
    }
}

impl From<std::io::Error> for HttpError {
    fn from(error: std::io::Error) -> Self {
        if let Some(inner) = error.get_ref() {
            if inner.is::<PrivateAddress>() {
                return Self::Refused(PrivateAddress.to_string());
            }
            if let Some(error) = inner.downcast_ref::<HttpError>() {
                return error.clone();
            }
            if let Some(error) = tls_failure(inner) {
                return Self::Refused(format!("its server is not to be trusted: {error}"));
            }
            if inner.is::<ureq::Error>() {
                return match error.downcast::<ureq::Error>() {
                    Ok(error) => Self::from(error),
                    Err(error) => Self::Broken(error.kind().to_string()),
                };
            }
        }
        Self::Broken(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => BROKE_OFF.to_owned(),
            kind => kind.to_string(),
        })
    }
}

/// A certificate that is not trusted lies inside an error of reading.
fn tls_failure<'a>(error: &'a (dyn Error + Send + Sync + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.to_string().starts_with("invalid peer certificate") {
            return Some(error);
        }
        next = error.source();
    }
    None
}
