//! What is asked for is heard at once, whatever was made already.

use std::sync::Arc;

use super::stand::{Stand, counted, counting, expected, given};
use crate::desk::queue::{QueueError, QueueOptions, Repeat};

const LONG: u64 = 960 * 500;

/// The sound of frames from number `from` on, a few of them.
fn at(stand: &Stand, from: usize) -> Vec<f32> {
    stand.sound()[from * 960..(from + 8) * 960].to_vec()
}

#[test]
fn a_skip_and_what_was_before_are_heard_two_frames_later() {
    let entries = counting(&[LONG, LONG, LONG]);
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear(100);
    stand.loaded();
    stand.queue.skip();
    assert!(Arc::ptr_eq(&stand.queue.now().unwrap(), &entries[1]), "it is told at once");
    assert_eq!(stand.queue.position(), 0.0);
    stand.hear(20);
    assert!(at(&stand, 102) == expected(&[(1, 0, 960 * 8)]));
    assert!(stand.sound()[..102 * 960] == expected(&[(0, 0, 102 * 960)]));
    assert_eq!(stand.events(&entries), "+0 -0 +1");
    assert!((stand.queue.position() - 0.36).abs() < 1e-6);
    stand.queue.previous();
    stand.feed();
    stand.loaded();
    stand.hear(30);
    let sound = stand.sound();
    let begins = sound.windows(2).position(|pair| pair == expected(&[(0, 0, 2)])).map(|_| 0);
    assert!(begins.is_some());
    assert_eq!(stand.events(&entries), "-1 +0");
    assert!(Arc::ptr_eq(&stand.queue.upcoming()[0], &entries[1]));
}

#[test]
fn a_skip_that_comes_too_late_skips_nothing_of_what_is_skipped_to() {
    for overtaken in [&[1][..], &[5], &[3, 2], &[1, 1, 1]] {
        let entries = counting(&[LONG, LONG, LONG]);
        let mut stand = Stand::new(QueueOptions::default(), &entries);
        stand.hear(100);
        stand.loaded();
        stand.queue.skip();
        for frames in overtaken {
            stand.overtake(*frames);
        }
        stand.hear(30);
        let begins = 102 + overtaken.iter().sum::<usize>();
        assert!(at(&stand, begins) == expected(&[(1, 0, 960 * 8)]), "{overtaken:?}");
        assert!(stand.sound()[..begins * 960] == expected(&[(0, 0, begins as u64 * 960)]), "{overtaken:?}");
        assert_eq!(stand.events(&entries), "+0 -0 +1");
    }
}

#[test]
fn a_skip_to_what_is_not_there_yet_is_silence_until_it_is() {
    let gate = Arc::new(std::sync::Barrier::new(2));
    let theirs = gate.clone();
    let late = super::stand::made_late(move || {
        theirs.wait();
        Ok(crate::desk::queue::Opened::new(Box::new(counted(1, LONG)), Some(LONG)))
    });
    let entries = [counting(&[LONG * 4])[0].clone(), late];
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear(50);
    stand.queue.skip();
    stand.hear(50);
    let sound = stand.sound();
    assert!(sound[..52 * 960] == expected(&[(0, 0, 52 * 960)]));
    assert!(sound[52 * 960..].iter().all(|sample| *sample == 0.0));
    assert_eq!(stand.events(&entries), "+0 -0");
    gate.wait();
    stand.loaded();
    stand.hear(10);
    assert!(at(&stand, 102) == expected(&[(1, 0, 960 * 8)]));
    assert_eq!(stand.events(&entries), "+1");
}

