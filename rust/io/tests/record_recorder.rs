//! The recorder as its owner sees it: alignment, pauses, limits, errors, crashes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod record_support;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use isocord_io::record::{
    DocType, EndReason, FileState, Format, FrameSink, Layout, Payload, Recorder, RecorderEvent,
    RecorderOptions, RecorderState, SinkError, Target, Wants, once,
};
use record_support::{Shared, decode, dominant, tone};

const RATE: u64 = 48_000;
const START: u64 = 500;

fn options(format: Format) -> RecorderOptions {
    RecorderOptions { format, start: START, ..RecorderOptions::default() }
}

/// Each user's bytes, by user id.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<std::collections::BTreeMap<u64, Shared>>>);

impl Files {
    fn layout(&self) -> Layout {
        let files = self.clone();
        Layout::PerUser(Box::new(move |user_id, _| {
            let file = files.0.lock().unwrap().entry(user_id).or_default().clone();
            Ok(Target::Seekable(Box::new(file)))
        }))
    }

    fn pcm(&self, user_id: u64) -> Vec<i16> {
        let bytes = self.0.lock().unwrap()[&user_id].bytes();
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }
}

fn constant(value: i16) -> [i16; 1_920] {
    [value; 1_920]
}

/// The value of each frame of 20 ms that is constant.
fn frames(pcm: &[i16]) -> Vec<i16> {
    pcm.chunks(1_920)
        .map(|frame| if frame.iter().all(|s| *s == frame[0]) { frame[0] } else { i16::MIN })
        .collect()
}

#[test]
fn all_tracks_share_one_start_and_one_end() {
    for (sync_start, offset) in [(true, 0), (false, 5 * 960)] {
        let files = Files::default();
        let options = RecorderOptions { sync_start, ..options(Format::Pcm) };
        let mut recorder = Recorder::new(options, files.layout()).unwrap();
        for n in 0..10 {
            recorder.frame(7, START + n * 960, Payload::Pcm(&constant(n as i16 + 1)));
            if n >= 5 {
                recorder.frame(8, START + n * 960, Payload::Pcm(&constant(n as i16 + 1)));
            }
        }
        let report = recorder.finish(Some(START + 12 * 960));
        assert_eq!(frames(&files.pcm(7)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0]);
        let late = [0, 0, 0, 0, 0, 6, 7, 8, 9, 10, 0, 0];
        assert_eq!(frames(&files.pcm(8)), late[(offset / 960) as usize..]);
        assert_eq!(report.samples, 12 * 960);
        assert_eq!((report.tracks[1].user_id, report.tracks[1].offset), (Some(8), offset));
        assert_eq!(report.tracks[1].samples, 12 * 960 - offset);
    }
}

#[test]
fn disorder_repeats_and_gaps_end_in_place() {
    let files = Files::default();
    let mut recorder =
        Recorder::new(RecorderOptions { sync_start: true, ..options(Format::Pcm) }, files.layout()).unwrap();
    for n in [0, 2, 1, 1, 4, 3, 8, 6, 3] {
        recorder.frame(1, START + n * 960, Payload::Pcm(&constant(n as i16 + 1)));
    }
    let report = recorder.finish(None);
    assert_eq!(frames(&files.pcm(1)), [1, 2, 3, 4, 5, 0, 7, 0, 9]);
    assert_eq!((report.stats.late, report.stats.filled_samples), (2, 2 * 960));
}

