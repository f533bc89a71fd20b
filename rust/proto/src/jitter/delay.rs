//! How long packets are held, so that the late ones among them are still in time.

/// Packets after which a past that was worse is forgotten: 5 s of 20 ms.
const WINDOW: u32 = 250;
/// Room above the delay that was seen: 10 ms.
const MARGIN: i64 = 480;

/// Bounds of the delay, in samples at 48 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayBounds {
    /// Until something is known of the network.
    pub initial: u32,
    /// At least.
    pub min: u32,
    /// At most; what is later is lost.
    pub max: u32,
}

impl DelayBounds {
    /// The greatest default delay, 500 ms: who sums users waits so long at least for the slowest.
    pub const MAX: u32 = 24_000;
}

impl Default for DelayBounds {
    /// 60 ms, 40 ms, 500 ms.
    fn default() -> Self {
        Self { initial: 2_880, min: 1_920, max: Self::MAX }
    }
}

/// The delay of one stream: what all packets but the latest of each window need, and a margin.
///
/// It grows at once and shrinks where nothing is heard of it: between talk spurts.
#[derive(Debug)]
pub(super) struct AdaptiveDelay {
    bounds: DelayBounds,
    samples: i64,
    /// The latest two of this window; one packet alone does not make everybody wait.
    latest: i64,
    second: i64,
    seen: u32,
    past: Option<i64>,
}

impl AdaptiveDelay {
    pub(super) fn new(bounds: DelayBounds) -> Self {
        let samples = i64::from(bounds.initial);
        Self { bounds, samples, latest: 0, second: 0, seen: 0, past: None }
    }

    /// In samples.
    pub(super) fn get(&self) -> i64 {
        self.samples
    }

    /// Notes how much later than the fastest a packet came.
    pub(super) fn note(&mut self, behind: i64) {
        if behind > self.latest {
            self.second = self.latest;
            self.latest = behind;
        } else if behind > self.second {
            self.second = behind;
        }
        self.samples = self.samples.max(self.needed(self.second));
        self.seen += 1;
        if self.seen >= WINDOW {
            self.past = Some(self.second);
            (self.latest, self.second, self.seen) = (0, 0, 0);
        }
    }

    /// Between talk spurts: takes the delay down to what the last windows needed.
    pub(super) fn relax(&mut self) {
        if let Some(past) = self.past {
            self.samples = self.needed(past.max(self.second));
        }
    }

    fn needed(&self, behind: i64) -> i64 {
        let min = i64::from(self.bounds.min);
        (behind + MARGIN).clamp(min, i64::from(self.bounds.max).max(min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_at_once_and_shrinks_between_spurts() {
        let mut delay = AdaptiveDelay::new(DelayBounds::default());
        assert_eq!(delay.get(), 2_880);
        delay.note(9_000);
        assert_eq!(delay.get(), 2_880, "one packet alone is an accident");
        delay.note(9_000);
        assert_eq!(delay.get(), 9_480);
        (0..2 * WINDOW).for_each(|_| delay.note(100));
        assert_eq!(delay.get(), 9_480);
        delay.relax();
        assert_eq!(delay.get(), 1_920);
        (0..5).for_each(|_| delay.note(i64::MAX / 4));
        assert_eq!(delay.get(), 24_000);
    }
}
