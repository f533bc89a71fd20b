//! One entry goes over into the next with the power that both have.

use std::sync::Arc;

use super::stand::{Stand, made};
use crate::desk::queue::{Entry, Opened, QueueOptions};
use crate::desk::stage::Sound;

/// Noise of a level, the same for the same seed.
fn noise(seed: u64, samples: u64, told: bool) -> Arc<Entry> {
    made(move || {
        let sound = Sound::new(samples, move |at| {
            let mut x =
                (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.wrapping_mul(0xd134_2543_de82_ef95);
            x ^= x >> 32;
            x = x.wrapping_mul(0xd6e8_feb8_6659_fd93);
            x ^= x >> 32;
            ((x >> 40) as f32 / (1 << 24) as f32 - 0.5) * 0.5
        });
        Ok(Opened::new(Box::new(sound), told.then_some(samples)))
    })
}

fn decibels(sound: &[f32]) -> f32 {
    let power = sound.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / sound.len() as f64;
    10.0 * power.log10() as f32
}

#[test]
fn the_power_stays_and_the_length_is_that_of_both_without_the_crossfade() {
    for told in [true, false] {
        let options = QueueOptions { crossfade: 2.0, ..QueueOptions::default() };
        let entries = [noise(1, 48_000 * 6 + 77, told), noise(2, 48_000 * 5 + 5, told)];
        let mut stand = Stand::new(options, &entries);
        stand.patient = true;
        stand.hear_all();
        let sound = stand.sound();
        let len = 48_000 * 9 + 82_usize;
        assert_eq!(sound.len(), len.next_multiple_of(960));
        let usual = decibels(&sound[..48_000]);
        for (index, piece) in sound[..len].chunks_exact(9_600).enumerate() {
            assert!((decibels(piece) - usual).abs() < 0.5, "{index}: {} and {usual}", decibels(piece));
        }
        assert_eq!(stand.events(&entries), "+0 -0 +1 -1 .");
    }
}

#[test]
fn it_is_no_longer_than_half_of_either() {
    let options = QueueOptions { crossfade: 10.0, ..QueueOptions::default() };
    let entries = [noise(1, 48_000 * 8, true), noise(2, 48_000, true), noise(3, 48_000 * 8, true)];
    let mut stand = Stand::new(options, &entries);
    stand.patient = true;
    stand.hear_all();
    assert_eq!(stand.sound().len(), 48_000 * 16);
    let usual = decibels(&stand.sound()[..48_000]);
    assert!(stand.sound().chunks_exact(9_600).all(|piece| (decibels(piece) - usual).abs() < 0.5));
}

#[test]
fn a_skip_takes_a_short_one() {
    let options = QueueOptions { crossfade: 5.0, ..QueueOptions::default() };
    let entries = [noise(1, 48_000 * 60, true), noise(2, 48_000 * 60, true)];
    let mut stand = Stand::new(options, &entries);
    stand.patient = true;
    stand.hear(100);
    stand.loaded();
    stand.queue.skip();
    stand.hear(60);
    let sound = stand.sound();
    let usual = decibels(&sound[..48_000]);
    assert!(
        sound[102 * 960..127 * 960].chunks_exact(4_800).all(|piece| (decibels(piece) - usual).abs() < 0.5)
    );
    let mut alone = Stand::new(QueueOptions::default(), &entries[1..]);
    alone.hear(40);
    assert!(sound[127 * 960..140 * 960] == alone.sound()[25 * 960..38 * 960]);
    assert!(sound[102 * 960..103 * 960].iter().zip(&alone.sound()).any(|(sum, second)| sum != second));
}

#[test]
fn what_is_louder_than_full_scale_bends_and_does_not_clip() {
    let loud = |turn: f32| {
        made(move || {
            let sound = Sound::new(48_000 * 6, move |at| (at as f32 * 0.02 + turn).sin() * 0.99);
            Ok(Opened::new(Box::new(sound), None))
        })
    };
    let options = QueueOptions { crossfade: 2.0, ..QueueOptions::default() };
    let mut stand = Stand::new(options, &[loud(0.0), loud(48_000.0 * 4.0 * 0.02)]);
    stand.patient = true;
    stand.hear_all();
    assert!(stand.sound().iter().all(|sample| sample.abs() < 1.0));
}

#[test]
fn taking_out_what_comes_undoes_the_crossfade_into_it() {
    let options = QueueOptions { crossfade: 2.0, ..QueueOptions::default() };
    let entries = [noise(1, 48_000 * 6, true), noise(2, 48_000 * 6, true)];
    let mut stand = Stand::new(options, &entries);
    stand.patient = true;
    stand.hear(190);
    assert!(stand.made.len() > 205, "it has begun");
    stand.queue.remove(&entries[1]).unwrap();
    stand.hear_all();
    let mut alone = Stand::new(QueueOptions::default(), &entries[..1]);
    alone.hear_all();
    assert!(stand.sound() == alone.sound());
}
