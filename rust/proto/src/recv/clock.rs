//! The common clock: the caller's time as samples at 48 kHz.

use core::time::Duration;

use crate::frame::{SAMPLE_RATE, SAMPLES_PER_MS};

const RATE: u64 = SAMPLE_RATE as u64;

/// A time as samples on the common clock.
pub(super) fn samples(time: Duration) -> i64 {
    (time.as_secs() * RATE + u64::from(time.subsec_nanos()) * SAMPLES_PER_MS / 1_000_000) as i64
}

/// The first moment at which so many samples have passed.
pub(super) fn time(samples: i64) -> Duration {
    let samples = samples.max(0) as u64;
    Duration::new(samples / RATE, ((samples % RATE) * 1_000_000).div_ceil(SAMPLES_PER_MS) as u32)
}

pub(super) fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
