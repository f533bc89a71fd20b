//! What is asked late sounds as if it had been asked early.

use super::*;

const ASKED: u64 = 12;
const AHEAD: u64 = 20;

/// A stage with a song, a voice over it, something looped, and what is asked of it; the layers in this order.
type Ask = fn(&Stage, &[Layer]);

fn stage() -> (Stage, Vec<Layer>) {
    let stage = Stage::endless();
    stage.set_ahead(DEPTH);
    let layers = vec![
        stage.play(tone(90), |options| options.fade_in = 0.3),
        stage.play(Sound::tone(960 * 25, 700.0, 0.5), |options| options.duck = Some(0.25)),
        stage.play(Sound::tone(5_000, 100.0, 0.3), |options| (options.looped, options.volume) = (true, 1.7)),
    ];
    (stage, layers)
}

const ASKS: [Ask; 10] = [
    |_, layers| layers[0].fade(0.2, 0.0, None).expect("in its range"),
    |_, layers| layers[2].fade(0.0, 0.25, None).expect("in its range"),
    |_, layers| layers[1].stop(0.0).expect("in its range"),
    |_, layers| layers[1].stop(0.3).expect("in its range"),
    |_, layers| layers[0].pause(true),
    |_, layers| layers[0].seek(1.003).expect("a place"),
    |_, layers| layers[2].seek(0.05).expect("a place"),
    |stage, _| drop(stage.play(flat(10, 0.2), |options| options.duck = Some(0.5))),
    |stage, _| stage.mixer.stop(0.1).expect("in its range"),
    |_, layers| {
        layers[0].pause(true);
        layers[1].fade(0.7, 0.1, None).expect("in its range");
        layers[2].stop(0.0).expect("in its range");
    },
];

#[test]
fn whatever_is_asked_late_sounds_as_if_it_had_been_asked_early() {
    for (index, ask) in ASKS.iter().enumerate() {
        let (mut early, layers) = stage();
        let mut expected = early.pull(ASKED);
        ask(&early, &layers);
        expected.extend(early.pull(80));

        let (mut late, layers) = stage();
        let mut got = late.pull(ASKED + AHEAD);
        got.truncate(ASKED as usize * FRAME);
        ask(&late, &layers);
        late.revise_to(ASKED);
        got.extend(late.pull_on(80));
        let first = got.iter().zip(&expected).position(|(one, two)| one != two);
        assert_eq!(first, None, "of what is asked in place {index}");
    }
}

#[test]
fn what_was_granted_holds_when_it_is_gone_back_to_before_it() {
    for (index, ask) in ASKS.iter().enumerate() {
        let (mut early, layers) = stage();
        let mut expected = early.pull(ASKED);
        ask(&early, &layers);
        layers[0].fade(0.9, 0.0, None).expect("a volume");
        expected.extend(early.pull(60));

        let (mut late, layers) = stage();
        let mut got = late.pull(ASKED + 3);
        got.truncate(ASKED as usize * FRAME);
        ask(&late, &layers);
        late.pull(AHEAD);
        layers[0].fade(0.9, 0.0, None).expect("a volume");
        late.revise_to(ASKED);
        got.extend(late.pull_on(60));
        let first = got.iter().zip(&expected).position(|(one, two)| one != two);
        assert_eq!(first, None, "of what is asked in place {index}");
    }
}

#[test]
fn going_back_without_a_change_gives_the_same_again() {
    let (mut stage, _layers) = stage();
    let all = stage.pull(70);
    for frames in [1, 9, DEPTH] {
        stage.source.revise(frames);
        assert_same(&pull(&mut stage.source, frames as usize), &all[(70 - frames as usize) * FRAME..]);
    }
}

#[test]
fn a_mixer_in_a_mixer_goes_back_with_it() {
    let run = |ahead: u64| {
        let mut outer = Stage::new();
        let inner = Mixer::new(false, Arc::new(AtOnce));
        let layer = inner.play(Box::new(tone(40)), plain()).expect("in its range");
        let source = inner.source().expect("it plays nowhere");
        assert!(inner.source().is_none(), "one place at a time");
        outer.mixer.play(Box::new(source), LayerOptions { volume: 0.5, ..plain() }).expect("in its range");
        let mut got = outer.pull(ASKED + ahead);
        got.truncate(ASKED as usize * FRAME);
        let woken = outer.taker.woken.load(Relaxed);
        layer.fade(0.1, 0.2, None).expect("in its range");
        assert!(outer.taker.woken.load(Relaxed) > woken);
        outer.revise_to(ASKED);
        got.extend(outer.pull_on(40 - ASKED));
        assert_eq!(outer.end(), Err(Some(SourceFrame::End)));
        got
    };
    assert_eq!(run(0), run(AHEAD));
}

#[test]
fn an_old_wish_is_not_granted_twice() {
    let mut stage = Stage::new();
    let layer = stage.play(tone(100), |_| ());
    stage.pull(10);
    layer.seek(0.5).expect("a place");
    stage.pull(10);
    layer.fade(0.5, 0.0, None).expect("a volume");
    stage.revise_to(15);
    let music = pull(&mut tone(100), 100);
    assert_eq!(stage.pull_on(1)[7], music[30 * FRAME + 7] * 0.5);
}
