//! How loud sound is beside the noise around it: where speech stands out, what does not stand out is none.

use std::collections::VecDeque;

/// What is softer, in decibels above one unit of 16 bits, is as loud as this: -60 dBFS.
const LEAST: f32 = 30.0;
/// The floor is the least of so many chunks, 3 s.
const MEMORY: u64 = 188;
/// What of the way a level comes with each chunk, before its least and its most are looked for; a loud one falls as slowly.
const FOLLOW: f32 = 0.3;
/// How much the loudest sinks with each chunk of 16 ms, in decibels: 1 dB a second.
const SINK: f32 = 0.016;
/// In decibels: from this range between the floor and the loudest on it counts, and at `FULL` more it counts in full.
const RANGE: f32 = 13.0;
const FULL: f32 = 20.0;
/// In decibels: what stands out by more than `EVEN` speaks for speech, up to `MOST`.
const EVEN: f32 = 15.0;
const MOST: f32 = 30.0;
/// How much a decibel weighs beside the detector's score.
const WEIGHT: f32 = 0.011;

/// One user's, in decibels.
#[derive(Debug, Default)]
pub(super) struct Dynamics {
    /// None before the first chunk.
    level: Option<f32>,
    loudest: f32,
    stands_out: f32,
    /// The levels that may yet be the floor, ascending, and when they were.
    floors: VecDeque<(u64, f32)>,
    chunks: u64,
}

impl Dynamics {
    /// What the loudness of a chunk of 16 ms, in the scale of 16 bits, says for speech (positive) or against it.
    pub(super) fn chunk(&mut self, samples: &[f32]) -> f32 {
        let power = samples.iter().map(|value| value * value).sum::<f32>() / samples.len().max(1) as f32;
        let now = (10.0 * power.max(1.0).log10()).max(LEAST);
        let level = self.level.map_or(now, |level| level + FOLLOW * (now - level));
        self.level = Some(level);
        self.loudest = (self.loudest - SINK).max(level);
        let floor = self.floor(level);
        let above = (now - floor).max(0.0);
        self.stands_out += if above >= self.stands_out { 1.0 } else { FOLLOW } * (above - self.stands_out);
        let counts = ((self.loudest - floor - RANGE) / FULL).clamp(0.0, 1.0);
        WEIGHT * (self.stands_out.min(MOST) - EVEN) * counts
    }

    /// The least level of the last 3 s.
    fn floor(&mut self, level: f32) -> f32 {
        self.chunks += 1;
        while self.floors.back().is_some_and(|&(_, least)| least >= level) {
            self.floors.pop_back();
        }
        self.floors.push_back((self.chunks, level));
        while self.floors.front().is_some_and(|&(at, _)| at + MEMORY <= self.chunks) {
            self.floors.pop_front();
        }
        self.floors.front().map_or(level, |&(_, least)| least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of chunks of a level each, in dBFS.
    fn said(levels: impl IntoIterator<Item = f32>) -> Vec<f32> {
        let mut dynamics = Dynamics::default();
        let chunk = |level: f32| dynamics.chunk(&[32_768.0 * 10f32.powf(level / 20.0); 256]);
        levels.into_iter().map(chunk).collect()
    }

    #[test]
    fn what_stands_out_speaks_for_speech_and_what_does_not_against_it() {
        let words = [vec![-60.0; 60], vec![-20.0; 60], vec![-58.0; 60]].concat();
        let said = said(words);
        assert!(said[..60].iter().all(|&evidence| evidence == 0.0), "nothing is known yet");
        assert!(said[70..120].iter().all(|&evidence| evidence > 0.1), "{said:?}");
        assert!(said[140..].iter().all(|&evidence| evidence < -0.1), "{said:?}");
    }

    #[test]
    fn noise_as_loud_as_speech_says_nothing() {
        let noise = (0..500).map(|at| -30.0 + 3.0 * (at as f32).sin());
        assert!(said(noise).iter().all(|&evidence| evidence == 0.0));
    }

    #[test]
    fn what_is_next_to_nothing_after_nothing_does_not_stand_out() {
        let hum = [vec![f32::NEG_INFINITY; 100], vec![-55.0; 100]].concat();
        assert!(said(hum).iter().all(|&evidence| evidence == 0.0));
    }

    #[test]
    fn memory_is_bounded() {
        let mut dynamics = Dynamics::default();
        for at in 0..10_000 {
            let level = at as f32;
            dynamics.chunk(&[level; 256]);
            assert!(dynamics.floors.len() <= MEMORY as usize);
        }
    }
}
