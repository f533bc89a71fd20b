use proptest::prelude::*;

use super::*;
use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

fn music(from: usize, pairs: usize) -> Vec<f32> {
    (from..from + pairs)
        .flat_map(|at| {
            let time = at as f32 / 48_000.0;
            let beat = 1.0 - (time * 4.0).fract();
            let tone = |hertz: f32| (time * hertz * std::f32::consts::TAU).sin();
            [0.3 * beat * (tone(220.0) + tone(1_370.0)), 0.3 * (beat * tone(331.0) + tone(90.0))]
        })
        .collect()
}

fn chain(specs: Vec<FilterSpec>, frames: usize) -> Chain {
    let mut chain = Chain::new(frames * FRAME_SAMPLES);
    chain.change(specs, &[]);
    chain
}

/// What comes out when frame `first` and those after it go in.
fn run(chain: &mut Chain, first: usize, frames: usize) -> Vec<f32> {
    let mut out = Vec::new();
    let mut frame = [0.0; FRAME_LEN];
    for number in first..first + frames {
        chain.feed(&music(number * FRAME_SAMPLES, FRAME_SAMPLES));
        while chain.ready() > 0 {
            let pairs = chain.take(&mut frame, FRAME_SAMPLES);
            out.extend_from_slice(&frame[..pairs * 2]);
        }
    }
    out
}

/// Each with numbers at which it does something.
fn each() -> Vec<FilterSpec> {
    KINDS
        .iter()
        .map(|kind| {
            let middle = |parameter: &Parameter| {
                let (min, max) = parameter.range;
                if parameter.default == min || kind.name == "equalizer" || kind.name == "timescale" {
                    min + (max - min) * 0.3
                } else {
                    parameter.default
                }
            };
            FilterSpec::new(kind.name, &kind.parameters.iter().map(middle).collect::<Vec<_>>()).unwrap()
        })
        .collect()
}

#[test]
fn every_filter_goes_back_to_where_it_stood() {
    for spec in each() {
        let mut chain = chain(vec![spec.clone()], 30);
        run(&mut chain, 0, 70);
        let mut memory = Memory::default();
        chain.remember(memory.note());
        let (ahead, behind) = (run(&mut chain, 70, 25), chain.behind());
        chain.remember(memory.recall());
        assert_eq!(ahead, run(&mut chain, 70, 25), "{spec:?}");
        assert_eq!(behind, chain.behind(), "{spec:?}");
    }
}

#[test]
fn every_filter_does_something() {
    for spec in each() {
        let whole = music(0, 100 * FRAME_SAMPLES);
        let out = run(&mut chain(vec![spec.clone()], 0), 0, 100);
        let differs = out.len() != whole.len()
            || out.iter().zip(&whole).any(|(out, sample)| (out - sample).abs() > 0.01);
        assert!(differs, "{spec:?}");
    }
}

#[test]
fn filters_that_stay_remember_when_another_comes() {
    let [echo, tremolo] = ["echo", "tremolo"].map(|name| FilterSpec::default_of(name).unwrap());
    let mut with = chain(vec![echo.clone()], 0);
    let mut without = chain(vec![echo.clone()], 0);
    run(&mut with, 0, 20);
    run(&mut without, 0, 20);
    assert!(with.change(vec![echo.clone(), tremolo], &[]));
    assert!(with.change(vec![echo], &[]));
    assert_eq!(run(&mut with, 20, 5), run(&mut without, 20, 5));
}

#[test]
fn a_filter_that_has_heard_what_came_before_does_not_begin_in_silence() {
    let equalizer = each().remove(0);
    let mut always = chain(vec![equalizer.clone()], 0);
    run(&mut always, 0, 40);
    let mut late = chain(Vec::new(), 0);
    late.change(vec![equalizer], &music(30 * FRAME_SAMPLES, 10 * FRAME_SAMPLES));
    let worst = run(&mut always, 40, 5)
        .iter()
        .zip(run(&mut late, 40, 5))
        .map(|(one, other)| (one - other).abs())
        .fold(0.0, f32::max);
    assert!(worst < 0.02, "{worst}");
}

#[test]
fn what_is_not_asked_for_is_left_alone() {
    let nothing = FilterSpec::default_of("channel_mix").unwrap();
    assert_eq!(run(&mut chain(vec![nothing], 0), 0, 50), music(0, 50 * FRAME_SAMPLES));
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    let error = FilterSpec::new("tremolo", &[2.0, 3.0]).unwrap_err();
    assert_eq!(error.to_string(), "tremolo: depth must be 0 to 1, not 3");
    assert!(FilterSpec::new("tremolo", &[f64::NAN, 0.5]).is_err());
    assert!(FilterSpec::new("tremolo", &[2.0]).is_err());
    assert!(FilterSpec::new("flanger", &[]).is_err());
    let timescale = FilterSpec::default_of("timescale").unwrap();
    assert_eq!(Chain::check(&[timescale.clone(), timescale]), Err(FilterError::Timescales));
    let tremolo = FilterSpec::default_of("tremolo").unwrap();
    assert_eq!(Chain::check(&vec![tremolo; 33]), Err(FilterError::Many(33)));
}

fn hostile_sample() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => -1.0_f32..1.0,
        1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::MIN, 1e-40, 0.0, 1.0, -1.0, 9e3]),
    ]
}

fn any_spec() -> impl Strategy<Value = FilterSpec> {
    (0..KINDS.len(), prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0_f64..1.0], 15)).prop_map(
        |(index, ways)| {
            let kind = &KINDS[index];
            let values = kind.parameters.iter().zip(ways).map(|(parameter, way)| {
                let (min, max) = parameter.range;
                min + (max - min) * way
            });
            FilterSpec::new(kind.name, &values.collect::<Vec<_>>()).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn whatever_the_numbers_and_the_sound_something_finite_comes_out(
        mut specs in prop::collection::vec(any_spec(), 1..5),
        sound in prop::collection::vec(hostile_sample(), 64),
    ) {
        let mut seen = false;
        specs.retain(|spec| !spec.is_timescale() || !std::mem::replace(&mut seen, true));
        let mut chain = chain(specs, 3);
        let input: Vec<f32> = sound.iter().copied().cycle().take(FRAME_LEN).collect();
        let mut frame = [0.0; FRAME_LEN];
        for round in 0..40 {
            chain.feed(if round < 30 { &input } else { &[0.0; FRAME_LEN] });
            while chain.ready() > 0 {
                chain.take(&mut frame, FRAME_SAMPLES);
                prop_assert!(frame.iter().all(|sample| sample.is_finite()));
            }
        }
        prop_assert!(chain.behind().is_finite());
    }
}
