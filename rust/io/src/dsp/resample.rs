//! Stereo of any rate to 48 kHz, without delay and with its tail.

use isocord_proto::frame::SAMPLE_RATE;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, Indexing, Resampler, SincInterpolationParameters,
    SincInterpolationType, WindowFunction, calculate_cutoff,
};

/// Frames of one block at the slower of both rates: long enough to pass 20 kHz of 44.1, short enough to be small.
const BLOCK: usize = 288;
/// Rates with no small ratio to 48 kHz would need a huge block; above this the sinc resampler takes them.
const MAX_BLOCK: usize = 4_800;

/// A resampler for one rate.
pub(crate) struct StereoResampler {
    inner: Box<dyn Resampler<f32>>,
    rate: u32,
    /// Input that does not fill a block yet.
    waiting: Vec<f32>,
    output: Vec<f32>,
    /// Output frames that are only the resampler's delay: at the beginning, and still to be dropped.
    delay: usize,
    skip: usize,
    taken: u64,
    given: u64,
    align: u64,
    settle: u64,
}

impl StereoResampler {
    /// A resampler from `rate`, or None where it is 48 kHz already.
    pub(crate) fn new(rate: u32) -> Result<Option<Self>, String> {
        if rate == SAMPLE_RATE {
            return Ok(None);
        }
        let fail = |error: rubato::ResamplerConstructionError| error.to_string();
        let (input, output) = (rate as usize, SAMPLE_RATE as usize);
        let divisor = gcd(input, output);
        let (step_in, step_out) = (input / divisor, output / divisor);
        let blocks = BLOCK.div_ceil(step_in.min(step_out));
        let (inner, delay, settle): (Box<dyn Resampler<f32>>, _, _) = if blocks * step_in.max(step_out)
            <= MAX_BLOCK
        {
            let chunk = blocks * step_in;
            let fft =
                Fft::new_custom(input, output, chunk, 1, 2, WindowFunction::BlackmanHarris2, FixedSync::Both)
                    .map_err(fail)?;
            let (delay, settle) = (fft.output_delay(), 2 * fft.fft_size_in());
            (Box::new(fft), delay, settle)
        } else {
            let window = WindowFunction::BlackmanHarris2;
            let sinc_len = 128;
            let parameters = SincInterpolationParameters {
                sinc_len,
                f_cutoff: Some(calculate_cutoff(sinc_len, window)),
                interpolation: SincInterpolationType::Cubic,
                oversampling_factor: 128,
                window,
            };
            let ratio = output as f64 / input as f64;
            let sinc = Async::new_sinc(ratio, 1.0, &parameters, 512, 2, FixedAsync::Input).map_err(fail)?;
            // Its first output stands one sample after the first input, which its delay counts in.
            let delay = sinc.output_delay().saturating_sub(1);
            (Box::new(sinc), delay, 4 * sinc_len)
        };
        Ok(Some(Self {
            skip: delay,
            delay,
            output: vec![0.0; inner.output_frames_max() * 2],
            inner,
            rate,
            waiting: Vec::new(),
            taken: 0,
            given: 0,
            align: step_in as u64,
            settle: settle as u64,
        }))
    }

    /// Where to begin feeding so that the output at input frame `target` is settled and on the grid of 48 kHz.
    pub(crate) fn start_for(&self, target: u64) -> u64 {
        let from = target.saturating_sub(self.settle);
        from - from % self.align
    }

    /// Forget everything; the next input begins a new piece.
    pub(crate) fn reset(&mut self) {
        self.inner.reset();
        self.skip = self.delay;
        self.waiting.clear();
        self.taken = 0;
        self.given = 0;
    }

    /// Values that come out at the most when so many are fed.
    pub(crate) fn most(&self, values: usize) -> usize {
        let block = (self.inner.input_frames_next() * 2).max(1);
        (self.waiting.len() + values) / block * self.output.len()
    }

    /// Feed interleaved stereo and append what comes out.
    pub(crate) fn push(&mut self, mut input: &[f32], out: &mut Vec<f32>) -> Result<(), String> {
        self.taken += (input.len() / 2) as u64;
        while !input.is_empty() {
            let need = self.inner.input_frames_next() * 2;
            if self.waiting.is_empty() && input.len() >= need {
                let (block, rest) = input.split_at(need);
                input = rest;
                Self::run(
                    &mut *self.inner,
                    block,
                    None,
                    &mut self.output,
                    &mut self.skip,
                    &mut self.given,
                    out,
                )?;
                continue;
            }
            let count = (need - self.waiting.len()).min(input.len());
            self.waiting.extend_from_slice(&input[..count]);
            input = &input[count..];
            if self.waiting.len() == need {
                let block = &self.waiting;
                Self::run(
                    &mut *self.inner,
                    block,
                    None,
                    &mut self.output,
                    &mut self.skip,
                    &mut self.given,
                    out,
                )?;
                self.waiting.clear();
            }
        }
        Ok(())
    }

