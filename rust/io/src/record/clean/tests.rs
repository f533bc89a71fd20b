//! What comes out of a cleaner, beside what went in.

use proptest::prelude::*;

use super::*;

/// Keeps what comes, with its gaps.
#[derive(Default)]
struct Tape(Vec<i16>);

impl Lane for Tape {
    fn gap(&mut self, samples: u64) -> Result<()> {
        self.0.extend(std::iter::repeat_n(0, CHANNELS * samples as usize));
        Ok(())
    }
    fn pcm(&mut self, pcm: &[i16]) -> Result<()> {
        self.0.extend_from_slice(pcm);
        Ok(())
    }
    fn opus(&mut self, _: &[u8], _: u32, _: u32) -> Result<()> {
        unreachable!("it is decoded before");
    }
}

fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as f64 / f64::from(1u32 << 30) - 1.0
}

/// As a fan makes it: deep rather than high.
fn fan(pairs: usize, gain: f64) -> Vec<i16> {
    let (mut state, mut level) = (1, 0.0);
    (0..pairs)
        .flat_map(|_| {
            let next: f64 = (0..4).map(|_| random(&mut state)).sum();
            level = 0.9 * level + 0.1 * gain * next;
            [level as i16; 2]
        })
        .collect()
}

/// Syllables with formants and a pitch that never rests, as stereo; loud for 0.3 s of each half a second.
fn speech(seconds: f64, gain: f64) -> Vec<i16> {
    let count = (seconds * f64::from(SAMPLE_RATE)) as usize;
    let mut phase = 0.0;
    (0..count)
        .flat_map(|n| {
            let at = n as f64 / f64::from(SAMPLE_RATE);
            phase += std::f64::consts::TAU * (140.0 + 30.0 * (5.0 * at).sin()) / f64::from(SAMPLE_RATE);
            let vowel = 900.0 + 500.0 * (9.0 * at).sin();
            let sound: f64 = (1..24)
                .map(|harmonic| {
                    let pitch = 140.0 * f64::from(harmonic);
                    let near = |formant: f64, width: f64| (-((pitch - formant) / width).powi(2)).exp();
                    (near(450.0, 220.0) + near(vowel, 260.0)) * (f64::from(harmonic) * phase).sin()
                })
                .sum();
            let open = if at % 0.5 < 0.3 { (std::f64::consts::PI * (at % 0.5) / 0.3).sin() } else { 0.0 };
            [(gain * 2_500.0 * open * sound) as i16; 2]
        })
        .collect()
}

fn cleaned(cleaning: Cleaning, pieces: &[&[i16]]) -> Vec<i16> {
    let mut cleaner = Cleaner::new(cleaning, false).unwrap();
    let mut tape = Tape::default();
    for piece in pieces {
        Cleaned { cleaner: &mut cleaner, to: &mut tape }.pcm(piece).unwrap();
    }
    cleaner.flush(&mut tape).unwrap();
    assert_eq!(cleaner.lag(), 0);
    tape.0
}

fn energy(pcm: &[i16]) -> f64 {
    pcm.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / pcm.len() as f64
}

/// By how many sample pairs `late` lies behind `sound`, where they are most alike.
fn lag(sound: &[i16], late: &[i16]) -> i64 {
    let alike = |by: i64| -> f64 {
        let pairs = |pcm: &[i16]| pcm.iter().step_by(2).map(|&one| f64::from(one)).collect::<Vec<_>>();
        let (sound, late) = (pairs(sound), pairs(late));
        sound
            .iter()
            .enumerate()
            .filter_map(|(at, one)| Some(one * late.get(usize::try_from(at as i64 + by).ok()?)?))
            .sum()
    };
    (-600..=600).max_by(|&one, &other| alike(one).total_cmp(&alike(other))).unwrap()
}

