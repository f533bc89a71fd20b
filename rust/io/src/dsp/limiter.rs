//! Keeps a sum from clipping: turned down before it gets too loud, and untouched as long as it does not.

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

/// It looks ahead by 5 ms, and turns down within as much.
const BLOCK: usize = 240;
const BLOCK_LEN: usize = 2 * BLOCK;
const BLOCKS: usize = FRAME_SAMPLES / BLOCK;
/// What the gain may rise by in a block: from a half to full in about a second and a quarter.
const RELEASE: f32 = 0.002;

/// The loudest sample of each 5 ms of a frame.
pub(crate) type Peaks = [f32; BLOCKS];

/// The peaks of a frame of interleaved stereo.
pub(crate) fn peaks(pcm: &[f32; FRAME_LEN]) -> Peaks {
    // Several at once, which the processor can do side by side.
    let mut most = [[0.0_f32; 8]; BLOCKS];
    for (most, block) in most.iter_mut().zip(pcm.chunks_exact(BLOCK_LEN)) {
        for eight in block.chunks_exact(8) {
            for (most, sample) in most.iter_mut().zip(eight) {
                let level = sample.abs();
                *most = if level > *most { level } else { *most };
            }
        }
    }
    most.map(|most| most.into_iter().fold(0.0, f32::max))
}

/// The gain between two frames; a copy of it goes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limiter {
    gain: f32,
}

impl Limiter {
    pub(crate) const fn new() -> Self {
        Self { gain: 1.0 }
    }

    /// Limits a frame, whose peaks are `here`, for one to follow whose peaks are `next`: none for one that is not
    /// known.
    pub(crate) fn limit(&mut self, pcm: &mut [f32; FRAME_LEN], here: &Peaks, next: Option<&Peaks>) {
        let after = next.map_or(1.0, |next| fitting(next[0]));
        for (index, block) in pcm.chunks_exact_mut(BLOCK_LEN).enumerate() {
            let fits = fitting(here[index]);
            let soon = here.get(index + 1).map_or(after, |peak| fitting(*peak));
            let from = self.gain.min(fits);
            let to = (self.gain + RELEASE).min(1.0).min(fits).min(soon);
            if from < 1.0 || to < 1.0 {
                turn(from, to, block);
            }
            self.gain = to;
        }
    }
}

/// The gain that a peak needs.
fn fitting(peak: f32) -> f32 {
    if peak > 1.0 { 1.0 / peak } else { 1.0 }
}

fn turn(from: f32, to: f32, block: &mut [f32]) {
    for (index, pair) in block.chunks_exact_mut(2).enumerate() {
        let way = (index + 1) as f32 / BLOCK as f32;
        // Down without a kink: 3x^2 - 2x^3. Up goes on for long, and evenly.
        let share = if to < from { way * way * (3.0 - 2.0 * way) } else { way };
        let gain = from + (to - from) * share;
        pair[0] = (pair[0] * gain).clamp(-1.0, 1.0);
        pair[1] = (pair[1] * gain).clamp(-1.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(level: impl Fn(usize) -> f32, frames: usize) -> Vec<[f32; FRAME_LEN]> {
        let sample = |index: usize| (index as f32 / 2.0 * 0.0576).sin() * level(index / 2);
        let frame = |number: usize| std::array::from_fn(|index| sample(number * FRAME_LEN + index / 2 * 2));
        (0..frames).map(frame).collect()
    }

    fn limited(frames: &[[f32; FRAME_LEN]]) -> Vec<f32> {
        let mut limiter = Limiter::new();
        let peaks: Vec<Peaks> = frames.iter().map(peaks).collect();
        let limit = |(number, frame): (usize, &[f32; FRAME_LEN])| {
            let mut frame = *frame;
            limiter.limit(&mut frame, &peaks[number], peaks.get(number + 1));
            frame.into_iter().step_by(2).collect::<Vec<_>>()
        };
        frames.iter().enumerate().flat_map(limit).collect()
    }

    #[test]
    fn what_does_not_clip_stays_as_it_is() {
        let frames = tone(|_| 1.0, 10);
        let flat: Vec<f32> = frames.iter().flatten().step_by(2).copied().collect();
        assert_eq!(limited(&frames), flat);
    }

    #[test]
    fn what_would_clip_is_turned_down_before_and_comes_back_slowly() {
        // Loud from the middle of a block on, for three frames, right at the edge of a frame too.
        for loud_from in [960 * 3, 960 * 3 + 500] {
            let loud = loud_from..loud_from + 2_880;
            let frames = tone(|pair| if loud.contains(&pair) { 3.0 } else { 0.9 }, 100);
            let got = limited(&frames);
            assert!(got.iter().all(|sample| sample.abs() <= 1.0));
            let least = got[loud].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            assert!(least > 0.95, "as loud as may be: {least}");
            let later = got[96_000 - 480..].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            assert!(later > 0.8, "{later}");
        }
    }

    #[test]
    fn a_tone_that_is_turned_down_has_no_click() {
        // It grows by itself, so that every edge would be the limiter's.
        let frames = tone(|pair| 0.5 + 2.0 * (pair as f32 / 19_200.0).min(1.0), 25);
        let got = limited(&frames);
        let bend = |three: &[f32]| (three[0] - 2.0 * three[1] + three[2]).abs();
        let most = got.windows(3).map(bend).fold(0.0, f32::max);
        assert!(most < 2.0 * 0.0576 * 0.0576, "{most}");
    }
}
