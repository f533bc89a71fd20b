//! Files that are large for good reason play and seek, and no more of them is read than that takes.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "source_files/containers.rs"]
mod containers;
mod source_files;

use containers::{
    block, cluster, element, film_track, id3_picture, matroska, mp3, mp4_box, mp4_opus, opus_track, pcm_track,
};
use isocord_io::source::{AudioFile, FrameBuf, SourceFrame};
use source_files::{chirp, distance, open, opus_head, opus_packets};

const MIB: u64 = 1 << 20;
const RATE: usize = 48_000;

/// Frames that are left, and the sound of those that are PCM, on the left.
fn rest(file: &mut AudioFile) -> (usize, Vec<f32>) {
    let mut buffer = FrameBuf::new();
    let (mut frames, mut sound) = (0, Vec::new());
    loop {
        match file.next_frame(&mut buffer).unwrap() {
            SourceFrame::End | SourceFrame::Starved => return (frames, sound),
            SourceFrame::Pcm => {
                sound
                    .extend(buffer.pcm.chunks_exact(2).take(usize::from(buffer.samples)).map(|pair| pair[0]));
            }
            SourceFrame::Opus => {}
        }
        frames += 1;
    }
}

/// A film of so many seconds: 3 MB of pictures and then 100 ms of sound, ten times a second.
fn film(seconds: u64, cues: bool) -> Vec<u8> {
    let picture = vec![0x5a; 300_000];
    let clusters = (0..seconds).map(|second| {
        let mut blocks = Vec::new();
        for tenth in 0..10_u64 {
            for _ in 0..10 {
                blocks.extend(block(2, tenth as i16 * 100, &picture));
            }
            let from = (second * 10 + tenth) as usize * RATE / 10;
            let sound = (from..from + RATE / 10)
                .flat_map(|index| ((chirp(index as f64 / RATE as f64) * 32_767.0) as i16).to_le_bytes());
            blocks.extend(block(1, tenth as i16 * 100, &sound.collect::<Vec<_>>()));
        }
        cluster(second * 1_000, &blocks)
    });
    let tracks = [film_track(), pcm_track()].concat();
    matroska(&tracks, seconds as f64 * 1_000.0, &clusters.collect::<Vec<_>>(), cues)
}

#[test]
fn a_film_with_little_sound_between_big_pictures_plays_and_seeks() {
    let mut file = open(film(6, true));
    assert_eq!(file.duration(), Some(6.0));
    let (frames, sound) = rest(&mut file);
    assert_eq!(frames, 300);
    assert!(distance(&sound, 0.0) < 1e-3);
    let before = file.bytes_read();
    file.seek(4.25).unwrap();
    let mut buffer = FrameBuf::new();
    assert_eq!(file.next_frame(&mut buffer).unwrap(), SourceFrame::Pcm);
    let read = file.bytes_read() - before;
    assert!(read < 60 * MIB, "the cues lead near it: {read}");
    let (_, sound) = rest(&mut file);
    assert!(distance(&sound, 4.27 * RATE as f64) < 1e-3);
}

#[test]
fn a_film_without_an_index_is_sought_in_slices() {
    let mut file = open(film(6, false));
    file.begin_seek(5.0).unwrap();
    let mut buffer = FrameBuf::new();
    let mut slices = 0;
    let frame = loop {
        let before = file.bytes_read();
        let found = file.try_next_frame(&mut buffer).unwrap();
        assert!(file.bytes_read() - before < 2 * MIB, "a slice is half a MiB, and a picture");
        match found {
            Some(frame) => break frame,
            None => slices += 1,
        }
    };
    assert_eq!((frame, buffer.position), (SourceFrame::Pcm, 5 * RATE as u64));
    assert!(slices > 100, "{slices}");
    assert!(distance(&rest(&mut file).1, 5.02 * RATE as f64) < 1e-3);
}

