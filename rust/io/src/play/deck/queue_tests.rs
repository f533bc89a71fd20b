//! A queue on a track: what is added to it while it is silent, and what it says of a stream that is skipped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use isocord_proto::opus::EncoderOptions;

use super::Deck;
use super::bench::{Bench, decode};
use crate::desk::queue::tests::stand::given;
use crate::desk::queue::{Entry, Queue, QueueOptions, QueueSource};
use crate::desk::stage::Sound;
use crate::desk::written::stand::{Told, options, s16, stream, tone};
use crate::desk::written::{Format, Options, WrittenStream};
use crate::dsp::Volume;
use crate::source::FrameSource;

const RATE: u32 = 24_000;
const FRAME: usize = 960;

/// So many samples of a loud tone.
fn loud(samples: u64) -> Arc<Entry> {
    given(Sound::new(samples, |at| (at as f32 / 20.0).sin() / 2.0), Some(samples))
}

/// Another thread sees to it.
fn wait_for(mut what: impl FnMut() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(20), "it has not come");
        std::thread::yield_now();
    }
}

struct Stage {
    queue: Queue,
    bench: Bench<QueueSource>,
}

impl Stage {
    fn new() -> Self {
        let queue = Queue::new(QueueOptions { endless: true, ..QueueOptions::default() }).expect("options");
        let source = queue.source().expect("free");
        let bench = Bench::new(Deck::new(source, Volume::default(), None), &EncoderOptions::default());
        Self { queue, bench }
    }

    /// No frame leaves until it is loaded, on another thread.
    fn add(&mut self, entry: Arc<Entry>) {
        self.queue.add(entry).expect("room");
        wait_for(|| self.bench.deck.with_source(FrameSource::is_changed));
        self.bench.work();
    }

    /// The frames in which something loud is heard.
    fn loud(&self) -> Vec<bool> {
        let sound = decode(&self.bench.heard);
        sound.chunks(FRAME).map(|frame| frame.iter().any(|sample| sample.abs() > 2_000.0)).collect()
    }
}

#[test]
fn what_is_added_in_silence_is_heard_at_once() {
    let mut stage = Stage::new();
    stage.bench.play(40);
    stage.add(loud(48_000));
    stage.bench.play(30);
    let loud = stage.loud();
    assert!(loud[..40].iter().all(|loud| !loud));
    assert!(loud[41..60].iter().all(|loud| *loud), "{loud:?}");
}

#[test]
fn what_is_added_while_the_end_is_heard_follows_without_a_gap() {
    let mut stage = Stage::new();
    stage.add(loud(30 * FRAME as u64));
    // The silence behind it is made, and not heard.
    stage.bench.play(20);
    stage.add(loud(48_000));
    stage.bench.play(40);
    let loud = stage.loud();
    let begins = loud.iter().position(|loud| *loud).expect("heard");
    assert!(loud[begins..60].iter().all(|loud| *loud), "{loud:?}");
    assert_eq!(stage.queue.history().len(), 1);
}

/// A stream in a queue, of which two seconds are written.
fn written(stage: &mut Stage) -> (WrittenStream, Told) {
    let (stream, source) = stream(&Options { capacity: 10.0, ..options(RATE, 1, Format::S16) });
    assert!(stream.write_all(&s16(&tone(RATE, 0, 2 * RATE as usize))).expect("it is open"));
    let drained = Told::default();
    stream.on_drained(drained.listener());
    stage.add(given(source, None));
    (stream, drained)
}

#[test]
fn who_writes_to_a_stream_that_is_skipped_is_told_and_knows_how_much_was_heard() {
    let mut stage = Stage::new();
    let (stream, drained) = written(&mut stage);
    stage.bench.play(20);
    let before = stage.loud().iter().filter(|loud| **loud).count();
    stage.queue.skip();
    stage.bench.play(80);
    // It is closed on a thread that may wait.
    wait_for(|| !drained.take().is_empty());
    assert!(stream.write(&[0, 0]).is_err());
    // It goes out in the frame after the last.
    let heard = (stream.played() * 50.0).round() as usize;
    assert!((before..=before + 2).contains(&heard), "{heard} for {before}");
    assert!(stage.loud().iter().filter(|loud| **loud).count() <= heard + 1);
}

#[test]
fn a_stream_in_a_queue_that_is_stopped_has_been_heard_as_far_as_it_was() {
    let mut stage = Stage::new();
    let (stream, drained) = written(&mut stage);
    stage.bench.play(20);
    let before = stage.loud().iter().filter(|loud| **loud).count();
    let queue = stage.queue.clone();
    drop(stage);
    let heard = (stream.played() * 50.0).round() as usize;
    assert!((before..=before + 1).contains(&heard), "{heard} for {before}");
    // It goes on where the queue is played again.
    assert!(drained.take().is_empty() && queue.source().is_ok());
    assert_eq!(stream.write(&[0, 0]).ok(), Some(2));
}
