//! A frame of sound in half of its memory, for those that keep many.

use isocord_proto::frame::FRAME_LEN;

/// PCM in 16 bits that count from the frame's own level, so that quiet sound loses nothing and loud sound is not cut:
/// half the memory of what it came as. What was 16 bits is kept exactly.
pub(crate) struct Samples {
    /// A power of two that no sample exceeds.
    scale: f32,
    values: [i16; FRAME_LEN],
}

impl Samples {
    pub(crate) fn empty() -> Box<Self> {
        Box::new(Self { scale: 1.0, values: [0; FRAME_LEN] })
    }

    pub(crate) fn fill(&mut self, pcm: &[f32; FRAME_LEN]) {
        let (low, high) = pcm.iter().fold((0.0_f32, 0.0_f32), |(low, high), &sample| {
            (low.min(sample), high.max(sample))
        });
        // Of 16 bits, the highest value is a step below the scale.
        let fits = |scale: f32| -low <= scale && high <= scale * (32_767.0 / 32_768.0);
        self.scale = (-16..=8).map(|power| 2_f32.powi(power)).find(|&scale| fits(scale)).unwrap_or(256.0);
        let unit = 32_768.0 / self.scale;
        for (value, sample) in self.values.iter_mut().zip(pcm) {
            // The cast saturates.
            *value = (sample * unit).round() as i16;
        }
    }

    pub(crate) fn copy_to(&self, pcm: &mut [f32; FRAME_LEN]) {
        let unit = self.scale / 32_768.0;
        for (sample, value) in pcm.iter_mut().zip(&self.values) {
            *sample = f32::from(*value) * unit;
        }
    }
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
        samples.fill(&[0.5; FRAME_LEN]);
        samples.copy_to(&mut got);
        assert!(got == [0.5; FRAME_LEN]);
        for level in [1e-4, 0.3, 1.0, 3.7] {
            let pcm = std::array::from_fn(|index| (index as f32).sin() * level);
            samples.fill(&pcm);
            samples.copy_to(&mut got);
            assert!(got.iter().zip(&pcm).all(|(got, sample)| (got - sample).abs() <= level / 30_000.0));
        }
    }
}
