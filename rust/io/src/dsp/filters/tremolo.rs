//! The level goes up and down.

use super::kind::{Filter, Kind, parameter};
use super::memory::Memory;
use super::oscillator::Oscillator;

pub(super) const KIND: Kind = Kind {
    name: "tremolo",
    parameters: &[parameter("frequency", 2.0, 0.0, 1_000.0), parameter("depth", 0.5, 0.0, 1.0)],
    make: |values, _| Box::new(Tremolo { oscillator: Oscillator::new(values[0]), depth: values[1] }),
};

struct Tremolo {
    oscillator: Oscillator,
    depth: f64,
}

impl Filter for Tremolo {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        for pair in pcm.as_chunks_mut::<2>().0 {
            // Between 1 and 1 - depth.
            let gain = (1.0 - self.depth * 0.5 * (1.0 - self.oscillator.next())) as f32;
            *pair = pair.map(|sample| sample * gain);
        }
        self.oscillator.settle();
    }

    fn remember(&mut self, memory: &mut Memory) {
        self.oscillator.remember(memory);
    }
}
