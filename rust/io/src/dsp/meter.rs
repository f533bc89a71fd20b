//! How loud a row of sound is: its peak, its mean, its loudness as BS.1770 has it, and its outline.

use ebur128::{EbuR128, Mode};
use isocord_proto::frame::{CHANNELS, SAMPLE_RATE};

/// Samples by which BS.1770 moves its blocks on, 100 ms.
const HOP: u64 = SAMPLE_RATE as u64 / 10;
/// The length of a block, 400 ms.
const BLOCK: u64 = 4 * HOP;
/// Steps of an outline; where it gets longer, each step becomes twice as long.
const STEPS: usize = 4_096;
/// Full scale of 16 bits.
const FULL: f64 = 32_768.0;

/// Measures a row of stereo at 48 kHz, in bounded memory however long it is.
pub(crate) struct Meter {
    /// None where there is no room for another.
    loudness: Option<EbuR128>,
    highest: u16,
    squares: f64,
    values: u64,
}

/// What a [`Meter`] has measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// The highest sample, in dBFS.
    pub peak: f64,
    /// The root of the mean square of what was sound, in dBFS; gaps are left out.
    pub rms: f64,
    /// Integrated loudness in LUFS (ITU-R BS.1770-4); none where it was not measured.
    pub loudness: Option<f64>,
}

impl Meter {
    /// Of nothing yet; with `loudness` it takes 0.3 MB more.
    pub(crate) fn new(loudness: bool) -> Self {
        // The histogram keeps it from remembering every block. It fails only for rates and channels that are none.
        let mode = Mode::I | Mode::HISTOGRAM;
        let loudness = loudness.then(|| EbuR128::new(CHANNELS as u32, SAMPLE_RATE, mode).ok()).flatten();
        Self { loudness, highest: 0, squares: 0.0, values: 0 }
    }

    /// The row goes on with sound.
    pub(crate) fn sound(&mut self, pcm: &[i16]) {
        self.highest = self.highest.max(highest(pcm));
        self.squares += pcm.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
        self.values += pcm.len() as u64;
        if let Some(loudness) = &mut self.loudness {
            // It fails only for halves of pairs.
            let _ = loudness.add_frames_i16(pcm);
        }
    }

    /// The row goes on with silence. Blocks that are silent do not count: of a long gap there is only as much as puts
    /// the blocks after it where they would be.
    pub(crate) fn gap(&mut self, samples: u64) {
        let Some(loudness) = &mut self.loudness else { return };
        let heard = if samples > 2 * BLOCK { 2 * BLOCK + samples % HOP } else { samples };
        let zeros = [0; CHANNELS * HOP as usize];
        let mut left = heard;
        while left > 0 {
            let step = left.min(HOP);
            let _ = loudness.add_frames_i16(&zeros[..CHANNELS * step as usize]);
            left -= step;
        }
    }

    /// So far.
    pub(crate) fn levels(&self) -> Levels {
        let mean = self.squares / (self.values.max(1)) as f64;
        let integrated = |meter: &EbuR128| meter.loudness_global().unwrap_or(f64::NEG_INFINITY);
        Levels {
            peak: 20.0 * (f64::from(self.highest) / FULL).log10(),
            rms: 10.0 * (mean / (FULL * FULL)).log10(),
            loudness: self.loudness.as_ref().map(integrated),
        }
    }
}

/// How far a row of sound goes out, step by step, to be drawn.
pub(crate) struct Outline {
    step: u64,
    heights: Vec<u16>,
}

impl Outline {
    pub(crate) fn new() -> Self {
        Self { step: HOP / 5, heights: Vec::new() }
    }

    /// There is sound at a place.
    pub(crate) fn sound(&mut self, mut at: u64, mut pcm: &[i16]) {
        while !pcm.is_empty() {
            let into = CHANNELS * (self.step - at % self.step) as usize;
            let (now, rest) = pcm.split_at(pcm.len().min(into));
            self.raise(at, highest(now));
            at += (now.len() / CHANNELS) as u64;
            pcm = rest;
        }
    }

