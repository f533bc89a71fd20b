use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::*;
use crate::desk::stage::{Sound, Taker, next, pull};
use crate::dsp::filters::KINDS;

const SECOND: u64 = 48_000;

fn spec(name: &str, values: &[f64]) -> FilterSpec {
    FilterSpec::new(name, values).unwrap()
}

/// Any sound that is not a tone.
fn sound(samples: u64) -> Sound {
    Sound::new(samples, |at| {
        let time = at as f64 / 48_000.0;
        let wave =
            (time * 331.0 * 6.283).sin() * (1.0 - (time * 3.0).fract()) + (time * 97.0 * 6.283).sin() * 0.4;
        (wave * 0.4 * 32_768.0).round() as f32 / 32_768.0
    })
}

fn filtered(source: Sound, specs: &[FilterSpec]) -> (Filtered, Filters, Arc<Taker>) {
    let filters = Filters::default();
    filters.set(specs.to_vec()).unwrap();
    let mut source = Filtered::new(Box::new(source), Volume::new(1.0).unwrap(), filters.clone());
    let taker = Arc::new(Taker::default());
    source.attach(&(Arc::clone(&taker) as Arc<dyn Downstream>), 25);
    (source, filters, taker)
}

fn all(source: &mut Filtered) -> Vec<f32> {
    let (mut out, mut frame) = (Vec::new(), FrameBuf::new());
    while source.next(&mut frame, Want::PCM).unwrap() == Some(SourceFrame::Pcm) {
        out.extend(frame.pcm[..usize::from(frame.samples) * 2].iter().step_by(2));
    }
    out
}

#[test]
fn without_filters_it_is_the_source() {
    let whole = pull(&mut sound(SECOND), 50);
    assert!(pull(&mut filtered(sound(SECOND), &[]).0, 50) == whole);
}

#[test]
fn it_is_as_long_as_the_source_to_the_sample() {
    let length = 31_234;
    for (name, tempo) in [("tremolo", 1.0), ("low_pass", 1.0), ("vibrato", 1.0)] {
        let out = all(&mut filtered(sound(length), &[FilterSpec::default_of(name).unwrap()]).0);
        assert_eq!(out.len() as f64, length as f64 / tempo, "{name}");
    }
    for (speed, pitch, rate) in
        [(1.25, 1.0, 1.0), (0.6, 1.0, 1.0), (1.0, 1.3, 1.0), (1.1, 0.8, 1.5), (4.0, 0.25, 1.0)]
    {
        let out = all(&mut filtered(sound(length), &[spec("timescale", &[speed, pitch, rate])]).0);
        let due = length as f64 / (speed * rate);
        assert!((out.len() as f64 - due).abs() <= 1.0, "{speed} {pitch} {rate}: {} for {due}", out.len());
    }
}

#[test]
fn an_echo_rings_out_after_the_end() {
    let out = all(&mut filtered(sound(SECOND), &[spec("echo", &[0.25, 0.5])]).0);
    assert_eq!(out.len() as u64, SECOND + 10 * SECOND / 4);
    assert!(out[SECOND as usize..].iter().any(|sample| sample.abs() > 0.1));
    assert!(out[out.len() - 2_000..].iter().all(|sample| sample.abs() < 1e-3));
}

#[test]
fn filters_asked_for_late_sound_as_if_they_had_been_asked_for_in_time() {
    for kind in KINDS {
        let late = FilterSpec::default_of(kind.name).unwrap();
        let (mut one, filters, taker) = filtered(sound(20 * SECOND), &[]);
        let (mut other, others, _) = filtered(sound(20 * SECOND), &[]);
        pull(&mut one, 100);
        pull(&mut other, 77);
        for (source, filters, frames) in [(&mut one, filters, 23), (&mut other, others, 0)] {
            filters.set(vec![late.clone()]).unwrap();
            assert!(source.is_changed());
            source.revise(frames);
            assert!(!source.is_changed());
        }
        assert_eq!(taker.woken.load(Relaxed), 1);
        assert!(pull(&mut one, 60) == pull(&mut other, 60), "{}", kind.name);
    }
}

