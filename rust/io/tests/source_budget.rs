//! Files that were made to cost much: none is read further than a song is worth, and their readers can be let go.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "source_files/containers.rs"]
mod containers;
mod source_files;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use containers::{block, cluster, id3_picture, matroska, mp3, mp4_box, pcm_track, voids};
use isocord_io::play::deck::Deck;
use isocord_io::source::{AudioFile, AudioFileOptions, FrameBuf, Input, OpenError, SourceError, SourceFrame};
use source_files::{chirp_wav, flac, ogg_opus, opus_head, opus_packets};

const MIB: u64 = 1 << 20;
/// Longer than anything here should take.
const LONG: Duration = Duration::from_secs(60);

fn open(input: Input) -> Result<AudioFile, OpenError> {
    AudioFile::open(input, AudioFileOptions::default())
}

/// What a file gives until it fails or ends: its frames, and the failure.
fn play(file: &mut AudioFile) -> (usize, Option<SourceError>) {
    let mut buffer = FrameBuf::new();
    let mut frames = 0;
    loop {
        match file.next_frame(&mut buffer) {
            Ok(SourceFrame::End | SourceFrame::Starved) => return (frames, None),
            Ok(_) => frames += 1,
            Err(error) => return (frames, Some(error)),
        }
    }
}

/// A file that begins with these bytes and is 6 GB long, nearly all of it a hole.
fn sparse(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("isocord-{}-{name}", std::process::id()));
    let mut file = File::create(&path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_len(6 << 30).unwrap();
    path
}

fn adts(frames: usize) -> Vec<u8> {
    // AAC-LC, 48 kHz, mono, 11 bytes: one channel without any band, and the end.
    [0xff, 0xf1, 0x4c, 0x40, 0x01, 0x7f, 0xfc, 0, 0, 0, 7].repeat(frames)
}