    fn raise(&mut self, at: u64, height: u16) {
        let mut index = (at / self.step) as usize;
        while index >= STEPS {
            self.step *= 2;
            self.heights =
                self.heights.chunks(2).map(|pair| pair.iter().copied().fold(0, u16::max)).collect();
            index = (at / self.step) as usize;
        }
        if index >= self.heights.len() {
            self.heights.resize(index + 1, 0);
        }
        self.heights[index] = self.heights[index].max(height);
    }

    /// Samples of a step, and the highest sample of each from the beginning of the row on.
    pub(crate) fn take(self) -> (u64, Vec<u16>) {
        (self.step, self.heights)
    }
}

fn highest(pcm: &[i16]) -> u16 {
    pcm.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sine of 997 Hz in both channels, `peak` being its highest sample.
    fn sine(seconds: f64, peak: f64) -> Vec<i16> {
        let count = (seconds * f64::from(SAMPLE_RATE)) as usize;
        let at = |index: usize| (std::f64::consts::TAU * 997.0 * index as f64 / f64::from(SAMPLE_RATE)).sin();
        (0..count).flat_map(|index| [(peak * at(index)).round() as i16; 2]).collect()
    }

    #[test]
    fn a_sine_is_as_loud_as_the_norm_says() {
        let mut meter = Meter::new(true);
        meter.sound(&sine(20.0, FULL / 10.0));
        let levels = meter.levels();
        assert!((levels.peak + 20.0).abs() < 0.01, "{levels:?}");
        assert!((levels.rms + 23.01).abs() < 0.01, "{levels:?}");
        // BS.1770: 997 Hz at 0 dBFS in one channel is -3.01 LUFS, in two 3.01 more.
        assert!((levels.loudness.unwrap() + 20.0).abs() < 0.1, "{levels:?}");
        assert!(Meter::new(false).levels().loudness.is_none());
        let silent = Meter::new(true).levels();
        assert!(silent.peak == f64::NEG_INFINITY && silent.rms == f64::NEG_INFINITY);
        assert_eq!(silent.loudness, Some(f64::NEG_INFINITY));
    }

    #[test]
    fn what_of_a_gap_is_left_out_does_not_count() {
        let word = sine(0.73, 3_000.0);
        for gap in [1, 12_345, 2 * BLOCK, 100_001, 3_600 * u64::from(SAMPLE_RATE) / 20] {
            let (mut short, mut whole) = (Meter::new(true), Meter::new(true));
            for _ in 0..3 {
                short.sound(&word);
                short.gap(gap);
                whole.sound(&word);
                whole.loudness.as_mut().unwrap().add_frames_i16(&vec![0; 2 * gap as usize]).unwrap();
            }
            let (short, whole) = (short.levels().loudness.unwrap(), whole.levels().loudness.unwrap());
            assert!((short - whole).abs() < 0.01, "{gap}: {short} {whole}");
        }
    }

    #[test]
    fn an_outline_stays_as_long_as_it_may_be_and_keeps_its_peaks() {
        let mut outline = Outline::new();
        let hours = 4 * 3_600 * u64::from(SAMPLE_RATE);
        outline.sound(0, &[5, -7]);
        outline.sound(hours / 2, &[-900, 3]);
        outline.sound(hours, &[i16::MIN, 0]);
        let (step, heights) = outline.take();
        assert!(heights.len() <= STEPS && heights.len() > STEPS / 2);
        assert_eq!((heights[0], heights[(hours / 2 / step) as usize]), (7, 900));
        assert_eq!(heights.last(), Some(&32_768));
        let mut outline = Outline::new();
        outline.sound(959, &[1, 2, 30, 4]);
        assert_eq!(outline.take(), (960, vec![2, 30]));
    }
}