    /// The input is over: append the tail, so that the output is as long as the input was.
    pub(crate) fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), String> {
        let due = (self.taken * u64::from(SAMPLE_RATE) + u64::from(self.rate) / 2) / u64::from(self.rate);
        while self.given < due {
            let need = self.inner.input_frames_next() * 2;
            let partial = self.waiting.len() / 2;
            self.waiting.resize(need, 0.0);
            let block = &self.waiting;
            let before = self.given;
            let frames = Some(partial);
            Self::run(
                &mut *self.inner,
                block,
                frames,
                &mut self.output,
                &mut self.skip,
                &mut self.given,
                out,
            )?;
            self.waiting.clear();
            if self.given > due {
                let surplus = (self.given - due) as usize;
                out.truncate(out.len() - surplus * 2);
                self.given = due;
            } else if self.given == before && self.skip == 0 {
                break;
            }
        }
        Ok(())
    }

    fn run(
        inner: &mut dyn Resampler<f32>,
        block: &[f32],
        partial: Option<usize>,
        output: &mut [f32],
        skip: &mut usize,
        given: &mut u64,
        out: &mut Vec<f32>,
    ) -> Result<(), String> {
        let room = output.len() / 2;
        let input = InterleavedSlice::new(block, 2, block.len() / 2).map_err(|error| error.to_string())?;
        let mut target = InterleavedSlice::new_mut(output, 2, room).map_err(|error| error.to_string())?;
        let indexing = partial.map(|frames| Indexing::new().partial_len(frames));
        let (_, frames) = inner
            .process_into_buffer(&input, &mut target, indexing.as_ref())
            .map_err(|error| error.to_string())?;
        let dropped = frames.min(*skip);
        *skip -= dropped;
        *given += (frames - dropped) as u64;
        out.extend_from_slice(&output[dropped * 2..frames * 2]);
        Ok(())
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, frames: usize, from: u64) -> Vec<f32> {
        let step = std::f64::consts::TAU * 997.0 / f64::from(rate);
        (0..frames as u64)
            .flat_map(|index| {
                let value = ((index + from) as f64 * step).sin() as f32 * 0.5;
                [value, -value]
            })
            .collect()
    }

    fn worst(got: &[f32], want: &[f32]) -> f32 {
        got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_sine_stays_where_it_was_at_every_rate() {
        for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 47_999, 88_200, 96_000, 176_400, 192_000]
        {
            let mut resampler = StereoResampler::new(rate).unwrap().unwrap();
            let mut out = Vec::new();
            for piece in sine(rate, rate as usize / 2 + 7, 0).chunks(1_014) {
                resampler.push(piece, &mut out).unwrap();
            }
            resampler.finish(&mut out).unwrap();
            let due = (f64::from(rate / 2 + 7) * 48_000.0 / f64::from(rate)).round();
            assert!((out.len() as f64 / 2.0 - due).abs() <= 1.0, "{rate}");
            let want = sine(48_000, out.len() / 2, 0);
            let edge = 4_000;
            let inner = worst(&out[edge..out.len() - edge], &want[edge..out.len() - edge]);
            assert!(inner < 2e-3, "{rate}: {inner}");
        }
    }

    #[test]
    fn starting_in_the_middle_gives_the_same_samples() {
        for rate in [8_000_u32, 44_100, 96_000] {
            let whole = sine(rate, rate as usize, 0);
            let mut resampler = StereoResampler::new(rate).unwrap().unwrap();
            let mut out = Vec::new();
            resampler.push(&whole, &mut out).unwrap();
            let target = u64::from(rate) / 2;
            let from = resampler.start_for(target);
            assert!(from <= target);
            resampler.reset();
            let mut again = Vec::new();
            resampler.push(&whole[from as usize * 2..], &mut again).unwrap();
            let at = (from * 48_000 / u64::from(rate)) as usize;
            assert_eq!(from * 48_000 % u64::from(rate), 0);
            let settled = (target as usize * 48_000 / rate as usize - at) * 2;
            let end = again.len().min(out.len() - at * 2);
            assert!(worst(&again[settled..end], &out[at * 2 + settled..]) < 1e-4, "{rate}");
        }
    }
}
