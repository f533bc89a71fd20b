//! The most bytes that a file may get: never exceeded, and used, in every format.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod record_support;

use std::path::Path;

use isocord_io::record::{
    Coded, DocType, EndReason, Ffmpeg, FileState, Format, FrameSink, Layout, Payload, Recorder,
    RecorderOptions, RecorderReport, SinkError, Target, once,
};
use isocord_proto::opus::{Encoder, EncoderOptions};
use record_support::{Shared, WriteOnly, decode, dominant, matroska, tone};

const RATE: u64 = 48_000;
const FORMATS: [Format; 8] = [
    Format::Wav,
    Format::Pcm,
    Format::Flac,
    Format::Mp3 { bitrate: 128 },
    Format::Mp3 { bitrate: 320 },
    Format::OggOpus,
    Format::Matroska(DocType::Matroska),
    Format::Matroska(DocType::Webm),
];
const SIZES: [u64; 4] = [20_000, 33_333, 100_000, 250_001];

fn options(format: Format, most: u64) -> RecorderOptions {
    RecorderOptions { format, sync_start: true, max_file_bytes: Some(most), ..RecorderOptions::default() }
}

/// Sound that no coder makes small: a tone that glides, in noise.
fn sound(frame: u64) -> Vec<i16> {
    let mut noise = frame.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut pcm = tone(440.0, frame * 960, 960);
    for sample in &mut pcm {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *sample = sample.saturating_add((noise >> 53) as i16 - 1_024);
    }
    pcm
}

/// Lets users speak until the recording, or a track of it, is full.
fn speak(recorder: &mut Recorder, users: u64, opus: bool) {
    let mut encoders: Vec<Encoder> =
        (0..users).map(|_| Encoder::new(&EncoderOptions::default()).unwrap()).collect();
    for frame in 0..20_000u64 {
        for (user, encoder) in encoders.iter_mut().enumerate() {
            let pcm = sound(frame);
            if opus {
                let mut packet = [0; 1_275];
                let len = encoder.encode(&pcm, &mut packet).unwrap();
                recorder.frame(user as u64 + 1, frame * 960, Payload::Opus(&packet[..len]));
            } else {
                recorder.frame(user as u64 + 1, frame * 960, Payload::Pcm(&pcm));
            }
        }
        recorder.advance((frame + 1) * 960);
        let full = std::iter::from_fn(|| recorder.next_event()).any(|event| {
            use isocord_io::record::RecorderEvent::{Ended, TrackEnded};
            matches!(event, Ended(_) | TrackEnded { state: FileState::SizeLimit, .. })
        });
        if full {
            return;
        }
    }
    panic!("it is never full");
}

fn assert_used(size: u64, most: u64, what: &str) {
    assert!(size <= most && size * 10 >= most * 9, "{what}: {size} bytes of {most}");
}

fn assert_cut(report: &RecorderReport) {
    assert!(report.tracks.iter().all(|track| matches!(track.state, FileState::SizeLimit)), "{report:?}");
}

#[test]
fn a_file_of_one_user_is_as_big_as_it_may_be_and_no_bigger() {
    for format in FORMATS {
        for (n, most) in SIZES.into_iter().enumerate() {
            let seekable = n % 2 == 0;
            let what = format!("{format:?}, {most}, seekable: {seekable}");
            let file = Shared::default();
            let theirs = file.clone();
            let layout = Layout::PerUser(Box::new(move |_, _| {
                Ok(if seekable {
                    Target::Seekable(Box::new(theirs.clone()))
                } else {
                    Target::Stream(Box::new(WriteOnly(theirs.clone())))
                })
            }));
            let mut recorder = Recorder::new(options(format, most), layout).unwrap();
            let opus = matches!(format, Format::OggOpus | Format::Matroska(_));
            speak(&mut recorder, 1, opus);
            let report = recorder.finish_for(None, EndReason::SizeLimit);
            assert_cut(&report);
            let bytes = file.bytes();
            assert_eq!(report.tracks[0].bytes, bytes.len() as u64, "{what}");
            assert_used(bytes.len() as u64, most, &what);
            let pcm = decode(format, bytes);
            let slack = if matches!(format, Format::Mp3 { .. }) { 2_400 } else { 0 };
            let (told, found) = (report.tracks[0].samples, pcm.len() as u64 / 2);
            assert!(told.abs_diff(found) <= slack, "{what}: {told} samples told, {found} found");
            assert_eq!(dominant(&pcm[pcm.len() / 4 * 2..]), Some(440), "{what}");
        }
    }
}

#[test]
fn silence_fills_a_file_no_further() {
    for format in FORMATS {
        let file = Shared::default();
        let theirs = file.clone();
        let layout = Layout::PerUser(Box::new(move |_, _| Ok(Target::Seekable(Box::new(theirs.clone())))));
        let mut recorder = Recorder::new(options(format, 20_000), layout).unwrap();
        recorder.frame(1, 0, Payload::Pcm(&sound(0)));
        // Half an hour in which nobody speaks, then one who is padded up to it at the end.
        for second in 1..=1_800 {
            recorder.advance(second * RATE);
        }
        let report = recorder.finish(Some(1_801 * RATE));
        assert!(file.bytes().len() <= 20_000, "{format:?}: {}", file.bytes().len());
        assert_cut(&report);
        assert_eq!(file.bytes().len() as u64, report.tracks[0].bytes);
    }
}

