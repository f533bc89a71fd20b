//! A slow sine that moves something.

use std::f64::consts::TAU;

use isocord_proto::frame::SAMPLE_RATE;

use super::memory::Memory;

/// Sine and cosine of a phase that turns on with each sample.
pub(super) struct Oscillator {
    now: (f64, f64),
    step: (f64, f64),
}

impl Oscillator {
    pub(super) fn new(hertz: f64) -> Self {
        Self { now: (0.0, 1.0), step: (TAU * hertz / f64::from(SAMPLE_RATE)).sin_cos() }
    }

    /// The sine now; then it turns on.
    pub(super) fn next(&mut self) -> f64 {
        let ((sin, cos), (step_sin, step_cos)) = (self.now, self.step);
        self.now = (sin * step_cos + cos * step_sin, cos * step_cos - sin * step_sin);
        sin
    }

    /// Undoes what rounding has done to its size; once for each block.
    pub(super) fn settle(&mut self) {
        let (sin, cos) = self.now;
        let size = sin.hypot(cos);
        self.now = (sin / size, cos / size);
    }

    pub(super) fn remember(&mut self, memory: &mut Memory) {
        memory.number(&mut self.now.0);
        memory.number(&mut self.now.1);
    }
}
