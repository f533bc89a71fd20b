//! Whether a sound is another one that comes back: from a loudspeaker, through a room and a microphone.
//!
//! Loudspeaker, room, noise suppression and gain control change how loud a sound is and how it is coloured, and blur it.
//! They leave its fine structure: the harmonics of a voice and how they move. So the spectra of both are compared
//! without their envelopes, at every delay that an echo over a call may have.

use std::collections::VecDeque;
use std::f32::consts::TAU;
use std::sync::Arc;

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::decimate::Decimator;

/// From 48 kHz to 8 kHz.
const FACTOR: usize = 6;
/// Samples of 8 kHz in a frame of 20 ms.
const HOP: usize = FRAME_SAMPLES / FACTOR;
/// Samples of a spectrum: 64 ms.
const WINDOW: usize = 512;
/// The part of a spectrum in which voices are, 100 to 3,400 Hz, and how wide an envelope is smoothed, 300 Hz.
const BINS: std::ops::Range<usize> = 6..218;
const SMOOTH: usize = 9;
/// What is that far below the mean is lost in noise: -10 dB.
const FLOOR: f32 = 0.1;
/// Spectra of which a sound is judged: 0.3 s.
const JUDGED: usize = 15;
/// The longest delay, in frames: 0.56 s.
const DELAY: usize = 28;
/// What was sent may be known of for that many frames more than what was heard.
const AHEAD: usize = 5;
/// Samples of 8 kHz that are kept.
const KEPT: usize = (JUDGED + DELAY + AHEAD) * HOP + WINDOW;
/// From this likeness on a sound is the other one's echo. Of recorded voices in simulated rooms less than 1 % of what
/// came back was less like it, and less than 1 % of what others said was more.
const ECHO: f32 = 0.45;
/// A gap is longer than that: half a frame.
const GAP: u64 = FRAME_SAMPLES as u64 / 2;

/// The last second of a sound.
pub struct Trace {
    decimator: Decimator,
    samples: VecDeque<f32>,
    fresh: Vec<f32>,
    /// Place behind the last sample, at 48 kHz.
    end: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl Trace {
    /// Nothing so far.
    #[must_use]
    pub fn new() -> Self {
        let samples = std::iter::repeat_n(0.0, KEPT).collect();
        Self { decimator: Decimator::new(FACTOR, 1), samples, fresh: Vec::with_capacity(HOP), end: 0 }
    }

    /// Takes a frame that came, or left, at `position` on the clock that all share. A gap is silence.
    pub fn frame(&mut self, position: u64, pcm: &[i16; FRAME_LEN]) {
        let gap = position.saturating_sub(self.end);
        if gap > GAP {
            let silent = ((gap / FACTOR as u64) as usize).min(KEPT);
            self.samples.drain(..silent);
            self.samples.extend(std::iter::repeat_n(0.0, silent));
            self.end = position;
        }
        self.fresh.clear();
        self.decimator.frame(self.end, pcm, &mut self.fresh);
        self.samples.drain(..self.fresh.len());
        self.samples.extend(&self.fresh);
        self.end += FRAME_SAMPLES as u64;
    }
}

/// Compares sounds.
pub struct EchoDetector {
    transform: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Default for EchoDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl EchoDetector {
    /// One for any number of sounds.
    #[must_use]
    pub fn new() -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(WINDOW);
        Self {
            window: (0..WINDOW).map(|at| 0.5 - 0.5 * (TAU * at as f32 / WINDOW as f32).cos()).collect(),
            input: transform.make_input_vec(),
            output: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            transform,
        }
    }

    /// Whether the last 0.3 s of `heard` are `sent` coming back, and nothing else to speak of.
    pub fn is_echo(&mut self, heard: &Trace, sent: &Trace) -> bool {
        self.likeness(heard, sent) >= ECHO
    }

