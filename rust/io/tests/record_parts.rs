//! Recordings in parts: joined they are the uncut recording, sample for sample or packet for packet.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod record_support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use isocord_io::record::{
    DocType, Format, FrameSink, Layout, PartReport, Payload, Recorder, RecorderOptions, SinkError, Split,
    Target, Wants,
};
use isocord_proto::opus::{Encoder, EncoderOptions};
use record_support::{Shared, decode, matroska, ogg, tone};

const RATE: u64 = 48_000;
const START: u64 = 9_000_017;
const FRAMES: u64 = 400;
const MATROSKA: Format = Format::Matroska(DocType::Matroska);

/// By user, or 0 for all, and part.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<BTreeMap<(u64, u32), Shared>>>);

impl Files {
    fn make(&self, user_id: u64, part: u32) -> Target {
        let file = Shared::default();
        assert!(self.0.lock().unwrap().insert((user_id, part), file.clone()).is_none(), "{user_id} {part}");
        Target::Seekable(Box::new(file))
    }

    fn each(&self) -> Layout {
        let files = self.clone();
        Layout::PerUser(Box::new(move |user_id, part| Ok(files.make(user_id, part))))
    }

    fn whole(&self, tracks: bool) -> Layout {
        let files = self.clone();
        let make = Box::new(move |part| Ok(files.make(0, part)));
        if tracks { Layout::Tracks(make) } else { Layout::Mixdown(make) }
    }

    fn of(&self, user_id: u64) -> Vec<Vec<u8>> {
        let files = self.0.lock().unwrap();
        files.iter().filter(|(key, _)| key.0 == user_id).map(|(_, file)| file.bytes()).collect()
    }
}

/// Eight seconds of two users: one loses packets, the other comes late and is silent for a while. Cuts by hand come
/// at the given frames.
fn record(options: RecorderOptions, layout: Layout, by_hand: &[u64]) -> Vec<PartReport> {
    let mut recorder = Recorder::new(RecorderOptions { start: START, ..options }, layout).unwrap();
    let mut encoders: Vec<Encoder> =
        (0..2).map(|_| Encoder::new(&EncoderOptions::default()).unwrap()).collect();
    let mut parts = Vec::new();
    for n in 0..FRAMES {
        for (user, encoder) in (1u64..).zip(&mut encoders) {
            let pcm = tone(300.0 * user as f64 + n as f64, n * 960, 960);
            let mut packet = [0; 1_275];
            let len = encoder.encode(&pcm, &mut packet).unwrap();
            let speaks = if user == 1 { n % 37 != 5 } else { (130..200).contains(&n) || n > 260 };
            if !speaks {
                continue;
            }
            // Not on the grid of the cuts.
            let position = START + n * 960 + 7 * user;
            match recorder.wants() {
                Wants::Opus => recorder.frame(user, position, Payload::Opus(&packet[..len])),
                Wants::Pcm => recorder.frame(user, position, Payload::Pcm(&pcm)),
            }
        }
        if by_hand.contains(&n) {
            recorder.cut(START + (n + 1) * 960);
        }
        recorder.advance(START + (n + 1) * 960);
        parts.extend(std::iter::from_fn(|| recorder.next_part()));
    }
    recorder.finish(None);
    parts.extend(std::iter::from_fn(|| recorder.next_part()));
    parts
}

/// What stays the same however it is cut: samples, or packets.
#[derive(Debug, PartialEq)]
enum Content {
    Samples(Vec<f32>),
    Packets(Vec<Vec<u8>>),
}

fn content(format: Format, files: Vec<Vec<u8>>) -> Content {
    match format {
        Format::OggOpus => Content::Packets(files.iter().flat_map(|file| ogg(file).packets).collect()),
        Format::Matroska(_) => {
            let blocks = |file: &Vec<u8>| matroska(file).tracks.remove(0).blocks;
            Content::Packets(files.iter().flat_map(blocks).map(|(_, packet)| packet).collect())
        }
        _ => Content::Samples(files.into_iter().flat_map(|file| decode(format, file)).collect()),
    }
}

fn assert_joined(format: Format, cut: Vec<Vec<u8>>, uncut: Vec<Vec<u8>>, what: &str) {
    assert!(uncut.len() == 1 && cut.len() > 2, "{what}: {} and {} files", uncut.len(), cut.len());
    assert!(content(format, cut) == content(format, uncut), "{what}");
}