#[test]
fn a_seek_goes_to_the_sample_and_tells_its_place() {
    let entries = counting(&[LONG, LONG]);
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    assert_eq!(stand.queue.seek(1.0), Err(QueueError::Nothing));
    stand.hear(50);
    stand.queue.seek(5.0).unwrap();
    assert_eq!(stand.queue.position(), 5.0);
    stand.hear(12);
    assert!(at(&stand, 52) == expected(&[(0, 240_000, 960 * 8)]));
    assert!((stand.queue.position() - 5.2).abs() < 1e-6);
    assert_eq!(stand.events(&entries), "+0");
    assert_eq!(stand.queue.seek(f64::NAN).map_err(|error| error.to_string().is_empty()), Err(false));
    stand.queue.seek(1e9).unwrap();
    stand.hear(12);
    assert!(at(&stand, 64) == expected(&[(1, 0, 960 * 8)]), "the next one follows");
    assert_eq!(stand.events(&entries), "-0 +1");
}

#[test]
fn what_follows_is_looked_for_again_until_it_is_heard() {
    for way in 0..4 {
        let entries = counting(&[960 * 60 + 100, LONG, LONG]);
        let mut stand = Stand::new(QueueOptions::default(), &entries);
        stand.hear(50);
        assert!(stand.made.len() > 61, "the second has been made");
        match way {
            0 => stand.queue.remove(&entries[1]).unwrap(),
            1 => stand.queue.insert(0, entries[2].clone()).unwrap(),
            2 => stand.queue.reorder(&[1, 0]),
            _ => stand.queue.set_repeat(Repeat::One),
        }
        stand.hear(40);
        let next = if way == 3 { 0 } else { 2 };
        let sound = stand.sound();
        let all = expected(&[(0, 0, 960 * 60 + 100), (next, 0, 960 * 20)]);
        assert!(sound[..all.len()] == all, "{way}");
        assert_eq!(stand.events(&entries), format!("+0 -0 +{next}"), "{way}");
    }
}

#[test]
fn what_is_heard_can_be_taken_out_and_all_can() {
    let entries = counting(&[LONG, LONG, LONG]);
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear(30);
    stand.loaded();
    stand.queue.remove(&entries[0]).unwrap();
    assert_eq!(stand.queue.remove(&entries[0]), Err(QueueError::NoEntry));
    stand.hear(20);
    assert!(at(&stand, 32) == expected(&[(1, 0, 960 * 8)]));
    assert!(stand.queue.history().is_empty());
    stand.queue.clear();
    stand.hear_all();
    assert_eq!(stand.made.len(), 52);
    assert_eq!(stand.events(&entries), "+0 -0 +1 -1 .");
    assert!(stand.queue.is_empty() && stand.queue.now().is_none());
}

#[test]
fn what_is_cut_off_right_after_its_beginning_ends_there() {
    let entries = counting(&[960 * 50, LONG, LONG]);
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear(49);
    stand.queue.remove(&entries[1]).unwrap();
    stand.hear(30);
    let all = expected(&[(0, 0, 960 * 50), (1, 0, 960), (2, 0, 960 * 20)]);
    assert!(stand.sound()[..all.len()] == all);
    assert_eq!(stand.events(&entries), "+0 -0 +1 -1 +2");
    assert!(Arc::ptr_eq(&stand.queue.now().unwrap(), &entries[2]));
    assert_eq!(stand.queue.history().len(), 1);
}

#[test]
fn an_entry_has_a_volume_of_its_own() {
    let volume = crate::dsp::Volume::new(0.5).unwrap();
    let theirs = volume.clone();
    let entry = super::stand::made(move || {
        Ok(crate::desk::queue::Opened {
            source: Box::new(counted(0, LONG)),
            duration: None,
            volume: theirs.clone(),
            owner: None,
        })
    });
    let mut stand = Stand::new(QueueOptions::default(), &[entry]);
    stand.hear(20);
    volume.set(0.25).unwrap();
    stand.hear(20);
    let at_volume = |from: u64, volume: f32| -> Vec<f32> {
        expected(&[(0, from * 960, 8 * 960)]).iter().map(|sample| sample * volume).collect()
    };
    assert!(at(&stand, 10) == at_volume(10, 0.5));
    assert!(at(&stand, 22) == at_volume(22, 0.25));
}