#[test]
fn a_pause_is_cut_out_of_all_tracks_alike() {
    let files = Files::default();
    let mut recorder =
        Recorder::new(RecorderOptions { sync_start: true, ..options(Format::Pcm) }, files.layout()).unwrap();
    for n in 0..20u64 {
        let at = START + n * 960;
        if n == 5 {
            recorder.pause(at);
            assert_eq!(recorder.state(), RecorderState::Paused);
        }
        if n == 10 {
            recorder.resume(at);
        }
        recorder.frame(1, at, Payload::Pcm(&constant(n as i16 + 1)));
        if n >= 12 {
            recorder.frame(2, at, Payload::Pcm(&constant(n as i16 + 1)));
        }
        recorder.advance(at + 960);
    }
    let report = recorder.finish(Some(START + 20 * 960));
    assert_eq!(frames(&files.pcm(1)), [1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    assert_eq!(frames(&files.pcm(2)), [0, 0, 0, 0, 0, 0, 0, 13, 14, 15, 16, 17, 18, 19, 20]);
    assert_eq!((report.samples, report.stats.paused), (15 * 960, 5));
}

#[test]
fn a_mixdown_is_the_sum() {
    let file = Shared::default();
    let layout = Layout::Mixdown(once(Target::Seekable(Box::new(file.clone()))));
    let mut recorder = Recorder::new(options(Format::Pcm), layout).unwrap();
    assert_eq!(recorder.wants(), Wants::Pcm);
    for n in 0..100u64 {
        let at = START + n * 960;
        recorder.frame(1, at, Payload::Pcm(&constant(100)));
        if n % 2 == 1 {
            // This user's frames come in pairs, turned around.
            recorder.frame(2, at, Payload::Pcm(&constant(20)));
            recorder.frame(2, at - 960, Payload::Pcm(&constant(20)));
            recorder.frame(2, at, Payload::Pcm(&constant(20)));
        }
        if n >= 50 {
            recorder.frame(3, at, Payload::Pcm(&constant(3)));
        }
        recorder.advance(at + 960);
    }
    let report = recorder.finish(None);
    let pcm: Vec<i16> = file.bytes().chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let sums = frames(&pcm);
    assert_eq!(sums.len(), 100);
    assert!(sums[..50].iter().all(|&sum| sum == 120) && sums[50..].iter().all(|&sum| sum == 123), "{sums:?}");
    assert_eq!((report.tracks.len(), report.tracks[0].samples), (1, 96_000));
}

#[test]
fn a_file_read_before_its_end_lacks_a_second_and_a_half_at_most() {
    for format in [
        Format::Wav,
        Format::Flac,
        Format::Mp3 { bitrate: 128 },
        Format::OggOpus,
        Format::Matroska(DocType::Matroska),
    ] {
        let file = Shared::default();
        let object = file.clone();
        let layout = Layout::PerUser(Box::new(move |_, _| Ok(Target::Seekable(Box::new(object.clone())))));
        let mut recorder = Recorder::new(options(format), layout).unwrap();
        for n in 0..500u64 {
            recorder.frame(1, START + n * 960, Payload::Pcm(&tone(600.0, n * 960, 960)));
            recorder.advance(START + (n + 1) * 960);
            if n % 50 == 49 && n > 100 {
                let pcm = decode(format, file.bytes());
                let (got, want) = (pcm.len() as u64 / 2, (n + 1) * 960);
                assert!(got + 3 * RATE / 2 >= want && got <= want, "{format:?}: {got} of {want}");
                let tail = &pcm[pcm.len() - 2 * 9_600..];
                assert_eq!(dominant(tail), Some(600), "{format:?}");
            }
        }
    }
}

#[test]
fn a_target_that_fails_ends_its_own_track_and_no_other() {
    let good = Shared::default();
    let theirs = good.clone();
    let layout = Layout::PerUser(Box::new(move |user_id, _| match user_id {
        1 => Ok(Target::Seekable(Box::new(theirs.clone()))),
        2 => Ok(Target::Seekable(Box::new(Shared::full_after(100_000)))),
        _ => Err(std::io::Error::other("no such place")),
    }));
    let mut recorder = Recorder::new(options(Format::Wav), layout).unwrap();
    for n in 0..200u64 {
        for user in 1..=3 {
            recorder.frame(user, START + n * 960, Payload::Pcm(&constant(5)));
        }
        recorder.advance(START + (n + 1) * 960);
    }
    let report = recorder.finish(None);
    let mut failed = Vec::new();
    while let Some(event) = recorder.next_event() {
        if let RecorderEvent::TrackEnded { user_id, state: FileState::Failed(error) } = event {
            failed.push((user_id, error.to_string()));
        }
    }
    failed.sort();
    let disk_full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert_eq!(
        failed,
        [
            (Some(2), format!("cannot write the file object: {disk_full}")),
            (Some(3), "no target for this track: no such place".to_owned())
        ]
    );
    assert!(matches!(report.tracks[0].state, FileState::Finished));
    assert!(matches!(report.tracks[1].state, FileState::Failed(_)));
    assert_eq!(good.bytes().len(), 80 + 200 * 3_840);
    assert_eq!(report.reason, EndReason::Finished);
}

#[test]
fn an_error_of_the_one_file_ends_the_recording() {
    for (format, mix) in
        [(Format::Wav, true), (Format::OggOpus, true), (Format::Matroska(DocType::Matroska), false)]
    {
        let target = Target::Seekable(Box::new(Shared::full_after(60_000)));
        let layout = if mix { Layout::Mixdown(once(target)) } else { Layout::Tracks(once(target)) };
        let mut recorder = Recorder::new(options(format), layout).unwrap();
        for n in 0..1_000u64 {
            recorder.frame(1, START + n * 960, Payload::Pcm(&tone(440.0, n * 960, 960)));
            recorder.advance(START + (n + 1) * 960);
        }
        assert_eq!(recorder.state(), RecorderState::Ended(EndReason::Failed), "{format:?}");
        let report = recorder.finish(None);
        assert_eq!(report.reason, EndReason::Failed);
        let mut told = 0;
        while let Some(event) = recorder.next_event() {
            told += usize::from(matches!(event, RecorderEvent::TrackEnded { .. }));
        }
        assert_eq!(told, 1, "{format:?}");
        assert!(matches!(report.tracks[0].state, FileState::Failed(_)), "{format:?}");
    }
}

#[test]
fn limits_hold() {
    let files = Files::default();
    let limited = RecorderOptions { max_samples: Some(10 * 960 + 100), ..options(Format::Pcm) };
    let mut recorder = Recorder::new(limited, files.layout()).unwrap();
    for n in 0..20 {
        recorder.frame(1, START + n * 960, Payload::Pcm(&constant(1)));
    }
    assert_eq!(recorder.state(), RecorderState::Ended(EndReason::TimeLimit));
    assert_eq!(recorder.finish(Some(START + 20 * 960)).samples, 10 * 960 + 100);
    assert_eq!(files.pcm(1).len(), 2 * (10 * 960 + 100));

    let limited = RecorderOptions { max_file_bytes: Some(40_000), ..options(Format::Wav) };
    let mut recorder = Recorder::new(limited, Files::default().layout()).unwrap();
    for n in 0..20 {
        recorder.frame(1, START + n * 960, Payload::Pcm(&constant(1)));
    }
    let report = recorder.finish_for(None, EndReason::SizeLimit);
    assert_eq!(report.reason, EndReason::SizeLimit);
    assert!(matches!(report.tracks[0].state, FileState::SizeLimit));
    assert_eq!(report.tracks[0].bytes, 40_000);

    let limited =
        RecorderOptions { max_tracks: 2, users: Some(HashSet::from([1, 2, 3])), ..options(Format::Pcm) };
    let mut recorder = Recorder::new(limited, Files::default().layout()).unwrap();
    for user in [1, 2, 3, 4, 3, 2, 3] {
        recorder.frame(user, START, Payload::Pcm(&constant(1)));
    }
    let report = recorder.finish(None);
    assert_eq!((report.tracks.len(), report.stats.refused_users, report.stats.filtered), (2, 1, 1));
    let told = std::iter::from_fn(|| recorder.next_event());
    let refused = told.filter(|event| matches!(event, RecorderEvent::UserRefused { user_id: 3, most: 2 }));
    assert_eq!(refused.count(), 1);
}

#[test]
fn a_crowd_is_in_the_mixdown_to_the_last() {
    let file = Shared::default();
    let layout = Layout::Mixdown(once(Target::Seekable(Box::new(file.clone()))));
    let mut recorder = Recorder::new(options(Format::Pcm), layout).unwrap();
    for user in 0..500 {
        recorder.frame(user, START + user % 10 * 960, Payload::Pcm(&constant(7)));
    }
    let report = recorder.finish(None);
    assert_eq!((report.stats.refused_users, report.stats.tracks), (0, 500));
    let pcm: Vec<i16> = file.bytes().chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    assert_eq!(frames(&pcm), [350; 10]);
}

#[test]
fn the_65th_to_speak_gets_a_file_too() {
    let files = Files::default();
    let mut recorder = Recorder::new(options(Format::Pcm), files.layout()).unwrap();
    for user in 1..=150 {
        recorder.frame(user, START, Payload::Pcm(&constant(user as i16)));
    }
    let report = recorder.finish(None);
    assert_eq!((report.tracks.len(), report.stats.refused_users), (150, 0));
    assert_eq!(frames(&files.pcm(65)), [65]);
}

#[test]
fn a_bit_rate_that_mp3_has_not_is_refused_before_anything_is_written() {
    for bitrate in [0, 1, 56, 100, 321] {
        let layout = Files::default().layout();
        let refused = Recorder::new(options(Format::Mp3 { bitrate }), layout).map(drop);
        assert!(matches!(refused, Err(SinkError::Option(_))), "{bitrate}");
    }
}

#[test]
fn nonsense_is_counted_and_dropped() {
    for format in [Format::Pcm, Format::OggOpus] {
        let mut recorder = Recorder::new(options(format), Files::default().layout()).unwrap();
        recorder.advance(START + RATE);
        for payload in [
            Payload::Pcm(&[]),
            Payload::Pcm(&[1]),
            Payload::Opus(&[]),
            Payload::Opus(&[0xFB]),
            Payload::Opus(&[0xFB, 0x3F]),
            Payload::Opus(&[0x80; 9_000]),
        ] {
            recorder.frame(1, START + RATE, payload);
        }
        recorder.frame(1, u64::MAX, Payload::Pcm(&constant(1)));
        recorder.frame(1, START + 3_600 * RATE, Payload::Pcm(&constant(1)));
        recorder.frame(1, 0, Payload::Pcm(&[1; 4]));
        // What only libopus can tell to be broken becomes silence where it is decoded.
        recorder.frame(1, START + RATE, Payload::Opus(&[0xFF, 0x02, 0xFF, 0xFF, 0xFF]));
        recorder.frame(1, START + RATE + 960, Payload::Pcm(&[1; 961]));
        recorder.advance(u64::MAX);
        let stats = recorder.stats();
        assert_eq!((stats.invalid, stats.ahead, stats.before_start), (6, 3, 1), "{format:?}");
    }
    let tracks = Layout::Tracks(once(Target::Stream(Box::new(std::io::sink()))));
    assert!(matches!(Recorder::new(options(Format::Wav), tracks), Err(SinkError::Option(_))));
    let mp3 = options(Format::Mp3 { bitrate: 7 });
    assert!(Recorder::new(mp3, Layout::Mixdown(once(Target::Stream(Box::new(std::io::sink()))))).is_err());
    let nowhere = Layout::Mixdown(once(Target::Path("/no/such/directory/x.wav".into())));
    assert!(matches!(Recorder::new(options(Format::Wav), nowhere), Err(SinkError::Open { .. })));
}

#[test]
fn an_empty_recording_is_a_file_too() {
    for format in [
        Format::Wav,
        Format::Flac,
        Format::Mp3 { bitrate: 128 },
        Format::OggOpus,
        Format::Matroska(DocType::Webm),
    ] {
        let file = Shared::default();
        let layout = Layout::Mixdown(once(Target::Seekable(Box::new(file.clone()))));
        let report = Recorder::new(options(format), layout).unwrap().finish(None);
        assert_eq!(report.tracks[0].samples, 0, "{format:?}");
        assert!(matches!(report.tracks[0].state, FileState::Finished), "{format:?}: {report:?}");
        assert!(!file.bytes().is_empty(), "{format:?}");
    }
}

/// One user's frames for so long; returns where they end.
fn speak(recorder: &mut Recorder, user: u64, from: u64, seconds: u64) -> u64 {
    let end = from + seconds * RATE;
    for at in (from..end).step_by(960) {
        recorder.frame(user, at, Payload::Pcm(&constant(5)));
        recorder.advance(at + 960);
    }
    end
}

#[test]
fn a_recording_in_which_nobody_can_be_written_ends_after_a_while() {
    for works in [true, false] {
        let layout = Layout::PerUser(Box::new(move |user_id, _| match user_id {
            3 if works => Ok(Target::Seekable(Box::new(Shared::sparse()))),
            _ => Err(std::io::Error::other("no such place")),
        }));
        let mut recorder = Recorder::new(options(Format::Wav), layout).unwrap();
        // Where nobody has spoken, nothing has failed.
        recorder.advance(START + 600 * RATE);
        let at = speak(&mut recorder, 1, START + 600 * RATE, 1);
        assert_eq!(recorder.state(), RecorderState::Recording);
        let at = speak(&mut recorder, 3, at, 1);
        speak(&mut recorder, 2, at, 10);
        let report = recorder.finish(None);
        assert_eq!(report.reason, if works { EndReason::Finished } else { EndReason::Failed });
        assert_eq!(report.samples, if works { 612 * RATE } else { 602 * RATE + 960 });
    }
}