#[test]
fn no_format_reads_on_without_end_when_the_sound_is_over() {
    let second = cluster(0, &block(1, 0, &[7; 96_000]));
    let mut webm = matroska(&pcm_track(), 1_000.0, &[second], false);
    let segment = webm.iter().position(|&byte| byte == 0x18).unwrap() + 4;
    webm[segment..segment + 8].copy_from_slice(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let files = [
        ("webm", webm),
        ("mp3", mp3(200)),
        ("aac", adts(200)),
        ("flac", flac(48_000, 96_000)),
        ("ogg", ogg_opus(1, &opus_head(2, 312, 0), &opus_packets(960, 100), 960, 100 * 960)),
    ];
    for (name, bytes) in files {
        let path = sparse(name, &bytes);
        let opened = open(Input::Path(path.clone()));
        let _ = std::fs::remove_file(path);
        let mut file = match opened {
            Ok(file) => file,
            // Its length is measured in the middle of the hole.
            Err(OpenError::TooMuch { .. }) if name == "aac" => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        let before = file.bytes_read();
        let (frames, error) = play(&mut file);
        assert!(frames > 10, "{name}: {frames}");
        let read = file.bytes_read() - before;
        assert!(read < 20 * MIB, "{name}: {read}, {error:?}");
    }
}

#[test]
fn elements_that_say_nothing_are_not_read_for_ever() {
    let second = cluster(0, &block(1, 0, &[7; 96_000]));
    let bytes = matroska(&pcm_track(), 1_000.0, &[second, voids(64 << 20)], false);
    let mut file = open(Input::bytes(bytes)).unwrap();
    let (frames, error) = play(&mut file);
    assert_eq!(frames, 50);
    let Some(error @ SourceError::TooMuch { .. }) = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("MiB of it"), "{error}");
    assert!(file.bytes_read() < 18 * MIB, "{}", file.bytes_read());
}

#[test]
fn what_stands_in_front_of_the_sound_has_a_bound() {
    let chunks = |magic: &[u8], kind: &[u8], chunk: &[u8]| {
        let mut out = magic.to_vec();
        out.extend([0x7f; 4]);
        out.extend(kind);
        out.extend(chunk.repeat((80 << 20) / chunk.len()));
        out
    };
    let sound = mp3(50);
    let files = [
        (
            "webm",
            matroska(&pcm_track(), 1.0, &[voids(80 << 20), cluster(0, &block(1, 0, &[7; 96_000]))], false),
        ),
        ("id3", [b"ID3\x04\0\0\0\0\0\0".repeat(2_500_000), sound].concat()),
        ("wav", chunks(b"RIFF", b"WAVE", b"junk\0\0\0\0")),
        ("aiff", chunks(b"FORM", b"AIFF", b"junk\0\0\0\0")),
        ("mp4", [mp4_box(b"ftyp", b"isom\0\0\0\0isom"), mp4_box(b"free", b"").repeat(10 << 20)].concat()),
        ("flac", [b"fLaC".to_vec(), [1, 0, 0, 0].repeat(20 << 20)].concat()),
    ];
    for (name, bytes) in files {
        let Err(error) = open(Input::bytes(bytes)) else { panic!("{name} was opened") };
        // MP4 and FLAC refuse it for reasons of their own.
        let known = matches!(error, OpenError::TooMuch { .. }) || ["mp4", "flac"].contains(&name);
        assert!(known, "{name}: {error:?}");
    }
}

#[test]
fn an_id3_tag_too_many_costs_no_reading() {
    let error =
        open(Input::bytes([b"ID3\x04\0\0\0\0\0\0".repeat(2_500_000), mp3(50)].concat())).err().unwrap();
    assert!(error.to_string().contains("100 ID3 tags"), "{error}");
    let mut two = open(Input::bytes([id3_picture(10), id3_picture(10), mp3(50)].concat())).unwrap();
    assert_eq!(play(&mut two).0, 60);
}

/// Bytes that are given only while a gate is open.
struct Stalling {
    bytes: Vec<u8>,
    stalls: Arc<Mutex<bool>>,
    inside: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl AsRef<[u8]> for Stalling {
    fn as_ref(&self) -> &[u8] {
        if *self.stalls.lock().unwrap() {
            let _ = self.inside.send(());
            let _ = self.go.lock().unwrap().recv_timeout(LONG);
        }
        &self.bytes
    }
}

#[test]
fn a_file_is_let_go_while_its_reader_waits_for_the_disk() {
    let (inside, is_inside) = channel();
    let (go, may_go) = channel();
    let stalls = Arc::new(Mutex::new(false));
    let disk = Stalling {
        bytes: chirp_wav(48_000, 10.0),
        stalls: Arc::clone(&stalls),
        inside,
        go: Mutex::new(may_go),
    };
    let file = open(Input::bytes(disk)).unwrap();
    let (closer, source) = (file.closer(), Arc::new(Deck::from(file)));
    *stalls.lock().unwrap() = true;
    let theirs = Arc::clone(&source);
    let reader = thread::spawn(move || play(&mut theirs.source()));
    is_inside.recv_timeout(LONG).unwrap();
    // All of these come back although the reader does not.
    assert!(source.position() >= 0.0 && !source.passthrough());
    closer.close();
    assert!(!reader.is_finished());
    go.send(()).unwrap();
    let (_, error) = reader.join().unwrap();
    assert!(matches!(error, Some(SourceError::Closed { .. })), "{error:?}");
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    use std::os::unix::fs::symlink;
    let folder = std::env::temp_dir().join(format!("isocord-pipes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pipe = folder.join("pipe.mp3");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let link = folder.join("link.mp3");
    symlink(&pipe, &link).unwrap();
    let ring = folder.join("ring.mp3");
    symlink(&ring, &ring).unwrap();
    for path in [&pipe, &link, &PathBuf::from("/dev/zero"), &PathBuf::from("/dev/null"), &folder] {
        let opened = open(Input::Path(path.clone()));
        assert!(matches!(opened, Err(OpenError::NotAFile { .. })), "{}", path.display());
    }
    assert!(matches!(open(Input::Path(ring)), Err(OpenError::Io { .. })));
    std::fs::remove_dir_all(folder).unwrap();
}
