//! The sound comes again, and again, and is quieter each time.

use isocord_proto::frame::SAMPLE_RATE;

use super::kind::{Filter, Kind, parameter};
use super::line::Line;
use super::memory::Memory;

/// 60 dB down nothing more is heard of it.
const INAUDIBLE: f64 = 1e-3;
/// So long it rings at most, after the sound has ended.
const MAX_TAIL: f64 = 20.0 * SAMPLE_RATE as f64;

pub(super) const KIND: Kind = Kind {
    name: "echo",
    parameters: &[parameter("delay", 0.3, 0.01, 2.0), parameter("decay", 0.4, 0.0, 0.95)],
    make: |values, history| {
        let delay = (values[0] * f64::from(SAMPLE_RATE)).round() as usize;
        Box::new(Echo { line: Line::new(delay, 0, history), delay, decay: values[1] as f32 })
    },
};

struct Echo {
    line: Line,
    delay: usize,
    decay: f32,
}

impl Filter for Echo {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        for pair in pcm.as_chunks_mut::<2>().0 {
            let [left, right] = self.line.back(self.delay);
            *pair = [pair[0] + left * self.decay, pair[1] + right * self.decay];
            self.line.push(*pair);
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        self.line.remember(memory);
    }

    fn tail(&self) -> u64 {
        let times = (INAUDIBLE.ln() / f64::from(self.decay).ln()).ceil().max(1.0);
        (self.delay as f64 * times).min(MAX_TAIL) as u64
    }
}
