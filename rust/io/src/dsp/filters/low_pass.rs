//! Lets the low through: each sample goes only a part of the way to what it should be.

use super::kind::{Filter, Kind, parameter};
use super::memory::Memory;

pub(super) const KIND: Kind = Kind {
    name: "low_pass",
    parameters: &[parameter("smoothing", 20.0, 1.0, 10_000.0)],
    make: |values, _| Box::new(LowPass { part: 1.0 / values[0], state: [0.0; 2] }),
};

struct LowPass {
    part: f64,
    state: [f64; 2],
}

impl Filter for LowPass {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        for pair in pcm.as_chunks_mut::<2>().0 {
            for (sample, state) in pair.iter_mut().zip(&mut self.state) {
                *state += (f64::from(*sample) - *state) * self.part;
                *sample = *state as f32;
            }
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        memory.numbers(&mut self.state);
    }
}