#[test]
fn a_mixdown_ends_at_its_size() {
    for format in FORMATS {
        for most in [30_000, 200_000] {
            let file = Shared::default();
            let layout = Layout::Mixdown(once(Target::Seekable(Box::new(file.clone()))));
            let mut recorder = Recorder::new(options(format, most), layout).unwrap();
            speak(&mut recorder, 2, false);
            let report = recorder.finish(None);
            assert_eq!(report.reason, EndReason::SizeLimit);
            assert_cut(&report);
            let what = format!("{format:?}, {most}");
            assert_used(file.bytes().len() as u64, most, &what);
            let found = decode(format, file.bytes()).len() as u64 / 2;
            let slack = if matches!(format, Format::Mp3 { .. }) { 2_400 } else { 0 };
            assert!(report.tracks[0].samples.abs_diff(found) <= slack, "{what}: {report:?}, {found}");
        }
    }
}

#[test]
fn a_file_of_many_tracks_ends_at_its_size() {
    for seekable in [true, false] {
        for most in [20_000, 100_000, 400_000] {
            let file = Shared::default();
            let target = if seekable {
                Target::Seekable(Box::new(file.clone()))
            } else {
                Target::Stream(Box::new(WriteOnly(file.clone())))
            };
            let format = Format::Matroska(DocType::Matroska);
            let mut recorder = Recorder::new(options(format, most), Layout::Tracks(once(target))).unwrap();
            speak(&mut recorder, 3, true);
            let report = recorder.finish(None);
            assert_eq!((report.reason, report.tracks.len()), (EndReason::SizeLimit, 3));
            assert_cut(&report);
            assert_used(file.bytes().len() as u64, most, &format!("{most}, seekable: {seekable}"));
            let read = matroska(&file.bytes());
            for (track, told) in read.tracks.iter().zip(&report.tracks) {
                assert_eq!(track.decode().len() as u64 / 2, told.samples);
            }
        }
    }
}

#[test]
fn what_ffmpeg_encodes_ends_at_its_size() {
    let Some(program) = record_support::ffmpeg() else { return };
    for coded in [Coded::Mp4, Coded::M4a, Coded::Mp3] {
        for most in [30_000, 120_000] {
            let file = Shared::default();
            let theirs = file.clone();
            let ffmpeg = Ffmpeg { program: program.clone(), coded, bitrate: 64, max_file_bytes: Some(most) };
            let layout = Layout::PerUser(Box::new(move |_, _| {
                ffmpeg.start(Target::Stream(Box::new(WriteOnly(theirs.clone()))), None)
            }));
            let pcm = RecorderOptions { format: Format::Pcm, ..RecorderOptions::default() };
            let mut recorder = Recorder::new(pcm, layout).unwrap();
            speak(&mut recorder, 1, false);
            let report = recorder.finish_for(None, EndReason::SizeLimit);
            assert_cut(&report);
            let bytes = file.bytes();
            assert_eq!(report.tracks[0].bytes, bytes.len() as u64);
            // Fragments of half a second: 4 kB.
            assert!(
                bytes.len() as u64 <= most && bytes.len() as u64 + 5_000 >= most,
                "{coded:?}: {}",
                bytes.len()
            );
            let format = if coded == Coded::Mp3 { Format::Mp3 { bitrate: 64 } } else { Format::Wav };
            let found = decode(format, bytes).len() as u64 / 2;
            assert!(report.tracks[0].samples.abs_diff(found) <= 2_400, "{coded:?}: {report:?}, {found}");
        }
    }
}

#[test]
fn a_limit_with_no_room_for_sound_is_refused_before_anything_is_made() {
    for format in FORMATS {
        let layout = Layout::PerUser(Box::new(|_, _| panic!("a file was made")));
        let refused = Recorder::new(options(format, 500), layout).map(drop);
        assert!(matches!(refused, Err(SinkError::Limit { limit: 500, .. })), "{format:?}: {refused:?}");
        let Err(SinkError::Limit { least, .. }) = refused else { return };
        // What would do does.
        let file = Shared::default();
        let theirs = file.clone();
        let layout = Layout::PerUser(Box::new(move |_, _| Ok(Target::Seekable(Box::new(theirs.clone())))));
        let mut recorder = Recorder::new(options(format, least), layout).unwrap();
        speak(&mut recorder, 1, false);
        assert!(recorder.finish(None).tracks[0].bytes <= least, "{format:?}");
        assert!(file.bytes().len() as u64 <= least, "{format:?}");
    }
    let program = Path::new("ffmpeg").to_owned();
    let ffmpeg = Ffmpeg { program, coded: Coded::Mp4, bitrate: 64, max_file_bytes: Some(100) };
    assert!(matches!(ffmpeg.check(), Err(SinkError::Limit { limit: 100, .. })));
}

#[test]
fn a_track_that_failed_claims_no_more_than_is_there() {
    for format in FORMATS {
        let file = Shared::full_after(300_000);
        let theirs = file.clone();
        let layout = Layout::PerUser(Box::new(move |_, _| Ok(Target::Seekable(Box::new(theirs.clone())))));
        let unlimited = RecorderOptions { format, ..RecorderOptions::default() };
        let mut recorder = Recorder::new(unlimited, layout).unwrap();
        for frame in 0..1_500u64 {
            recorder.frame(1, frame * 960, Payload::Pcm(&sound(frame)));
            recorder.advance((frame + 1) * 960);
        }
        let report = recorder.finish(None);
        assert!(matches!(report.tracks[0].state, FileState::Failed(_)), "{format:?}");
        let (told, found) = (report.tracks[0].samples, decode(format, file.bytes()).len() as u64 / 2);
        // What was flushed last is there, and that is half a second old at the most.
        assert!(0 < told && told <= found && found <= told + RATE, "{format:?}: {told} told, {found} found");
    }
}
