//! The way in: what a received packet costs beside libopus's decoding of it alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use isocord_benches::opus;
use isocord_io::receive::queue::{Form, FrameReader, FrameWriter, frame_queue};
use isocord_proto::cipher::{MAX_OVERHEAD, Opener, Sealer, TransportMode};
use isocord_proto::dave::{self, FrameSealer, Openers, ReceiverChange, SenderChange, SenderRatchet};
use isocord_proto::frame::{MAX_OPUS_LEN, OpusFrame};
use isocord_proto::jitter::{Arrival, DelayBounds, JitterBuffer, Turn};
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN};
use isocord_proto::recv::{Frame, FrameOutput, Listening, ReceivePath, Speaking, Workspace};
use isocord_proto::rtp::{HEADER_LEN, Header};

const KEY: [u8; 32] = [1; 32];
/// Packets in one measurement: ten seconds of one speaker.
const PACKETS: u32 = 500;

/// The packets as they come from the wire, sealed end to end and for the transport.
fn sealed(mode: TransportMode, frames: &[OpusFrame], speakers: u32) -> Vec<Vec<u8>> {
    let mut transport = Sealer::new(mode, &KEY);
    let mut members: Vec<FrameSealer> = (0..speakers)
        .map(|user| {
            let mut member = FrameSealer::new();
            member.apply(SenderChange::key(SenderRatchet::new(&[user as u8; 16])));
            member
        })
        .collect();
    let mut packets = Vec::new();
    for number in 0..PACKETS {
        for (ssrc, member) in members.iter_mut().enumerate() {
            let header = Header { sequence: number as u16, timestamp: number * 960, ssrc: ssrc as u32 };
            let opus = frames[number as usize % frames.len()].as_bytes();
            let mut packet = vec![0; HEADER_LEN + MAX_OPUS_LEN + dave::MAX_OVERHEAD + MAX_OVERHEAD];
            packet[..HEADER_LEN].copy_from_slice(&header.encode());
            let len = member.seal(opus, &mut packet[HEADER_LEN..]).expect("a key");
            let total = transport.seal(&mut packet, HEADER_LEN, HEADER_LEN + len).expect("nonces left");
            packet.truncate(total);
            packets.push(packet);
        }
    }
    packets
}

struct Queue(FrameWriter, FrameReader);

impl FrameOutput for Queue {
    fn frame(&mut self, frame: Frame<'_>) {
        self.0.frame(&frame);
    }

    fn speaking(&mut self, user_id: u64, speaking: Speaking, position: u64) {
        self.0.speaking(user_id, speaking, position);
    }
}

fn listener(mode: TransportMode, form: Form, speakers: u32) -> (ReceivePath<Openers>, Queue) {
    let (writer, reader) = frame_queue(form, 4_096);
    let mut queue = Queue(writer, reader);
    let mut path = ReceivePath::new(Openers::new(), DelayBounds::default());
    let mut workspace = Workspace::new();
    path.start_session(Opener::new(mode, &KEY));
    let members =
        (0..speakers).map(|user| (u64::from(user), SenderRatchet::new(&[user as u8; 16]))).collect();
    path.change_keys(Duration::ZERO, &mut workspace, &mut queue, |openers| {
        openers.apply(ReceiverChange::Epoch(members), Duration::ZERO);
    });
    let listening = if form == Form::Pcm { Listening::Pcm } else { Listening::Opus };
    path.listen(listening, Duration::ZERO, &mut workspace, &mut queue);
    for user in 0..speakers {
        path.assign_ssrc(user, u64::from(user), Duration::ZERO, &mut workspace, &mut queue);
    }
    (path, queue)
}

/// Everything from the datagram to the frame in the consumer's hand.
fn receive(
    path: &mut ReceivePath<Openers>,
    queue: &mut Queue,
    packets: &mut [Vec<u8>],
    speakers: usize,
) -> usize {
    let (mut workspace, mut frames) = (Workspace::new(), 0);
    for (slot, packets) in packets.chunks_mut(speakers).enumerate() {
        let now = Duration::from_millis(20 * slot as u64);
        for packet in packets {
            path.datagram(packet, now, &mut workspace, queue);
        }
        path.poll(now, &mut workspace, queue);
        queue.0.flush();
        frames += queue.1.drain(usize::MAX, |item| _ = black_box(item));
    }
    frames
}

fn story(c: &mut Criterion) {
    let frames = opus();
    let mut group = c.benchmark_group("receive");
    group.throughput(Throughput::Elements(u64::from(PACKETS)));

    let mut decoder = Decoder::new().expect("memory");
    let mut pcm = [0; MAX_DECODED_LEN];
    group.bench_function("decode alone", |b| {
        b.iter(|| {
            for number in 0..PACKETS as usize {
                let frame = frames[number % frames.len()].as_bytes();
                black_box(decoder.decode(black_box(frame), &mut pcm)).expect("our own packet");
            }
        });
    });

    let gcm = TransportMode::Aes256GcmRtpsize;
    let xchacha = TransportMode::XChaCha20Poly1305Rtpsize;
    for (name, mode, form) in
        [("decoded", gcm, Form::Pcm), ("decoded", xchacha, Form::Pcm), ("opus", gcm, Form::Opus)]
    {
        let packets = sealed(mode, &frames, 1);
        group.bench_function(BenchmarkId::new(name, mode.name()), |b| {
            b.iter_batched(
                || (listener(mode, form, 1), packets.clone()),
                |((mut path, mut queue), mut packets)| {
                    let heard = receive(&mut path, &mut queue, &mut packets, 1);
                    assert!(heard as u32 > PACKETS - 20, "{heard}");
                    (path, queue, packets)
                },
                BatchSize::LargeInput,
            );
        });
    }

    let packets = sealed(gcm, &frames, 25);
    group.throughput(Throughput::Elements(u64::from(PACKETS) * 25));
    group.sample_size(10);
    group.bench_function("decoded, 25 speakers", |b| {
        b.iter_batched(
            || (listener(gcm, Form::Pcm, 25), packets.clone()),
            |((mut path, mut queue), mut packets)| {
                receive(&mut path, &mut queue, &mut packets, 25);
                (path, queue, packets)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn jitter(c: &mut Criterion) {
    let frames = opus();
    let mut group = c.benchmark_group("jitter");
    group.throughput(Throughput::Elements(u64::from(PACKETS)));
    group.bench_function("insert and play", |b| {
        let mut buffer = JitterBuffer::new(DelayBounds::default());
        let (mut sequence, mut timestamp, mut now) = (0u16, 0u32, 0i64);
        b.iter(|| {
            for number in 0..PACKETS as usize {
                buffer.insert(&Arrival {
                    sequence,
                    timestamp,
                    at: now,
                    samples: 960,
                    frame_samples: 960,
                    silence: false,
                    payload: frames[number % frames.len()].as_bytes(),
                });
                while let Turn::Packet { payload, .. } = buffer.next(now) {
                    black_box(payload);
                }
                sequence = sequence.wrapping_add(1);
                timestamp = timestamp.wrapping_add(960);
                now += 960;
            }
        });
    });
    group.finish();
}

criterion_group!(benches, story, jitter);
criterion_main!(benches);
