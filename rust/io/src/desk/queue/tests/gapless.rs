//! One entry follows another without a sample between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::stand::{AHEAD, Stand, counted, counting, expected, given, made};
use crate::desk::queue::{Opened, QueueOptions, Repeat};

fn padded(mut sound: Vec<f32>) -> Vec<f32> {
    sound.resize(sound.len().next_multiple_of(960), 0.0);
    sound
}

#[test]
fn a_sound_that_is_cut_into_pieces_is_the_whole_sound() {
    for lengths in [&[48_017, 30_000][..], &[960, 1, 5, 961, 9_600], &[959; 40], &[100; 3]] {
        let mut stand = Stand::new(QueueOptions::default(), &counting(lengths));
        stand.hear_all();
        let parts: Vec<_> = lengths.iter().enumerate().map(|(which, len)| (which, 0, *len)).collect();
        assert!(stand.sound() == padded(expected(&parts)), "{lengths:?}");
    }
}

#[test]
fn entries_begin_and_end_when_they_are_heard() {
    let entries = counting(&[960 * 100, 960 * 50 + 400]);
    let mut stand = Stand::new(QueueOptions::default(), &entries);
    stand.feed();
    assert!(stand.queue.now().is_none(), "nothing is heard yet");
    stand.hear(99);
    assert!(stand.made.len() > 110);
    assert_eq!(stand.events(&entries), "+0");
    assert!(std::sync::Arc::ptr_eq(&stand.queue.now().unwrap(), &entries[0]));
    assert!((stand.queue.position() - 1.98).abs() < 1e-6);
    assert_eq!(stand.queue.len(), 1);
    stand.hear(2);
    assert_eq!(stand.events(&entries), "-0 +1");
    assert!((stand.queue.position() - 0.02).abs() < 1e-6);
    assert_eq!((stand.queue.len(), stand.queue.history().len()), (0, 1));
    stand.hear_all();
    assert_eq!(stand.events(&entries), "-1 .");
    assert!(stand.queue.now().is_none());
}

#[test]
fn one_comes_again_and_so_do_all_without_a_gap() {
    let options = QueueOptions { repeat: Repeat::One, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &counting(&[1_500, 100]));
    stand.hear(10);
    assert!(stand.sound()[..7_500] == expected(&[(0, 0, 1_500); 5]));
    let options = QueueOptions { repeat: Repeat::All, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &counting(&[1_500, 100]));
    stand.hear(10);
    assert!(stand.sound()[..4_800] == expected(&[(0, 0, 1_500), (1, 0, 100)].repeat(3)));
}

#[test]
fn a_radio_is_opened_again_when_it_breaks_off_and_not_before() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&opened);
    let radio = made(move || {
        counts.fetch_add(1, Relaxed);
        Ok(Opened::new(Box::new(counted(0, 960 * 300)), None))
    });
    let options = QueueOptions { repeat: Repeat::All, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &[radio]);
    stand.hear(250);
    assert_eq!(opened.load(Relaxed), 1);
    stand.hear(100);
    assert_eq!(opened.load(Relaxed), 2);
}

#[test]
fn a_source_that_is_there_already_goes_back_to_its_beginning() {
    let options = QueueOptions { repeat: Repeat::One, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &[given(counted(0, 3_333), None)]);
    stand.hear(40);
    assert!(stand.sound()[..33_330] == expected(&[(0, 0, 3_333); 10]));
}

#[test]
fn what_is_added_before_the_end_is_heard_goes_on_without_a_gap() {
    let entries = counting(&[960 * 40 + 123, 5_000]);
    let mut stand = Stand::new(QueueOptions::default(), &entries[..1]);
    stand.hear(37);
    assert!(stand.ended, "all is made");
    stand.queue.add(entries[1].clone()).unwrap();
    stand.hear_all();
    assert!(stand.sound() == padded(expected(&[(0, 0, 960 * 40 + 123), (1, 0, 5_000)])));
    assert_eq!(stand.events(&entries), "+0 -0 +1 -1 .");
}

#[test]
fn it_stays_alive_in_silence_and_begins_at_once() {
    let entries = counting(&[2_000, 960 * 100]);
    let options = QueueOptions { endless: true, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &entries[..1]);
    stand.hear(100);
    assert_eq!(stand.events(&entries), "+0 -0 .");
    stand.queue.add(entries[1].clone()).unwrap();
    stand.loaded();
    stand.hear(50);
    assert_eq!(stand.events(&entries), "+1");
    let sound = stand.sound();
    assert!(sound[2_000..102 * 960].iter().all(|sample| *sample == 0.0));
    assert!(sound[102 * 960..140 * 960] == expected(&[(1, 0, 960 * 38)]));
}

#[test]
fn what_is_repeated_and_is_hardly_there_is_not_opened_without_end() {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let tiny = made(move || {
        count.fetch_add(1, Relaxed);
        Ok(Opened::new(Box::new(counted(0, 1)), Some(1)))
    });
    let mut stand = Stand::new(QueueOptions { repeat: Repeat::All, ..QueueOptions::default() }, &[tiny]);
    stand.hear(50);
    let opened = opened.load(Relaxed);
    assert!((50..=4 * (50 + AHEAD + 1)).contains(&opened), "{opened} for a sample each");
    assert_eq!(stand.heard, 50);
}
