//! The feeder and the clock's end, both driven by hand: what is heard after seeks and changes of the volume.

use std::f64::consts::TAU;

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN, OpusError};
use isocord_proto::pacing::Supply;

use super::*;
use crate::play::track::TrackEnd;
use crate::play::{Feed, FeedStatus, Pressure, Turn};
use crate::source::{AudioFile, AudioFileOptions, Input};

const SECONDS: f64 = 6.0;
const LOOKAHEAD: usize = 25;

/// Pitch at a moment of the file, which tells the moment.
fn pitch(seconds: f64) -> f64 {
    400.0 + 800.0 * seconds
}

/// A WAV file of one channel, whose pitch rises.
fn wav() -> Vec<u8> {
    let samples = (SECONDS * f64::from(SAMPLE_RATE)) as u32;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + samples * 2).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend(SAMPLE_RATE.to_le_bytes());
    out.extend((SAMPLE_RATE * 2).to_le_bytes());
    out.extend(b"\x02\0\x10\0data");
    out.extend((samples * 2).to_le_bytes());
    for sample in 0..samples {
        let time = f64::from(sample) / f64::from(SAMPLE_RATE);
        let value = (TAU * (400.0 * time + 400.0 * time * time)).sin();
        out.extend(((value * 16_000.0) as i16).to_le_bytes());
    }
    out
}

/// A job that never works: its waker is all that is wanted.
struct Idle;

impl Feed for Idle {
    fn feed(&mut self, _: &Turn<'_>) -> FeedStatus {
        FeedStatus::Wait
    }

    fn panicked(&mut self) {}
}

/// A file on a track, without clock and pool.
struct Stage {
    source: Arc<Deck<AudioFile>>,
    feed: DeckFeed<AudioFile>,
    reader: TrackReader,
    decoder: Decoder,
    _pool: FeederPool,
    _idle: JobHandle,
}

/// What a frame sounds like.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// Where in the file it must be from, in seconds.
    place: f64,
    /// 1.0 for the file as it is.
    volume: f64,
}

impl Stage {
    fn new() -> Self {
        let input = Input::bytes(wav());
        let file = AudioFile::open(input, AudioFileOptions::default()).expect("a WAV file");
        let source = Arc::new(Deck::from(file));
        let (feed, reader, start) = source.feed(&EncoderOptions::default(), LOOKAHEAD).expect("an encoder");
        let pool = FeederPool::new();
        let idle = pool.add(Box::new(Idle)).expect("a thread");
        source.attach(Arc::clone(reader.state()), idle.waker(), start, 25).expect("the first track");
        let decoder = Decoder::new().expect("a decoder");
        Self { source, feed, reader, decoder, _pool: pool, _idle: idle }
    }

    /// Lets the pool do all there is to do.
    fn work(&mut self) {
        while let FeedStatus::Again { .. } | FeedStatus::Searching { .. } =
            self.feed.feed(&Turn::new(Pressure::None, &|| true))
        {}
    }

    /// The clock's next frame, after which the pool works.
    fn next(&mut self) -> Option<Heard> {
        let mut samples = [0; MAX_DECODED_LEN];
        match self.reader.supply() {
            Supply::Exhausted => return None,
            supply => assert_eq!(supply, Supply::Ready),
        }
        let frame = self.reader.take().expect("a frame");
        self.decoder.decode(frame.as_bytes(), &mut samples).expect("Opus");
        self.work();
        let left = samples[..FRAME_SAMPLES * 2].iter().step_by(2).map(|&sample| f64::from(sample));
        let left = left.collect::<Vec<_>>();
        let rises = left.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count() as f64;
        let loudness = (left.iter().map(|sample| sample * sample).sum::<f64>() / left.len() as f64).sqrt();
        // The decoder is 6.5 ms late, and the middle of the frame is measured.
        Some(Heard {
            place: (rises / 0.02 - 400.0) / 800.0 - 0.004,
            volume: loudness / (16_000.0 / 2_f64.sqrt()),
        })
    }

    /// Frames that the clock takes, the last of which is given back.
    fn hear(&mut self, frames: usize) -> Heard {
        (0..frames).filter_map(|_| self.next()).last().expect("a frame")
    }

