//! The mixer, beside what it goes on to: the encoder; and beside what its layers cost by themselves.
//!
//! `mix` over `encode` is the mix in parts of the encode; of `layers`, `more` over `alone` is what a further decoded
//! layer costs in parts of its decode.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use isocord_benches::music;
use isocord_io::desk::Errands;
use isocord_io::desk::mixer::{LayerOptions, MixSource, Mixer};
use isocord_io::dsp::Volume;
use isocord_io::source::{
    AudioFile, AudioFileOptions, Downstream, FrameBuf, FrameSource, Input, SeekError, SourceError,
    SourceFrame, Want,
};
use isocord_proto::frame::{FRAME_LEN, MAX_OPUS_LEN};
use isocord_proto::opus::{Encoder, EncoderOptions};

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

fn mixer(layers: Vec<Box<dyn FrameSource>>, looped: bool) -> MixSource {
    let mixer = Mixer::new(true, Arc::new(AtOnce));
    let mut source = mixer.source().expect("it plays nowhere");
    source.attach(&(Arc::new(Ahead) as Arc<dyn Downstream>), 29);
    for layer in layers {
        let options = LayerOptions { looped, volume: 0.4, ..LayerOptions::new(Volume::default(), None) };
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

/// A FLAC file would cost more, a WAV file less.
fn wav(frames: &[[i16; FRAME_LEN]]) -> Vec<u8> {
    // At 44.1 kHz, as music is: it is resampled.
    let len = (frames.len() * FRAME_LEN * 2) as u32;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + len).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    out.extend(44_100_u32.to_le_bytes());
    out.extend(176_400_u32.to_le_bytes());
    out.extend(b"\x04\0\x10\0data");
    out.extend(len.to_le_bytes());
    out.extend(frames.iter().flatten().flat_map(|sample| sample.to_le_bytes()));
    out
}

fn file(wav: &[u8]) -> AudioFile {
    AudioFile::open(Input::bytes(wav.to_vec()), AudioFileOptions::default()).expect("a WAV file")
}

/// The mix alone: its layers cost nothing.
fn mix(c: &mut Criterion) {
    let frames = sound();
    let mut group = c.benchmark_group("mixer");
    let options = EncoderOptions::default();
    let mut encoder = Encoder::new(&options).expect("valid options");
    let mut out = [0; MAX_OPUS_LEN];
    let mut next = frames.iter().cycle();
    group.bench_function("encode", |b| {
        b.iter(|| encoder.encode_float(next.next().expect("endless"), &mut out).expect("a packet"));
    });
    for layers in [1, 2, 4] {
        let ready = || Box::new(Ready { frames: Arc::clone(&frames), at: 0 }) as Box<dyn FrameSource>;
        let mut source = mixer((0..layers).map(|_| ready()).collect(), false);
        let mut frame = FrameBuf::new();
        group.bench_function(format!("mix/{layers}"), |b| {
            b.iter(|| source.next(&mut frame, Want::PCM).expect("no error"));
        });
    }
    group.finish();
}

/// Ten frames of files: decoded by themselves, and as one layer and two.
fn layers(c: &mut Criterion) {
    let wav = wav(&music().repeat(3));
    let mut group = c.benchmark_group("layers");
    let mut frame = FrameBuf::new();
    group.bench_function("alone", |b| {
        b.iter_batched_ref(
            || file(&wav),
            |file| {
                (0..100).for_each(|_| {
                    let _ = file.next(&mut frame, Want::PCM).expect("no error");
                })
            },
            BatchSize::SmallInput,
        );
    });
    for count in [1, 2, 3] {
        group.bench_function(format!("mixed/{count}"), |b| {
            b.iter_batched_ref(
                || mixer((0..count).map(|_| Box::new(file(&wav)) as Box<dyn FrameSource>).collect(), false),
                |source| {
                    (0..100).for_each(|_| {
                        let _ = source.next(&mut frame, Want::PCM).expect("no error");
                    })
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, mix, layers);
criterion_main!(benches);
