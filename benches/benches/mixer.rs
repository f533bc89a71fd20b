//! The mixer, beside what it goes on to: the encoder; and beside what its layers cost by themselves.
//!
//! `cargo bench -p isocord-benches --bench mixer`. They work in turns, and the fastest of many turns counts: so a busy
//! machine changes little.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isocord_benches::{music, wav};
use isocord_io::desk::Errands;
use isocord_io::desk::mixer::{LayerOptions, MixSource, Mixer};
use isocord_io::dsp::Volume;
use isocord_io::source::{
    AudioFile, AudioFileOptions, Downstream, FrameBuf, FrameSource, Input, SeekError, SourceError,
    SourceFrame, Want,
};
use isocord_proto::frame::{FRAME_LEN, MAX_OPUS_LEN};
use isocord_proto::opus::{Encoder, EncoderOptions};

const TURNS: usize = 60;
const FRAMES: usize = 100;
const FIRST: usize = 10;
const LAYERS: [usize; 3] = [1, 2, 4];

struct AtOnce;

impl Errands for AtOnce {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        errand();
    }
}

struct Ahead;

impl Downstream for Ahead {
    fn wake(&self) {}

    fn ahead(&self) -> u64 {
        25
    }
}

/// Music that costs nothing, again and again; it goes back by itself, for it only has to say so.
struct Ready {
    frames: Arc<Vec<[f32; FRAME_LEN]>>,
    at: usize,
}

impl FrameSource for Ready {
    fn next(&mut self, frame: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        frame.pcm.copy_from_slice(&self.frames[self.at % self.frames.len()]);
        (frame.position, frame.samples) = (self.at as u64 * 960, 960);
        self.at += 1;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, _: f64) -> Result<(), SeekError> {
        Ok(())
    }

    fn position(&self) -> u64 {
        self.at as u64 * 960
    }

    fn has_packets(&self) -> bool {
        false
    }

    fn goes_back(&self) -> bool {
        true
    }

    fn revise(&mut self, frames: u64) {
        self.at -= frames as usize;
    }
}

fn mixer(layers: Vec<Box<dyn FrameSource>>) -> MixSource {
    let mixer = Mixer::new(true, Arc::new(AtOnce));
    let mut source = mixer.source().expect("it plays nowhere");
    source.attach(&(Arc::new(Ahead) as Arc<dyn Downstream>), 29);
    for layer in layers {
        let options = LayerOptions { volume: 0.4, ..LayerOptions::new(Volume::default(), None) };
        mixer.play(layer, options).expect("in its range");
    }
    source.revise(0);
    source
}

fn sound() -> Arc<Vec<[f32; FRAME_LEN]>> {
    let frames = music();
    let sample = |value: &i16| f32::from(*value) / 32_768.0;
    let float = |frame: &[i16; FRAME_LEN]| std::array::from_fn(|index| sample(&frame[index]));
    Arc::new(frames.iter().map(float).collect())
}

/// A FLAC file would cost more.
fn file(wav: &[u8]) -> AudioFile {
    AudioFile::open(Input::bytes(wav.to_vec()), AudioFileOptions::default()).expect("a WAV file")
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn pull(source: &mut dyn FrameSource, buffer: &mut FrameBuf, frames: usize) {
    for _ in 0..frames {
        black_box(source.next(buffer, Want::PCM).expect("no error"));
    }
}

/// The fastest turn of each, in turns, for one frame: what else the machine does slows all of them or none.
fn race<const N: usize>(frames: usize, mut turn: impl FnMut() -> [Duration; N]) -> [Duration; N] {
    let mut best = [Duration::MAX; N];
    for _ in 0..TURNS {
        let taken = turn();
        best = std::array::from_fn(|index| best[index].min(taken[index]));
    }
    best.map(|taken| taken / frames as u32)
}

/// The mix alone: its layers cost nothing.
fn mix() {
    let frames = sound();
    let mut encoder = Encoder::new(&EncoderOptions::default()).expect("valid options");
    let (mut out, mut buffer) = ([0; MAX_OPUS_LEN], FrameBuf::new());
    let ready = || Box::new(Ready { frames: Arc::clone(&frames), at: 0 }) as Box<dyn FrameSource>;
    let mut mixers = LAYERS.map(|layers| mixer((0..layers).map(|_| ready()).collect()));
    let best = race(FRAMES, || {
        let encoding = timed(|| {
            for frame in frames.iter().cycle().take(FRAMES) {
                black_box(encoder.encode_float(frame, &mut out).expect("a packet"));
            }
        });
        let mixing = mixers.each_mut().map(|mixer| timed(|| pull(mixer, &mut buffer, FRAMES)));
        [encoding, mixing[0], mixing[1], mixing[2]]
    });
    println!("encode            {:>8.1?} a frame", best[0]);
    for (layers, mixing) in LAYERS.iter().zip(&best[1..]) {
        let percent = 100.0 * mixing.as_secs_f64() / best[0].as_secs_f64();
        println!("mix of {layers}          {mixing:>8.1?} a frame, {percent:5.2} % of the encode");
    }
}

/// Files: decoded by themselves, and as one layer, two and three.
fn layers() {
    let wav = wav(&music().repeat(3));
    let mut buffer = FrameBuf::new();
    let layer = || Box::new(file(&wav)) as Box<dyn FrameSource>;
    let best = race(FRAMES, || {
        let mut alone = file(&wav);
        let mut mixers = [1, 2, 3].map(|count| mixer((0..count).map(|_| layer()).collect()));
        // What happens once, at the beginning, is not what a layer costs.
        pull(&mut alone, &mut buffer, FIRST);
        mixers.iter_mut().for_each(|mixer| pull(mixer, &mut buffer, FIRST));
        let decoding = timed(|| pull(&mut alone, &mut buffer, FRAMES));
        let mixing = mixers.each_mut().map(|mixer| timed(|| pull(mixer, &mut buffer, FRAMES)));
        [decoding, mixing[0], mixing[1], mixing[2]]
    });
    println!("a file alone      {:>8.1?} a frame", best[0]);
    for (count, pair) in best.windows(2).enumerate().skip(1) {
        let more = pair[1].saturating_sub(pair[0]);
        let ratio = more.as_secs_f64() / best[0].as_secs_f64();
        println!("layer {}           {more:>8.1?} more, {ratio:.2} x its decode", count + 1);
    }
}

fn main() {
    mix();
    layers();
}
