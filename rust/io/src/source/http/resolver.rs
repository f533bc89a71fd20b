//! Names to addresses. What it gives is what is connected to, so that a name cannot mean another address a moment later.

use std::net::SocketAddr;
use std::{fmt, io};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::policy::is_public;

/// The system's resolver, without the addresses that are not allowed.
pub(crate) struct GuardedResolver {
    pub(crate) allow_private: bool,
    pub(crate) system: DefaultResolver,
}

impl fmt::Debug for GuardedResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedResolver").field("allow_private", &self.allow_private).finish_non_exhaustive()
    }
}

/// The server is at an address that only this machine or its network can reach.
#[derive(Debug, thiserror::Error)]
#[error(
    "its server is in a private network, which strangers must not reach through a bot: give allow_private=True if the \
     URL is your own"
)]
pub(crate) struct PrivateAddress;

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.system.resolve(uri, config, timeout).map_err(|error| match error {
            // What the system says of a name that it does not know differs.
            Error::Io(_) => Error::HostNotFound,
            other => other,
        })?;
        let mut allowed = self.empty();
        let addresses: &[SocketAddr] = &found;
        for address in addresses.iter().filter(|address| self.allow_private || is_public(address.ip())) {
            allowed.push(*address);
        }
        if allowed.is_empty() {
            return Err(Error::Io(io::Error::other(PrivateAddress)));
        }
        Ok(allowed)
    }
}