    fn rest(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

fn assert_near(heard: Heard, place: f64, volume: f64) {
    assert!((heard.place - place).abs() < 0.1, "{heard:?} is not from {place} ({} Hz)", pitch(place));
    assert!((heard.volume - volume).abs() < 0.1, "{heard:?} is not as loud as {volume}");
}

#[test]
fn a_volume_right_after_a_seek_keeps_the_seek() {
    for taken in [0, 1, 10, 40] {
        for paused in [false, true] {
            let mut stage = Stage::new();
            stage.work();
            if taken > 0 {
                stage.hear(taken);
            }
            stage.source.seek(4.0).expect("a place");
            stage.work();
            if paused {
                // The clock looks, but takes nothing.
                stage.reader.supply();
            }
            stage.source.set_volume(0.3).expect("a volume");
            stage.work();
            assert!((stage.source.position() - 4.0).abs() < 0.1, "{}", stage.source.position());
            let heard = stage.hear(7);
            assert_near(heard, 4.12, 0.3);
            assert!((stage.source.position() - 4.14).abs() < 0.03, "{}", stage.source.position());
        }
    }
}

#[test]
fn volumes_that_nobody_hears_lose_no_frame_and_repeat_none() {
    let mut stage = Stage::new();
    stage.work();
    stage.hear(20);
    for volume in [0.2, 0.9, 0.1, 0.5] {
        stage.source.set_volume(volume).expect("a volume");
        stage.work();
        stage.reader.supply();
    }
    for frame in 20..60 {
        let place = f64::from(frame) * 0.02;
        assert!((stage.source.position() - place).abs() < 0.001, "{} at {place}", stage.source.position());
        let heard = stage.hear(1);
        if frame > 28 {
            assert_near(heard, place, 0.5);
        }
    }
}

#[test]
fn volumes_while_it_plays_lose_no_frame_and_repeat_none() {
    let mut stage = Stage::new();
    stage.work();
    for frame in 0..200 {
        stage.source.set_volume(if frame % 2 == 0 { 0.4 } else { 0.6 }).expect("a volume");
        stage.work();
        let place = f64::from(frame) * 0.02;
        assert!((stage.source.position() - place).abs() < 0.001, "{} at {place}", stage.source.position());
        stage.hear(1);
    }
}

#[test]
fn a_seek_right_after_a_volume_is_heard_at_once() {
    let mut stage = Stage::new();
    stage.work();
    stage.hear(10);
    stage.source.set_volume(0.5).expect("a volume");
    stage.work();
    stage.source.seek(3.0).expect("a place");
    stage.work();
    assert!((stage.source.position() - 3.0).abs() < 0.001);
    assert_near(stage.hear(3), 3.02, 0.5);
}

#[test]
fn of_many_seeks_that_nobody_hears_the_last_one_counts() {
    let mut stage = Stage::new();
    stage.work();
    stage.hear(10);
    for seconds in [5.0, 1.0, 4.0, 3.0, 2.0] {
        stage.source.seek(seconds).expect("a place");
        assert_eq!(stage.source.position(), seconds);
        stage.work();
        assert_eq!(stage.source.position(), seconds);
        // A paused track is looked at, and has its pool woken.
        stage.reader.supply();
        stage.work();
        assert_eq!(stage.source.position(), seconds);
    }
    assert_near(stage.hear(2), 2.02, 1.0);
    assert!((stage.source.position() - 2.04).abs() < 0.001);
}

#[test]
fn a_seek_past_the_end_ends_it_at_once_and_a_seek_back_goes_on() {
    let mut stage = Stage::new();
    stage.work();
    stage.hear(10);
    stage.source.seek(60.0).expect("a place");
    assert_eq!(stage.source.position(), SECONDS);
    stage.work();
    assert_eq!(stage.source.position(), SECONDS);
    stage.source.set_volume(0.5).expect("a volume");
    stage.work();
    stage.source.seek(1.0).expect("a place");
    stage.work();
    assert_near(stage.hear(2), 1.02, 0.5);
    stage.source.seek(60.0).expect("a place");
    stage.work();
    assert!(stage.rest().is_empty(), "nothing is heard of what was queued before");
    assert_eq!(stage.source.position(), SECONDS);
}

#[test]
fn a_seek_near_the_end_with_a_volume_plays_what_is_left() {
    let mut stage = Stage::new();
    stage.work();
    stage.hear(10);
    stage.source.seek(SECONDS - 0.1).expect("a place");
    stage.work();
    stage.source.set_volume(0.5).expect("a volume");
    stage.work();
    let rest = stage.rest();
    assert_eq!(rest.len(), 5, "{rest:?}");
    assert_eq!(stage.source.position(), SECONDS);
}

#[test]
fn a_volume_when_all_is_queued_changes_what_is_left() {
    let mut stage = Stage::new();
    stage.work();
    stage.source.seek(SECONDS - 0.4).expect("a place");
    stage.work();
    stage.hear(1);
    stage.work();
    stage.source.set_volume(0.2).expect("a volume");
    stage.work();
    let rest = stage.rest();
    assert_eq!(rest.len(), 19, "{rest:?}");
    assert!((rest[12].volume - 0.2).abs() < 0.05, "{rest:?}");
}

#[test]
fn nothing_is_granted_after_the_end() {
    let mut stage = Stage::new();
    stage.work();
    stage.source.seek(SECONDS - 0.1).expect("a place");
    stage.work();
    assert_eq!(stage.rest().len(), 5);
    stage.reader.state().end_with(TrackEnd::Finished);
    stage.source.set_volume(0.2).expect("a volume");
    stage.source.seek(1.0).expect("a place");
    assert_eq!(stage.feed.feed(&Turn::new(Pressure::None, &|| true)), FeedStatus::Done);
    assert_eq!(stage.source.position(), SECONDS);
    assert_eq!(stage.source.volume(), 0.2);
}

#[test]
fn other_options_hold_for_what_is_not_encoded_yet() {
    fn bytes_of(stage: &mut Stage, frames: usize) -> usize {
        let taken = (0..frames).map(|_| {
            assert_eq!(stage.reader.supply(), Supply::Ready);
            let len = stage.reader.take().expect("a frame").as_bytes().len();
            stage.work();
            len
        });
        taken.sum()
    }

    let mut stage = Stage::new();
    stage.work();
    let before = bytes_of(&mut stage, 25);
    let low = EncoderOptions { bitrate: 16, ..EncoderOptions::default() };
    stage.source.configure(&low).expect("options in their ranges");
    bytes_of(&mut stage, LOOKAHEAD + 4);
    let after = bytes_of(&mut stage, 25);
    assert!(after * 3 < before, "{after} bytes after {before}");
    let wrong = EncoderOptions { bitrate: 5, ..EncoderOptions::default() };
    assert!(matches!(stage.source.configure(&wrong), Err(OpusError::Option(_))));
}

#[test]
fn a_feed_that_panicked_has_ended_its_track_and_says_so() {
    let mut stage = Stage::new();
    stage.work();
    stage.feed.panicked();
    assert!(stage.source.error().is_some_and(|error| error.contains("report")));
    while stage.reader.supply() == Supply::Ready {
        stage.reader.take();
    }
    assert_eq!(stage.reader.supply(), Supply::Exhausted);
}
