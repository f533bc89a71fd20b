//! The player: rings of frames for the clock thread, and the pool of threads that keeps them full from files.
//!
//! [`FeederPool`] runs the jobs that keep the rings of many native sources full, on a few threads.

pub mod deck;
mod feed;
mod pool;
mod pressure;
mod relay;
mod relays;
pub mod track;

pub use feed::{Feed, FeedStatus, Turn};
pub use pool::{FeederPool, JobHandle, JobWaker};
pub use pressure::Pressure;
pub use relay::{Relay, Shown};
pub use relays::{RelayHandle, Relays};
