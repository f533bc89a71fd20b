//! What is known of each user's sound between its frames: resampling, silence, voice activity.

use isocord_proto::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES, SAMPLE_RATE};

use super::row::Origin;
use super::{SampleFormat, Shape, Shaped};
use crate::dsp::decimate::Decimator;
use crate::dsp::speech::SpeechDetector;

/// One user's, or that of all as one.
pub(super) struct Voice {
    decimator: Option<Decimator>,
    detector: Option<SpeechDetector>,
    samples: Vec<f32>,
}

impl Voice {
    pub(super) fn new(shape: &Shape) -> Self {
        let plain = shape.sample_rate == SAMPLE_RATE && shape.channels == CHANNELS as u32;
        let factor = (SAMPLE_RATE / shape.sample_rate) as usize;
        Self {
            decimator: (!plain).then(|| Decimator::new(factor, shape.channels as usize)),
            detector: shape.vad.then(SpeechDetector::new),
            samples: Vec::new(),
        }
    }

    /// Shapes a frame.
    pub(super) fn frame(
        &mut self,
        user_id: u64,
        (position, Origin(kind, received)): (u64, Origin),
        pcm: &[i16; FRAME_LEN],
        shape: &Shape,
    ) -> Shaped {
        let speech = self.detector.as_mut().map(|detector| detector.frame(position, pcm));
        self.samples.clear();
        let at = match &mut self.decimator {
            Some(decimator) => decimator.frame(position, pcm, &mut self.samples),
            None => {
                self.samples.extend(pcm.iter().map(|&sample| f32::from(sample)));
                position
            }
        };
        Shaped {
            user_id,
            position: at,
            samples: FRAME_SAMPLES as u32 * shape.sample_rate / SAMPLE_RATE,
            kind,
            received,
            level: Some(level(&self.samples)),
            speech,
            data: match shape.format {
                // The cast keeps what is too loud at full scale.
                SampleFormat::S16 => {
                    self.samples.iter().flat_map(|value| (value.round() as i16).to_le_bytes()).collect()
                }
                SampleFormat::F32 => {
                    self.samples.iter().flat_map(|value| (value / FULL).to_le_bytes()).collect()
                }
            },
        }
    }
}

/// Full scale.
const FULL: f32 = 32_768.0;

/// The root of the mean square against full scale, in decibels; of silence minus infinity.
fn level(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|value| (value / FULL).powi(2)).sum();
    10.0 * (sum / samples.len().max(1) as f32).log10()
}
