//! What the recorder writes, read back: by libopus and by the crate's own file reader, which is another library.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod record_support;

use isocord_io::record::{
    Coded, DocType, Ffmpeg, Format, FrameSink, Layout, Payload, Recorder, RecorderOptions, Target, once,
};
use isocord_proto::opus::{Encoder, EncoderOptions};
use record_support::{Shared, WriteOnly, click_at, decode, dominant, matroska, ogg, tone};

const RATE: u64 = 48_000;
const START: u64 = 7_000_000_123;
const ALL: [Format; 6] = [
    Format::Wav,
    Format::Pcm,
    Format::Flac,
    Format::Mp3 { bitrate: 192 },
    Format::OggOpus,
    Format::Matroska(DocType::Matroska),
];

fn options(format: Format) -> RecorderOptions {
    RecorderOptions { format, start: START, sync_start: true, ..RecorderOptions::default() }
}

/// One user who says 440 Hz in the second second and 1,000 Hz in the fourth, of five.
fn record(options: RecorderOptions, layout: Layout, opus: bool) -> isocord_io::record::RecorderReport {
    let mut recorder = Recorder::new(options, layout).unwrap();
    let mut encoder = Encoder::new(&EncoderOptions::default()).unwrap();
    for n in 0..250u64 {
        let at = n * 960;
        let hz = match at / RATE {
            1 => 440.0,
            3 => 1_000.0,
            _ => {
                recorder.advance(START + at + 960);
                continue;
            }
        };
        let pcm = tone(hz, at, 960);
        if opus {
            let mut packet = [0; 1_275];
            let len = encoder.encode(&pcm, &mut packet).unwrap();
            recorder.frame(1, START + at, Payload::Opus(&packet[..len]));
        } else {
            recorder.frame(1, START + at, Payload::Pcm(&pcm));
        }
        recorder.advance(START + at + 960);
    }
    recorder.finish(Some(START + 5 * RATE))
}

fn target(object: &Shared) -> Layout {
    let object = object.clone();
    Layout::PerUser(Box::new(move |_, _| Ok(Target::Seekable(Box::new(object.clone())))))
}

/// `slack` is by how many samples the length may be off.
fn assert_tones(pcm: &[f32], slack: usize, what: &str) {
    assert!(pcm.len().abs_diff(2 * 5 * RATE as usize) <= 2 * slack, "{what}: {} samples", pcm.len() / 2);
    for (second, want) in [(0, None), (1, Some(440)), (2, None), (3, Some(1_000)), (4, None)] {
        // The edges of a second may hold a lossy coder's ringing.
        let from = 2 * (second * RATE as usize + 4_800);
        assert_eq!(dominant(&pcm[from..from + 2 * 38_400]), want, "{what}, second {second}");
    }
}

#[test]
fn every_format_holds_the_sound_at_its_place() {
    for format in ALL {
        for opus in [false, true] {
            let file = Shared::default();
            let report = record(options(format), target(&file), opus);
            let what = format!("{format:?} from {}", if opus { "packets" } else { "PCM" });
            assert_eq!(report.tracks.len(), 1, "{what}");
            assert_eq!(report.tracks[0].samples, 5 * RATE, "{what}");
            assert_eq!(report.tracks[0].bytes, file.bytes().len() as u64, "{what}");
            assert_tones(&decode(format, file.bytes()), 200, &what);
        }
    }
}

#[test]
fn a_stream_that_cannot_seek_is_readable_too() {
    for format in ALL {
        let file = Shared::default();
        let out = WriteOnly(file.clone());
        let layout = Layout::Mixdown(once(Target::Stream(Box::new(out))));
        record(options(format), layout, false);
        // Only LAME's info frame tells how much of an MP3 is the encoder's own silence.
        let slack = if matches!(format, Format::Mp3 { .. }) { 2_400 } else { 200 };
        assert_tones(&decode(format, file.bytes()), slack, &format!("{format:?}"));
    }
}

#[test]
fn a_click_stays_at_its_place() {
    for format in ALL {
        let file = Shared::default();
        let mut recorder = Recorder::new(options(format), target(&file)).unwrap();
        for n in 0..100u64 {
            let mut pcm = [0i16; 1_920];
            if n == 50 {
                pcm[600..604].fill(30_000);
            }
            recorder.frame(1, START + n * 960, Payload::Pcm(&pcm));
        }
        recorder.finish(None);
        let at = click_at(&decode(format, file.bytes()));
        // Lossless ones to the sample; the lossy ones spread a click by some.
        let bound = if matches!(format, Format::Wav | Format::Pcm | Format::Flac) { 0 } else { 4 };
        assert!(at.abs_diff(50 * 960 + 300) <= bound, "{format:?}: {at}");
    }
}

#[test]
fn a_click_stays_at_its_place_in_an_mp3_by_ffmpeg() {
    let Some(program) = record_support::ffmpeg() else { return };
    let file = Shared::default();
    let theirs = file.clone();
    let ffmpeg = Ffmpeg { program, coded: Coded::Mp3, bitrate: 192, max_file_bytes: None };
    let layout =
        Layout::PerUser(Box::new(move |_, _| ffmpeg.start(Target::Seekable(Box::new(theirs.clone())), None)));
    let mut recorder = Recorder::new(options(Format::Pcm), layout).unwrap();
    for n in 0..100u64 {
        let mut pcm = [0i16; 1_920];
        if n == 50 {
            pcm[600..604].fill(30_000);
        }
        recorder.frame(1, START + n * 960, Payload::Pcm(&pcm));
    }
    let report = recorder.finish(None);
    assert_eq!((report.tracks[0].samples, report.tracks[0].bytes), (96_000, file.bytes().len() as u64));
    let pcm = decode(Format::Mp3 { bitrate: 192 }, file.bytes());
    assert_eq!(pcm.len(), 2 * 96_000);
    let at = click_at(&pcm);
    assert!(at.abs_diff(50 * 960 + 300) <= 4, "{at}");
}

