//! What a listener hears of a source that is changed while it plays.

use std::f64::consts::TAU;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};
use isocord_proto::pacing::Supply;

use super::bench::{Bench, decode, roughness};
use super::*;
use crate::dsp::Volume;
use crate::play::{Feed, Pressure, Turn};
use crate::source::{FrameBuf, SeekError, SourceError, SourceFrame, Want};

const PITCH: f64 = 240.0;
const LEVEL: f64 = 16_000.0;
const IDEAL: f64 = LEVEL * (TAU * PITCH / 48_000.0) * (TAU * PITCH / 48_000.0);
const FRAMES: u64 = 200;

/// What is wanted of a [`Wave`], from any thread.
#[derive(Default)]
struct Wanted {
    level: Mutex<Option<f32>>,
    starves: AtomicBool,
}

/// A sine whose level is set, and that goes back for it.
struct Wave {
    wanted: Arc<Wanted>,
    level: f32,
    at: u64,
    end: u64,
    /// It may have packets, so it is encoded a little earlier than it is read.
    may_pass: bool,
}

impl FrameSource for Wave {
    fn next(&mut self, frame: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        if self.at >= self.end {
            return Ok(Some(SourceFrame::End));
        }
        if self.wanted.starves.load(Relaxed) {
            return Ok(Some(SourceFrame::Starved));
        }
        let first = self.at * FRAME_SAMPLES as u64;
        for (sample, pair) in (first..).zip(frame.pcm.chunks_exact_mut(2)) {
            let value = (sample as f64 * PITCH / 48_000.0 * TAU).sin() * LEVEL / 32_768.0;
            pair.fill(value as f32 * self.level);
        }
        (frame.position, frame.samples) = (first, FRAME_SAMPLES as u16);
        self.at += 1;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        Err(SeekError::Fixed(seconds))
    }

    fn position(&self) -> u64 {
        self.at * FRAME_SAMPLES as u64
    }

    fn has_packets(&self) -> bool {
        self.may_pass
    }

    fn goes_back(&self) -> bool {
        true
    }

    fn is_changed(&mut self) -> bool {
        self.wanted.level.lock().expect("a lock").is_some()
    }

    fn revise(&mut self, frames: u64) {
        self.at -= frames;
        if let Some(level) = self.wanted.level.lock().expect("a lock").take() {
            self.level = level.abs();
            // Below nothing it is over.
            if level < 0.0 {
                self.end = self.at;
            }
        }
    }
}

fn wave(may_pass: bool) -> (Arc<Wanted>, Bench<Wave>) {
    let wanted = Arc::new(Wanted::default());
    let wave = Wave { wanted: Arc::clone(&wanted), level: 1.0, at: 0, end: FRAMES, may_pass };
    (wanted, Bench::new(Deck::new(wave, Volume::default(), None), &EncoderOptions::default()))
}

fn set(wanted: &Wanted, level: f32) {
    *wanted.level.lock().expect("a lock") = Some(level);
}

/// The level in a frame, as a share of what it is at first.
fn level(left: &[f64], frame: usize) -> f64 {
    let frame = &left[frame * FRAME_SAMPLES..(frame + 1) * FRAME_SAMPLES];
    (frame.iter().map(|sample| sample * sample).sum::<f64>() * 2.0 / FRAME_SAMPLES as f64).sqrt() / LEVEL
}

#[test]
fn a_change_is_heard_with_the_next_frame_and_without_a_click() {
    for may_pass in [false, true] {
        let (wanted, mut bench) = wave(may_pass);
        bench.play(30);
        set(&wanted, 0.25);
        bench.play(30);
        set(&wanted, 0.75);
        bench.play(FRAMES as usize);
        assert_eq!(bench.heard.len() as u64, FRAMES, "no frame is lost, and none comes twice");
        let left = decode(&bench.heard);
        // The first frame left before the pool saw the change; the decoder is 6.5 ms late, and the change takes 10.
        let levels = [30, 32, 60, 62, 100].map(|frame| level(&left, frame));
        let right = [1.0, 0.25, 0.25, 0.75, 0.75];
        assert!(levels.iter().zip(right).all(|(level, right)| (level - right).abs() < 0.02), "{levels:?}");
        assert!(roughness(&left) < 2.0 * IDEAL, "{} where {IDEAL} is right", roughness(&left));
    }
}

#[test]
fn an_end_is_heard_at_once_and_without_a_click() {
    let (wanted, mut bench) = wave(false);
    bench.play(30);
    set(&wanted, -1.0);
    bench.play(FRAMES as usize);
    assert_eq!(bench.heard.len(), 32, "one left, and in one the old sound goes out");
    assert_eq!(bench.reader.supply(), Supply::Exhausted);
    let left = decode(&bench.heard);
    assert!(roughness(&left[..31 * FRAME_SAMPLES + FRAME_LEN / 4]) < 2.0 * IDEAL);
    assert!(left[31 * FRAME_SAMPLES + 900..].iter().all(|sample| sample.abs() < 200.0));
}

#[test]
fn a_change_while_the_source_starves_waits_for_it_and_what_is_queued_plays() {
    let (wanted, mut bench) = wave(false);
    bench.play(10);
    wanted.starves.store(true, Relaxed);
    set(&wanted, 0.5);
    bench.play(8);
    wanted.starves.store(false, Relaxed);
    bench.play(FRAMES as usize);
    assert_eq!(bench.heard.len() as u64, FRAMES);
    let left = decode(&bench.heard);
    let levels = [15, 40].map(|frame| level(&left, frame));
    assert!((levels[0] - 1.0).abs() < 0.02 && (levels[1] - 0.5).abs() < 0.02, "{levels:?}");
    assert!(roughness(&left) < 2.0 * IDEAL);
}

#[test]
fn changes_that_come_while_frames_leave_lose_none_and_click_nowhere() {
    let (wanted, Bench { mut feed, mut reader, .. }) = wave(false);
    let over = AtomicBool::new(false);
    let mut heard = Vec::new();
    std::thread::scope(|scope| {
        // The pool, at work without a pause; the clock is fast, so that it is often in the way.
        scope.spawn(|| {
            let mut levels = [0.9, 0.3, 1.0, 0.6, 0.95].iter().cycle();
            while !over.load(Relaxed) {
                set(&wanted, *levels.next().expect("a cycle"));
                for piece in 0..6 {
                    // Turns are short or long, as others need theirs.
                    feed.feed(&Turn::new(Pressure::None, &|| piece % 2 == 0));
                }
            }
        });
        loop {
            match reader.supply() {
                Supply::Ready => heard.push(reader.take().expect("a frame").as_bytes().to_vec()),
                Supply::Exhausted => break,
                Supply::Empty | Supply::Resting => {}
            }
            std::thread::sleep(std::time::Duration::from_micros(700));
        }
        over.store(true, Relaxed);
    });
    assert_eq!(heard.len() as u64, FRAMES, "no frame is lost, and none comes twice");
    let rough = roughness(&decode(&heard));
    assert!(rough < 2.0 * IDEAL, "{rough} where {IDEAL} is right");
}
