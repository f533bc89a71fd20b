//! Decoded files: what a listener hears is what the file holds, from its first sample to its last.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod source_files;

use std::fs;

use isocord_io::source::{AudioFile, AudioFileOptions, FRAME_BYTES, FrameBuf, Input, OpenError, SourceFrame};
use source_files::{chirp, chirp_wav, distance, next_pcm, open, open_with, read_pcm, wav};

fn refusal(bytes: Vec<u8>) -> String {
    match AudioFile::open(Input::bytes(bytes), AudioFileOptions::default()) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_rate_keeps_time_and_length() {
    for rate in [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000] {
        let mut file = open(chirp_wav(rate, 3.0));
        assert_eq!((file.info().container, file.info().sample_rate, file.info().channels), ("wav", rate, 1));
        assert_eq!(file.duration(), Some(3.0));
        let (left, right) = read_pcm(&mut file);
        assert_eq!(left.len(), 144_000, "{rate}");
        assert_eq!(left, right);
        // The edges ring a little, as a cut sound does.
        assert!(
            distance(&left[480..143_520], 480.0) < 2e-3,
            "{rate}: {}",
            distance(&left[480..143_520], 480.0)
        );
        assert!(distance(&left, 0.0) < 2e-2, "{rate}");
    }
}

#[test]
fn samples_at_48_khz_are_untouched() {
    let bytes = wav(48_000, 2, 1_000, |time, channel| if channel == 0 { chirp(time) } else { -chirp(time) });
    let mut file = open(bytes.clone());
    let mut buf = FrameBuf::new();
    let mut got = Vec::new();
    while file.next_frame(&mut buf).unwrap() == SourceFrame::Pcm {
        let mut frame = [0; FRAME_BYTES];
        buf.write_s16le(&mut frame);
        got.extend(frame);
    }
    assert_eq!(got[..4_000], bytes[44..]);
    assert_eq!(got.len(), 2 * FRAME_BYTES);
    assert!(got[4_000..].iter().all(|byte| *byte == 0));
}

#[test]
fn positions_count_what_was_given() {
    let mut file = open(chirp_wav(44_100, 1.0));
    let mut buf = FrameBuf::new();
    for index in 0..50 {
        assert_eq!(file.position(), index * 960);
        assert_eq!(file.next_frame(&mut buf).unwrap(), SourceFrame::Pcm);
        assert_eq!((buf.position, buf.samples), (index * 960, 960));
    }
    assert_eq!(file.next_frame(&mut buf).unwrap(), SourceFrame::End);
    assert_eq!(file.next_frame(&mut buf).unwrap(), SourceFrame::End);
}

#[test]
fn a_seek_lands_on_the_sample() {
    for rate in [8_000, 44_100, 48_000, 96_000] {
        let mut file = open(chirp_wav(rate, 4.0));
        let mut buf = FrameBuf::new();
        for seconds in [2.345_67, 0.0, 0.01, 3.5, 1.0] {
            file.seek(seconds).unwrap();
            let at = (seconds * 48_000.0_f64).round();
            let mut got = Vec::new();
            for _ in 0..10 {
                got.extend(next_pcm(&mut file, &mut buf));
            }
            assert_eq!(buf.position as f64, at + 9.0 * 960.0);
            assert!(
                distance(&got[400..], at + 400.0) < 2e-3,
                "{rate} {seconds}: {}",
                distance(&got[400..], at + 400.0)
            );
        }
        file.seek(10.0).unwrap();
        assert_eq!(file.next_frame(&mut buf).unwrap(), SourceFrame::End);
        file.seek(0.0).unwrap();
        assert_eq!(file.next_frame(&mut buf).unwrap(), SourceFrame::Pcm);
        assert!(file.seek(f64::NAN).is_err() && file.seek(-1.0).is_err());
    }
}

#[test]
fn start_is_a_seek_before_the_first_frame() {
    let mut file = open_with(chirp_wav(44_100, 2.0), AudioFileOptions { start: 1.25, ..Default::default() });
    assert_eq!(file.position(), 60_000);
    let (left, _) = read_pcm(&mut file);
    assert_eq!(left.len(), 36_000);
    assert!(distance(&left[480..35_500], 60_480.0) < 2e-3);
}

#[test]
fn surround_is_mixed_down() {
    // A tone in the centre only: both sides, equally, less loud than full scale.
    let mut centre =
        open(wav(48_000, 6, 9_600, |time, channel| if channel == 2 { chirp(time) } else { 0.0 }));
    let (left, right) = read_pcm(&mut centre);
    assert_eq!(left, right);
    assert!(left.iter().any(|sample| *sample > 0.1));
    // Full scale in all channels does not clip.
    let (left, _) = read_pcm(&mut open(wav(48_000, 6, 9_600, |_, _| 1.0)));
    assert!(left.iter().all(|sample| (0.9..=1.0).contains(sample)));
}

#[test]
fn the_volume_follows_while_it_plays() {
    let mut file = open(wav(48_000, 1, 48_000, |_, _| 0.5));
    let volume = file.volume().clone();
    let mut buf = FrameBuf::new();
    assert!(next_pcm(&mut file, &mut buf).iter().all(|sample| (sample - 0.5).abs() < 1e-3));
    volume.set(0.0).unwrap();
    let falling = next_pcm(&mut file, &mut buf);
    assert!(falling[..480].windows(2).all(|pair| pair[0] > pair[1] && pair[0] - pair[1] < 2e-3));
    assert!(falling[480..].iter().all(|sample| *sample == 0.0));
    assert!(next_pcm(&mut file, &mut buf).iter().all(|sample| *sample == 0.0));
    volume.set(4.0).unwrap();
    next_pcm(&mut file, &mut buf);
    let loud = next_pcm(&mut file, &mut buf);
    assert!(loud.iter().all(|sample| (0.9..=1.0).contains(sample)));
    assert!(volume.set(-1.0).is_err());
}

#[test]
fn what_is_no_sound_is_refused_by_name() {
    let directory = std::env::temp_dir().join(format!("isocord-source-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("shopping list.mp3");
    fs::write(&path, "two eggs, milk, and a long list of other things that are no music at all\n".repeat(40))
        .unwrap();
    let open = |input| match AudioFile::open(input, AudioFileOptions::default()) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    };
    let error = open(Input::Path(path.clone()));
    // The path as it was given.
    let list = path.display();
    assert_eq!(error.to_string(), format!("not an audio file that isocord knows: {list}"));
    assert!(matches!(open(Input::Path(directory.clone())), OpenError::NotAFile { .. }));
    let missing = open(Input::Path(directory.join("missing.wav"))).to_string();
    assert!(
        missing.starts_with(&format!("cannot open {}: ", directory.join("missing.wav").display())),
        "{missing}"
    );
    fs::write(&path, "").unwrap();
    assert_eq!(open(Input::Path(path.clone())).to_string(), format!("{list} is empty"));
    // An open file works like a path, from whatever offset.
    fs::write(&path, chirp_wav(48_000, 0.1)).unwrap();
    let mut handle = fs::File::open(&path).unwrap();
    std::io::Seek::seek(&mut handle, std::io::SeekFrom::Start(30)).unwrap();
    let mut file = AudioFile::open(Input::File(handle), AudioFileOptions::default()).unwrap();
    assert_eq!(read_pcm(&mut file).0.len(), 4_800);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn broken_starts_are_refused() {
    let sound = chirp_wav(48_000, 0.1);
    assert!(refusal(sound[..44].to_vec()).contains("holds no sound"));
    assert!(refusal(sound[..20].to_vec()).contains("bytes in memory"));
    assert!(refusal(b"RIFF\x24\0\0\0WAVEjunkjunkjunkjunk".to_vec()).contains("bytes in memory"));
    assert!(refusal(vec![0; 100_000]).contains("not an audio file"));
    let options = AudioFileOptions { volume: f32::NAN, ..Default::default() };
    assert!(AudioFile::open(Input::bytes(sound.clone()), options).is_err());
    let options = AudioFileOptions { start: -1.0, name: Some("x.wav".to_owned()), ..Default::default() };
    assert!(matches!(AudioFile::open(Input::bytes(sound), options), Err(OpenError::Start(_))));
}

#[test]
fn a_file_that_was_cut_off_plays_to_its_end() {
    let sound = chirp_wav(44_100, 2.0);
    let mut file = open(sound[..sound.len() / 2].to_vec());
    let (left, _) = read_pcm(&mut file);
    assert!((47_000..=48_000).contains(&left.len()), "{}", left.len());
    assert!(distance(&left[480..46_000], 480.0) < 2e-3);
}

#[test]
fn numbers_that_are_no_samples_become_silence() {
    let mut bytes = chirp_wav(44_100, 1.0);
    // IEEE float, 32 bits: the same bytes read as wild numbers, with infinities and NaN among them.
    bytes[20] = 3;
    bytes[32] = 4;
    bytes[34] = 32;
    bytes[28..32].copy_from_slice(&176_400_u32.to_le_bytes());
    for wild in bytes[44..].chunks_exact_mut(40) {
        wild[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        wild[4..8].copy_from_slice(&f32::INFINITY.to_le_bytes());
    }
    let (left, _) = read_pcm(&mut open(bytes));
    assert!(!left.is_empty() && left.iter().all(|sample| sample.abs() <= 1.0));
}
