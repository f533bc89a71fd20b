//! The volume: a number that any thread may change, and the ramp that follows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use isocord_proto::frame::FRAME_SAMPLES;

/// The loudest setting, +24 dB.
pub const MAX_VOLUME: f32 = 16.0;

/// Above this level a sound that is made louder bends smoothly towards full scale.
const KNEE: f32 = 0.85;

/// A volume outside 0.0 to [`MAX_VOLUME`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("volume must be 0.0 to 16.0, not {0}")]
pub struct VolumeError(pub f32);

/// A volume shared between the one who plays and the one who listens; 1.0 leaves the sound as it is.
#[derive(Clone, Debug)]
pub struct Volume(Arc<AtomicU32>);

impl Volume {
    /// A new volume.
    ///
    /// # Errors
    /// The value is not a number, negative, or over [`MAX_VOLUME`].
    pub fn new(value: f32) -> Result<Self, VolumeError> {
        Ok(Self(Arc::new(AtomicU32::new(checked(value)?.to_bits()))))
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Change it; the next frame ramps to the new value.
    ///
    /// # Errors
    /// The value is not a number, negative, or over [`MAX_VOLUME`].
    pub fn set(&self, value: f32) -> Result<(), VolumeError> {
        self.0.store(checked(value)?.to_bits(), Ordering::Relaxed);
        Ok(())
    }
}

impl Default for Volume {
    /// The sound as it is.
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1.0_f32.to_bits())))
    }
}

fn checked(value: f32) -> Result<f32, VolumeError> {
    if (0.0..=MAX_VOLUME).contains(&value) { Ok(value + 0.0) } else { Err(VolumeError(value)) }
}

/// Sample pairs in which a gain goes over into another: half a frame, short enough to be heard at once.
const RAMP: usize = FRAME_SAMPLES / 2;

/// Multiplies interleaved stereo by a gain that goes from `from` to `to` at its beginning, without a kink.
pub fn apply_gain(from: f32, to: f32, pcm: &mut [f32]) {
    for (index, pair) in pcm.chunks_exact_mut(2).enumerate() {
        let way = (index + 1) as f32 / RAMP as f32;
        // Smooth at both ends: 3x^2 - 2x^3.
        let gain = if way < 1.0 { from + (to - from) * way * way * (3.0 - 2.0 * way) } else { to };
        pair[0] *= gain;
        pair[1] *= gain;
    }
    if from.max(to) > 1.0 {
        pcm.iter_mut().for_each(|sample| *sample = bend(*sample));
    } else {
        // A decoder or the resampler may overshoot full scale a little.
        pcm.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
    }
}

/// A stateless soft clipper: straight up to the knee, then a hyperbola that reaches full scale at infinity.
pub(crate) fn bend(sample: f32) -> f32 {
    let level = sample.abs();
    if level <= KNEE {
        return sample;
    }
    let over = (level - KNEE) / (1.0 - KNEE);
    (KNEE + (1.0 - KNEE) * over / (1.0 + over)).min(1.0).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_volume() {
        for value in [f32::NAN, -0.1, f32::INFINITY, 16.1] {
            assert!(Volume::new(value).is_err());
        }
        let volume = Volume::new(0.5).unwrap();
        assert!(volume.set(f32::NAN).is_err());
        assert_eq!(volume.get(), 0.5);
    }

    #[test]
    fn a_change_has_no_step_and_no_kink() {
        let mut pcm = [0.5_f32; 1920];
        apply_gain(1.0, 0.0, &mut pcm);
        let left = pcm.chunks_exact(2).map(|pair| pair[0]).collect::<Vec<_>>();
        assert!(left[..RAMP].windows(2).all(|pair| pair[0] > pair[1] && pair[0] - pair[1] < 0.002));
        assert!(left.windows(3).all(|three| (three[0] - 2.0 * three[1] + three[2]).abs() < 2e-5));
        assert!(left[RAMP..].iter().all(|&sample| sample == 0.0));
    }

    #[test]
    fn a_gain_that_stays_is_exact() {
        let mut pcm = [0.3_f32; 1920];
        apply_gain(1.0, 1.0, &mut pcm);
        assert_eq!(pcm, [0.3; 1920]);
        apply_gain(0.5, 0.5, &mut pcm);
        assert_eq!(pcm, [0.15; 1920]);
    }

    #[test]
    fn loud_sound_never_leaves_full_scale_and_keeps_its_order() {
        let mut pcm = (0..1920).map(|index| (index / 2) as f32 / 960.0).collect::<Vec<_>>();
        apply_gain(16.0, 16.0, &mut pcm);
        assert!(pcm.iter().all(|sample| sample.abs() <= 1.0));
        assert!(pcm.windows(2).all(|pair| pair[0] <= pair[1]));
    }
}
