//! Sound by sound: sums, gains, ducking, the limiter, and those who have nothing.

use super::*;

#[test]
fn one_alone_is_what_it_was_and_two_are_their_sum_to_the_bit() {
    let mut stage = Stage::new();
    stage.play(tone(50), |_| ());
    let one = pull(&mut tone(50), 50);
    assert_same(&stage.pull(10), &one[..10 * FRAME]);
    let two = pull(&mut Sound::tone(960 * 50, 999.0, 0.5), 40);
    stage.play(Sound::tone(960 * 50, 999.0, 0.5), |_| ());
    let both: Vec<f32> = one[10 * FRAME..].iter().zip(&two).map(|(one, two)| one + two).collect();
    assert_same(&stage.pull(40), &both);
}

#[test]
fn volumes_multiply() {
    let mut stage = Stage::new();
    let own = Volume::new(0.5).expect("a volume");
    let layer = stage.play(flat(100, 0.5), |options| (options.volume, options.own) = (0.5, own.clone()));
    assert_eq!(stage.pull(2)[1_919], 0.125);
    layer.fade(2.0, 0.0, None).expect("a volume");
    assert_eq!((layer.volume(), stage.pull(1)[0]), (2.0, 0.5));
    own.set(0.25).expect("a volume");
    assert_eq!(stage.pull(1)[0], 0.25, "the volume of the source is seen too");
    for wrong in [-0.1, 16.1, f32::NAN] {
        assert!(
            layer.fade(wrong, 0.0, None).is_err() && layer.fade(1.0, f64::from(wrong) - 17.0, None).is_err()
        );
    }
    assert_eq!(layer.volume(), 2.0);
}

#[test]
fn fades_have_neither_step_nor_kink() {
    let ideal = 0.4 * (std::f32::consts::TAU * 440.0 / 48_000.0).powi(2);
    let mut stage = Stage::new();
    let layer = stage.play(tone(300), |options| options.fade_in = 0.5);
    let mut all = stage.pull(40);
    layer.fade(0.3, 1.0, None).expect("in its range");
    all.extend(stage.pull(20));
    // On the way somewhere else.
    layer.fade(1.5, 0.3, None).expect("in its range");
    all.extend(stage.pull(60));
    layer.stop(0.4).expect("in its range");
    all.extend(stage.pull(20));
    assert!(largest_bend(&all) < 2.0 * 1.5 * ideal, "{}", largest_bend(&all));
    assert!(all[..100].iter().all(|sample| sample.abs() < 1e-4), "it comes up from nothing");
    let loudest = |samples: &[f32]| samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    assert!((loudest(&all[30 * FRAME..40 * FRAME]) - 0.4).abs() < 1e-3);
    assert!((loudest(&all[110 * FRAME..120 * FRAME]) - 0.6).abs() < 1e-3);
    assert!(stage.end().is_err(), "stopped when it has faded");
}

#[test]
fn two_that_fade_into_one_another_keep_their_power() {
    let mut stage = Stage::new();
    let noise = |seed: u32| {
        move |at: u64| {
            let mixed = (at as u32 ^ seed).wrapping_mul(0x9E37_79B1);
            ((mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA77) >> 8) as f32 / 16_777_216.0 * 0.8 - 0.4
        }
    };
    let goes = stage.play(Sound::new(960 * 300, noise(1)), |_| ());
    stage.pull(10);
    goes.fade(0.0, 2.0, None).expect("in its range");
    stage.play(Sound::new(960 * 300, noise(77_777)), |options| options.fade_in = 2.0);
    let all = stage.pull(120);
    let power =
        |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    for part in all.chunks_exact(10 * FRAME) {
        let decibels = 10.0 * (power(part) / (0.16 / 3.0)).log10();
        assert!(decibels.abs() < 0.5, "{decibels}");
    }
}

#[test]
fn the_others_are_turned_down_while_one_sounds_and_come_back_after() {
    let mut stage = Stage::new();
    stage.play(flat(200, 0.75), |_| ());
    stage.pull(10);
    // It is silent, so that only the music is heard.
    let speaks = stage.play(flat(20, 0.0), |options| options.duck = Some(0.25));
    let all = stage.pull(60);
    let ms = |ms: usize| all[ms * 48];
    assert!(
        (ms(0) - 0.75).abs() < 1e-4 && ms(20) < 0.7 && (ms(41) - 0.1875).abs() < 1e-5,
        "{} {}",
        ms(20),
        ms(41)
    );
    assert!((ms(399) - 0.1875).abs() < 1e-5, "as long as it sounds");
    let back = [500, 600, 801].map(ms);
    assert!(ms(500) > 0.2 && ms(500) < 0.5 && ms(600) > 0.5 && (ms(801) - 0.75).abs() < 1e-5, "{back:?}");
    assert!(all[..1_920].windows(2).all(|pair| pair[1] <= pair[0]));
    assert!(all[400 * 48..].windows(2).all(|pair| pair[1] >= pair[0] - 1e-6));
    assert!(largest_bend(&all) < 1e-5);
    assert!(speaks.is_over());
}

