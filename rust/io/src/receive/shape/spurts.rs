//! How far each user's sound has come, so that silence is known to be silence and nobody waits longer than needed.

use std::collections::HashMap;

use isocord_proto::frame::SAMPLE_RATE;

/// A spurt is told of with its first packet, 10 ms later at most, and threads have 30 ms: what is older than that
/// and has not been told of is silence.
pub(super) const SILENCE_LAG: u64 = SAMPLE_RATE as u64 * 40 / 1_000;
/// A stream's first packets may be held that long.
const OPENING: u64 = SAMPLE_RATE as u64 * 200 / 1_000;

/// One who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spurt {
    /// The end of what has come of its sound, its beginning at first.
    end: u64,
    /// Whether some has come.
    heard: bool,
}

/// Those who speak.
#[derive(Debug, Default)]
pub(super) struct Spurts(HashMap<u64, Spurt>);

impl Spurts {
    pub(super) fn started(&mut self, user_id: u64, position: u64) {
        self.0.entry(user_id).or_insert(Spurt { end: position, heard: false });
    }

    pub(super) fn stopped(&mut self, user_id: u64) {
        self.0.remove(&user_id);
    }

    /// A frame that ends at `end`. Frames after the end of a spurt, and such whose news found no room, begin none.
    pub(super) fn heard(&mut self, user_id: u64, end: u64) {
        if let Some(spurt) = self.0.get_mut(&user_id) {
            *spurt = Spurt { end: spurt.end.max(end), heard: true };
        }
    }

    /// Up to where all that will come of a user has come, at `now`. It is waited for `patience` samples at most.
    pub(super) fn complete(&self, user_id: u64, now: u64, patience: u64) -> u64 {
        let silent = now.saturating_sub(SILENCE_LAG);
        self.0.get(&user_id).map_or(silent, |spurt| {
            let patience = if spurt.heard { patience } else { patience + OPENING };
            spurt.end.clamp(now.saturating_sub(patience).min(silent), silent)
        })
    }

    /// Up to where everybody's has.
    pub(super) fn all_complete(&self, now: u64, patience: u64) -> u64 {
        let silent = now.saturating_sub(SILENCE_LAG);
        self.0.keys().map(|&user_id| self.complete(user_id, now, patience)).min().unwrap_or(silent)
    }
}
