//! Tags that were made to cost much: what is looked at and kept of them has a bound, and the sound plays.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "source_files/containers.rs"]
mod containers;
mod source_files;

use containers::{block, cluster, element, matroska, mp3, mp4_box, pcm_track};
use isocord_io::source::{AudioFile, AudioFileOptions, FrameBuf, Input, SourceFrame};
use proptest::prelude::*;
use source_files::{chirp_wav, flac};

const MIB: u64 = 1 << 20;

fn open(bytes: Vec<u8>) -> AudioFile {
    AudioFile::open(Input::bytes(bytes), AudioFileOptions::default()).unwrap()
}

fn id3(version: u8, flags: u8, size: usize, frames: &[u8]) -> Vec<u8> {
    let mut out = vec![b'I', b'D', b'3', version, 0, flags];
    out.extend([21, 14, 7, 0].map(|shift| (size >> shift & 0x7f) as u8));
    out.extend(frames);
    out
}

/// Frames of a few bytes, each of another name.
fn many_frames(bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes + 64);
    for index in 0.. {
        if out.len() >= bytes {
            break;
        }
        let text = format!("\0{index:x}\0x");
        out.extend(b"TXXX");
        out.extend([0, 0, 0, text.len() as u8, 0, 0]);
        out.extend(text.as_bytes());
    }
    out
}

/// What its tags amount to, in bytes, and that it plays.
fn kept(mut file: AudioFile) -> usize {
    let mut buffer = FrameBuf::new();
    assert_ne!(file.next_frame(&mut buffer).unwrap(), SourceFrame::End);
    file.info().tags.text().iter().map(|(key, value)| key.len() + value.len()).sum()
}

#[test]
fn a_tag_of_25_mib_costs_what_a_small_one_costs() {
    let sound = mp3(50);
    let frames = many_frames(25 << 20);
    let file = open([id3(4, 0, frames.len(), &frames), sound.clone()].concat());
    let small = open([id3(4, 0, 0, &[]), sound].concat());
    // A name and a text are read of each frame, no more frames than a bound, and nothing else.
    assert!(file.bytes_read() < small.bytes_read() + 100_000, "{}", file.bytes_read());
    assert!((5_000..200_000).contains(&kept(file)));
}

#[test]
fn texts_that_never_end_are_cut() {
    let text = vec![b'x'; 4 << 20];
    let frame = |name: &[u8]| {
        let size = [21, 14, 7, 0].map(|shift| ((text.len() + 1) >> shift & 0x7f) as u8);
        [name, &size, &[0, 0, 3], &text].concat()
    };
    let frames = [b"TIT2", b"TPE1", b"TALB", b"TCOM", b"TCON"].map(|name| frame(name)).concat();
    let file = open([id3(4, 0, frames.len(), &frames), mp3(50)].concat());
    assert!(file.bytes_read() < MIB, "{}", file.bytes_read());
    assert_eq!(file.info().tags.get("title").map(str::len), Some(16 << 10));
    assert!(kept(file) < 200_000);
}