    /// How far the last 0.3 s of `heard` are `sent` coming back, at the delay where they are most: 1 if it is nothing
    /// else, 0 if it has nothing in common.
    fn likeness(&mut self, heard: &Trace, sent: &Trace) -> f32 {
        // How much later the one ends than the other. An echo is later than what it is of.
        let late = (sent.end as i64 - heard.end as i64) / FACTOR as i64;
        let least = usize::try_from(-late).unwrap_or(0).div_ceil(HOP);
        let Some(delays) = DELAY.checked_sub(least) else { return 0.0 };
        let before = usize::try_from(late + (least * HOP) as i64).unwrap_or(0).min(AHEAD * HOP);
        let heard = self.spectra(heard, 0, JUDGED);
        let sent = self.spectra(sent, before, JUDGED + delays);
        sent.windows(JUDGED).map(|then| correlation(&heard, then)).fold(0.0, f32::max)
    }

    /// So many spectra without their envelopes, the last one first; the last one ends `before` samples before the end.
    fn spectra(&mut self, trace: &Trace, before: usize, count: usize) -> Vec<[f32; BINS.end - BINS.start]> {
        let mut powers = Vec::with_capacity(count);
        for number in 0..count {
            let end = trace.samples.len() - before - number * HOP;
            let samples = trace.samples.range(end - WINDOW..end);
            for ((input, sample), share) in self.input.iter_mut().zip(samples).zip(&self.window) {
                *input = sample * share;
            }
            // The lengths are those that it has made itself.
            let _ = self.transform.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
            powers.push(std::array::from_fn::<_, { BINS.end - BINS.start }, _>(|bin| {
                self.output[BINS.start + bin].norm_sqr()
            }));
        }
        let mean = powers.iter().flatten().sum::<f32>() / (count.max(1) * BINS.len()) as f32;
        let floor = mean * FLOOR + 1.0;
        powers.iter_mut().for_each(|spectrum| flatten(spectrum, floor));
        powers
    }
}

/// The logarithm of a spectrum, less its envelope.
fn flatten<const N: usize>(spectrum: &mut [f32; N], floor: f32) {
    let logs = spectrum.map(|power| (power + floor).ln());
    let around = |at: usize| at.saturating_sub(SMOOTH)..(at + SMOOTH + 1).min(N);
    for (at, value) in spectrum.iter_mut().enumerate() {
        let near = &logs[around(at)];
        *value = logs[at] - near.iter().sum::<f32>() / near.len() as f32;
    }
}

fn correlation<const N: usize>(one: &[[f32; N]], two: &[[f32; N]]) -> f32 {
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (one, two) in one.iter().flatten().zip(two.iter().flatten()) {
        both += one * two;
        first += one * one;
        second += two * two;
    }
    both / (first * second).sqrt().max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f32 = 48_000.0;
    const FORMANTS: [[f32; 3]; 4] = [
        [730.0, 1_090.0, 2_440.0],
        [270.0, 2_290.0, 3_010.0],
        [300.0, 870.0, 2_240.0],
        [530.0, 1_840.0, 2_480.0],
    ];

    /// Numbers from 0 to 1 that are always the same.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f32 / (1u64 << 24) as f32
        }
    }

    /// A voice of this pitch that babbles for three seconds.
    fn voice(pitch: f32, seed: u64) -> Vec<f32> {
        let mut dice = Dice(seed);
        let mut sound = Vec::new();
        while sound.len() < 3 * 48_000 {
            let (length, pitch) =
                ((RATE * (0.12 + 0.1 * dice.roll())) as usize, pitch * (0.85 + 0.35 * dice.roll()));
            let formants = FORMANTS[(dice.roll() * 3.99) as usize];
            let glide = 0.8 + 0.3 * dice.roll();
            let mut phase = 0.0;
            for at in 0..length {
                let way = at as f32 / length as f32;
                let now = pitch * (1.0 + (glide - 1.0) * way);
                phase += TAU * now / RATE;
                let rise = (way.min(1.0 - way) * 8.0).min(1.0);
                let value = (1..=(3_500.0 / now) as usize).map(|harmonic| {
                    let near =
                        |formant: &f32| 1.0 / (1.0 + ((harmonic as f32 * now - formant) / 90.0).powi(2));
                    formants.iter().map(near).sum::<f32>() * (harmonic as f32 * phase).sin()
                });
                sound.push(value.sum::<f32>() * rise * 2_000.0);
            }
            sound.extend((0..(RATE * 0.04) as usize).map(|_| (dice.roll() - 0.5) * 60.0));
        }
        sound.truncate(3 * 48_000);
        sound
    }

    /// What a room makes of a sound: so much later, with so many seconds of reverberation, and duller.
    fn room(sound: &[f32], delay: f32, reverberation: f32) -> Vec<f32> {
        let mut dice = Dice(99);
        let mut echo = vec![0.0; sound.len()];
        // The sound itself, and what comes from the walls.
        let walls = (0..60).map(|_| {
            let late = dice.roll() * reverberation;
            (late, 0.35 * 10.0_f32.powf(-3.0 * late / reverberation) * (dice.roll() - 0.5).signum())
        });
        for (late, gain) in std::iter::once((0.0, 1.0)).chain(walls) {
            let shift = ((delay + late) * RATE) as usize;
            for at in shift..sound.len() {
                echo[at] += gain * sound[at - shift];
            }
        }
        let mut dull = 0.0;
        echo.iter()
            .map(|value| {
                dull += 0.3 * (value - dull);
                dull * 0.3
            })
            .collect()
    }

    fn add(one: &[f32], two: &[f32], gain: f32) -> Vec<f32> {
        one.iter().zip(two).map(|(one, two)| one + gain * two).collect()
    }

    /// The likeness every 0.2 seconds from the first on.
    fn likenesses(heard: &[f32], sent: &[f32]) -> Vec<f32> {
        let (mut one, mut two, mut detector) = (Trace::new(), Trace::new(), EchoDetector::new());
        let frame = |sound: &[f32], number: usize| -> [i16; FRAME_LEN] {
            std::array::from_fn(|at| sound[number * FRAME_SAMPLES + at / 2] as i16)
        };
        let mut found = Vec::new();
        for number in 0..heard.len() / FRAME_SAMPLES {
            let position = (number * FRAME_SAMPLES) as u64;
            two.frame(position, &frame(sent, number));
            // It is not known to the sample when it came.
            one.frame(position + 700, &frame(heard, number));
            if number > 45 && number % 10 == 0 {
                found.push(detector.likeness(&one, &two));
            }
        }
        found
    }

    #[test]
    fn our_own_sound_is_known_whatever_the_room_and_however_late() {
        let sent = voice(120.0, 1);
        for delay in [0.05, 0.13, 0.2, 0.3] {
            for reverberation in [0.1, 0.3, 0.5] {
                let found = likenesses(&room(&sent, delay, reverberation), &sent);
                assert!(found.iter().all(|likeness| *likeness > ECHO), "{delay} {reverberation} {found:?}");
            }
        }
    }

    #[test]
    fn another_voice_is_another_also_over_the_echo() {
        let sent = voice(120.0, 1);
        for (pitch, seed) in [(210.0, 5), (100.0, 6), (125.0, 7)] {
            let other = voice(pitch, seed);
            for echo in [0.0, 0.5, 1.0] {
                let found = likenesses(&add(&other, &room(&sent, 0.15, 0.3), echo), &sent);
                let most = found.iter().filter(|likeness| **likeness > ECHO).count();
                assert!(most == 0, "{pitch} {echo} {found:?}");
            }
        }
    }

    #[test]
    fn silence_is_nobodys_echo() {
        let (sent, nothing) = (voice(120.0, 1), vec![0.0; 3 * 48_000]);
        for (heard, sent) in [(&nothing, &sent), (&sent, &nothing), (&nothing, &nothing)] {
            assert!(likenesses(heard, sent).iter().all(|likeness| *likeness < 0.2));
        }
    }
}
