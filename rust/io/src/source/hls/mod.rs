//! HTTP Live Streaming (RFC 8216): playlists, and the sound of their segments as runs of bytes that demuxers know.
//!
//! A presentation falls into parts: within one everything goes on, between two the container begins anew (after a
//! discontinuity, or a seek). Every address in a playlist is asked for by the rules of `http`; sizes, numbers and times
//! are bounded.

mod crypt;
mod fetch;
mod frames;
mod part;
mod playlist;
mod presentation;
mod ts;

pub(crate) use frames::Parts;
pub(crate) use part::Presented;
pub(crate) use playlist::{MAX_PLAYLIST, first_entry, is_playlist};
pub(crate) use presentation::Presentation;
