//! What a stream may be, and why nothing is written to it.

use super::intake::Format;

/// Rates that are taken, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
const MAX_CHANNELS: u16 = 64;
/// Seconds that may wait at most.
const MAX_CAPACITY: f64 = 600.0;

/// What is written, and how it is played.
#[derive(Clone, Debug)]
pub struct Options {
    /// In Hz.
    pub rate: u32,
    /// Interleaved; more than two are mixed down.
    pub channels: u16,
    /// Of the bytes.
    pub format: Format,
    /// Seconds that have to be there for the sound to begin.
    pub prebuffer: f64,
    /// Seconds that may wait.
    pub capacity: f64,
    /// Once it has run dry, the sound begins again as it did at first, and not with the first frame that is there.
    pub hold: bool,
}

impl Options {
    pub(super) fn check(&self) -> Result<(), OptionsError> {
        let Options { rate, channels, prebuffer, capacity, .. } = *self;
        if !RATES.contains(&rate) {
            return Err(OptionsError::Rate(rate));
        }
        if !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(OptionsError::Channels(channels));
        }
        // What is no number is in no range.
        if !(0.1..=MAX_CAPACITY).contains(&capacity) {
            return Err(OptionsError::Capacity(capacity));
        }
        if !(0.0..=capacity / 2.0).contains(&prebuffer) {
            return Err(OptionsError::Prebuffer(prebuffer, capacity));
        }
        Ok(())
    }
}

/// Why a stream cannot be what was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OptionsError {
    /// See [`Options::rate`].
    #[error("sample_rate must be 1000 to 384000 Hz, not {0}")]
    Rate(u32),
    /// See [`Options::channels`].
    #[error("channels must be 1 to 64, not {0}")]
    Channels(u16),
    /// See [`Options::capacity`].
    #[error("capacity must be 0.1 to 600 seconds, not {0}")]
    Capacity(f64),
    /// See [`Options::prebuffer`].
    #[error("prebuffer must be 0 seconds to half of the capacity ({most}), not {0}", most = .1 / 2.0)]
    Prebuffer(f64, f64),
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It was said that no more comes.
    #[error("nothing can be written after finish()")]
    Finished,
    /// Nobody plays it any more.
    #[error("{0}")]
    Closed(String),
}