#[test]
fn it_plays_in_one_place_and_goes_on_where_it_was_heard() {
    let entries = counting(&[960 * 40 + 7, LONG]);
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear(30);
    assert!(stand.queue.source().is_err());
    let heard = stand.sound()[..30 * 960].to_vec();
    let mut stand = stand.again();
    stand.hear(40);
    let all = [heard, stand.sound()].concat();
    let whole = expected(&[(0, 0, 960 * 40 + 7), (1, 0, 960 * 25)]);
    assert!(all[..whole.len()] == whole);
    assert_eq!(stand.events(&entries), "+0 -0 +1");
}

#[test]
fn adding_much_makes_nothing_anew() {
    let entries = counting(&[LONG; 50]);
    let mut stand = Stand::new(QueueOptions::default(), &entries[..2]);
    stand.hear(30);
    let before = stand.revised;
    for entry in &entries[2..] {
        stand.queue.add(entry.clone()).unwrap();
        stand.hear(1);
    }
    assert_eq!(stand.revised, before);
}

#[test]
fn a_queue_in_a_queue_is_changed_as_any_other() {
    let inner = crate::desk::queue::Queue::new(QueueOptions::default()).unwrap();
    counting(&[LONG, LONG]).into_iter().for_each(|entry| inner.add(entry).unwrap());
    let entries = [given(inner.source().unwrap(), None), counting(&[1; 4])[3].clone()];
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear(30);
    inner.seek(3.0).unwrap();
    assert!((inner.position() - 3.0).abs() < 1e-6);
    stand.hear(20);
    let begins = (30..40).find(|from| at(&stand, *from) == expected(&[(0, 144_000, 960 * 8)]));
    assert_eq!(begins, Some(32));
}

#[test]
fn what_is_taken_out_before_it_is_heard_is_not() {
    let entries = counting(&[LONG, LONG]);
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.feed();
    entries.iter().for_each(|entry| stand.queue.remove(entry).unwrap());
    stand.feed();
    assert!(stand.made.is_empty() && stand.ended);
}

#[test]
fn a_place_beyond_the_end_is_the_end_and_told() {
    let entries = counting(&[LONG, LONG]);
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.hear(10);
    stand.loaded();
    stand.queue.seek(1e9).unwrap();
    stand.hear(10);
    assert_eq!(stand.events(&entries), "+0 -0 +1");
    stand.queue.seek(1e9).unwrap();
    stand.hear_all();
    assert_eq!(stand.events(&entries), "-1 .");
}

#[test]
fn what_is_put_first_and_skipped_to_is_heard_also_where_nothing_was() {
    let entries = counting(&[960 * 5, LONG]);
    let options = QueueOptions { endless: true, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &entries[..1]);
    stand.hear(40);
    stand.queue.insert(0, entries[1].clone()).unwrap();
    stand.queue.skip();
    assert!(Arc::ptr_eq(&stand.queue.now().unwrap(), &entries[1]));
    stand.patient = true;
    stand.hear(20);
    let begins = (40..45).find(|frame| at(&stand, *frame) == expected(&[(1, 0, 960 * 8)]));
    assert!(begins.is_some(), "it is heard from its beginning on");
    assert_eq!(stand.events(&entries), "+0 -0 . +1");
    assert_eq!(stand.queue.history().len(), 1);
}

#[test]
fn that_nothing_is_left_is_told_once() {
    let entries = counting(&[960 * 5, 960 * 5]);
    let options = QueueOptions { endless: true, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &entries[..1]);
    stand.hear(20);
    for _ in 0..3 {
        stand.queue.skip();
        stand.hear(5);
        stand.queue.clear();
        stand.hear(5);
    }
    stand.queue.add(entries[1].clone()).unwrap();
    stand.loaded();
    stand.hear(20);
    assert_eq!(stand.events(&entries), "+0 -0 . +1 -1 .");
}
