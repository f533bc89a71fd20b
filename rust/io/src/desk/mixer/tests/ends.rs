//! Ends, as they are heard; places; and what a mixer is when it has nothing.

use super::*;

#[test]
fn an_end_is_told_when_it_is_heard() {
    let mut stage = Stage::endless();
    let layer = stage.play(Sound::tone(960 * 10 + 17, 440.0, 0.4), |_| ());
    let heard = Heard::default();
    layer.on_end(heard.listener());
    stage.set_ahead(15);
    stage.pull(25);
    stage.source.is_changed();
    assert!(heard.take().is_empty() && !layer.is_over(), "its last frame is just about to be heard");
    stage.set_ahead(14);
    stage.source.is_changed();
    assert_eq!(heard.take(), [None]);
    assert!(layer.is_over() && layer.error().is_none());
    layer.on_end(heard.listener());
    assert_eq!(heard.take(), [None], "who asks late is told at once");
    assert!((layer.position() - 0.2).abs() < 0.03, "{}", layer.position());
}

#[test]
fn an_end_is_not_told_while_the_clock_may_have_been_faster_than_it() {
    let mut stage = Stage::endless();
    let layer = stage.play(tone(500), |_| ());
    let heard = Heard::default();
    layer.on_end(heard.listener());
    stage.set_ahead(10);
    stage.pull(30);
    layer.stop(0.0).expect("in its range");
    stage.taker.unsettled.store(true, Relaxed);
    stage.revise_to(20);
    stage.set_ahead(0);
    stage.pull_on(2);
    stage.source.is_changed();
    assert!(heard.take().is_empty() && !layer.is_over(), "old sound may be heard in its place");
    stage.taker.unsettled.store(false, Relaxed);
    stage.source.is_changed();
    assert_eq!(heard.take(), [None]);
}

#[test]
fn an_error_ends_its_layer_and_no_other() {
    let mut stage = Stage::new();
    let music = pull(&mut tone(30), 30);
    stage.play(tone(30), |_| ());
    let mut broken = flat(100, 0.0);
    broken.fails_at = Some(960 * 10);
    let layer = stage.play(broken, |_| ());
    let heard = Heard::default();
    layer.on_end(heard.listener());
    assert_same(&stage.pull(30), &music);
    assert_eq!(stage.end(), Err(Some(SourceFrame::End)));
    assert_eq!(heard.take(), [Some("a sound is closed".to_owned())]);
    assert_eq!(layer.error(), Some("a sound is closed"));
}

#[test]
fn a_fade_is_told_when_it_is_heard_or_when_nobody_will_hear_it() {
    let mut stage = Stage::endless();
    let layer = stage.play(tone(500), |_| ());
    let heard = Heard::default();
    stage.pull(10);
    layer.fade(0.5, 0.2, Some(heard.listener())).expect("in its range");
    stage.set_ahead(5);
    stage.pull(14);
    assert!(heard.take().is_empty());
    stage.pull(2);
    assert_eq!(heard.take(), [None]);
    layer.fade(1.0, 10.0, Some(heard.listener())).expect("in its range");
    stage.pull(2);
    layer.fade(0.0, 10.0, Some(heard.listener())).expect("in its range");
    assert_eq!(heard.take(), [None], "another took its place");
    layer.stop(0.0).expect("in its range");
    stage.pull(10);
    assert_eq!(heard.take(), [None], "there is nothing left to fade");
    layer.fade(0.3, 1.0, Some(heard.listener())).expect("in its range");
    assert_eq!(heard.take(), [None]);
}

#[test]
fn places_are_those_of_what_is_heard() {
    let mut stage = Stage::new();
    let layer = stage.play(tone(500), |options| options.duration = Some(500 * 960));
    assert_eq!((layer.position(), layer.duration()), (0.0, Some(10.0)));
    stage.set_ahead(20);
    stage.pull(50);
    assert!((layer.position() - 0.6).abs() < 1e-9);
    layer.pause(true);
    stage.revise_to(33);
    stage.pull_on(20);
    assert!(layer.is_paused() && (layer.position() - 0.66).abs() < 1e-9);
    layer.pause(false);
    stage.pull(40);
    assert!((layer.position() - (33.0 + 93.0 - 53.0 - 20.0) * 0.02).abs() < 1e-9, "{}", layer.position());
    layer.seek(7.0).expect("a place");
    assert_eq!(layer.position(), 7.0, "as good as done");
    stage.revise_to(stage.at - 18);
    stage.pull_on(10);
    assert_eq!(layer.position(), 7.0, "and it is not heard yet");
    stage.pull_on(20);
    assert!((layer.position() - 7.2).abs() < 1e-9, "{}", layer.position());
    layer.seek(100.0).expect("a place");
    assert_eq!(layer.position(), 10.0);
    assert!(layer.seek(-1.0).is_err() && layer.seek(f64::NAN).is_err());
}

#[test]
fn it_ends_with_its_last_layer_to_the_sample_and_is_revived_until_that_is_heard() {
    let mut stage = Stage::new();
    assert!(stage.pull(3).iter().all(|sample| *sample == 0.0), "it waits for its first one");
    stage.set_ahead(20);
    stage.play(Sound::new(960 * 4 + 100, |_| 0.5), |_| ());
    let all = stage.pull(5);
    assert_eq!(all.iter().filter(|sample| **sample == 0.5).count(), 4 * 960 + 100);
    assert_eq!(stage.end(), Err(Some(SourceFrame::End)));
    assert_eq!(stage.end(), Err(Some(SourceFrame::End)));
    stage.play(flat(2, 0.25), |_| ());
    stage.revise_to(7);
    assert_eq!(stage.pull_on(2)[99..=100], [0.75, 0.25]);
    assert_eq!(stage.end(), Err(Some(SourceFrame::End)));
}