fn assert_in_a_row(parts: &[PartReport], user_id: Option<u64>, count: usize, what: &str) {
    let own: Vec<&PartReport> = parts.iter().filter(|part| part.user_id == user_id).collect();
    assert_eq!(own.len(), count, "{what}");
    for pair in own.windows(2) {
        assert_eq!(pair[1].number, pair[0].number + 1, "{what}");
        assert_eq!(pair[1].offset, pair[0].offset + pair[0].samples, "{what}");
    }
}

fn splits() -> [(Option<Split>, &'static [u64], &'static str); 4] {
    [
        (Some(Split::Samples(RATE + 1_234)), &[], "by time"),
        (None, &[40, 41, 160, 161, 300], "by hand"),
        (Some(Split::Samples(2 * RATE)), &[30, 99, 250], "by time and by hand"),
        (Some(Split::Bytes(20_000)), &[], "by size"),
    ]
}

#[test]
fn parts_of_each_user_joined_are_the_uncut_recording() {
    for format in [Format::Wav, Format::Pcm, Format::Flac, Format::OggOpus, MATROSKA] {
        for sync_start in [false, true] {
            let options = RecorderOptions { format, sync_start, ..RecorderOptions::default() };
            let uncut = Files::default();
            record(options.clone(), uncut.each(), &[]);
            for (split, by_hand, how) in splits() {
                let what = format!("{format:?} {sync_start} {how}");
                let cut = Files::default();
                let parts = record(RecorderOptions { split, ..options.clone() }, cut.each(), by_hand);
                for user in [1, 2] {
                    let files = cut.of(user);
                    if let Some(Split::Bytes(most)) = split {
                        assert!(files.iter().all(|file| file.len() as u64 <= most), "{what}");
                    }
                    assert_in_a_row(&parts, Some(user), files.len(), &what);
                    assert_joined(format, files, uncut.of(user), &what);
                }
            }
        }
    }
}

#[test]
fn parts_of_one_moment_have_one_number() {
    let split = Some(Split::Samples(2 * RATE));
    for format in [Format::Wav, Format::OggOpus] {
        let parts = record(
            RecorderOptions { format, split, ..RecorderOptions::default() },
            Files::default().each(),
            &[],
        );
        // Who comes in the second part has no first one.
        let numbers = |user| -> Vec<u32> {
            parts.iter().filter(|part| part.user_id == Some(user)).map(|part| part.number).collect()
        };
        assert!(numbers(1).starts_with(&[1, 2, 3, 4]) && numbers(2).starts_with(&[2, 3, 4]), "{parts:?}");
        for part in parts.iter().filter(|part| part.number > 2) {
            let late = part.offset - u64::from(part.number - 1) * 2 * RATE;
            // A packet cannot be cut.
            assert!(late == 0 || format == Format::OggOpus && late < 960, "{late}");
        }
    }
}

#[test]
fn parts_of_a_mixdown_joined_are_the_uncut_mixdown() {
    for format in [Format::Wav, Format::Flac, Format::OggOpus, MATROSKA] {
        let options = RecorderOptions { format, ..RecorderOptions::default() };
        let uncut = Files::default();
        record(options.clone(), uncut.whole(false), &[]);
        for (split, by_hand, how) in splits() {
            let cut = Files::default();
            let parts = record(RecorderOptions { split, ..options.clone() }, cut.whole(false), by_hand);
            let what = format!("{format:?} {how}");
            assert_in_a_row(&parts, None, cut.of(0).len(), &what);
            assert_joined(format, cut.of(0), uncut.of(0), &what);
        }
    }
}

