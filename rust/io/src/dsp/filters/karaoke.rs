//! Takes away what both channels have in common, which mostly is the singer, and gives back its low part.

use std::f64::consts::TAU;

use isocord_proto::frame::SAMPLE_RATE;

use super::kind::{Filter, Kind, parameter};
use super::memory::Memory;

pub(super) const KIND: Kind = Kind {
    name: "karaoke",
    parameters: &[
        parameter("level", 1.0, 0.0, 1.0),
        parameter("mono_level", 1.0, 0.0, 1.0),
        parameter("filter_band", 220.0, 0.0, 24_000.0),
        parameter("filter_width", 100.0, 1.0, 24_000.0),
    ],
    make: |values, _| Box::new(Karaoke::new(values[0], values[1], values[2], values[3])),
};

struct Karaoke {
    level: f32,
    mono_level: f64,
    /// Of the resonance: what of the input, of the last output, and of the one before.
    weights: [f64; 3],
    state: [f64; 2],
}

impl Karaoke {
    fn new(level: f64, mono_level: f64, band: f64, width: f64) -> Self {
        let rate = f64::from(SAMPLE_RATE);
        let radius = (-TAU * width / rate).exp();
        let turn = 4.0 * radius / (1.0 + radius) * (TAU * band / rate).cos();
        // As loud at its frequency as what goes in.
        let gain = (1.0 - turn * turn / (4.0 * radius)).max(0.0).sqrt() * (1.0 - radius);
        Self {
            level: level as f32,
            mono_level: level * mono_level,
            weights: [gain, turn, -radius],
            state: [0.0; 2],
        }
    }
}

impl Filter for Karaoke {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        let [input, last, before] = self.weights;
        for pair in pcm.as_chunks_mut::<2>().0 {
            let [left, right] = *pair;
            let middle = f64::from(left + right) * 0.5;
            let low = input * middle + last * self.state[0] + before * self.state[1];
            self.state = [low, self.state[0]];
            let back = (low * self.mono_level) as f32;
            *pair = [left - right * self.level + back, right - left * self.level + back];
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        memory.numbers(&mut self.state);
    }
}
