//! The pitch goes up and down: the sound is heard later, and less late, in turn.

use isocord_proto::frame::SAMPLES_PER_MS;

use super::kind::{Filter, Kind, parameter};
use super::line::Line;
use super::memory::Memory;
use super::oscillator::Oscillator;

/// The longest way of the delay: 2 ms, as Lavalink has it.
const WAY: f64 = 2.0 * SAMPLES_PER_MS as f64;
/// Pairs that the interpolation needs on the near side.
const NEAR: f64 = 2.0;

pub(super) const KIND: Kind = Kind {
    name: "vibrato",
    parameters: &[parameter("frequency", 2.0, 0.0, 14.0), parameter("depth", 0.5, 0.0, 1.0)],
    make: |values, history| {
        let line = Line::new(WAY as usize + 8, 4, history);
        Box::new(Vibrato { oscillator: Oscillator::new(values[0]), depth: values[1], line })
    },
};

struct Vibrato {
    oscillator: Oscillator,
    depth: f64,
    line: Line,
}

impl Filter for Vibrato {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        for pair in pcm.as_chunks_mut::<2>().0 {
            self.line.push(*pair);
            let delay = NEAR + WAY * self.depth * 0.5 * (1.0 + self.oscillator.next());
            let place = (self.line.at() - 1) as f64 - delay;
            let before = place.floor();
            *pair = between(self.line.slice(before as i64 - 1, 4), (place - before) as f32);
        }
        self.oscillator.settle();
    }

    fn remember(&mut self, memory: &mut Memory) {
        self.oscillator.remember(memory);
        self.line.remember(memory);
    }
}

/// The curve through four pairs (Catmull-Rom), between the second and the third.
fn between(pairs: &[[f32; 2]], way: f32) -> [f32; 2] {
    std::array::from_fn(|channel| {
        let [a, b, c, d]: [f32; 4] = std::array::from_fn(|index| pairs[index][channel]);
        let (slope, next) = (0.5 * (c - a), 0.5 * (d - b));
        let rise = c - b;
        b + way * (slope + way * ((3.0 * rise - 2.0 * slope - next) + way * (slope + next - 2.0 * rise)))
    })
}