#[test]
fn lengths_that_lie_lead_nowhere() {
    let huge = [0xff, 0xff, 0xff, 0xff];
    let le = u32::MAX.to_le_bytes();
    let comments = [b"\0\0\0\0".as_slice(), &le, &le, b"TITLE=x"].concat();
    let ilst = |body: &[u8]| {
        let list = mp4_box(b"ilst", body);
        mp4_box(b"moov", &mp4_box(b"udta", &mp4_box(b"meta", &[[0; 4].as_slice(), &list].concat())))
    };
    let block_of = |kind: u8, body: &[u8]| [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat();
    let picture = [[0, 0, 0, 3].as_slice(), &huge, b"image/png", &huge, &huge].concat();
    let second = cluster(0, &block(1, 0, &[7; 96_000]));
    let sound = flac(48_000, 48_000);
    let with_block = |block: Vec<u8>| [&sound[..4], &block, &sound[4..]].concat();
    let mut wav = chirp_wav(48_000, 1.0);
    wav.extend(b"LIST\xff\xff\xff\xffINFOINAM\xff\xff\xff\xffname");
    let files = [
        [id3(4, 0, 40, &[b"TIT2".as_slice(), &[0x7f; 4], &[0; 32]].concat()), mp3(50)].concat(),
        [id3(3, 0x40, 40, &[huge.as_slice(), &[0; 36]].concat()), mp3(50)].concat(),
        [id3(3, 0x80, 40, &[b"APIC".as_slice(), &huge, &[0; 32]].concat()), mp3(50)].concat(),
        [id3(2, 0, 40, &[b"PIC".as_slice(), &[0xff; 3], &[0; 34]].concat()), mp3(50)].concat(),
        with_block(block_of(4, &comments)),
        with_block(block_of(6, &picture)),
        matroska(
            &pcm_track(),
            1.0,
            &[
                element(
                    0x1254_c367,
                    &element(0x7373, &element(0x67c8, &[0x45, 0xa3, 0x01, 0x7f, 0, 0, 0, 0, 0, 1])),
                ),
                second,
            ],
            true,
        ),
        wav,
    ];
    for (index, bytes) in files.into_iter().enumerate() {
        let whole = bytes.len() as u64;
        let mut file = open(bytes);
        assert!(file.bytes_read() < 4 * whole + MIB, "{index}: {}", file.bytes_read());
        assert!(
            file.take_cover().is_none_or(|cover| cover.read().unwrap().is_none_or(|bytes| bytes.len() < 100))
        );
        assert!(kept(file) < 100, "{index}");
    }
    // MP4 has no sound here, but its tags are read before that shows.
    let lie = [b"\xff\xff\xff\xffcovr".as_slice(), &[0xff; 64]].concat();
    let mp4 = [mp4_box(b"ftyp", b"isom\0\0\0\0isom"), ilst(&lie)].concat();
    assert!(AudioFile::open(Input::bytes(mp4), AudioFileOptions::default()).is_err());
}

#[test]
fn boxes_and_elements_without_number_are_not_all_read() {
    let voids = element(0x67c8, &[]).repeat(1 << 20);
    let bytes = matroska(
        &pcm_track(),
        1.0,
        &[element(0x1254_c367, &element(0x7373, &voids)), cluster(0, &block(1, 0, &[7; 96_000]))],
        false,
    );
    assert!(kept(open(bytes)) < 100);
    let pages = |count: u32| {
        // A comment packet that goes on and on, by a byte a page.
        let mut out = Vec::new();
        for sequence in 0..count {
            out.extend(b"OggS\0\0");
            out.extend([0xff; 8]);
            out.extend(1_u32.to_le_bytes());
            out.extend(sequence.to_le_bytes());
            out.extend([0, 0, 0, 0, 1, 255]);
            out.extend([0; 255]);
        }
        out
    };
    let opened = AudioFile::open(Input::bytes(pages(100_000)), AudioFileOptions::default());
    assert!(opened.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn damage_anywhere_in_tags_harms_nobody(
        at in prop::collection::vec((0_usize..400, any::<u8>()), 1..12),
        which in 0_usize..4,
    ) {
        let picture = [b"\0image/png\0\x03\0".as_slice(), &[9; 100]].concat();
        let frames = [
            b"TIT2\0\0\0\x05\0\0\x03name".as_slice(),
            b"APIC\0\0\0", &[picture.len() as u8], b"\0\0", &picture,
            b"COMM\0\0\0\x08\0\0\x01eng\0\0\0\0",
        ].concat();
        let comments = b"\0\0\0\0\x01\0\0\0\x07\0\0\0TITLE=x".to_vec();
        let sound = flac(48_000, 4_800);
        let mut bytes = match which {
            0 => [id3(4, 0, frames.len(), &frames), mp3(20)].concat(),
            1 => [id3(3, 0x80, frames.len(), &frames), mp3(20)].concat(),
            2 => [&sound[..4], &[4, 0, 0, comments.len() as u8], &comments, &sound[4..]].concat(),
            _ => {
                let mut wav = chirp_wav(48_000, 0.1);
                wav.extend(b"LIST\x10\0\0\0INFOINAM\x04\0\0\0name");
                wav
            }
        };
        let last = bytes.len().saturating_sub(400);
        let from = if which == 3 { last } else { 0 };
        for (offset, byte) in at {
            if let Some(place) = bytes.get_mut(from + offset) {
                *place = byte;
            }
        }
        if let Ok(mut file) = AudioFile::open(Input::bytes(bytes), AudioFileOptions::default()) {
            let _ = file.take_cover().map(|cover| cover.read());
        }
    }
}
