//! The sound goes round the listener: as it gets louder on one side, it gets quieter on the other.

use super::kind::{Filter, Kind, parameter};
use super::memory::Memory;
use super::oscillator::Oscillator;

pub(super) const KIND: Kind = Kind {
    name: "rotation",
    parameters: &[parameter("rotation_hz", 0.2, -100.0, 100.0)],
    make: |values, _| Box::new(Rotation { oscillator: Oscillator::new(values[0]) }),
};

struct Rotation {
    oscillator: Oscillator,
}

impl Filter for Rotation {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        for [left, right] in pcm.as_chunks_mut::<2>().0 {
            let side = self.oscillator.next() as f32;
            *left *= 0.5 + 0.5 * side;
            *right *= 0.5 - 0.5 * side;
        }
        self.oscillator.settle();
    }

    fn remember(&mut self, memory: &mut Memory) {
        self.oscillator.remember(memory);
    }
}