#[test]
fn going_back_gives_the_same_sound_again() {
    for kind in KINDS {
        let values = match kind.name {
            "timescale" => vec![1.7, 0.8, 1.1],
            _ => kind.parameters.iter().map(|parameter| parameter.default).collect(),
        };
        let (mut source, ..) = filtered(sound(20 * SECOND), &[spec(kind.name, &values)]);
        pull(&mut source, 80);
        let place = source.position();
        let first = pull(&mut source, 25);
        source.revise(25);
        assert_eq!(source.position(), place, "{}", kind.name);
        assert!(pull(&mut source, 25) == first, "{}", kind.name);
        source.revise(10);
        assert!(pull(&mut source, 10) == first[15 * FRAME_SAMPLES..], "{}", kind.name);
    }
}

#[test]
fn its_place_is_that_in_the_source() {
    let (mut source, filters, _) = filtered(sound(60 * SECOND), &[spec("timescale", &[2.0, 1.0, 1.0])]);
    pull(&mut source, 100);
    assert!(source.position().abs_diff(4 * SECOND) < SECOND / 50, "{}", source.position());
    filters.set(vec![spec("timescale", &[0.5, 1.0, 1.0])]).unwrap();
    source.revise(0);
    assert!(source.position().abs_diff(4 * SECOND) < SECOND / 50, "{}", source.position());
    pull(&mut source, 100);
    assert!(source.position().abs_diff(5 * SECOND) < SECOND / 50, "{}", source.position());
    filters.set(Vec::new()).unwrap();
    source.revise(0);
    assert!(source.position().abs_diff(5 * SECOND) < SECOND / 50, "{}", source.position());
    source.seek(10.0).unwrap();
    assert_eq!(source.position(), 10 * SECOND);
}

#[test]
fn the_same_sound_goes_on_when_the_tempo_becomes_another() {
    // A sound that tells its place: its level.
    let ramp = Sound::new(10 * SECOND, |at| at as f32 / (10.0 * 48_000.0));
    let (mut source, filters, _) = filtered(ramp, &[]);
    pull(&mut source, 100);
    for speed in [1.5, 0.7] {
        let before = pull(&mut source, 1);
        filters.set(vec![spec("timescale", &[speed, 1.0, 1.0])]).unwrap();
        source.revise(0);
        let after = pull(&mut source, 1);
        let gap = (after[0] - before[FRAME_SAMPLES - 1]) * 10.0;
        // A piece may be taken 15 ms from its place, either way.
        assert!(gap.abs() < 0.03, "{speed}: {gap} s");
    }
}

#[test]
fn the_volume_of_the_source_is_heard_before_the_filters_and_changes_at_once() {
    let volume = Volume::new(0.5).unwrap();
    let filters = Filters::default();
    let mut source = Filtered::new(Box::new(sound(SECOND)), volume.clone(), filters.clone());
    let plain = pull(&mut sound(SECOND), 4);
    let half: Vec<f32> = plain.iter().map(|sample| sample * 0.5).collect();
    assert!(pull(&mut source, 2) == half[..2 * FRAME_SAMPLES]);
    filters.set(vec![FilterSpec::default_of("channel_mix").unwrap()]).unwrap();
    volume.set(1.0).unwrap();
    assert!(source.is_changed());
    source.revise(0);
    pull(&mut source, 1);
    assert!(pull(&mut source, 1) == plain[3 * FRAME_SAMPLES..]);
    assert!(!source.is_changed());
}

#[test]
fn a_source_that_starves_holds_nothing_up() {
    let source = sound(SECOND);
    let starves = Arc::clone(&source.starves);
    let (mut filtered, ..) = filtered(source, &[spec("timescale", &[1.3, 1.0, 1.0])]);
    let mut unbroken = filtered_alone();
    let mut heard = Vec::new();
    for round in 0..60 {
        starves.store(round % 3 == 0, Relaxed);
        match next(&mut filtered, Want::PCM) {
            Ok(frame) => heard.extend(frame),
            Err(other) => assert!(matches!(other, Some(SourceFrame::Starved | SourceFrame::End))),
        }
    }
    assert!(heard[..20 * FRAME_SAMPLES] == pull(&mut unbroken, 20));
}

#[test]
fn what_filters_make_too_loud_is_turned_down() {
    let louder = spec("compressor", &[0.0, 1.0, 0.01, 0.1, 24.0]);
    let out = all(&mut filtered(sound(2 * SECOND), &[louder]).0);
    assert!(out.iter().all(|sample| sample.abs() <= 1.0));
    let cut = out.iter().filter(|sample| sample.abs() > 0.999).count();
    assert!(cut < out.len() / 50, "{cut} of {}", out.len());
}

fn filtered_alone() -> Filtered {
    filtered(sound(SECOND), &[spec("timescale", &[1.3, 1.0, 1.0])]).0
}
