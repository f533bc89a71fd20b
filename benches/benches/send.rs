//! The way out: seal, RTP header, encode, and the whole story of a frame.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use isocord_benches::{music, opus};
use isocord_io::play::track::track;
use isocord_proto::cipher::{MAX_OVERHEAD, Sealer, TransportMode};
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::frame::{MAX_OPUS_LEN, OpusFrame};
use isocord_proto::opus::{Encoder, EncoderOptions, Memory};
use isocord_proto::rtp::{HEADER_LEN, Header};
use isocord_proto::send::{MAX_PACKET_LEN, SendPath};
use isocord_proto::timeline::Timeline;
use std::hint::black_box;

fn seal(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal");
    for mode in TransportMode::ALL {
        for size in [3, 80, 320, 1_275] {
            let mut sealer = Sealer::new(mode, &[1; 32]);
            let mut packet = [7; HEADER_LEN + MAX_OPUS_LEN + MAX_OVERHEAD];
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(BenchmarkId::new(mode.name(), size), |b| {
                b.iter(|| sealer.seal(black_box(&mut packet), HEADER_LEN, HEADER_LEN + size));
            });
        }
    }
    group.finish();
}

fn rtp(c: &mut Criterion) {
    let header = Header { sequence: 1, timestamp: 2, ssrc: 3 };
    c.bench_function("rtp/header", |b| b.iter(|| black_box(&header).encode()));
    let packet = header.encode();
    c.bench_function("rtp/parse", |b| b.iter(|| isocord_proto::rtp::parse(black_box(&packet))));
}

fn encode(c: &mut Criterion) {
    let frames = music();
    let mut group = c.benchmark_group("encode");
    for complexity in [0, 5, 10] {
        let options = EncoderOptions { complexity, ..EncoderOptions::default() };
        let mut encoder = Encoder::new(&options).expect("valid options");
        let mut out = [0; MAX_OPUS_LEN];
        let mut next = frames.iter().cycle();
        group.bench_function(BenchmarkId::new("complexity", complexity), |b| {
            b.iter(|| encoder.encode(next.next().expect("endless"), &mut out));
        });
    }
    group.finish();
}

/// What a change of the volume costs: the encoder as it was, six frames heard again (up to twelve), four made anew
/// before the first of them is heard. The rest of the lookahead follows as `encode` says.
fn encode_again(c: &mut Criterion) {
    let frames = music();
    let mut encoder = Encoder::new(&EncoderOptions::default()).expect("valid options");
    let mut out = [0; MAX_OPUS_LEN];
    for frame in frames.iter().cycle().take(50) {
        encoder.encode(frame, &mut out).expect("a frame");
    }
    let mut before = Memory::default();
    let mut group = c.benchmark_group("encode_again");
    group.bench_function("remember", |b| b.iter(|| encoder.remember(black_box(&mut before))));
    group.bench_function("recall", |b| b.iter(|| encoder.recall(black_box(&before))));
    group.bench_function("until_heard", |b| {
        b.iter(|| {
            encoder.recall(&before);
            for frame in frames.iter().cycle().take(6 + 4) {
                encoder.encode(frame, &mut out).expect("a frame");
            }
        });
    });
    group.finish();
}

fn story(c: &mut Criterion) {
    let frames = opus();
    let mut group = c.benchmark_group("story");
    let encrypted = || SenderChange::key(SenderRatchet::new(&[2; 16]));
    for (name, mode, change) in [
        ("aes_gcm", TransportMode::Aes256GcmRtpsize, SenderChange::Passthrough),
        ("aes_gcm+dave", TransportMode::Aes256GcmRtpsize, encrypted()),
        ("xchacha", TransportMode::XChaCha20Poly1305Rtpsize, SenderChange::Passthrough),
        ("xchacha+dave", TransportMode::XChaCha20Poly1305Rtpsize, encrypted()),
    ] {
        let mut path = SendPath::new(1, Sealer::new(mode, &[1; 32]));
        path.change_sender(change);
        let mut timeline = Timeline::new(0, 0);
        let mut packet = [0; MAX_PACKET_LEN];
        let mut next = frames.iter().cycle();
        let mut now_ms = 0;
        group.bench_function(BenchmarkId::new("passthrough", name), |b| {
            b.iter(|| {
                now_ms += 20;
                path.packet(next.next().expect("endless"), &mut timeline, now_ms, &mut packet)
            });
        });
    }

    // With the ring between, as in a call: everything of a frame but libopus and the system call.
    let (mut writer, _reader) = track(25);
    let mut next = frames.iter().cycle();
    group.bench_function("ring/push", |b| {
        b.iter_custom(|iterations| {
            let mut total = std::time::Duration::ZERO;
            for _ in 0..iterations.div_ceil(25) {
                (writer, _) = track(25);
                let start = std::time::Instant::now();
                for _ in 0..25 {
                    black_box(writer.push(next.next().expect("endless")));
                }
                total += start.elapsed();
            }
            total
        });
    });

    let pcm = music();
    let mut encoder = Encoder::new(&EncoderOptions::default()).expect("valid options");
    let mut path = SendPath::new(1, Sealer::new(TransportMode::Aes256GcmRtpsize, &[1; 32]));
    path.change_sender(encrypted());
    let mut timeline = Timeline::new(0, 0);
    let mut packet = [0; MAX_PACKET_LEN];
    let mut next = pcm.iter().cycle();
    let mut now_ms = 0;
    group.bench_function("encoded", |b| {
        b.iter(|| {
            let mut frame = OpusFrame::SILENCE;
            frame.fill(|out| encoder.encode(next.next().expect("endless"), out)).expect("a whole frame");
            now_ms += 20;
            path.packet(&frame, &mut timeline, now_ms, &mut packet)
        });
    });
    group.finish();
}

criterion_group!(benches, seal, rtp, encode, encode_again, story);
criterion_main!(benches);
