//! The volume: a number that any thread may change, and the ramp that follows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

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

fn checked(value: f32) -> Result<f32, VolumeError> {
    if (0.0..=MAX_VOLUME).contains(&value) { Ok(value + 0.0) } else { Err(VolumeError(value)) }
}

/// The gain in force, which follows the volume over one frame.
#[derive(Debug)]
pub(crate) struct Gain {
    current: f32,
}

impl Gain {
    pub(crate) fn new(volume: f32) -> Self {
        Self { current: volume }
    }

    /// True if sound passes unchanged now and is meant to.
    pub(crate) fn is_unity(&self, target: f32) -> bool {
        self.current == 1.0 && target == 1.0
    }

    /// Apply the gain in force, as it was for the frame before.
    pub(crate) fn hold(&self, pcm: &mut [f32]) {
        Self { current: self.current }.apply(self.current, pcm);
    }

    /// Apply the gain to interleaved stereo, moving to `target` by its end.
    pub(crate) fn apply(&mut self, target: f32, pcm: &mut [f32]) {
        let from = self.current;
        self.current = target;
        let louder = from.max(target) > 1.0;
        if from != target {
            let step = (target - from) / (pcm.len() / 2) as f32;
            for (index, pair) in pcm.chunks_exact_mut(2).enumerate() {
                let gain = from + step * (index + 1) as f32;
                pair[0] *= gain;
                pair[1] *= gain;
            }
        } else if target != 1.0 {
            pcm.iter_mut().for_each(|sample| *sample *= target);
        }
        if louder {
            pcm.iter_mut().for_each(|sample| *sample = bend(*sample));
        } else {
            // A decoder or the resampler may overshoot full scale a little.
            pcm.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
        }
    }
}

/// A stateless soft clipper: straight up to the knee, then a hyperbola that reaches full scale at infinity.
fn bend(sample: f32) -> f32 {
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
    fn a_change_has_no_step() {
        let mut gain = Gain::new(1.0);
        let mut pcm = [0.5_f32; 1920];
        gain.apply(0.0, &mut pcm);
        let steps = pcm.chunks_exact(2).map(|pair| pair[0]).collect::<Vec<_>>();
        assert!(steps.windows(2).all(|pair| pair[0] > pair[1] && pair[0] - pair[1] < 0.001));
        assert_eq!(steps[959], 0.0);
    }

    #[test]
    fn loud_sound_never_leaves_full_scale_and_keeps_its_order() {
        let mut gain = Gain::new(16.0);
        let mut pcm = (0..1920).map(|index| (index / 2) as f32 / 960.0).collect::<Vec<_>>();
        gain.apply(16.0, &mut pcm);
        assert!(pcm.iter().all(|sample| sample.abs() <= 1.0));
        assert!(pcm.windows(2).all(|pair| pair[0] <= pair[1]));
    }
}
