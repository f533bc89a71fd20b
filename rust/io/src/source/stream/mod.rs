//! Sound that comes over a network: bytes are brought by one thread, read and decoded by another, and the pool, which
//! never waits, takes what is there.

mod filler;
mod frames;
mod packets;
mod supply;
mod title;
mod window;
mod worker;

pub(crate) use filler::fill;
pub(crate) use frames::DecodedFrames;
pub(crate) use packets::FoundPackets;
pub(crate) use supply::{Outline, Stop, Supply};
pub use title::StreamTitle;
pub(crate) use window::Window;

#[cfg(test)]
mod tests;
