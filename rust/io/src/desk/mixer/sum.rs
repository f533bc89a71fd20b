//! One frame of a mix, as it grows.

use isocord_proto::frame::FRAME_SAMPLES;

use crate::dsp::limiter::{Peaks, peaks};
use crate::source::Pcm;

pub(super) struct Sum {
    pcm: Box<Pcm>,
    /// Nothing was added yet; what is in `pcm` is old.
    is_empty: bool,
    /// Sample pairs that are meant to be heard.
    pub(super) samples: usize,
    pub(super) peaks: Peaks,
}

impl Sum {
    pub(super) fn new() -> Self {
        Self { pcm: Box::new([0.0; 2 * FRAME_SAMPLES]), is_empty: true, samples: 0, peaks: Peaks::default() }
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        (self.is_empty, self.samples) = (true, 0);
    }

    /// Adds sound with one gain.
    pub(super) fn add(&mut self, pcm: &Pcm, gain: f32) {
        match (std::mem::take(&mut self.is_empty), gain == 1.0) {
            (true, true) => self.pcm.copy_from_slice(pcm),
            (true, false) => self.pcm.iter_mut().zip(pcm).for_each(|(sum, sample)| *sum = sample * gain),
            (false, true) => self.pcm.iter_mut().zip(pcm).for_each(|(sum, sample)| *sum += sample),
            (false, false) => self.pcm.iter_mut().zip(pcm).for_each(|(sum, sample)| *sum += sample * gain),
        }
    }

    /// Adds sound with a gain for each sample pair.
    pub(super) fn add_with(&mut self, pcm: &Pcm, gains: &[f32; FRAME_SAMPLES]) {
        if std::mem::take(&mut self.is_empty) {
            self.pcm.fill(0.0);
        }
        let pairs = self.pcm.chunks_exact_mut(2).zip(pcm.chunks_exact(2)).zip(gains);
        for ((sum, pair), gain) in pairs {
            sum[0] += pair[0] * gain;
            sum[1] += pair[1] * gain;
        }
    }

    /// Nothing more is added: the frame, silent if nothing was.
    pub(super) fn finish(&mut self) {
        if self.is_empty {
            self.pcm.fill(0.0);
            self.peaks = Peaks::default();
        } else {
            self.peaks = peaks(&self.pcm);
        }
    }

    pub(super) fn pcm(&mut self) -> &mut Pcm {
        &mut self.pcm
    }
}
