//! Bytes over HTTP: one file or radio as one run of bytes, taken up again where it breaks.
//!
//! A bot plays URLs that strangers type. Which addresses are connected to is decided where names become addresses, for
//! each connection anew; redirects are followed here and lose what was meant for the first host; every wait, size and
//! number of tries is bounded.

mod address;
mod client;
mod download;
mod error;
mod facts;
mod icy;
mod options;
mod policy;
mod resolver;
mod retry;
mod roots;
mod status_line;

pub(crate) use address::Address;
pub(crate) use client::Line;
#[allow(unused_imports)] // playlists are to be read through these
pub(crate) use client::{Answer, Ask, Client};
pub(crate) use download::Download;
#[allow(unused_imports)] // as above
pub(crate) use error::HttpError;
pub use options::{Fresh, HttpHeaders, HttpOptions};