/// Three hours of Opus, with a cluster for every 5 s.
fn long_webm(cues: bool) -> Vec<u8> {
    let packet = opus_packets(960, 1).concat();
    let clusters = (0..2_160_u64).map(|index| {
        let blocks = (0..250).flat_map(|packet_index| block(1, packet_index * 20, &packet));
        cluster(index * 5_000, &blocks.collect::<Vec<_>>())
    });
    let tracks = opus_track(&opus_head(2, 312, 0));
    matroska(&tracks, 10_800_000.0, &clusters.collect::<Vec<_>>(), cues)
}

#[test]
fn three_hours_of_webm_with_cues_at_the_end_play_and_seek() {
    let mut file = open(long_webm(true));
    assert!((file.duration().unwrap() - 10_800.0).abs() < 0.1);
    assert!(file.bytes_read() < MIB, "{}", file.bytes_read());
    file.seek(10_790.0).unwrap();
    assert!((498..=502).contains(&rest(&mut file).0));
    assert!(file.bytes_read() < 2 * MIB, "{}", file.bytes_read());
}

#[test]
fn three_hours_of_webm_without_cues_are_sought_in_slices() {
    let bytes = long_webm(false);
    let whole = bytes.len() as u64;
    let mut file = open(bytes);
    file.begin_seek(10_790.0).unwrap();
    assert_eq!(file.position(), 10_790 * RATE as u64);
    let mut buffer = FrameBuf::new();
    let mut slices = 0;
    while file.try_next_frame(&mut buffer).unwrap().is_none() {
        slices += 1;
    }
    assert!(slices as u64 >= whole / MIB - 20, "{slices} of {whole}");
    assert!((497..=501).contains(&rest(&mut file).0));
    // Who can wait is told the place exactly.
    file.seek(10_789.995).unwrap();
    assert_eq!(file.position() % 960, 960 - 312);
    assert!(10_789.995 * RATE as f64 - file.position() as f64 <= 960.0);
}

#[test]
fn three_hours_of_mp3_are_sought_to_the_end() {
    let mut file = open(mp3(450_000));
    file.seek(10_740.0).unwrap();
    let frames = rest(&mut file).0;
    assert!((2_990..=3_010).contains(&frames), "{frames}");
}

#[test]
fn a_picture_of_10_mb_in_front_of_an_mp3_is_not_read() {
    let mut file = open([id3_picture(10 << 20), mp3(500)].concat());
    assert_eq!((file.info().container, rest(&mut file).0), ("mp3", 600));
    file.seek(6.0).unwrap();
    assert_eq!(rest(&mut file).0, 300);
    assert!(file.bytes_read() < MIB, "{}", file.bytes_read());
}

#[test]
fn an_index_behind_the_sound_with_much_between_is_found() {
    let bytes = mp4_opus(&opus_packets(960, 500), &mp4_box(b"free", &vec![0; 100 << 20]));
    let mut file = open(bytes);
    assert_eq!((file.info().container, file.info().codec), ("mp4", "opus"));
    assert_eq!(rest(&mut file).0, 500);
    file.seek(8.0).unwrap();
    assert!((100..=102).contains(&rest(&mut file).0));
    assert!(file.bytes_read() < 4 * MIB, "{}", file.bytes_read());
}

#[test]
fn fonts_of_100_mb_in_a_film_are_not_read() {
    let sound =
        (0..RATE).flat_map(|index| ((chirp(index as f64 / RATE as f64) * 32_767.0) as i16).to_le_bytes());
    let second = cluster(0, &block(1, 0, &sound.collect::<Vec<_>>()));
    let mut font = element(0x466e, b"font.ttf");
    font.extend(element(0x4660, b"font/ttf"));
    font.extend(element(0x46ae, &[1]));
    font.extend(element(0x465c, &vec![0x5a; 100 << 20]));
    let fonts = element(0x1941_a469, &element(0x61a7, &font));
    for clusters in [vec![fonts.clone(), second.clone()], vec![second, fonts]] {
        let mut file = open(matroska(&pcm_track(), 1_000.0, &clusters, true));
        assert!(distance(&rest(&mut file).1, 0.0) < 1e-3);
        assert!(file.bytes_read() < MIB, "{}", file.bytes_read());
    }
}
