//! What cannot be played is told of, and the others go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::stand::{Stand, counted, counting, expected, given, made};
use crate::desk::queue::{Entry, Opened, QueueOptions, Repeat};
use crate::desk::stage::Sound;

fn failing(tries: &Arc<AtomicUsize>) -> Arc<Entry> {
    let tries = tries.clone();
    made(move || {
        tries.fetch_add(1, Relaxed);
        Err("it is gone".to_owned())
    })
}

#[test]
fn one_that_fails_is_left_out_without_a_gap() {
    let tries = Arc::default();
    let counting = counting(&[5_000, 5_000]);
    let entries = [failing(&tries), counting[0].clone(), failing(&tries), counting[1].clone()];
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear_all();
    assert!(stand.sound()[..10_000] == expected(&[(0, 0, 5_000), (1, 0, 5_000)]));
    assert_eq!(stand.heard_of(&entries), "+1 -1 +3 -3 .");
    assert_eq!(stand.queue.history().len(), 4);
}

#[test]
fn one_that_breaks_ends_there_and_the_next_follows() {
    let mut breaks = counted(0, 48_000);
    breaks.fails_at = Some(960 * 30);
    let entries = [given(breaks, Some(48_000)), counting(&[0, 5_000])[1].clone()];
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear_all();
    assert!(stand.sound()[..960 * 30 + 5_000] == expected(&[(0, 0, 960 * 30), (1, 0, 5_000)]));
    assert_eq!(stand.events(&entries), "+0 !0 +1 -1 .");
}

#[test]
fn nothing_but_failures_ends_after_one_round() {
    for repeat in [Repeat::Off, Repeat::One, Repeat::All] {
        let tries = Arc::default();
        let entries = [failing(&tries), failing(&tries), failing(&tries)];
        let mut stand = Stand::new(QueueOptions { repeat, ..QueueOptions::default() }, &entries);
        stand.hear_all();
        assert!(stand.made.is_empty() && stand.ended);
        assert_eq!(tries.load(Relaxed), 3);
    }
}

#[test]
fn one_that_breaks_is_not_repeated_for_ever() {
    for repeat in [Repeat::One, Repeat::All] {
        let opened = Arc::new(AtomicUsize::new(0));
        let theirs = opened.clone();
        let entry = made(move || {
            theirs.fetch_add(1, Relaxed);
            let mut sound = Sound::new(48_000, |_| 0.5);
            sound.fails_at = Some(960);
            Ok(Opened::new(Box::new(sound), None))
        });
        let mut stand = Stand::new(QueueOptions { repeat, ..QueueOptions::default() }, &[entry]);
        stand.hear_all();
        assert_eq!((stand.made.len(), opened.load(Relaxed)), (1, 1));
    }
}

#[test]
fn what_failed_is_tried_again_when_its_turn_comes_again() {
    let tries = Arc::default();
    let entries = [counting(&[960 * 60])[0].clone(), failing(&tries)];
    let options = QueueOptions { repeat: Repeat::All, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &entries);
    for _ in 0..5 {
        stand.hear(30);
        stand.loaded();
        stand.hear(30);
    }
    assert!(stand.sound()[..60 * 5 * 960] == expected(&[(0, 0, 960 * 60); 5]));
    assert!((4..=6).contains(&tries.load(Relaxed)), "{tries:?}");
}

#[test]
fn in_silence_it_tries_again_after_a_while() {
    let tries = Arc::new(AtomicUsize::new(0));
    let theirs = tries.clone();
    let entry = made(move || match theirs.fetch_add(1, Relaxed) {
        0..2 => Err("the network is down".to_owned()),
        _ => Ok(Opened::new(Box::new(counted(0, 960 * 50)), None)),
    });
    let options = QueueOptions { repeat: Repeat::All, endless: true, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &[entry]);
    stand.hear(400);
    assert_eq!(tries.load(Relaxed), 1);
    while tries.load(Relaxed) < 3 {
        stand.hear(1);
    }
    assert!(stand.heard > 900, "{}", stand.heard);
    stand.loaded();
    stand.hear(10);
    assert!(
        stand.sound().ends_with(&expected(&[(0, 0, 960)]))
            || stand.sound().iter().any(|sample| *sample != 0.0)
    );
}

#[test]
fn a_skip_to_one_that_fails_goes_on_to_the_next() {
    let tries = Arc::default();
    let all = counting(&[480_000, 480_000]);
    let entries =
        [all[0].clone(), super::stand::made_late(|| Err("gone".to_owned())), all[1].clone(), failing(&tries)];
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear(20);
    stand.queue.skip();
    stand.feed();
    stand.loaded();
    stand.hear(1);
    stand.loaded();
    stand.hear(60);
    assert_eq!(stand.heard_of(&entries), "+0 -0 +2");
    assert!(Arc::ptr_eq(&stand.queue.now().unwrap(), &entries[2]));
}

#[test]
fn one_that_breaks_before_it_is_heard_is_heard_as_far_as_it_goes() {
    for repeat in [Repeat::Off, Repeat::One, Repeat::All] {
        let sound = || {
            let mut breaks = counted(0, 48_000);
            breaks.fails_at = Some(960 * 10);
            Ok(Opened::new(Box::new(breaks), Some(48_000)))
        };
        let entries = [made(sound), counting(&[0, 5_000])[1].clone()];
        let mut stand = Stand::new(QueueOptions { repeat, ..QueueOptions::default() }, &entries);
        stand.hear(14);
        assert!(stand.sound()[..960 * 14] == expected(&[(0, 0, 960 * 10), (1, 0, 960 * 4)]), "{repeat:?}");
        assert_eq!(stand.events(&entries), "+0 !0 +1");
        assert!(entries[0].broke_off().is_some());
    }
}

#[test]
fn one_that_can_be_had_once_is_heard_before_it_is_missing() {
    for length in [960 * 10, 960 * 60] {
        for repeat in [Repeat::Off, Repeat::One, Repeat::All] {
            let tries = Arc::new(AtomicUsize::new(0));
            let theirs = tries.clone();
            let entry = made(move || match theirs.fetch_add(1, Relaxed) {
                0 => Ok(Opened::new(Box::new(counted(0, length)), Some(length))),
                _ => Err("it plays once".to_owned()),
            });
            let entries = [entry];
            let mut stand = Stand::new(QueueOptions { repeat, ..QueueOptions::default() }, &entries);
            stand.hear_all();
            assert!(stand.sound() == expected(&[(0, 0, length)]) && stand.ended, "{repeat:?}, {length}");
            assert_eq!(stand.heard_of(&entries), "+0 -0 .");
            assert_eq!(tries.load(Relaxed), if repeat == Repeat::Off { 1 } else { 2 });
        }
    }
}
