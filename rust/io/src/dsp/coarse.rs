//! From 48 kHz to 16 kHz for a detector, in whole numbers of 16 bits: a fraction of the cost of [`super::decimate`], with
//! noise at -90 dB and what is folded back above 0.8 of the bandwidth.

use isocord_proto::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES};

use super::decimate::low_pass;

const FACTOR: usize = 3;
/// Half the filter's length, in samples of the output.
const REACH: usize = 10;
/// So many products at once make the best of vectors.
const BLOCK: usize = 16;
/// What is beyond the filter is nothing.
const TAPS: usize = (2 * REACH * FACTOR + 1).next_multiple_of(BLOCK);
const PAST: usize = TAPS - 1;
/// A tap of 1.0.
const ONE: f32 = 32_768.0;

/// One stream's sound, left and right together.
pub(super) struct Coarse {
    taps: [i16; TAPS],
    /// What the filter still needs of the past, then the present frame.
    row: [i16; PAST + FRAME_SAMPLES],
}

impl Coarse {
    pub(super) fn new() -> Self {
        let mut taps = [0; TAPS];
        for (tap, value) in taps.iter_mut().zip(low_pass(FACTOR, REACH)) {
            *tap = (value * ONE).round() as i16;
        }
        Self { taps, row: [0; _] }
    }

    /// What comes next follows nothing.
    pub(super) fn reset(&mut self) {
        self.row.fill(0);
    }

    /// Takes the next frame and gives it in the scale of 16 bits, later by half the filter.
    pub(super) fn frame(&mut self, pcm: &[i16; FRAME_LEN]) -> [f32; FRAME_SAMPLES / FACTOR] {
        self.row.copy_within(FRAME_SAMPLES.., 0);
        for (value, pair) in self.row[PAST..].iter_mut().zip(pcm.as_chunks::<CHANNELS>().0) {
            *value = ((i32::from(pair[0]) + i32::from(pair[1])) >> 1) as i16;
        }
        std::array::from_fn(|at| dot(&self.row[at * FACTOR..][..TAPS], &self.taps) as f32 / ONE)
    }
}

/// Products of 16 bits, summed in 32, for which processors have an instruction. The taps' magnitudes add up to less than
/// two, so no sum is too large.
fn dot(samples: &[i16], taps: &[i16; TAPS]) -> i32 {
    let blocks = samples.as_chunks::<BLOCK>().0.iter().zip(taps.as_chunks::<BLOCK>().0);
    blocks
        .map(|(samples, taps)| {
            samples.iter().zip(taps).map(|(&sample, &tap)| i32::from(sample) * i32::from(tap)).sum::<i32>()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sound_is_too_loud_for_its_sums() {
        let coarse = Coarse::new();
        assert!(coarse.taps.iter().map(|tap| i32::from(tap.unsigned_abs())).sum::<i32>() < 2 * ONE as i32);
        let whole: i32 = coarse.taps.iter().map(|&tap| i32::from(tap)).sum();
        assert!((whole - ONE as i32).abs() < 16, "{whole}");
    }

    /// How loud a sine of 10,000 is after it.
    fn loudness(hertz: f64) -> f64 {
        let mut coarse = Coarse::new();
        let mut samples = Vec::new();
        for frame in 0..10 {
            let at = |sample: usize| (frame * FRAME_SAMPLES + sample) as f64 / 48_000.0;
            let pcm: [i16; FRAME_LEN] = std::array::from_fn(|place| {
                ((at(place / 2) * hertz * std::f64::consts::TAU).sin() * 10_000.0).round() as i16
            });
            samples.extend(coarse.frame(&pcm));
        }
        assert_eq!(samples.len(), 10 * FRAME_SAMPLES / FACTOR);
        let settled = &samples[320..];
        (settled.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / settled.len() as f64 * 2.0)
            .sqrt()
    }

    #[test]
    fn speech_passes_and_what_would_fold_back_does_not() {
        // Within 0.3 dB.
        for hertz in [100.0, 1_000.0, 4_000.0, 6_000.0] {
            assert!((loudness(hertz) / 10_000.0 - 1.0).abs() < 0.035, "{hertz}: {}", loudness(hertz));
        }
        // By 60 dB.
        for hertz in [10_000.0, 12_000.0, 20_000.0] {
            assert!(loudness(hertz) < 10.0, "{hertz}: {}", loudness(hertz));
        }
    }

    #[test]
    fn the_loudest_sound_keeps_its_sign() {
        let mut coarse = Coarse::new();
        let loudest: Vec<f32> = (0..3).flat_map(|_| coarse.frame(&[i16::MIN; FRAME_LEN])).collect();
        assert!(loudest[FRAME_SAMPLES / FACTOR..].iter().all(|value| (value + 32_768.0).abs() < 40.0));
    }
}
