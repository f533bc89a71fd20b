//! Faster or slower, higher or lower: stretched, then resampled.

mod resample;
mod stretch;

use super::kind::{Filter, Kind, parameter};
use super::memory::Memory;
use resample::Resampler;
use stretch::Stretcher;

pub(super) const KIND: Kind = Kind {
    name: "timescale",
    parameters: &[
        parameter("speed", 1.0, 0.25, 4.0),
        parameter("pitch", 1.0, 0.25, 4.0),
        parameter("rate", 1.0, 0.25, 4.0),
    ],
    make: |values, history| Box::new(Timescale::new(values[0], values[1], values[2], history)),
};

/// Sample pairs of input for each of output.
pub(super) fn tempo(values: &[f64]) -> f64 {
    values[0] * values[2]
}

struct Timescale {
    /// None where speed and pitch go together: then there is nothing to stretch.
    stretcher: Option<Stretcher>,
    /// None where the pitch stays.
    resampler: Option<Resampler>,
}

impl Timescale {
    fn new(speed: f64, pitch: f64, rate: f64, history: usize) -> Self {
        let (tempo, pitch) = (speed * rate, pitch * rate);
        let stretch = tempo / pitch;
        Self {
            stretcher: (stretch != 1.0).then(|| Stretcher::new(stretch, history)),
            resampler: (pitch != 1.0).then(|| Resampler::new(pitch, (history as f64 / stretch) as usize)),
        }
    }
}

impl Filter for Timescale {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        if let Some(stretcher) = &mut self.stretcher {
            stretcher.process(pcm);
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.process(pcm);
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        if let Some(stretcher) = &mut self.stretcher {
            stretcher.remember(memory);
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.remember(memory);
        }
    }

    fn tempo(&self) -> f64 {
        self.stretcher.as_ref().map_or(1.0, Stretcher::tempo)
            * self.resampler.as_ref().map_or(1.0, Resampler::tempo)
    }

    fn most(&self, pairs: usize) -> usize {
        let stretched = self.stretcher.as_ref().map_or(pairs, |stretcher| stretcher.most(pairs));
        self.resampler.as_ref().map_or(stretched, |resampler| resampler.most(stretched))
    }

    fn behind(&self) -> f64 {
        let stretch = self.stretcher.as_ref();
        stretch.map_or(0.0, Stretcher::behind)
            + stretch.map_or(1.0, Stretcher::tempo) * self.resampler.as_ref().map_or(0.0, Resampler::behind)
    }
}
