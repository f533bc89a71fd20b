//! Makes the loud quieter, so that all may be louder.

use isocord_proto::frame::SAMPLE_RATE;

use super::kind::{Filter, Kind, parameter};
use super::memory::Memory;

pub(super) const KIND: Kind = Kind {
    name: "compressor",
    parameters: &[
        parameter("threshold", -18.0, -60.0, 0.0),
        parameter("ratio", 4.0, 1.0, 20.0),
        parameter("attack", 0.01, 0.0001, 0.5),
        parameter("release", 0.15, 0.01, 5.0),
        parameter("makeup", 0.0, 0.0, 24.0),
    ],
    make: |values, _| Box::new(Compressor::new(values)),
};

/// Pairs from one look at the level to the next: a third of a millisecond.
const STEP: usize = 16;
/// Decibels around the threshold in which it begins gently.
const KNEE: f64 = 6.0;

struct Compressor {
    threshold: f64,
    /// How much of what is over the threshold goes.
    slope: f64,
    makeup: f64,
    /// How much of the way the level goes in one step.
    attack: f64,
    release: f64,
    /// The level that it answers to, in decibels.
    level: f64,
    gain: f32,
    /// The peak of the step that has begun, and its pairs so far.
    peak: f32,
    count: u64,
}

impl Compressor {
    fn new(values: &[f64]) -> Self {
        let way = |seconds: f64| 1.0 - (-(STEP as f64) / (seconds * f64::from(SAMPLE_RATE))).exp();
        let mut compressor = Self {
            threshold: values[0],
            slope: 1.0 - 1.0 / values[1],
            attack: way(values[2]),
            release: way(values[3]),
            makeup: values[4],
            level: -120.0,
            gain: 1.0,
            peak: 0.0,
            count: 0,
        };
        compressor.gain = compressor.wanted();
        compressor
    }

    /// The gain for the level as it is.
    fn wanted(&self) -> f32 {
        let over = self.level - self.threshold;
        let over = match over {
            _ if over <= -KNEE / 2.0 => 0.0,
            _ if over >= KNEE / 2.0 => over,
            _ => (over + KNEE / 2.0).powi(2) / (2.0 * KNEE),
        };
        10_f64.powf((self.makeup - over * self.slope) / 20.0) as f32
    }

    fn look(&mut self) {
        let peak = 20.0 * f64::from(self.peak).max(1e-6).log10();
        let way = if peak > self.level { self.attack } else { self.release };
        self.level += (peak - self.level) * way;
        (self.peak, self.count) = (0.0, 0);
    }
}

impl Filter for Compressor {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        let mut rest = pcm.as_mut_slice();
        while !rest.is_empty() {
            let (piece, next) = rest.split_at_mut(rest.len().min((STEP - self.count as usize) * 2));
            rest = next;
            let peak = piece.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            self.peak = self.peak.max(peak);
            self.count += piece.len() as u64 / 2;
            // The gain goes towards what the steps before ask for.
            let change = (self.wanted() - self.gain) / STEP as f32;
            for pair in piece.as_chunks_mut::<2>().0 {
                self.gain += change;
                *pair = pair.map(|sample| sample * self.gain);
            }
            if self.count as usize == STEP {
                self.look();
            }
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        memory.number(&mut self.level);
        memory.sample(&mut self.gain);
        memory.sample(&mut self.peak);
        memory.count(&mut self.count);
    }
}
