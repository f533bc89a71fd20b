//! A call in virtual time: participants, a network with faults, and somebody who listens.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use isocord_proto::cipher::{MAX_OVERHEAD, Opener, Sealer, TransportMode};
use isocord_proto::recv::{
    DelayBounds, EndToEnd, Frame, FrameKind, FrameOutput, Listening, PlainFrames, ReceivePath, Sound,
    Speaking, UserStats, Workspace,
};
use isocord_proto::rtp::Header;

pub const KEY: [u8; 32] = [7; 32];
pub const MODE: TransportMode = TransportMode::Aes256GcmRtpsize;
pub const FRAME_MS: u64 = 20;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0.0 to 1.0.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What the network does to packets.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub loss: f64,
    pub jitter_ms: f64,
    /// This share is held back long enough for the next one to overtake it.
    pub reorder: f64,
    pub duplicates: f64,
}

/// One who sends: an SSRC with sequence and timestamp.
pub struct Sender {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub sealer: Sealer,
}

impl Sender {
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self::with_mode(MODE, ssrc, sequence, timestamp)
    }

    pub fn with_mode(mode: TransportMode, ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self { ssrc, sequence, timestamp, sealer: Sealer::new(mode, &KEY) }
    }

    /// The next packet, of `samples`.
    pub fn packet(&mut self, media: &[u8], samples: u32) -> Vec<u8> {
        let header = Header { sequence: self.sequence, timestamp: self.timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.seal(&header.encode(), media)
    }

    /// Time passes without packets.
    pub fn pause(&mut self, ms: u64) {
        self.timestamp = self.timestamp.wrapping_add(ms as u32 * 48);
    }

    pub fn seal(&mut self, clear: &[u8], sealed: &[u8]) -> Vec<u8> {
        let mut out = [clear, sealed].concat();
        let len = out.len();
        out.resize(len + MAX_OVERHEAD, 0);
        let total = self.sealer.seal(&mut out, clear.len(), len).expect("nonces left");
        out.truncate(total);
        out
    }
}

/// A packet of 20 ms that says its number; it decodes, to noise.
pub fn numbered(number: u32) -> Vec<u8> {
    let mut opus = vec![0xFC];
    opus.extend(number.to_be_bytes());
    opus.resize(24, 0x55);
    opus
}

#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    pub user_id: u64,
    pub position: u64,
    pub samples: u32,
    pub kind: FrameKind,
    pub opus: Vec<u8>,
    pub pcm: Vec<i16>,
    /// When it was handed out.
    pub at: Duration,
}

impl Heard {
    pub fn number(&self) -> u32 {
        u32::from_be_bytes(self.opus[1..5].try_into().unwrap())
    }
}

#[derive(Default)]
pub struct Listener {
    pub heard: Vec<Heard>,
    pub speaking: Vec<(u64, Speaking, u64)>,
    pub now: Duration,
    /// Where the next frame of each user may begin, decoded or not.
    ends: std::collections::HashMap<(u64, bool), u64>,
    pub keep_pcm: bool,
    pub frames: u64,
}

impl FrameOutput for Listener {
    fn frame(&mut self, frame: Frame<'_>) {
        let decoded = matches!(frame.sound, Sound::Pcm(_));
        let end = self.ends.entry((frame.user_id, decoded)).or_default();
        assert!(frame.position >= *end, "frames overlap: {} before {end}", frame.position);
        *end = frame.position + u64::from(frame.samples);
        self.frames += 1;
        let (opus, pcm) = match frame.sound {
            Sound::Pcm(pcm) => (Vec::new(), if self.keep_pcm { pcm.to_vec() } else { Vec::new() }),
            Sound::Opus(packet) => (packet.to_vec(), Vec::new()),
        };
        let Frame { user_id, position, samples, kind, .. } = frame;
        self.heard.push(Heard { user_id, position, samples, kind, opus, pcm, at: self.now });
    }

    fn speaking(&mut self, user_id: u64, speaking: Speaking, position: u64) {
        self.speaking.push((user_id, speaking, position));
    }
}

