//! Who is first heard late in a recording whose tracks begin together: the silence before is written in steps.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod record_support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use isocord_io::record::{Format, FrameSink, Layout, Payload, Recorder, RecorderOptions, Target};
use record_support::{Shared, decode, dominant, tone};

const RATE: u64 = 48_000;
/// What one step may write, all tracks together, beside what they say.
const STEP: u64 = 10 * RATE;

type Files = Arc<Mutex<BTreeMap<u64, Shared>>>;

fn recorder(format: Format, make: fn() -> Shared) -> (Recorder, Files) {
    let files = Files::default();
    let made = Arc::clone(&files);
    let layout = Layout::PerUser(Box::new(move |user_id, _| {
        let file = made.lock().unwrap().entry(user_id).or_insert_with(make).clone();
        Ok(Target::Seekable(Box::new(file)))
    }));
    let options = RecorderOptions { format, sync_start: true, ..RecorderOptions::default() };
    (Recorder::new(options, layout).unwrap(), files)
}

/// Lets time pass in which nobody speaks.
fn wait(recorder: &mut Recorder, until: u64) {
    (0..=until).step_by(RATE as usize / 2).for_each(|at| recorder.advance(at));
}

/// Lets all speak from `at` on, each a tone, in steps of 40 ms until all have caught up; returns when. No step
/// may write more than the bound.
fn speak(recorder: &mut Recorder, users: u64, mut at: u64, bytes_per_second: u64) -> u64 {
    let begin = at;
    while at < begin + RATE || recorder.is_behind() {
        let before = recorder.stats();
        for user in 1..=users {
            for at in [at, at + 960] {
                let pcm = tone(500.0 * user as f64, at, 960);
                recorder.frame(user, at, Payload::Pcm(&pcm));
            }
        }
        at += 1_920;
        recorder.advance(at);
        let after = recorder.stats();
        let silence = after.filled_samples - before.filled_samples;
        // The first step gives each track a second.
        assert!(silence <= STEP.max(users * RATE), "{silence}");
        assert!(
            after.bytes - before.bytes <= bytes_per_second * (STEP / RATE + users),
            "{before:?} {after:?}"
        );
        assert!(at < begin + 600 * RATE, "they never catch up: {after:?}");
    }
    at
}

#[test]
fn mp3_tracks_that_begin_late_are_caught_up_with_in_steps_and_nobody_loses_a_frame() {
    let (mut recorder, files) = recorder(Format::Mp3 { bitrate: 64 }, Shared::default);
    let begin = 240 * RATE;
    wait(&mut recorder, begin);
    let end = speak(&mut recorder, 5, begin, 8_000);
    let report = recorder.finish(Some(end));
    let stats = report.stats;
    assert_eq!((stats.late, stats.overlapping, stats.no_room), (0, 0, 0));
    assert_eq!(stats.filled_samples, 5 * begin);
    for track in report.tracks {
        let user_id = track.user_id.unwrap();
        assert_eq!((track.offset, track.samples), (0, end));
        let pcm = decode(Format::Mp3 { bitrate: 64 }, files.lock().unwrap()[&user_id].bytes());
        let (silence, sound) = pcm.split_at(2 * begin as usize);
        assert!(silence[..silence.len() - 4_800].iter().all(|sample| sample.abs() < 0.01), "{user_id}");
        // Each fifth of a second of it, but for the encoder's edges.
        for piece in sound[4_800..sound.len() - 4_800].chunks_exact(19_200) {
            assert_eq!(dominant(piece), Some(500 * user_id as u32));
        }
    }
}

#[test]
fn after_an_hour_the_steps_are_no_longer() {
    let (mut recorder, _) = recorder(Format::Wav, Shared::sparse);
    let begin = 3_600 * RATE;
    wait(&mut recorder, begin);
    let end = speak(&mut recorder, 2, begin, 192_000);
    let report = recorder.finish(Some(end));
    assert_eq!(report.stats.filled_samples, 2 * begin);
    assert!(report.tracks.iter().all(|track| track.samples == end && track.bytes == 80 + 4 * end));
}

#[test]
fn a_recording_that_ends_while_tracks_catch_up_is_whole() {
    let (mut recorder, _) = recorder(Format::Wav, Shared::sparse);
    let begin = 600 * RATE;
    wait(&mut recorder, begin);
    for at in 0..10 {
        recorder.frame(1, begin + at * 960, Payload::Pcm(&tone(500.0, at, 960)));
    }
    recorder.advance(begin + 9_600);
    assert!(recorder.is_behind());
    let report = recorder.finish(Some(begin + 9_600));
    assert_eq!((report.tracks[0].samples, report.stats.filled_samples), (begin + 9_600, begin));
}
