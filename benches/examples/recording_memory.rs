//! The memory of an hour's recording in virtual time: ten speakers with pauses, a little loss and jitter, from sealed
//! datagrams to a WAV file each, and who spoke when. Prints resident memory every five minutes: `cargo run --release
//! -p isocord-benches --example recording_memory [minutes] [speakers]`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use isocord_benches::opus;
use isocord_io::record::{FrameSink, Layout, Payload, Recorder, RecorderOptions, directory};
use isocord_proto::cipher::{MAX_OVERHEAD, Opener, Sealer, TransportMode};
use isocord_proto::frame::{MAX_OPUS_LEN, SAMPLE_RATE};
use isocord_proto::jitter::DelayBounds;
use isocord_proto::recv::{
    Frame, FrameOutput, Listening, PlainFrames, ReceivePath, Sound, Speaking, Workspace,
};
use isocord_proto::rtp::{HEADER_LEN, Header};

const MODE: TransportMode = TransportMode::Aes256GcmRtpsize;
const KEY: [u8; 32] = [1; 32];
const SLOTS_A_MINUTE: u64 = 3_000;
const REPORT_MINUTES: u64 = 5;

struct ToRecorder(Recorder);

impl FrameOutput for ToRecorder {
    fn frame(&mut self, frame: Frame<'_>) {
        if let Sound::Pcm(pcm) = frame.sound {
            self.0.frame(frame.user_id, frame.position, Payload::Pcm(pcm));
        }
    }

    fn speaking(&mut self, _: u64, _: Speaking, _: u64) {}
}

/// MB; 0 where the system does not tell.
fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split_whitespace().nth(1)?.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4_096.0 / 1e6
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let minutes = arguments.next().unwrap_or(60);
    let speakers = arguments.next().unwrap_or(10);
    let place = std::env::temp_dir().join(format!("isocord-memory-{}", std::process::id()));
    std::fs::create_dir_all(&place).expect("a directory");

    let options = RecorderOptions { sync_start: true, survey: true, ..RecorderOptions::default() };
    let layout = Layout::PerUser(directory(place.clone(), "wav".to_owned()));
    let mut out = ToRecorder(Recorder::new(options, layout).expect("valid options"));
    let mut workspace = Workspace::new();
    let mut path = ReceivePath::new(PlainFrames, DelayBounds::default());
    path.start_session(Opener::new(MODE, &KEY));
    path.listen(Listening::Pcm, Duration::ZERO, &mut workspace, &mut out);
    for user in 0..speakers {
        path.assign_ssrc(user as u32, user, Duration::ZERO, &mut workspace, &mut out);
    }
    let frames = opus();
    let mut sealer = Sealer::new(MODE, &KEY);
    let mut packet = vec![0; HEADER_LEN + MAX_OPUS_LEN + MAX_OVERHEAD];
    let mut dice = 0x2545_F491u32;
    let began = Instant::now();
    println!("  minute  resident MB");
    for slot in 0..=minutes * SLOTS_A_MINUTE {
        for user in 0..speakers {
            dice ^= dice << 13;
            dice ^= dice >> 17;
            dice ^= dice << 5;
            // Each speaks for eight seconds and is silent for four; one packet in fifty is lost.
            if (slot + 37 * user) % 600 >= 400 || dice.is_multiple_of(50) {
                continue;
            }
            let header = Header { sequence: slot as u16, timestamp: slot as u32 * 960, ssrc: user as u32 };
            packet[..HEADER_LEN].copy_from_slice(&header.encode());
            let sound = frames[(slot + user) as usize % frames.len()].as_bytes();
            packet[HEADER_LEN..HEADER_LEN + sound.len()].copy_from_slice(sound);
            let len = sealer.seal(&mut packet, HEADER_LEN, HEADER_LEN + sound.len()).expect("nonces left");
            let now = Duration::from_millis(20 * slot + u64::from(dice % 15));
            path.datagram(&mut packet[..len], now, &mut workspace, &mut out);
        }
        let now = Duration::from_millis(20 * slot + 19);
        path.poll(now, &mut workspace, &mut out);
        out.0.advance(now.as_millis() as u64 * u64::from(SAMPLE_RATE) / 1_000);
        if slot.is_multiple_of(REPORT_MINUTES * SLOTS_A_MINUTE) {
            println!("  {:>6}  {:>11.1}", slot / SLOTS_A_MINUTE, resident());
        }
    }
    let report = out.0.finish(None);
    let lengths: Vec<u64> = report.tracks.iter().map(|track| track.samples).collect();
    println!(
        "  {} tracks of {:.1} to {:.1} min, {} frames, in {:.0} s",
        lengths.len(),
        lengths.iter().copied().min().unwrap_or(0) as f64 / f64::from(SAMPLE_RATE) / 60.0,
        lengths.iter().copied().max().unwrap_or(0) as f64 / f64::from(SAMPLE_RATE) / 60.0,
        report.stats.frames,
        began.elapsed().as_secs_f64(),
    );
    std::fs::remove_dir_all(place).expect("our own directory");
}
