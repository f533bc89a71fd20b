//! What a listener hears of a stream that is written, forgotten and held while it plays.

use isocord_proto::frame::OpusFrame;
use isocord_proto::opus::EncoderOptions;
use std::f64::consts::TAU;

use super::Deck;
use super::bench::{Bench, decode, roughness};
use crate::desk::written::stand::{Told, options, s16, stream, tone};
use crate::desk::written::{Format, Options, WrittenSource, WrittenStream};
use crate::dsp::Volume;
use crate::play::track::Interrupter;
use crate::play::{Feed, FeedStatus, Pressure, Turn};

const RATE: u32 = 24_000;
const FRAME: usize = 960;
/// The largest second difference of the tone itself, as a decoder gives it.
const IDEAL: f64 = 16_384.0 * (TAU * 440.0 / 48_000.0) * (TAU * 440.0 / 48_000.0);
/// What is told apart from it as a click.
const CLICK: f64 = 3.0 * IDEAL;

struct Stage {
    stream: WrittenStream,
    bench: Bench<WrittenSource>,
    written: usize,
    /// What left, and none for a slot without a frame.
    slots: Vec<bool>,
}

impl Stage {
    fn new(options: &Options) -> Self {
        let (stream, source) = stream(options);
        let bench = Bench::new(Deck::new(source, Volume::default(), None), &EncoderOptions::default());
        Self { stream, bench, written: 0, slots: Vec::new() }
    }

    fn plain() -> Self {
        Self::new(&Options { capacity: 10.0, ..options(RATE, 1, Format::S16) })
    }

    /// The tone goes on for so many milliseconds.
    fn write(&mut self, milliseconds: usize) {
        let samples = milliseconds * RATE as usize / 1_000;
        assert!(self.stream.write_all(&s16(&tone(RATE, self.written, samples))).expect("it is open"));
        self.written += samples;
        self.bench.work();
    }

    /// So many slots go by. A slot without a frame is silent, as the clock has it.
    fn slots(&mut self, count: usize) {
        for _ in 0..count {
            let before = self.bench.heard.len();
            self.bench.play(1);
            self.slots.push(self.bench.heard.len() > before);
            if self.bench.heard.len() == before {
                self.bench.heard.push(OpusFrame::SILENCE.as_bytes().to_vec());
            }
        }
    }

    fn heard(&self) -> Vec<f64> {
        decode(&self.bench.heard)
    }
}

/// The loudness of a frame, 1.0 for the tone.
fn level(heard: &[f64], frame: usize) -> f64 {
    let frame = &heard[frame * FRAME..(frame + 1) * FRAME];
    (frame.iter().map(|sample| sample * sample).sum::<f64>() * 2.0 / FRAME as f64).sqrt() / 16_384.0
}

#[test]
fn the_first_frame_of_a_starved_stream_leaves_in_the_next_slot() {
    let mut stage = Stage::plain();
    stage.slots(10);
    stage.write(60);
    stage.slots(4);
    assert_eq!(stage.slots[10..], [true, true, true, true], "the fourth is the sound going out");
    stage.slots(5);
    assert!(stage.slots[14..].iter().all(|left| !left));
    stage.write(20);
    stage.slots(1);
    assert_eq!(stage.slots.last(), Some(&true));
}

#[test]
fn running_dry_and_going_on_clicks_nowhere_and_is_counted() {
    for milliseconds in [20, 25, 33, 40, 100, 110] {
        let mut stage = Stage::plain();
        for _ in 0..6 {
            stage.write(milliseconds);
            stage.slots(12);
        }
        assert_eq!(stage.stream.starved(), 6, "{milliseconds}");
        let played = stage.stream.played();
        assert!((played - 6.0 * milliseconds as f64 / 1_000.0).abs() < 1e-3, "{milliseconds}: {played}");
        let rough = roughness(&stage.heard());
        assert!(rough < CLICK, "{milliseconds}: {rough} where {IDEAL} is right");
    }
}

#[test]
fn who_says_that_all_is_said_has_not_run_dry() {
    let mut stage = Stage::plain();
    for _ in 0..3 {
        stage.write(110);
        stage.stream.flush();
        stage.slots(12);
    }
    assert_eq!(stage.stream.starved(), 0);
    assert!((stage.stream.played() - 0.33).abs() < 1e-9);
}

