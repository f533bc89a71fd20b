//! What is asked of a source while the clock takes the very frames that are made anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isocord_proto::opus::EncoderOptions;

use super::bench::{Bench, decode};
use super::{Deck, DeckFeed};
use crate::desk::Errands;
use crate::desk::mixer::{LayerOptions, Mixer};
use crate::desk::stage::Sound;
use crate::desk::written::stand::{options, s16, stream, tone};
use crate::desk::written::{Format, Options, WrittenSource, WrittenStream};
use crate::dsp::Volume;
use crate::play::track::TrackReader;
use crate::play::{Feed, FeedStatus, FeederPool, JobHandle, Pressure, Turn};
use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

const RATE: u32 = 24_000;
const FRAME: usize = 960;

/// Errands done at once.
struct AtOnce;

impl Errands for AtOnce {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        errand();
    }
}

/// The clock, which takes frames while the source is read.
#[derive(Default)]
struct Clock {
    reader: Option<TrackReader>,
    heard: Vec<Vec<u8>>,
    /// How many it takes in each of the next readings.
    takes: VecDeque<usize>,
}

impl Clock {
    fn take(&mut self, frames: usize) -> usize {
        let taken = (0..frames).map_while(|_| self.reader.as_mut()?.take());
        let taken: Vec<_> = taken.map(|frame| frame.as_bytes().to_vec()).collect();
        let count = taken.len();
        self.heard.extend(taken);
        count
    }
}

struct Overtaken<S> {
    source: S,
    clock: Arc<Mutex<Clock>>,
}

impl<S: FrameSource> FrameSource for Overtaken<S> {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let mut clock = lock(&self.clock);
        let takes = clock.takes.pop_front().unwrap_or(0);
        clock.take(takes);
        drop(clock);
        self.source.next(frame, want)
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.source.seek(seconds)
    }

    fn position(&self) -> u64 {
        self.source.position()
    }

    fn has_packets(&self) -> bool {
        self.source.has_packets()
    }

    fn rests(&self) -> bool {
        self.source.rests()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        self.source.attach(downstream, depth);
    }

    fn detach(&mut self) {
        self.source.detach();
    }

    fn goes_back(&self) -> bool {
        self.source.goes_back()
    }

    fn is_changed(&mut self) -> bool {
        self.source.is_changed()
    }

    fn revise(&mut self, frames: u64) {
        self.source.revise(frames);
    }

    fn in_vain(&mut self) {
        self.source.in_vain();
    }

    fn unrevise(&mut self) -> bool {
        self.source.unrevise()
    }
}

fn lock(clock: &Mutex<Clock>) -> MutexGuard<'_, Clock> {
    clock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source of which seven frames have left, and the clock that overtakes it.
struct Race<S: FrameSource + 'static> {
    feed: DeckFeed<Overtaken<S>>,
    clock: Arc<Mutex<Clock>>,
    /// They stay until the end, for the pool has the thread that is never woken.
    _kept: (Arc<Deck<Overtaken<S>>>, FeederPool, JobHandle),
}

impl<S: FrameSource + 'static> Race<S> {
    fn new(source: S) -> Self {
        let clock = Arc::new(Mutex::new(Clock::default()));
        let source = Overtaken { source, clock: Arc::clone(&clock) };
        let bench = Bench::new(Deck::new(source, Volume::default(), None), &EncoderOptions::default());
        let Bench { feed, reader, deck, heard: _, _pool, _idle } = bench;
        lock(&clock).reader = Some(reader);
        let mut race = Self { feed, clock, _kept: (deck, _pool, _idle) };
        for _ in 0..7 {
            assert_eq!(race.take(), 1);
            race.work();
        }
        race
    }

    fn take(&self) -> usize {
        lock(&self.clock).take(1)
    }

    fn work(&mut self) {
        for _ in 0..100 {
            if matches!(
                self.feed.feed(&Turn::new(Pressure::None, &|| true)),
                FeedStatus::Wait | FeedStatus::Done
            ) {
                break;
            }
        }
    }

    /// The clock takes so many frames in each of the next readings.
    fn overtake(&mut self, takes: &[usize]) {
        lock(&self.clock).takes = takes.iter().copied().collect();
        self.work();
    }

    /// How many have left.
    fn heard(&self) -> usize {
        lock(&self.clock).heard.len()
    }

    /// How loud each frame was that has left, 1.0 for the tone.
    fn levels(&self) -> Vec<f64> {
        let heard = decode(&lock(&self.clock).heard);
        let loud = |frame: &[f64]| (frame.iter().map(|x| x * x).sum::<f64>() * 2.0 / FRAME as f64).sqrt();
        heard.chunks(FRAME).map(|frame| loud(frame) / 16_384.0).collect()
    }
}

/// A tone of three seconds.
fn written() -> (WrittenStream, WrittenSource) {
    let (stream, source) = stream(&Options { capacity: 10.0, ..options(RATE, 1, Format::S16) });
    assert!(stream.write_all(&s16(&tone(RATE, 0, 3 * RATE as usize))).expect("it is open"));
    (stream, source)
}