pub struct Call<E = PlainFrames> {
    pub path: ReceivePath<E>,
    pub workspace: Box<Workspace>,
    pub listener: Listener,
    pub now: Duration,
    due: Option<Duration>,
    wire: BinaryHeap<Reverse<(Duration, u64, Vec<u8>)>>,
    count: u64,
    pub random: Random,
    pub faults: Faults,
    pub lost: u64,
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn samples(time: Duration) -> u64 {
    (time.as_nanos() * 48 / 1_000_000) as u64
}

impl Call<PlainFrames> {
    pub fn new(listening: Listening) -> Self {
        Self::with(listening, PlainFrames, MODE)
    }
}

impl<E: EndToEnd> Call<E> {
    pub fn with(listening: Listening, end_to_end: E, mode: TransportMode) -> Self {
        let mut call = Self {
            path: ReceivePath::new(end_to_end, DelayBounds::default()),
            workspace: Workspace::new(),
            listener: Listener { keep_pcm: true, ..Listener::default() },
            now: Duration::ZERO,
            due: None,
            wire: BinaryHeap::new(),
            count: 0,
            random: Random(1),
            faults: Faults::default(),
            lost: 0,
        };
        call.path.start_session(Opener::new(mode, &KEY));
        call.path.listen(listening, Duration::ZERO, &mut call.workspace, &mut call.listener);
        call
    }

    pub fn assign(&mut self, ssrc: u32, user_id: u64) {
        self.listener.now = self.now;
        self.path.assign_ssrc(ssrc, user_id, self.now, &mut self.workspace, &mut self.listener);
        self.poll();
    }

    /// Puts a packet on the wire, sent at `at`, through the faults.
    pub fn send(&mut self, at: Duration, packet: Vec<u8>) {
        if self.random.share() < self.faults.loss {
            self.lost += 1;
            return;
        }
        let copies = if self.random.share() < self.faults.duplicates { 2 } else { 1 };
        for _ in 0..copies {
            let mut delay = self.random.share() * self.faults.jitter_ms;
            if self.random.share() < self.faults.reorder {
                delay += 25.0;
            }
            self.wire(at + Duration::from_secs_f64(delay / 1_000.0), packet.clone());
        }
    }

    /// Puts a datagram on the wire as it is.
    pub fn wire(&mut self, at: Duration, datagram: Vec<u8>) {
        self.count += 1;
        self.wire.push(Reverse((at, self.count, datagram)));
    }

    /// When the next datagram on the wire arrives.
    pub fn first_arrival(&self) -> Duration {
        self.wire.peek().map(|Reverse((at, ..))| *at).unwrap()
    }

    /// Lets time pass.
    pub fn run_until(&mut self, end: Duration) {
        loop {
            let arrival = self.wire.peek().map(|Reverse((at, ..))| *at);
            let next = [arrival, self.due].into_iter().flatten().min().filter(|at| *at <= end);
            let Some(next) = next else { break };
            assert!(next >= self.now || self.due != Some(next), "a deadline in the past");
            self.now = self.now.max(next);
            self.listener.now = self.now;
            while let Some(Reverse((at, ..))) = self.wire.peek() {
                if *at > self.now {
                    break;
                }
                let Reverse((_, _, mut datagram)) = self.wire.pop().unwrap();
                self.path.datagram(&mut datagram, self.now, &mut self.workspace, &mut self.listener);
            }
            self.poll();
        }
        self.now = end;
        self.listener.now = end;
    }

    fn poll(&mut self) {
        self.due = self.path.poll(self.now, &mut self.workspace, &mut self.listener);
        assert!(self.due.is_none_or(|due| due > self.now), "poll asks for a moment that is over");
    }

    pub fn user(&self, user_id: u64) -> UserStats {
        self.path.users().find(|(id, _)| *id == user_id).map(|(_, stats)| stats).unwrap_or_default()
    }

    pub fn take(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.listener.heard)
    }
}

/// A burst of 5 ms every `every_ms`, silence otherwise: 20 ms of it from `at_ms`, interleaved.
pub fn clicks(at_ms: u64, every_ms: u64) -> Vec<i16> {
    (0..960u64)
        .flat_map(|index| {
            let sample = at_ms * 48 + index;
            let in_click = sample % (every_ms * 48);
            let value = if in_click < 240 { ((in_click as f64 * 0.26).sin() * 20_000.0) as i16 } else { 0 };
            [value; 2]
        })
        .collect()
}

/// Where the clicks begin in a user's track, in samples on the common clock.
pub fn find_clicks(heard: &[Heard], user_id: u64) -> Vec<u64> {
    let mut found: Vec<u64> = Vec::new();
    for frame in heard.iter().filter(|frame| frame.user_id == user_id) {
        for (index, sample) in frame.pcm.chunks(2).enumerate() {
            let at = frame.position + index as u64;
            if sample[0].unsigned_abs() > 6_000 && found.last().is_none_or(|last| at - last > 4_800) {
                found.push(at);
            }
        }
    }
    found
}