#[test]
fn what_comes_in_time_is_heard_as_if_it_had_always_been_there() {
    let mut whole = Stage::plain();
    whole.write(2_000);
    whole.slots(90);
    let mut pieces = Stage::plain();
    pieces.write(60);
    for _ in 0..90 {
        pieces.slots(1);
        pieces.write(20);
    }
    assert_eq!(pieces.stream.starved(), 0);
    let (one, two) = (whole.heard(), pieces.heard());
    let apart = one.iter().zip(&two).map(|(one, two)| (one - two).abs()).fold(0.0, f64::max);
    assert!(apart < 400.0 && roughness(&two) < 1.5 * IDEAL, "{apart}, {}", roughness(&two));
}

#[test]
fn after_all_is_forgotten_the_next_frame_goes_out_and_silence_follows() {
    for filled in [200, 3_000] {
        let mut stage = Stage::plain();
        stage.write(filled);
        stage.slots(7);
        let unheard = stage.stream.clear();
        assert!((unheard - (filled as f64 / 1_000.0 - 0.14)).abs() < 1e-9, "{unheard}");
        stage.bench.work();
        stage.slots(12);
        assert!(stage.slots[8..].iter().all(|left| !left), "one frame, in which it goes out");
        let heard = stage.heard();
        // The decoder is 6.5 ms late: what went out within 10 ms is gone in the frame after.
        assert!(level(&heard, 6) > 0.95 && level(&heard, 8) < 0.01 && level(&heard, 9) < 0.001);
        assert!(roughness(&heard[960..]) < CLICK, "{}", roughness(&heard[960..]));
        assert!((stage.stream.played() - 0.14).abs() < 1e-9 && stage.stream.starved() == 0);
        // The stream goes on.
        stage.write(100);
        stage.slots(5);
        assert!(stage.slots[19..].iter().all(|left| *left));
        assert!((stage.stream.played() - 0.24).abs() < 1e-9);
    }
}

#[test]
fn who_is_spoken_over_has_played_what_left_before_and_takes_no_more() {
    for filled in [200, 3_000] {
        let mut stage = Stage::plain();
        stage.write(filled);
        stage.slots(7);
        stage.bench.reader.state().interrupt(Interrupter { user_id: 7, began: 0, at: 0 });
        stage.bench.work();
        stage.slots(6);
        assert_eq!(stage.slots[7..], [true, false, false, false, false, false]);
        let heard = stage.heard();
        assert!(level(&heard, 6) > 0.95 && level(&heard, 8) < 0.01 && level(&heard, 9) < 0.001);
        assert!(roughness(&heard[960..]) < 2.0 * IDEAL, "{}", roughness(&heard[960..]));
        assert!((stage.stream.played() - 0.14).abs() < 1e-9, "{}", stage.stream.played());
        // The clock has ended it, and what played it is dropped.
        let Stage { stream, bench, .. } = stage;
        drop(bench);
        assert!(stream.write(&[0; 4]).is_err());
        assert!((stream.played() - 0.14).abs() < 1e-9);
    }
}

#[test]
fn new_sound_after_all_is_forgotten_follows_at_once() {
    let mut stage = Stage::plain();
    stage.write(2_000);
    stage.slots(10);
    stage.stream.clear();
    stage.write(1_000);
    stage.slots(20);
    assert!(stage.slots.iter().all(|left| *left));
    assert!((stage.stream.played() - 0.6).abs() < 1e-9);
    assert!(roughness(&stage.heard()[960..]) < CLICK);
}

#[test]
fn forgetting_again_and_again_takes_no_memory_and_leaves_nothing() {
    let mut stage = Stage::plain();
    for _ in 0..200 {
        assert!(stage.stream.write_all(&s16(&tone(RATE, 0, 9 * RATE as usize))).expect("open"));
        stage.stream.clear();
    }
    assert!(stage.stream.unheard() == 0.0);
    stage.bench.work();
    stage.slots(5);
    assert_eq!(stage.stream.played(), 0.0);
}

