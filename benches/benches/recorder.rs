//! What the recorder costs, and what it costs more to find who speaks when, and how loud.
//!
//! `cargo bench -p isocord-benches --bench recorder`. They work in turns, and the fastest of many turns counts: so a busy
//! machine changes little.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Cursor;
use std::time::{Duration, Instant};

use isocord_benches::{music, opus};
use isocord_io::record::{Format, FrameSink, Layout, Payload, Recorder, RecorderOptions, Target};
use isocord_proto::frame::FRAME_SAMPLES;

const TURNS: usize = 40;
/// Frames of a turn, 10 s.
const FRAMES: usize = 500;

fn recorder(format: Format, survey: bool) -> Recorder {
    let options = RecorderOptions { format, survey, ..RecorderOptions::default() };
    let target = |_: u64, _: u32| Ok(Target::Seekable(Box::new(Cursor::new(Vec::new()))));
    Recorder::new(options, Layout::PerUser(Box::new(target))).unwrap()
}

/// A frame of one user, recorded.
fn cost(format: Format, survey: bool, payloads: &[Payload<'_>]) -> Duration {
    let mut recorder = recorder(format, survey);
    let began = Instant::now();
    for (number, payload) in payloads.iter().cycle().take(FRAMES).enumerate() {
        let position = (number * FRAME_SAMPLES) as u64;
        recorder.frame(7, position, *payload);
        if number % 25 == 24 {
            recorder.advance(position);
        }
    }
    began.elapsed() / FRAMES as u32
}

fn main() {
    let (sound, packets) = (music(), opus());
    let pcm: Vec<Payload<'_>> = sound.iter().map(|frame| Payload::Pcm(frame)).collect();
    let opus: Vec<Payload<'_>> = packets.iter().map(|packet| Payload::Opus(packet.as_bytes())).collect();
    for (name, format, payloads) in
        [("wav", Format::Wav, &pcm), ("flac", Format::Flac, &pcm), ("ogg", Format::OggOpus, &opus)]
    {
        let mut best = [Duration::MAX; 2];
        for _ in 0..TURNS {
            for (best, survey) in best.iter_mut().zip([false, true]) {
                *best = cost(format, survey, payloads).min(*best);
            }
        }
        let more = best[1].saturating_sub(best[0]);
        let core = 100.0 * more.as_secs_f64() / 0.02;
        println!(
            "{name:<5} {:>8.1?} a frame, who speaks when {more:>8.1?} more: {core:.2} % of a core a user",
            best[0]
        );
    }
}
