//! The clock that positions of received sound refer to.

use std::time::Instant;

use isocord_proto::frame::SAMPLE_RATE;

/// Counts samples at 48 kHz since the engine was started; all connections share it.
#[derive(Debug, Clone, Copy)]
pub struct CommonClock(Instant);

impl CommonClock {
    pub(crate) fn since(epoch: Instant) -> Self {
        Self(epoch)
    }

    /// Samples until now.
    #[must_use]
    pub fn position(&self) -> u64 {
        let (time, rate) = (self.0.elapsed(), u64::from(SAMPLE_RATE));
        time.as_secs() * rate + u64::from(time.subsec_nanos()) * rate / 1_000_000_000
    }
}