#[test]
fn the_last_frame_says_how_long_it_is() {
    let mut stage = Stage::new();
    stage.play(Sound::new(960 + 100, |_| 0.5), |_| ());
    let mut frame = crate::source::FrameBuf::new();
    for expected in [960, 100] {
        stage.source.next(&mut frame, Want::PCM).expect("no error");
        assert_eq!(frame.samples, expected);
    }
}

#[test]
fn an_endless_one_goes_on_in_silence() {
    let mut stage = Stage::endless();
    stage.play(flat(2, 0.5), |_| ());
    assert!(stage.pull(100)[2 * FRAME..].iter().all(|sample| *sample == 0.0));
    stage.mixer.set_endless(false);
    stage.source.revise(0);
    assert_eq!(stage.end(), Err(Some(SourceFrame::End)));
}

#[test]
fn a_paused_layer_keeps_it_alive_and_a_seek_brings_one_back_whose_end_is_not_heard() {
    let mut stage = Stage::new();
    let layer = stage.play(flat(5, 0.5), |_| ());
    layer.pause(true);
    assert_same(&stage.pull(10), &[0.0; 10 * FRAME]);
    layer.pause(false);
    stage.set_ahead(8);
    stage.pull(5);
    assert_eq!(stage.end(), Err(Some(SourceFrame::End)));
    layer.seek(0.0).expect("a place");
    assert_same(&stage.pull(5), &[0.5; 5 * FRAME]);
}

#[test]
fn a_stop_is_not_put_off_by_another() {
    for (first, then, frames) in [(0.2, &[10.0][..], 10), (10.0, &[0.0, 10.0], 5), (10.0, &[0.2, 10.0], 15)] {
        let mut stage = Stage::new();
        let layer = stage.play(tone(500), |_| ());
        stage.pull(10);
        layer.stop(first).expect("in its range");
        stage.pull(5);
        then.iter().for_each(|seconds| layer.stop(*seconds).expect("in its range"));
        stage.source.revise(0);
        let left = (0..).take_while(|_| stage.end().is_ok()).count();
        // One is always on its way.
        assert!((5 + left).abs_diff(frames) <= 1, "{first}, {then:?}: {left}");
    }
}

#[test]
fn stop_ends_all_layers_and_a_mixer_that_has_none() {
    let mut stage = Stage::new();
    stage.mixer.stop(0.0).expect("in its range");
    stage.source.revise(0);
    assert_eq!(stage.end(), Err(Some(SourceFrame::End)));

    let mut stage = Stage::new();
    let heard = Heard::default();
    for _ in 0..2 {
        stage.play(tone(100), |_| ()).on_end(heard.listener());
    }
    stage.pull(5);
    stage.mixer.stop(0.1).expect("in its range");
    stage.pull(5);
    assert_eq!(stage.end(), Err(Some(SourceFrame::End)));
    assert_eq!(heard.take(), [None, None]);
    assert!(stage.mixer.stop(-1.0).is_err());
}

#[test]
fn what_is_not_heard_any_more_is_over_and_the_mixer_plays_again() {
    let stage = Stage::new();
    let (heard, waiting) = (Heard::default(), Heard::default());
    let Stage { mixer, mut source, taker, .. } = stage;
    let layer = mixer.play(Box::new(tone(100)), plain()).expect("in its range");
    layer.on_end(heard.listener());
    pull(&mut source, 20);
    taker.ahead.store(5, Relaxed);
    let next = mixer.play(Box::new(tone(100)), plain()).expect("in its range");
    next.on_end(waiting.listener());
    assert!(mixer.plays());
    drop(source);
    assert_eq!(heard.take(), [None]);
    assert!((layer.position() - 0.3).abs() < 1e-9, "where it was left: {}", layer.position());
    assert!(!mixer.plays() && waiting.take().is_empty(), "what has not begun waits");
    let mut again = Stage::of(mixer);
    assert_same(&again.pull(100), &pull(&mut tone(100), 100));
    assert_eq!(again.end(), Err(Some(SourceFrame::End)));
    assert_eq!(waiting.take(), [None]);
    assert!((layer.position() - 0.3).abs() < 1e-9);
}

#[test]
fn a_layer_of_a_mixer_that_does_not_play_can_be_stopped() {
    let mixer = Mixer::new(false, Arc::new(AtOnce));
    let heard = Heard::default();
    for stop in [|_: &Mixer, layer: &Layer| layer.stop(0.0), |mixer: &Mixer, _: &Layer| mixer.stop(1.0)] {
        let layer = mixer.play(Box::new(tone(100)), plain()).expect("in its range");
        layer.on_end(heard.listener());
        stop(&mixer, &layer).expect("in its range");
        assert_eq!(heard.take(), [None]);
    }
    mixer.play(Box::new(tone(100)), plain()).expect("in its range").on_end(heard.listener());
    drop(mixer);
    assert_eq!(heard.take(), [None], "nobody can play it any more");
}

#[test]
fn options_out_of_range_are_refused() {
    let mixer = Mixer::new(false, Arc::new(AtOnce));
    let wrong: [fn(&mut LayerOptions); 5] = [
        |options| options.volume = -1.0,
        |options| options.volume = f32::NAN,
        |options| options.fade_in = 1e9,
        |options| options.duck = Some(1.5),
        |options| options.duck = Some(f32::NAN),
    ];
    for change in wrong {
        let mut options = plain();
        change(&mut options);
        assert!(mixer.play(Box::new(tone(1)), options).is_err());
    }
}
