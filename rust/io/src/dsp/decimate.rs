//! From 48 kHz to a whole part of it, for speech recognition: a linear-phase low pass, so that each sample's place
//! in time stays exact.

use std::f32::consts::PI;

use isocord_proto::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES};

/// Half the filter's length, in samples of the output.
const REACH: usize = 32;
/// Where the low pass lets half through, as a part of the output's bandwidth; it is closed at the whole of it.
const CUTOFF: f32 = 0.92;

/// One stream's sound at a `factor`th of 48 kHz.
pub struct Decimator {
    factor: usize,
    channels: usize,
    taps: Vec<f32>,
    /// By channel: what the filter still needs of the past, then the present frame.
    rows: Vec<Vec<f32>>,
    /// Where the next frame would begin if there is no gap.
    next: Option<u64>,
    /// So many samples of nothing were the last.
    silent: usize,
}

impl Decimator {
    /// `factor` divides 960; `channels` is 1, which sums left and right, or 2.
    #[must_use]
    pub fn new(factor: usize, channels: usize) -> Self {
        let factor = factor.max(1);
        let taps = if factor == 1 { vec![1.0] } else { low_pass(factor, REACH) };
        let past = taps.len() - 1;
        let channels = channels.clamp(1, CHANNELS);
        let silent = past + FRAME_SAMPLES;
        let rows = vec![vec![0.0; silent]; channels];
        Self { factor, channels, taps, rows, next: None, silent }
    }

    /// Takes a frame at `position` and appends what it gives, in the scale of 16 bits, to `out`; returns the place of its first
    /// sample at 48 kHz. That is earlier than `position` by half the filter, whose other half lies in the future.
    pub fn frame(&mut self, position: u64, pcm: &[i16; FRAME_LEN], out: &mut Vec<f32>) -> u64 {
        let past = self.taps.len() - 1;
        if self.next != Some(position) {
            self.rows.iter_mut().for_each(|row| row.fill(0.0));
            self.silent = past + FRAME_SAMPLES;
        }
        self.next = Some(position + FRAME_SAMPLES as u64);
        let place = position.saturating_sub(past as u64 / 2);
        // Of nothing comes nothing: most users of a call are silent.
        self.silent = if pcm.iter().all(|&sample| sample == 0) { self.silent + FRAME_SAMPLES } else { 0 };
        if self.silent > past + FRAME_SAMPLES {
            self.silent = past + 2 * FRAME_SAMPLES;
            out.extend(std::iter::repeat_n(0.0, FRAME_SAMPLES / self.factor * self.channels));
            return place;
        }
        for (channel, row) in self.rows.iter_mut().enumerate() {
            row.copy_within(FRAME_SAMPLES.., 0);
            let samples = row[past..].iter_mut().zip(pcm.chunks_exact(CHANNELS));
            for (value, pair) in samples {
                *value = if self.channels == 1 {
                    (f32::from(pair[0]) + f32::from(pair[1])) / 2.0
                } else {
                    f32::from(pair[channel])
                };
            }
        }
        for at in (0..FRAME_SAMPLES).step_by(self.factor) {
            for row in &self.rows {
                out.push(dot(&row[at..=at + past], &self.taps));
            }
        }
        place
    }
}

