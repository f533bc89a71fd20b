//! The common clock: the caller's time as samples at 48 kHz.

use core::time::Duration;

/// A time as samples on the common clock.
pub(super) fn samples(time: Duration) -> i64 {
    (time.as_secs() * 48_000 + u64::from(time.subsec_nanos()) * 48 / 1_000_000) as i64
}

/// The first moment at which so many samples have passed.
pub(super) fn time(samples: i64) -> Duration {
    let samples = samples.max(0) as u64;
    Duration::new(samples / 48_000, ((samples % 48_000) * 62_500).div_ceil(3) as u32)
}

pub(super) fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
