//! What is asked of a source while the clock takes the very frames that are made anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isocord_proto::opus::EncoderOptions;

use super::Deck;
use super::bench::{Bench, decode};
use crate::desk::written::stand::{options, s16, stream, tone};
use crate::desk::written::{Format, Options, WrittenSource, WrittenStream};
use crate::dsp::Volume;
use crate::play::track::TrackReader;
use crate::play::{Feed, FeedStatus, Pressure, Turn};
use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

const RATE: u32 = 24_000;
const FRAME: usize = 960;

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

struct Overtaken {
    source: WrittenSource,
    clock: Arc<Mutex<Clock>>,
}

impl FrameSource for Overtaken {
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

    fn goes_back(&self) -> bool {
        self.source.goes_back()
    }

    fn is_changed(&mut self) -> bool {
        self.source.is_changed()
    }

    fn revise(&mut self, frames: u64) {
        self.source.revise(frames);
    }

    fn unrevise(&mut self) -> bool {
        self.source.unrevise()
    }
}

fn lock(clock: &Mutex<Clock>) -> MutexGuard<'_, Clock> {
    clock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A tone of three seconds of which seven frames have left; what asks of it, and when the clock is in the way. Gives
/// the stream, how many frames left after that, and the loudness of each, 1.0 for the tone.
fn overtaken(takes: &[usize], ask: impl Fn(&WrittenStream)) -> (WrittenStream, Vec<f64>) {
    let (stream, source) = stream(&Options { capacity: 10.0, ..options(RATE, 1, Format::S16) });
    let clock = Arc::new(Mutex::new(Clock::default()));
    let source = Overtaken { source, clock: Arc::clone(&clock) };
    let deck = Deck::new(source, Volume::default(), None);
    // It stays until the end, for its pool has the thread that is never woken.
    let mut bench = Bench::new(deck, &EncoderOptions::default());
    assert!(stream.write_all(&s16(&tone(RATE, 0, 3 * RATE as usize))).expect("it is open"));
    bench.work();
    let Bench { mut feed, reader, deck: _deck, heard: _, _pool: _kept, _idle: _too } = bench;
    lock(&clock).reader = Some(reader);
    let mut work = || {
        for _ in 0..100 {
            if matches!(feed.feed(&Turn::new(Pressure::None, &|| true)), FeedStatus::Wait | FeedStatus::Done)
            {
                break;
            }
        }
    };
    for _ in 0..7 {
        assert_eq!(lock(&clock).take(1), 1);
        work();
    }
    ask(&stream);
    lock(&clock).takes = takes.iter().copied().collect();
    work();
    for _ in 0..40 {
        lock(&clock).take(1);
        work();
    }
    let heard = decode(&lock(&clock).heard);
    let loud = |frame: &[f64]| (frame.iter().map(|x| x * x).sum::<f64>() * 2.0 / FRAME as f64).sqrt();
    (stream, heard.chunks(FRAME).skip(7).map(|frame| loud(frame) / 16_384.0).collect())
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

fn goes_out(takes: &[usize], stream: &WrittenStream, levels: &[f64]) {
    let late: usize = takes.iter().sum();
    // Beyond what the clock took meanwhile: what was kept for it, twice as many each time, and one to go out in.
    assert!(levels.len() <= late + 8, "{takes:?}: {} frames", levels.len());
    let [before @ .., last] = levels else { panic!("{takes:?}: it is cut off") };
    assert!(*last < 0.9 && before.iter().all(|level| *level > 0.9), "{takes:?}: {levels:?}");
    let played = (7 + before.len()) as f64 * 0.02;
    assert!((stream.played() - played).abs() < 1e-9, "{takes:?}: {} where {played} was", stream.played());
}