#[test]
fn parts_of_many_tracks_joined_are_the_uncut_tracks() {
    for sync_start in [false, true] {
        let options = RecorderOptions { format: MATROSKA, sync_start, ..RecorderOptions::default() };
        let uncut = Files::default();
        record(options.clone(), uncut.whole(true), &[]);
        let whole = matroska(&uncut.of(0)[0]);
        for (split, by_hand, how) in splits() {
            let cut = Files::default();
            let parts = record(RecorderOptions { split, ..options.clone() }, cut.whole(true), by_hand);
            let files = cut.of(0);
            assert!(files.len() > 2, "{how}");
            assert_eq!(parts.len(), files.len(), "{how}");
            for (user, track) in whole.tracks.iter().enumerate() {
                let mut joined = Vec::new();
                for file in &files {
                    let read = matroska(file);
                    assert!(read.whole, "{how}");
                    let Some(part) = read.tracks.into_iter().nth(user) else { continue };
                    assert_eq!(part.name, track.name, "{how}");
                    joined.extend(part.blocks);
                }
                // Who comes late is in no file that was complete: less of the silence is left, on another grid.
                let is_late = sync_start && user == 1;
                let packets = |blocks: &[(i64, Vec<u8>)]| -> Vec<Vec<u8>> {
                    let all = blocks.iter().map(|block| block.1.clone());
                    all.filter(|packet| !is_late || packet.len() > 3).collect()
                };
                assert!(packets(&joined) == packets(&track.blocks), "{how} {sync_start} {user}");
            }
            if let Some(Split::Bytes(most)) = split {
                assert!(files.iter().all(|file| file.len() as u64 <= most), "{how}");
            }
        }
    }
}

#[test]
fn hours_are_those_of_the_clock_and_not_of_the_recording() {
    let files = Files::default();
    let options = RecorderOptions {
        format: Format::Pcm,
        start: START,
        split: Some(Split::Hours(10 * RATE)),
        ..RecorderOptions::default()
    };
    let mut recorder = Recorder::new(options, files.each()).unwrap();
    let second = |recorder: &mut Recorder, at: u64| {
        for n in 0..50 {
            let position = START + at * RATE + n * 960;
            recorder.frame(1, position, Payload::Pcm(&tone(440.0, 0, 960)));
            recorder.advance(position + 960);
        }
    };
    second(&mut recorder, 0);
    recorder.pause(START + RATE);
    recorder.advance(START + 9 * RATE);
    recorder.resume(START + 9 * RATE);
    second(&mut recorder, 9);
    second(&mut recorder, 10);
    for minute in 1..61 {
        recorder.advance(START + minute * 60 * RATE);
    }
    second(&mut recorder, 3_610);
    recorder.finish(None);
    let lengths: Vec<usize> = files.of(1).iter().map(|file| file.len() / 4).collect();
    assert_eq!(lengths, [2 * RATE as usize, 3_600 * RATE as usize, RATE as usize]);
}

#[test]
fn a_part_that_cannot_be_opened_costs_its_track_only() {
    let files = Files::default();
    let theirs = files.clone();
    let layout = Layout::PerUser(Box::new(move |user_id, part| match (user_id, part) {
        (1, 3) => Err(std::io::ErrorKind::StorageFull.into()),
        _ => Ok(theirs.make(user_id, part)),
    }));
    let options = RecorderOptions {
        format: Format::Wav,
        split: Some(Split::Samples(2 * RATE)),
        ..RecorderOptions::default()
    };
    let parts = record(options, layout, &[]);
    assert_eq!((files.of(1).len(), files.of(2).len()), (2, 4));
    // What was complete before stays so.
    assert_eq!(parts.iter().filter(|part| part.user_id == Some(1)).count(), 2);
    let second = decode(Format::Wav, files.of(1).remove(1));
    assert_eq!(second.len(), 2 * 2 * RATE as usize);
}

#[test]
fn all_parts_of_a_user_are_dropped() {
    let directory = record_support::directory("parts");
    let layout = Layout::PerUser(isocord_io::record::directory(directory.clone(), "wav".to_owned()));
    let options = RecorderOptions {
        format: Format::Wav,
        split: Some(Split::Samples(RATE)),
        ..RecorderOptions::default()
    };
    let mut recorder = Recorder::new(options, layout).unwrap();
    for n in 0..150 {
        for user in [1, 2] {
            recorder.frame(user, n * 960, Payload::Pcm(&tone(440.0, 0, 960)));
        }
        recorder.advance((n + 1) * 960);
    }
    recorder.drop_user(2).unwrap();
    recorder.finish(None);
    let mut names: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["1-002.wav", "1-003.wav", "1.wav"]);
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn parts_shorter_than_a_second_are_refused() {
    let options = RecorderOptions { split: Some(Split::Samples(RATE - 1)), ..RecorderOptions::default() };
    assert!(matches!(Recorder::new(options, Files::default().each()), Err(SinkError::Option(_))));
    let options = RecorderOptions { split: Some(Split::Bytes(500)), ..RecorderOptions::default() };
    assert!(matches!(Recorder::new(options, Files::default().each()), Err(SinkError::Limit { .. })));
}
