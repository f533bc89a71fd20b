//! Counters of one connection, written by the native threads and read from anywhere.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets for each doubling: lateness is known to within an eighth.
const STEPS: usize = 8;
/// Doublings from a microsecond up to about eight seconds.
const OCTAVES: usize = 23;
/// Buckets of [`Stats::lateness_histogram`].
pub const LATENESS_BUCKETS: usize = OCTAVES + 1;

/// What is counted. What changes with each packet that leaves lies side by side; with each that comes, on a cache line
/// of its own, for another thread writes there.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Counters {
    pub(crate) packets_sent: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) lateness: Lateness,
    pub(crate) silence_sent: AtomicU64,
    pub(crate) keepalives_sent: AtomicU64,
    pub(crate) send_errors: AtomicU64,
    pub(crate) underruns: AtomicU64,
    pub(crate) missed_slots: AtomicU64,
    pub(crate) withheld: AtomicU64,
    pub(crate) dropped_commands: AtomicU64,
    pub(crate) packets_received: Apart<AtomicU64>,
}

/// A cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Apart<T>(T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A snapshot of [`Counters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; units are in the types")]
pub struct Stats {
    pub packets_sent: u64,
    pub bytes_sent: u64,
    pub silence_sent: u64,
    pub keepalives_sent: u64,
    pub packets_received: u64,
    pub send_errors: u64,
    pub underruns: u64,
    pub missed_slots: u64,
    pub withheld: u64,
    pub dropped_commands: u64,
    pub lateness_p50: Duration,
    pub lateness_p99: Duration,
    pub lateness_max: Duration,
    pub lateness_sum: Duration,
    /// How many packets were less late than [`lateness_edge`] of each bucket, and not less than that of the one before.
    pub lateness_histogram: [u64; LATENESS_BUCKETS],
}

/// Where a bucket of [`Stats::lateness_histogram`] ends: 8 us for the first, and twice as much for each that follows.
#[must_use]
pub fn lateness_edge(bucket: usize) -> Duration {
    Duration::from_micros((STEPS as u64) << bucket)
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Relaxed);
    }

    /// The same, of what only one thread counts: no other is kept from the memory meanwhile.
    pub(crate) fn count(counter: &AtomicU64, amount: u64) {
        counter.store(counter.load(Relaxed) + amount, Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn snapshot(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        Stats {
            packets_sent: get(&self.packets_sent),
            bytes_sent: get(&self.bytes_sent),
            silence_sent: get(&self.silence_sent),
            keepalives_sent: get(&self.keepalives_sent),
            packets_received: get(&self.packets_received),
            send_errors: get(&self.send_errors),
            underruns: get(&self.underruns),
            missed_slots: get(&self.missed_slots),
            withheld: get(&self.withheld),
            dropped_commands: get(&self.dropped_commands),
            lateness_p50: self.lateness.quantile(0.50),
            lateness_p99: self.lateness.quantile(0.99),
            lateness_max: Duration::from_micros(get(&self.lateness.max_us)),
            lateness_sum: Duration::from_micros(get(&self.lateness.sum_us)),
            lateness_histogram: self.lateness.histogram(),
        }
    }
}

/// A histogram of how late packets left, in buckets that grow with the value.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Lateness {
    max_us: AtomicU64,
    sum_us: AtomicU64,
    buckets: [AtomicU32; STEPS * (OCTAVES + 1)],
}

impl Default for Lateness {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU32::new(0) }; STEPS * (OCTAVES + 1)],
            max_us: AtomicU64::new(0),
            sum_us: AtomicU64::new(0),
        }
    }
}

impl Lateness {
    /// For the thread that sends.
    pub(crate) fn note(&self, late: Duration) {
        let us = late.as_micros() as u64;
        if us > self.max_us.load(Relaxed) {
            self.max_us.store(us, Relaxed);
        }
        Counters::count(&self.sum_us, us);
        let bucket = &self.buckets[bucket(us)];
        bucket.store(bucket.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// A count for each doubling: those of its steps taken together.
    fn histogram(&self) -> [u64; LATENESS_BUCKETS] {
        let mut counts = [0; LATENESS_BUCKETS];
        for (count, steps) in counts.iter_mut().zip(self.buckets.chunks_exact(STEPS)) {
            *count = steps.iter().map(|step| u64::from(step.load(Relaxed))).sum();
        }
        counts
    }

    /// The upper edge of the bucket that holds this share of the values; zero if there are none.
    fn quantile(&self, share: f64) -> Duration {
        let counts = self.buckets.each_ref().map(|count| u64::from(count.load(Relaxed)));
        let total: u64 = counts.iter().sum();
        let rank = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return Duration::from_micros(upper_edge(index).min(self.max_us.load(Relaxed)));
            }
        }
        Duration::ZERO
    }
}

fn bucket(us: u64) -> usize {
    if us < STEPS as u64 {
        return us as usize;
    }
    let octave = us.ilog2() as usize - 2;
    let step = (us >> (octave - 1)) as usize - STEPS;
    (octave * STEPS + step).min(STEPS * (OCTAVES + 1) - 1)
}

fn upper_edge(index: usize) -> u64 {
    match index / STEPS {
        0 => index as u64,
        octave => (((index % STEPS + STEPS + 1) as u64) << (octave - 1)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for us in (0..100_000).chain([1 << 20, (1 << 22) + 12_345]) {
            let index = bucket(us);
            assert!(us <= upper_edge(index), "{us} above bucket {index}");
            assert!(index == 0 || us > upper_edge(index - 1), "{us} below bucket {index}");
        }
        assert_eq!(bucket(u64::MAX), STEPS * (OCTAVES + 1) - 1);
    }

    #[test]
    fn the_histogram_counts_what_is_below_its_edges() {
        let counters = Counters::default();
        for us in 0..1_000 {
            counters.lateness.note(Duration::from_micros(us));
        }
        let stats = counters.snapshot();
        let mut below = 0;
        for (bucket, count) in stats.lateness_histogram.iter().enumerate() {
            below += count;
            assert_eq!(u128::from(below), lateness_edge(bucket).as_micros().min(1_000));
        }
        assert_eq!(stats.lateness_sum, Duration::from_micros(499_500));
    }

    #[test]
    fn quantiles_are_right_to_an_eighth() {
        let lateness = Lateness::default();
        assert_eq!(lateness.quantile(0.5), Duration::ZERO);
        for us in 1..=1_000 {
            lateness.note(Duration::from_micros(us));
        }
        let p50 = lateness.quantile(0.50).as_micros();
        let p99 = lateness.quantile(0.99).as_micros();
        assert!((500..=563).contains(&p50), "{p50}");
        assert!((990..=1_000).contains(&p99), "{p99}");
    }
}