#[test]
fn what_is_held_goes_on_where_it_was() {
    let mut stage = Stage::plain();
    stage.write(1_000);
    stage.slots(10);
    stage.stream.set_paused(true);
    stage.bench.work();
    stage.slots(10);
    assert_eq!(stage.slots[10..], [true, false, false, false, false, false, false, false, false, false]);
    assert!((stage.stream.played() - 0.2).abs() < 1e-9 && stage.stream.starved() == 0);
    stage.stream.set_paused(false);
    stage.bench.work();
    stage.slots(50);
    assert!((stage.stream.played() - 1.0).abs() < 1e-9);
    assert!(roughness(&stage.heard()[960..]) < CLICK);
}

#[test]
fn who_waits_for_the_end_is_told_when_the_last_frame_has_left() {
    let mut stage = Stage::plain();
    let told = Told::default();
    stage.stream.on_drained(told.listener());
    assert_eq!(told.take(), [None], "there is nothing");
    stage.write(390);
    stage.stream.on_drained(told.listener());
    stage.slots(19);
    assert!(told.take().is_empty());
    stage.slots(1);
    assert_eq!(told.take(), [None]);
    assert!((stage.stream.played() - 0.39).abs() < 1e-9);
}

#[test]
fn the_end_comes_after_all_that_was_written() {
    let mut stage = Stage::plain();
    stage.write(390);
    stage.stream.finish();
    stage.bench.work();
    stage.slots(20);
    assert!((stage.stream.played() - 0.39).abs() < 1e-9);
    assert_eq!(stage.stream.starved(), 0);
    assert!(matches!(stage.bench.reader.supply(), isocord_proto::pacing::Supply::Exhausted));
}

/// Of frames from number `from` on the second is about as loud as a later one.
fn assert_does_not_fade_in(packets: &[Vec<u8>], from: usize) {
    let heard = decode(packets);
    let loudest = |frame: usize| {
        let at = (from + frame) * FRAME;
        heard[at..at + FRAME].iter().fold(0.0, |most: f64, value| most.max(value.abs()))
    };
    let (first, last) = (loudest(1), loudest(8));
    assert!(first > 0.9 * last, "it fades in: {first} beside {last}");
}

#[test]
fn a_sentence_begins_as_loud_as_it_is_after_a_pause() {
    let mut stage = Stage::plain();
    stage.write(200);
    stage.stream.flush();
    stage.slots(10);
    for _ in 0..3 {
        // What the clock sends of silence, and tells.
        stage.slots(5);
        (0..5).for_each(|_| stage.bench.reader.state().note_silence());
        let before = stage.bench.heard.len();
        stage.write(200);
        stage.stream.flush();
        stage.slots(10);
        assert_does_not_fade_in(&stage.bench.heard, before);
    }
}

#[test]
fn what_was_made_before_it_was_held_begins_as_loud_as_it_is() {
    let mut stage = Stage::plain();
    stage.write(2_000);
    stage.slots(10);
    for _ in 0..3 {
        for _ in 0..5 {
            stage.bench.heard.push(OpusFrame::SILENCE.as_bytes().to_vec());
            stage.bench.reader.state().note_silence();
            stage.bench.work();
        }
        let before = stage.bench.heard.len();
        stage.slots(10);
        assert_does_not_fade_in(&stage.bench.heard, before);
    }
    assert!((stage.stream.played() - 0.8).abs() < 1e-9, "nothing is lost");
}

#[test]
fn a_stream_that_is_ended_for_all_takes_no_more_and_has_been_heard_as_far_as_it_was() {
    let mut stage = Stage::plain();
    let told = Told::default();
    stage.write(2_000);
    stage.stream.on_drained(told.listener());
    stage.slots(20);
    stage.bench.deck.end();
    assert_eq!(stage.bench.feed.feed(&Turn::new(Pressure::None, &|| true)), FeedStatus::Done);
    // As the pool does with a job that is done.
    let Stage { stream, bench, .. } = stage;
    drop(bench);
    assert_eq!(told.take().len(), 1);
    assert!((stream.played() - 0.4).abs() < 1e-9, "{}", stream.played());
    assert!((stream.unheard() - 1.6).abs() < 1e-9, "{}", stream.unheard());
    assert!(stream.write(&[0, 0]).is_err());
}