/// Eight sums at once, which compilers turn into vectors; one sum would have to be added in order.
fn dot(samples: &[f32], taps: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (left, right) = (samples.chunks_exact(8), taps.chunks_exact(8));
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// A sinc under a Blackman window, that lets everything pass at 0 Hz unchanged.
pub(super) fn low_pass(factor: usize, reach: usize) -> Vec<f32> {
    let reach = (reach * factor) as isize;
    let taps: Vec<f32> = (-reach..=reach)
        .map(|n| {
            let x = n as f32 * CUTOFF / factor as f32;
            let sinc = if n == 0 { 1.0 } else { (PI * x).sin() / (PI * x) };
            let phase = PI * (n as f32 / (reach as f32 + 1.0) + 1.0);
            sinc * (0.42 - 0.5 * phase.cos() + 0.08 * (2.0 * phase).cos())
        })
        .collect();
    let sum: f32 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(factor: usize, channels: usize, sound: impl Fn(u64) -> i16, start: u64) -> (u64, Vec<i16>) {
        let mut decimator = Decimator::new(factor, channels);
        let (mut values, mut first) = (Vec::new(), None);
        for frame in 0..10 {
            let position = start + frame * 960;
            let mut pcm = [0; FRAME_LEN];
            for (at, pair) in pcm.chunks_exact_mut(2).enumerate() {
                pair.fill(sound(position + at as u64));
            }
            let at = decimator.frame(position, &pcm, &mut values);
            first.get_or_insert(at);
        }
        (first.unwrap(), values.iter().map(|value: &f32| value.round() as i16).collect())
    }

    #[test]
    fn what_follows_silence_is_as_if_it_were_the_first() {
        let loud: [i16; FRAME_LEN] = std::array::from_fn(|at| (at * 37 % 20_011) as i16 - 10_000);
        for (factor, channels) in [(1, 1), (1, 2), (2, 2), (3, 1), (6, 1)] {
            let (mut first, mut later) = (Decimator::new(factor, channels), Decimator::new(factor, channels));
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            for number in 0..8 {
                later.frame(number * 960, if number == 0 { &loud } else { &[0; FRAME_LEN] }, &mut found);
            }
            assert_eq!(found.len(), 8 * 960 / factor * channels);
            assert!(found[found.len() / 2..].iter().all(|&value| value == 0.0));
            found.clear();
            for number in 8..11 {
                let pcm = if number == 9 { &[0; FRAME_LEN] } else { &loud };
                let at = later.frame(number * 960, pcm, &mut found);
                assert_eq!(first.frame(number * 960, pcm, &mut expected), at);
            }
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_click_stays_where_it_was() {
        for factor in [1, 2, 3, 6] {
            let click = 5_000 + 4_800;
            let sound = |at| if at == click { i16::MAX } else { 0 };
            let (first, samples) = run(factor, 1, sound, 5_000);
            assert_eq!(samples.len(), 9_600 / factor);
            let loudest = (0..samples.len()).max_by_key(|&at| samples[at].unsigned_abs()).unwrap();
            let found = first + (loudest * factor) as u64;
            assert!(found.abs_diff(click) < factor as u64, "{factor}: {found}");
        }
    }

    #[test]
    fn speech_passes_and_what_would_fold_back_does_not() {
        let sine = |hertz: f64| {
            move |at: u64| (10_000.0 * (at as f64 * hertz / 48_000.0 * std::f64::consts::TAU).sin()) as i16
        };
        let loudness = |hertz| {
            let (_, samples) = run(3, 1, sine(hertz), 0);
            let middle = &samples[640..2_560];
            (middle.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / middle.len() as f64).sqrt()
        };
        for hertz in [100.0, 1_000.0, 6_000.0] {
            assert!((loudness(hertz) / (10_000.0 / 2f64.sqrt()) - 1.0).abs() < 0.02, "{hertz}");
        }
        // By 60 dB.
        for hertz in [9_000.0, 12_000.0, 20_000.0] {
            assert!(loudness(hertz) < 10.0, "{hertz}: {}", loudness(hertz));
        }
    }

    #[test]
    fn a_gap_begins_anew() {
        let mut decimator = Decimator::new(3, 2);
        let mut out = Vec::new();
        decimator.frame(0, &[10_000; FRAME_LEN], &mut out);
        out.clear();
        assert_eq!(decimator.frame(9_600, &[0; FRAME_LEN], &mut out), 9_600 - 96);
        assert_eq!(out.len(), 320 * 2);
        assert!(out.iter().all(|&value| value == 0.0));
    }
}