#[test]
fn those_that_duck_are_not_ducked_and_one_that_is_silent_does_not() {
    let mut stage = Stage::new();
    stage.play(flat(500, 0.1), |options| options.duck = Some(0.5));
    stage.play(flat(500, 0.01), |options| options.duck = Some(0.1));
    stage.play(flat(500, 0.375), |_| ());
    let sum = *stage.pull(5).last().expect("sound");
    assert!((sum - (0.1 + 0.01 + 0.0375)).abs() < 1e-5, "{sum}");

    let mut stage = Stage::new();
    let speaks = stage.play(flat(500, 0.0), |options| options.duck = Some(0.1));
    stage.play(flat(500, 0.375), |_| ());
    speaks.pause(true);
    assert_eq!(stage.pull(5).last(), Some(&0.375));
    speaks.pause(false);
    assert!(stage.pull(5).last() < Some(&0.05));
    speaks.fade(0.0, 0.0, None).expect("a volume");
    assert_eq!(stage.pull(30).last(), Some(&0.375));
    speaks.fade(1.0, 0.0, None).expect("a volume");
    assert!(stage.pull(5).last() < Some(&0.05));
    speaks.stop(3.0).expect("in its range");
    assert_eq!(stage.pull(30).last(), Some(&0.375), "one that goes makes room");
}

#[test]
fn a_sum_that_is_too_loud_is_turned_down_without_a_click() {
    let ideal = (std::f32::consts::TAU * 440.0 / 48_000.0).powi(2);
    let mut stage = Stage::new();
    for _ in 0..4 {
        stage.play(Sound::tone(960 * 300, 440.0, 0.9), |options| options.fade_in = 0.4);
    }
    let all = stage.pull(100);
    assert!(all.iter().all(|sample| sample.abs() <= 1.0));
    assert!(all[48_000..].iter().fold(0.0_f32, |most, sample| most.max(*sample)) > 0.95);
    assert!(largest_bend(&all) < 2.0 * ideal, "{} of {ideal}", largest_bend(&all));
}

#[test]
fn who_has_nothing_costs_only_its_own_sound() {
    let mut stage = Stage::new();
    let music = pull(&mut tone(100), 100);
    stage.play(tone(100), |_| ());
    let count = Sound::new(960 * 100, |at| (at % 1_000) as f32 / 4_096.0);
    let starves = Arc::clone(&count.starves);
    let layer = stage.play(count, |_| ());
    stage.pull(10);
    starves.store(true, Relaxed);
    stage.pull_on(1);
    assert_eq!(stage.end(), Err(Some(SourceFrame::Starved)), "there is time to wait");
    let now = Want { now: true, ..Want::PCM };
    for frame in 11..15 {
        assert_eq!(next(&mut stage.source, now).expect("the music"), music[frame * FRAME..][..FRAME]);
        stage.at += 1;
    }
    assert_eq!(layer.underruns(), 4);
    assert_eq!(layer.position(), 11.0 * 0.02);
    starves.store(false, Relaxed);
    let all = stage.pull_on(10);
    for (index, sample) in all.iter().enumerate() {
        let expected = music[15 * FRAME + index] + ((11 * FRAME + index) % 1_000) as f32 / 4_096.0;
        assert_eq!(*sample, expected, "nothing of it is lost");
    }
    assert_eq!(layer.underruns(), 4);
}

#[test]
fn who_has_not_begun_holds_nobody_up_and_is_heard_at_once_when_it_can() {
    let mut stage = Stage::new();
    stage.play(tone(100), |_| ());
    let late = flat(100, 0.25);
    let starves = Arc::clone(&late.starves);
    starves.store(true, Relaxed);
    let layer = stage.play(late, |options| options.fade_in = 0.1);
    let music = pull(&mut tone(100), 100);
    assert_same(&stage.pull(20), &music[..20 * FRAME]);
    assert_eq!(layer.underruns(), 0);
    assert!(!stage.source.is_changed());
    starves.store(false, Relaxed);
    Downstream::wake(&*layer.0);
    stage.revise_to(5);
    let all = stage.pull_on(10);
    assert!((all[0] - music[5 * FRAME]).abs() < 1e-5 && all[9 * FRAME] - music[14 * FRAME] > 0.249);
}

#[test]
fn a_loop_has_no_seam() {
    let mut stage = Stage::new();
    let sound = |at: u64| ((at % 1_234) + 1) as f32 / 2_048.0;
    let layer = stage
        .play(Sound::new(1_234, sound), |options| (options.looped, options.duration) = (true, Some(1_234)));
    let all = stage.pull(50);
    assert!(all.iter().enumerate().all(|(index, sample)| *sample == sound(index as u64)));
    let place = layer.position() * 48_000.0;
    assert!((place - (50.0 * 960.0 % 1_234.0)).abs() < 1e-6, "{place}");
}