#[test]
fn opus_packets_are_not_encoded_again() {
    let mut encoder = Encoder::new(&EncoderOptions::default()).unwrap();
    let packets: Vec<Vec<u8>> = (0..120u64)
        .map(|n| {
            let mut packet = [0; 1_275];
            let len = encoder.encode(&tone(300.0 + n as f64, n * 960, 960), &mut packet).unwrap();
            packet[..len].to_vec()
        })
        .collect();
    for format in [Format::OggOpus, Format::Matroska(DocType::Webm)] {
        let file = Shared::default();
        let mut recorder = Recorder::new(options(format), target(&file)).unwrap();
        for (n, packet) in packets.iter().enumerate() {
            recorder.frame(1, START + n as u64 * 960, Payload::Opus(packet));
        }
        recorder.finish(None);
        let read = match format {
            Format::OggOpus => ogg(&file.bytes()).packets,
            _ => matroska(&file.bytes()).tracks.remove(0).blocks.into_iter().map(|block| block.1).collect(),
        };
        assert_eq!(read, packets, "{format:?}");
    }
}

#[test]
fn ogg_pages_are_as_in_the_rfc() {
    let file = Shared::default();
    record(options(Format::OggOpus), target(&file), true);
    let stream = ogg(&file.bytes());
    assert_eq!(&stream.head[..8], b"OpusHead");
    assert_eq!(stream.head[8..], [1, 2, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0]);
    assert_eq!(&stream.tags[..8], b"OpusTags");
    assert!(stream.tags.windows(7).any(|part| part == b"TITLE=1"));
    assert!(stream.ended);
    assert_eq!(stream.granules.last(), Some(&(5 * RATE)));
    assert!(stream.granules.windows(2).all(|pair| pair[1] - pair[0] <= RATE), "{:?}", stream.granules);
}

#[test]
fn the_wave_header_says_what_the_file_has() {
    let file = Shared::default();
    record(options(Format::Wav), target(&file), false);
    let bytes = file.bytes();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(
        (&bytes[..4], &bytes[8..16], &bytes[48..52], &bytes[72..76]),
        (&b"RIFF"[..], &b"WAVEJUNK"[..], &b"fmt "[..], &b"data"[..])
    );
    assert_eq!(word(4) as usize, bytes.len() - 8);
    assert_eq!(word(76) as usize, bytes.len() - 80);
    assert_eq!(word(76) as u64, 5 * RATE * 4);
}

#[test]
fn past_four_gibibytes_a_wave_file_is_rf64() {
    let file = Shared::sparse();
    let mut recorder = Recorder::new(options(Format::Wav), target(&file)).unwrap();
    let frame = tone(440.0, 0, 48_000);
    // Just under seven hours: 4.4 GiB, of which the object keeps the first and counts the rest.
    let late = 24_800 * RATE;
    recorder.frame(1, START, Payload::Pcm(&frame));
    for minute in 1..=late / RATE / 60 {
        recorder.advance(START + minute * 60 * RATE);
    }
    recorder.advance(START + late);
    recorder.frame(1, START + late, Payload::Pcm(&frame));
    let report = recorder.finish(None);
    let bytes = file.bytes();
    let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let data = (late + RATE) * 4;
    assert_eq!(report.tracks[0].bytes, data + 80);
    assert_eq!((&bytes[..8], &bytes[8..16]), (&b"RF64\xFF\xFF\xFF\xFF"[..], &b"WAVEds64"[..]));
    assert_eq!((long(20), long(28), long(36)), (data + 72, data, late + RATE));
    assert_eq!(&bytes[72..80], b"data\xFF\xFF\xFF\xFF");
}

#[test]
fn a_silent_hour_of_wave_takes_no_disk() {
    let directory = record_support::directory("hole");
    let path = directory.join("late.wav");
    let theirs = path.clone();
    let layout = Layout::PerUser(Box::new(move |_, _| Ok(Target::Path(theirs.clone()))));
    let mut recorder = Recorder::new(options(Format::Wav), layout).unwrap();
    recorder.frame(1, START + 3_600 * RATE, Payload::Pcm(&tone(440.0, 0, 960)));
    recorder.finish(None);
    let file = std::fs::metadata(&path).unwrap();
    assert_eq!(file.len(), 80 + 4 * (3_600 * RATE + 960));
    let mut tail = std::fs::File::open(&path).unwrap();
    let mut last = [0; 3_840];
    std::io::Seek::seek(&mut tail, std::io::SeekFrom::End(-3_840)).unwrap();
    std::io::Read::read_exact(&mut tail, &mut last).unwrap();
    let sound: Vec<u8> = tone(440.0, 0, 960).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    assert_eq!(last[..], sound);
    std::fs::remove_dir_all(directory).unwrap();
}
