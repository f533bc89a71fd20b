//! Calls with a real UDP server on 127.0.0.1, and those who speak in them.
#![allow(dead_code, reason = "not every test needs all of it")]

#[path = "../server_support/mod.rs"]
mod server_support;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::events::Event;
use isocord_io::receive::queue::{FrameReader, Item};
use isocord_io::receive::report::ReceiveReport;
use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::dave::{ReceiverChange, SenderChange};
use isocord_proto::frame::{FRAME_LEN, MAX_OPUS_LEN, OpusFrame};
use isocord_proto::opus::{Encoder, EncoderOptions};
use isocord_proto::recv::{FrameKind, Sound};
use isocord_proto::send::{MAX_PACKET_LEN, SendPath};
use isocord_proto::timeline::Timeline;

pub use server_support::*;

pub const MODE: TransportMode = TransportMode::XChaCha20Poly1305Rtpsize;

pub struct Call {
    pub connection: Connection,
    pub engine: Arc<Engine>,
    pub server: UdpSocket,
    pub client: SocketAddr,
    _events: Receiver<Event>,
}

/// Somebody else in the call.
pub struct Speaker {
    path: SendPath,
    timeline: Timeline,
    slot: u64,
    encoder: Encoder,
}

impl Call {
    pub fn new() -> Self {
        Self::on(&Engine::start().expect("threads"))
    }

    pub fn on(engine: &Arc<Engine>) -> Self {
        let (connection, events, server) = connect(engine);
        let client = discover(&server);
        let Ok(Event::Discovered(_)) = events.recv_timeout(BOUND) else { panic!("not discovered") };
        connection.start_session(MODE, &KEY).expect("taken");
        connection.change_receivers(ReceiverChange::AllowPlain).expect("taken");
        Self { connection, engine: Arc::clone(engine), server, client, _events: events }
    }

    pub fn send(&self, packet: &[u8]) {
        self.server.send_to(packet, self.client).expect("sent");
    }

    pub fn report_with(&self, wanted: impl Fn(&ReceiveReport) -> bool) -> ReceiveReport {
        let deadline = Instant::now() + BOUND;
        loop {
            let report = self.connection.receive_report();
            if wanted(&report) {
                return report;
            }
            assert!(Instant::now() < deadline, "{report:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Lets them speak for so many frames, in real time.
pub fn speak(call: &Call, speakers: &mut [Speaker], frames: u32) {
    let start = Instant::now();
    for slot in 0..frames {
        let due = start + Duration::from_millis(20) * slot;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        for speaker in &mut *speakers {
            call.send(&speaker.packet(&tone()));
        }
    }
}

impl Speaker {
    pub fn new(ssrc: u32) -> Self {
        let mut path = SendPath::new(ssrc, Sealer::new(MODE, &KEY));
        path.change_sender(SenderChange::Passthrough);
        Self {
            path,
            timeline: Timeline::new(60_000, u32::MAX - 5_000),
            slot: 0,
            encoder: Encoder::new(&EncoderOptions::default()).expect("an encoder"),
        }
    }

    pub fn packet(&mut self, pcm: &[i16; FRAME_LEN]) -> Vec<u8> {
        let mut opus = [0; MAX_OPUS_LEN];
        let len = self.encoder.encode(pcm, &mut opus).expect("encoded");
        let frame = OpusFrame::new(&opus[..len]).expect("a frame");
        let mut out = [0; MAX_PACKET_LEN];
        let len =
            self.path.packet(&frame, &mut self.timeline, self.slot * 20, &mut out).expect("nonces left");
        self.slot += 1;
        out[..len].to_vec()
    }
}

/// 20 ms of 1 kHz.
pub fn tone() -> [i16; FRAME_LEN] {
    std::array::from_fn(|i| (((i / 2) as f64 * std::f64::consts::TAU / 48.0).sin() * 10_000.0) as i16)
}

/// Positions, kinds and loudest samples of the frames up to the one that is the `count`th of what was sent.
pub fn hear(reader: &mut FrameReader, count: usize) -> Vec<(u64, u64, FrameKind, i16)> {
    let mut heard: Vec<(u64, u64, FrameKind, i16)> = Vec::new();
    while heard.iter().filter(|(.., kind, _)| *kind == FrameKind::Voice).count() < count {
        assert!(reader.wait(BOUND) && (!reader.is_closed() || !reader.is_empty()), "{} heard", heard.len());
        reader.drain(usize::MAX, |item| {
            if let Item::Frame(frame) = item {
                let loudest = match frame.sound {
                    Sound::Pcm(pcm) => pcm.iter().map(|sample| sample.saturating_abs()).max(),
                    Sound::Opus(_) => None,
                };
                heard.push((frame.user_id, frame.position, frame.kind, loudest.unwrap_or(0)));
            }
        });
    }
    heard
}