/// What asks of a tone, and when the clock is in the way. Gives the stream, and the loudness of each frame that left
/// after that.
fn overtaken(takes: &[usize], ask: impl Fn(&WrittenStream)) -> (WrittenStream, Vec<f64>) {
    let (stream, source) = written();
    let mut race = Race::new(source);
    ask(&stream);
    race.overtake(takes);
    for _ in 0..40 {
        race.take();
        race.work();
    }
    let levels = race.levels().split_off(7);
    (stream, levels)
}

/// All the ways in which the clock is in the way: how many frames it takes in the first readings.
fn ways() -> impl Iterator<Item = [usize; 3]> {
    (0..64).map(|way| [way & 3, way >> 2 & 3, way >> 4 & 3])
}

#[test]
fn what_is_forgotten_goes_out_soon_however_often_the_clock_is_faster() {
    for takes in ways() {
        let (stream, levels) = overtaken(&takes, |stream| assert!(stream.clear() > 2.8));
        goes_out(&takes, &stream, &levels);
        assert_eq!(stream.unheard(), 0.0, "{takes:?}");
    }
}

#[test]
fn what_is_held_goes_out_as_soon_and_nothing_of_it_is_lost() {
    for takes in ways() {
        let (stream, levels) = overtaken(&takes, |stream| stream.set_paused(true));
        goes_out(&takes, &stream, &levels);
        assert!((stream.unheard() - 3.0 + stream.played()).abs() < 1e-9, "{takes:?}");
    }
}

#[test]
fn a_layer_is_over_when_its_end_is_heard_however_often_the_clock_is_faster() {
    for takes in ways() {
        let (_stream, source) = written();
        let mixer = Mixer::new(true, Arc::new(AtOnce));
        let mut race = Race::new(mixer.source().expect("it plays nowhere"));
        let options = LayerOptions::new(Volume::default(), None);
        let layer = mixer.play(Box::new(source), options).expect("in its range");
        for _ in 0..7 {
            race.work();
            race.take();
        }
        layer.stop(0.0).expect("no time");
        race.overtake(&takes);
        let mut over = None;
        for _ in 0..40 {
            over = over.or(layer.is_over().then(|| race.heard()));
            race.take();
            race.work();
        }
        let levels = race.levels();
        let last = levels.iter().rposition(|level| *level > 0.05).expect("it was heard");
        let over = over.expect("it ends");
        // An encoder is heard a third of a frame late.
        assert!(last <= over, "{takes:?}: told after {over} frames, heard until {last}: {levels:.1?}");
        let late: usize = takes.iter().sum();
        assert!(over <= 14 + late + 8, "{takes:?}: told after {over} frames");
    }
}

/// Plays a layer of ten frames, and another one before the clock takes the next frame, or none. Gives the loudness of
/// each frame that left.
fn layers(takes: &[usize], again: bool) -> Vec<f64> {
    let mixer = Mixer::new(true, Arc::new(AtOnce));
    let mut race = Race::new(mixer.source().expect("it plays nowhere"));
    let play = || {
        let sound = Sound::tone(10 * FRAME as u64, 450.0, 0.5);
        mixer.play(Box::new(sound), LayerOptions::new(Volume::default(), None)).expect("in its range")
    };
    let _first = play();
    race.overtake(takes);
    let _second = again.then(|| {
        let layer = play();
        race.overtake(takes);
        layer
    });
    for _ in 0..40 {
        race.take();
        race.work();
    }
    race.levels()
}

#[test]
fn a_layer_that_begins_loses_nothing_however_often_the_clock_is_faster() {
    for takes in ways() {
        let levels = layers(&takes, false);
        let sum: f64 = levels.iter().map(|level| level * level).sum();
        assert!((9.5..10.5).contains(&sum), "{takes:?}: {sum:.2} frames of 10: {levels:.1?}");
    }
}

#[test]
fn nor_do_two_that_begin_one_after_the_other() {
    for takes in ways() {
        let levels = layers(&takes, true);
        // Where both sound the level is that of two, or of none, as they lie.
        let loud = levels.iter().filter(|level| **level > 0.1).count();
        assert!(loud >= 10, "{takes:?}: {loud} frames: {levels:.1?}");
    }
}

fn goes_out(takes: &[usize], stream: &WrittenStream, levels: &[f64]) {
    let late: usize = takes.iter().sum();
    // Beyond what the clock took meanwhile: what was kept for it, twice as many each time, and one to go out in.
    assert!(levels.len() <= late + 8, "{takes:?}: {} frames", levels.len());
    let [before @ .., last] = levels else { panic!("{takes:?}: it is cut off") };
    assert!(*last < 0.9 && before.iter().all(|level| *level > 0.9), "{takes:?}: {levels:?}");
    let played = (7 + before.len()) as f64 * 0.02;
    assert!((stream.played() - played).abs() < 1e-9, "{takes:?}: {} where {played} was", stream.played());
}
