//! What each filter costs, in percent of the encoder: `cargo bench -p isocord-benches --bench filters`.
//!
//! Both work on the same frames, in turns, and the fastest of many turns counts: so a busy machine changes little.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use isocord_benches::music;
use isocord_io::desk::{Filtered, Filters};
use isocord_io::dsp::Volume;
use isocord_io::dsp::filters::{FilterSpec, KINDS};
use isocord_io::source::{FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};
use isocord_proto::frame::MAX_OPUS_LEN;
use isocord_proto::opus::{Encoder, EncoderOptions};

const TURNS: usize = 60;
const FRAMES: usize = 25;

/// The music, again and again.
struct Endless {
    frames: Vec<Vec<f32>>,
    next: usize,
}

impl FrameSource for Endless {
    fn next(&mut self, frame: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        frame.pcm.copy_from_slice(&self.frames[self.next % self.frames.len()]);
        (frame.position, frame.samples) = (self.next as u64 * 960, 960);
        self.next += 1;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, _: f64) -> Result<(), SeekError> {
        Ok(())
    }

    fn position(&self) -> u64 {
        self.next as u64 * 960
    }

    fn has_packets(&self) -> bool {
        false
    }
}

fn filtered(specs: Vec<FilterSpec>) -> Filtered {
    let frames =
        music().into_iter().map(|frame| frame.iter().map(|&sample| f32::from(sample) / 32_768.0).collect());
    let filters = Filters::default();
    filters.set(specs).expect("few");
    let source = Endless { frames: frames.collect(), next: 0 };
    Filtered::new(Box::new(source), Volume::new(1.0).expect("in range"), filters)
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// The fastest turns of the encoder and of the source, for one frame.
fn race(mut source: Filtered) -> (Duration, Duration) {
    let options = EncoderOptions { complexity: 10, ..EncoderOptions::default() };
    let mut encoder = Encoder::new(&options).expect("valid options");
    let frames = music();
    let (mut out, mut buffer) = ([0; MAX_OPUS_LEN], FrameBuf::new());
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..TURNS {
        let encoding = timed(|| {
            for frame in &frames[..FRAMES] {
                black_box(encoder.encode(frame, &mut out).expect("encoded"));
            }
        });
        let filtering = timed(|| {
            for _ in 0..FRAMES {
                black_box(source.next(&mut buffer, Want::PCM).expect("no error"));
            }
        });
        best = (best.0.min(encoding), best.1.min(filtering));
    }
    (best.0 / FRAMES as u32, best.1 / FRAMES as u32)
}

fn main() {
    let (encoding, without) = race(filtered(Vec::new()));
    println!("encode, complexity 10: {encoding:.1?} a frame; without filters {without:.1?}");
    let loud = |kind: &str| match kind {
        "equalizer" => FilterSpec::new("equalizer", &[0.1; 15]),
        "timescale" => FilterSpec::new("timescale", &[1.2, 0.9, 1.0]),
        _ => FilterSpec::default_of(kind),
    };
    let bass = [0.25, 0.2, 0.15, 0.1, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let more = [
        ("equalizer, bass", FilterSpec::new("equalizer", &bass)),
        ("timescale, speed", FilterSpec::new("timescale", &[1.2, 1.0, 1.0])),
        ("timescale, rate", FilterSpec::new("timescale", &[1.0, 1.0, 1.2])),
    ];
    for (name, spec) in KINDS.iter().map(|kind| (kind.name, loud(kind.name))).chain(more) {
        let (encoding, filtering) = race(filtered(vec![spec.expect("in range")]));
        let own = filtering.saturating_sub(without);
        let percent = 100.0 * own.as_secs_f64() / encoding.as_secs_f64();
        println!("{name:18} {own:>8.1?} {percent:5.1} % of the encoder");
    }
}
