//! Sound that is written while it plays, in chunks of any size: speech as a synthesiser makes it.
//!
//! What is written is kept as it came; each frame is read from it where it stands, between the samples if the rate asks
//! for it. So nothing waits in a resampler: what is there can be heard at once, and going back is only a matter of
//! where one reads.

mod body;
mod frames;
mod intake;
mod log;
mod options;
mod shared;
mod sound;
mod source;
mod stream;
mod waits;

pub use intake::Format;
pub use options::{Options, OptionsError, WriteError};
pub use source::WrittenSource;
pub use stream::WrittenStream;

#[cfg(test)]
pub(crate) mod stand;
#[cfg(test)]
mod tests;
