//! A frame of sound in half of its memory, for those that keep many.

use isocord_proto::frame::FRAME_LEN;

/// PCM in 16 bits that count from the frame's own level, so that quiet sound loses nothing and loud sound is not cut:
/// half the memory of what it came as. What was 16 bits is kept exactly.
pub(crate) struct Samples {
    /// A power of two that fits all samples: 16 bits reach a little further down than up.
    scale: f32,
    values: [i16; FRAME_LEN],
}

impl Samples {
    pub(crate) fn empty() -> Box<Self> {
        Box::new(Self { scale: 1.0, values: [0; FRAME_LEN] })
    }

    pub(crate) fn fill(&mut self, pcm: &[f32; FRAME_LEN]) {
        let (least, most) = extremes(pcm);
        let peak = (most * (32_768.0 / 32_767.0)).max(-least);
        self.scale = (-16..=8).map(|power| 2_f32.powi(power)).find(|&scale| peak <= scale).unwrap_or(256.0);
        let unit = 32_768.0 / self.scale;
        for (value, sample) in self.values.iter_mut().zip(pcm) {
            let bounded = (sample * unit).clamp(-32_768.0, 32_767.0);
            *value = (bounded + ROUND).to_bits() as i16;
        }
    }

    pub(crate) fn copy_to(&self, pcm: &mut [f32; FRAME_LEN]) {
        let unit = self.scale / 32_768.0;
        for (sample, value) in pcm.iter_mut().zip(&self.values) {
            *sample = f32::from(*value) * unit;
        }
    }
}

/// What is much smaller and added to it is rounded and stands in the lowest bits, without a call for each sample.
const ROUND: f32 = 12_582_912.0;

/// The lowest sample and the highest, several at once.
fn extremes(pcm: &[f32; FRAME_LEN]) -> (f32, f32) {
    let (mut least, mut most) = ([0.0_f32; 8], [0.0_f32; 8]);
    for eight in pcm.chunks_exact(8) {
        for ((least, most), sample) in least.iter_mut().zip(&mut most).zip(eight) {
            *least = if sample < least { *sample } else { *least };
            *most = if sample > most { *sample } else { *most };
        }
    }
    (least.into_iter().fold(0.0, f32::min), most.into_iter().fold(0.0, f32::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_are_kept_exactly_and_others_to_a_part_in_sixty_thousand_of_the_peak() {
        let mut samples = Samples::empty();
        let mut got = [0.0; FRAME_LEN];
        for step in [1, 7, 4_000] {
            let sixteen =
                std::array::from_fn(|index| ((index as i32 * step) % 65_536 - 32_768) as f32 / 32_768.0);
            samples.fill(&sixteen);
            samples.copy_to(&mut got);
            assert!(got == sixteen);
        }
        for peak in [0.5, -0.5, 1.0 / 64.0] {
            let pcm = std::array::from_fn(|index| if index % 7 == 0 { peak } else { 0.0 });
            samples.fill(&pcm);
            samples.copy_to(&mut got);
            assert!(got == pcm, "{peak}");
        }
        for level in [1e-4, 0.3, 1.0, 3.7] {
            let pcm = std::array::from_fn(|index| (index as f32).sin() * level);
            samples.fill(&pcm);
            samples.copy_to(&mut got);
            assert!(got.iter().zip(&pcm).all(|(got, sample)| (got - sample).abs() <= level / 30_000.0));
        }
    }
}
