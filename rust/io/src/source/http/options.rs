//! How a URL is asked for.

use std::fmt;
use std::sync::Arc;

use super::client::Headers;

/// Finds a URL again that has expired, with the headers to send: asked on 403 and 410. It may take its time, but not
/// for ever; None if there is none.
pub type Fresh = dyn Fn() -> Option<(String, HttpHeaders)> + Send + Sync;

/// Headers that are sent with each request to the URL's own host; another one, to which it sends us on, gets of them
/// only `User-Agent`, `Accept` and `Accept-Language`.
pub type HttpHeaders = Headers;

/// How to ask for a URL.
#[derive(Clone, Default)]
pub struct HttpOptions {
    /// See [`HttpHeaders`].
    pub headers: HttpHeaders,
    /// Connect also to addresses that only this machine or its network can reach.
    pub allow_private: bool,
    /// Asked where the URL has expired.
    pub fresh: Option<Arc<Fresh>>,
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("headers", &self.headers)
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}