#[test]
fn noise_goes_and_a_voice_stays_at_its_place() {
    let voice = speech(4.0, 1.0);
    let noise = fan(voice.len() / 2, 2_000.0);
    let noisy: Vec<i16> =
        voice.iter().zip(&noise).map(|(voice, noise)| voice.saturating_add(*noise)).collect();
    let clean = cleaned(Cleaning { denoise: true, normalize: None }, &[&noisy]);
    assert_eq!(clean.len(), noisy.len());
    // Its high-pass turns the phase of deep voices by a sample.
    assert!(
        lag(&voice[SAMPLE_RATE as usize..][..96_000], &clean[SAMPLE_RATE as usize..][..96_000]).abs() <= 1
    );
    // Between syllables, once it has heard some: 0.35 to 0.45 s of each half a second.
    let pauses = |pcm: &[i16]| -> f64 {
        let at = |seconds: f64| 2 * (seconds * f64::from(SAMPLE_RATE)) as usize;
        (5..8).map(|n| energy(&pcm[at(f64::from(n) * 0.5 + 0.35)..at(f64::from(n) * 0.5 + 0.45)])).sum()
    };
    assert!(pauses(&clean) < pauses(&noisy) / 10.0, "{} of {}", pauses(&clean), pauses(&noisy));
    assert!(energy(&clean) > energy(&voice) / 3.0, "{} of {}", energy(&clean), energy(&voice));
}

#[test]
fn quiet_and_loud_voices_come_to_one_loudness_and_never_clip() {
    let loudness = |pcm: &[i16]| {
        let mut meter = ebur128::EbuR128::new(2, SAMPLE_RATE, ebur128::Mode::I).unwrap();
        meter.add_frames_i16(pcm).unwrap();
        meter.loudness_global().unwrap()
    };
    for gain in [0.25, 0.5, 2.0] {
        let even = cleaned(Cleaning { denoise: false, normalize: Some(-20.0) }, &[&speech(20.0, gain)]);
        let settled = loudness(&even[2 * 10 * SAMPLE_RATE as usize..]);
        assert!((settled + 20.0).abs() < 1.5, "{gain}: {settled} LUFS");
    }
}

#[test]
fn our_own_voice_is_not_denoised() {
    assert!(Cleaner::new(Cleaning { denoise: true, normalize: None }, true).is_none());
    let both = Cleaning { denoise: true, normalize: Some(-16.0) };
    assert!(Cleaner::new(both, true).unwrap().denoiser.is_none());
    assert!(Cleaner::new(Cleaning::default(), false).is_none());
}

#[test]
fn two_channels_that_differ_are_both_cleaned() {
    let mut pcm = speech(2.0, 1.0);
    let noise = fan(pcm.len() / 2, 2_000.0);
    pcm.iter_mut().zip(noise).skip(1).step_by(2).for_each(|(sample, noise)| *sample = noise);
    let clean = cleaned(Cleaning { denoise: true, normalize: None }, &[&pcm]);
    let channel = |pcm: &[i16], first: usize| pcm.iter().skip(first).step_by(2).copied().collect::<Vec<_>>();
    assert!(energy(&channel(&clean, 0)) > energy(&channel(&pcm, 0)) / 3.0);
    assert!(energy(&channel(&clean, 1)[48_000..]) < energy(&channel(&pcm, 1)) / 10.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn not_a_sample_more_or_less_comes_out(
        row in prop::collection::vec((any::<bool>(), 1u64..40_000), 1..12), denoise: bool, normalize: bool,
    ) {
        let cleaning = Cleaning { denoise, normalize: (normalize || !denoise).then_some(-20.0) };
        let mut cleaner = Cleaner::new(cleaning, false).unwrap();
        let (mut tape, mut given) = (Tape::default(), 0);
        for (sound, samples) in row {
            let mut lane = Cleaned { cleaner: &mut cleaner, to: &mut tape };
            if sound { lane.pcm(&vec![500; CHANNELS * samples as usize]).unwrap() } else { lane.gap(samples).unwrap() }
            given += samples;
            prop_assert_eq!(tape.0.len() as u64 / CHANNELS as u64 + cleaner.lag(), given);
        }
        cleaner.flush(&mut tape).unwrap();
        prop_assert_eq!(tape.0.len() as u64 / CHANNELS as u64, given);
    }
}
