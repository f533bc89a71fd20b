//! Damaged files: whatever the bytes, opening and playing ends, in an error or in sound, and soon.
#![allow(clippy::unwrap_used, clippy::panic)]

mod source_files;

use isocord_io::source::{AudioFile, AudioFileOptions, FrameBuf, Input, SourceFrame};
use source_files::{chirp_wav, distance, flac, ogg_opus, open, opus_file, opus_head, opus_packets, read_pcm};

/// A small generator of repeatable noise (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn damage(noise: &mut Noise, bytes: &mut Vec<u8>) {
    match noise.below(5) {
        0 => bytes.truncate(noise.below(bytes.len())),
        1 => {
            for _ in 0..=noise.below(8) {
                let at = noise.below(bytes.len().min(600));
                bytes[at] = noise.next() as u8;
            }
        }
        2 => {
            for _ in 0..=noise.below(200) {
                let at = noise.below(bytes.len());
                bytes[at] = noise.next() as u8;
            }
        }
        3 => {
            let from = noise.below(bytes.len());
            let to = from + noise.below(bytes.len() - from).min(3_000);
            bytes.drain(from..to);
        }
        _ => {
            let number = [0, u32::MAX, i32::MAX as u32, 1 << 31, 1, 0x1_0000][noise.below(6)];
            let at = noise.below(bytes.len().min(600));
            let end = (at + 4).min(bytes.len());
            bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
        }
    }
}

/// Play all of it, seek about, and count the frames.
fn play(bytes: &[u8], noise: &mut Noise) -> usize {
    let volume = [1.0, 0.5][noise.below(2)];
    let options = AudioFileOptions { volume, ..Default::default() };
    let Ok(mut file) = AudioFile::open(Input::bytes(bytes.to_vec()), options) else { return 0 };
    let mut buf = FrameBuf::new();
    let mut frames = 0;
    let mut check = |file: &mut AudioFile| match file.next_frame(&mut buf) {
        Ok(SourceFrame::Pcm) => {
            assert!(buf.pcm.iter().all(|sample| sample.abs() <= 1.0), "sound over full scale");
            true
        }
        Ok(SourceFrame::Opus) => {
            assert!((1..=1_275).contains(&buf.opus.len()));
            true
        }
        Ok(SourceFrame::End | SourceFrame::Starved) | Err(_) => false,
    };
    while check(&mut file) {
        frames += 1;
        // Four seconds were put in; rates and lengths may be damaged, but not without bounds.
        assert!(frames < 100_000, "it does not end");
    }
    for _ in 0..3 {
        let _ = file.seek(noise.below(5_000) as f64 / 1_000.0);
        check(&mut file);
    }
    frames
}

#[test]
fn damaged_files_end_in_sound_or_in_an_error() {
    let sources = [
        chirp_wav(44_100, 1.0),
        chirp_wav(48_000, 1.0),
        flac(44_100, 44_100),
        opus_file().0,
        ogg_opus(9, &opus_head(1, 312, 256), &opus_packets(480, 100), 480, 47_900),
    ];
    let mut noise = Noise(0x1234_5678_9abc_def1);
    let mut played = 0;
    for round in 0..600 {
        let mut bytes = sources[round % sources.len()].clone();
        damage(&mut noise, &mut bytes);
        played += usize::from(play(&bytes, &mut noise) > 0);
    }
    // Most damage is small, and most of the sound survives it.
    assert!(played > 300, "{played}");
}

#[test]
fn a_block_lost_in_the_middle_keeps_the_time() {
    let whole = flac(44_100, 5 * 44_100);
    let (left, _) = read_pcm(&mut open(whole.clone()));
    assert_eq!(left.len(), 240_000);
    assert!(distance(&left[480..239_000], 480.0) < 2e-3);
    let mut bytes = whole;
    let middle = bytes.len() / 2;
    bytes[middle..middle + 2_000].fill(0x11);
    let mut file = open(bytes);
    let (left, _) = read_pcm(&mut file);
    assert!(file.broken() > 0);
    assert!((239_000..=241_000).contains(&left.len()), "{}", left.len());
    assert!(distance(&left[480..90_000], 480.0) < 2e-3);
    assert!(distance(&left[150_000..239_000], 150_000.0) < 2e-3);
}

#[test]
fn tags_in_front_are_passed_over() {
    let mut bytes = b"ID3\x04\0\0\0\0\x02\0".to_vec();
    bytes.extend([0xff; 256]);
    bytes.extend(flac(48_000, 48_000));
    let mut file = open(bytes);
    assert_eq!((file.info().container, file.info().codec), ("flac", "flac"));
    let (left, _) = read_pcm(&mut file);
    assert_eq!(left.len(), 48_000);
    assert!(distance(&left, 0.0) < 1e-3);
    file.seek(0.5).unwrap();
    assert!(distance(&read_pcm(&mut file).0, 24_000.0) < 1e-3);
}

#[test]
fn noise_is_refused() {
    let mut noise = Noise(99);
    for magic in ["", "OggS", "RIFF", "fLaC", "ID3\x03", "\u{1a}E", "....ftyp", "FORM", "\0\0"] {
        let mut bytes = magic.as_bytes().to_vec();
        bytes.extend((0..20_000).map(|_| noise.next() as u8));
        assert!(AudioFile::open(Input::bytes(bytes), AudioFileOptions::default()).is_err(), "{magic}");
    }
}
