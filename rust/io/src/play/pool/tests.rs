//! Files in the pool: whatever some of them do, the others get their frames.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use isocord_proto::opus::EncoderOptions;
use isocord_proto::pacing::Supply;

use super::*;
use crate::play::deck::Deck;
use crate::play::track::TrackReader;
use crate::source::{AudioFile, AudioFileOptions, Input};

/// Longer than anything here should take.
const LONG: Duration = Duration::from_secs(60);

/// So many seconds of a mono WAV file.
fn wav(seconds: u32) -> Vec<u8> {
    let len = seconds * 96_000;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + len).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0\x77\x01\0\x02\0\x10\0data");
    out.extend(len.to_le_bytes());
    out.extend([3, 1].repeat(len as usize / 2));
    out
}

fn source(input: Input) -> Arc<Deck<AudioFile>> {
    Arc::new(Deck::from(AudioFile::open(input, AudioFileOptions::default()).expect("a sound file")))
}

/// Takes frames as the clock would, as soon as they are there.
fn hear(reader: &mut TrackReader, frames: usize) {
    let began = Instant::now();
    for _ in 0..frames {
        while reader.supply() != Supply::Ready {
            assert!(began.elapsed() < LONG, "it is kept from its frames");
            thread::sleep(Duration::from_millis(1));
        }
        reader.take();
    }
}

/// A file on a disk that does not answer while its gate is shut.
struct Disk {
    bytes: Vec<u8>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl AsRef<[u8]> for Disk {
    fn as_ref(&self) -> &[u8] {
        let (shut, opened) = &*self.gate;
        let guard = shut.lock().unwrap_or_else(PoisonError::into_inner);
        drop(opened.wait_timeout_while(guard, LONG, |shut| *shut));
        &self.bytes
    }
}

#[test]
fn files_on_a_disk_that_stalls_leave_the_others_theirs() {
    let pool = FeederPool::new();
    let options = EncoderOptions::default();
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (mut reader, _state, _feed) =
        source(Input::bytes(wav(20))).track(&pool, &options, 25).expect("a track");
    hear(&mut reader, 50);
    let stalled = [(); 8].map(|()| source(Input::bytes(Disk { bytes: wav(20), gate: Arc::clone(&gate) })));
    *gate.0.lock().expect("no panic") = true;
    let tracks = stalled.each_ref().map(|source| source.track(&pool, &options, 25).expect("a track"));
    hear(&mut reader, 500);
    *gate.0.lock().expect("no panic") = false;
    gate.1.notify_all();
    for (mut reader, _, _) in tracks {
        hear(&mut reader, 100);
    }
    assert!(pool.stop(LONG));
}

#[test]
fn files_without_an_end_fail_by_themselves_and_leave_the_others_theirs() {
    let pool = FeederPool::new();
    let options = EncoderOptions::default();
    let path = std::env::temp_dir().join(format!("isocord-endless-{}.mp3", std::process::id()));
    let mut frame = vec![0xff, 0xfb, 0x14, 0xc0];
    frame.resize(96, 0);
    std::fs::write(&path, frame.repeat(50)).expect("a file");
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(6 << 30))
        .expect("a file with a hole of 6 GB");
    let endless = [(); 8].map(|()| source(Input::Path(path.clone())));
    std::fs::remove_file(&path).expect("it is there");
    let tracks = endless.each_ref().map(|source| source.track(&pool, &options, 25).expect("a track"));
    let (mut reader, _state, _feed) =
        source(Input::bytes(wav(20))).track(&pool, &options, 25).expect("a track");
    hear(&mut reader, 500);
    for (mut reader, _, _feed) in tracks {
        let began = Instant::now();
        while reader.supply() != Supply::Exhausted {
            assert!(began.elapsed() < LONG);
            reader.take();
            thread::sleep(Duration::from_millis(1));
        }
    }
    for source in endless {
        assert!(source.error().is_some_and(|error| error.contains("asks for too much")));
        assert!(source.source().bytes_read() < 32 << 20);
    }
    assert!(pool.stop(LONG));
}

/// Says that it ran.
struct Bell(Sender<()>);

impl Feed for Bell {
    fn feed(&mut self, _: &Turn<'_>) -> FeedStatus {
        let _ = self.0.send(());
        FeedStatus::Wait
    }

    fn panicked(&mut self) {}
}

#[test]
fn jobs_that_have_time_have_their_turn_whether_somebody_is_woken_for_them_or_looks() {
    let pool = FeederPool::new();
    let (ran, runs) = channel();
    let jobs = [(); 10].map(|()| pool.add(Box::new(Bell(ran.clone()))).expect("a thread"));
    let hear = |times: usize| (0..times).for_each(|_| runs.recv_timeout(LONG).expect("a turn in time"));
    for round in 0..20 {
        // All at once, so that who handles them looks for more; or one, which may find nobody who does.
        let some = if round % 3 == 0 { &jobs[..1] } else { &jobs[..] };
        some.iter().for_each(|job| job.waker().refill(12));
        hear(some.len());
    }
    assert!(pool.stop(LONG));
}
