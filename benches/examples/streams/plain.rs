//! What the streams are held against: the system calls alone, and libopus alone, paced as we are.

use std::hint::black_box;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use isocord_benches::music;
use isocord_io::prefer_exact_wakeups;
use isocord_proto::frame::MAX_OPUS_LEN;
use isocord_proto::opus::{Encoder, EncoderOptions};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::lab::{PACKET_LEN, Work};

/// Slots of 2 ms, as the clock thread has them.
const SLOTS: usize = 10;
/// Sockets that share a slot before the next one is used.
const FULL: usize = 16;
const SLOT: Duration = Duration::from_millis(2);
/// Connections that a clock has before there is another one.
const OF_A_CLOCK: usize = 1_000;
/// Between two looks at whether it is over, as ours has it.
const LOOK_UP: Duration = Duration::from_millis(50);
/// Of a packet, before what is sealed, and so much of it.
const HEADER: usize = 12;
const SOUND: usize = 320;
/// Frames that a producer makes at once when half of a lookahead of 25 is free.
const REFILL: u32 = 13;
const FRAME: Duration = Duration::from_millis(20);

/// Sleeps to points in time that lie where they would without any delay.
struct Pace(Duration);

impl Pace {
    fn begin() -> Self {
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)).expect("allowed");
        Self(now())
    }

    fn wait(&mut self, step: Duration) {
        self.0 += step;
        let until = Timespec::try_from(self.0).expect("a time");
        let _ = rustix::thread::clock_nanosleep_absolute(ClockId::Monotonic, &until);
    }
}

fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).expect("a time")
}

/// A socket, its packet, and the keys of both encryptions.
struct Stream {
    socket: UdpSocket,
    packet: [u8; PACKET_LEN],
    keys: [LessSafeKey; 2],
}

impl Stream {
    fn new(ssrc: u32, port: u16) -> Self {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        socket.connect(("127.0.0.1", port)).expect("connected");
        let mut packet = [0x5a; PACKET_LEN];
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let key = |algorithm: &'static Algorithm| {
            let bytes = [7; 32];
            let key = UnboundKey::new(algorithm, &bytes[..algorithm.key_len()]).expect("a key");
            LessSafeKey::new(key)
        };
        Self { socket, packet, keys: [key(&AES_128_GCM), key(&AES_256_GCM)] }
    }

    /// End to end and for the voice server: what is behind the header, twice.
    fn seal(&mut self, number: u16) {
        let (header, sound) = self.packet.split_at_mut(HEADER);
        let sound = &mut sound[..SOUND];
        let mut nonce = [0; NONCE_LEN];
        nonce[..2].copy_from_slice(&number.to_be_bytes());
        for (key, aad) in self.keys.iter().zip([&[], &*header]) {
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), sound);
            let _ = black_box(tag.expect("sealed"));
        }
    }
}

/// Loops of absolute sleep and `send()` on so many connected sockets, each every 20 ms, in as many threads as ours has
/// clocks, and as urgent; of packets that are sealed before as ours have to be, or of packets that are as they are.
pub fn bare(count: usize, port: u16, sealed: bool, mut work: Work) {
    let threads = count.div_ceil(OF_A_CLOCK).min(thread::available_parallelism().map_or(1, usize::from));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..threads {
            let over = &over;
            scope.spawn(move || {
                send((number..count).step_by(threads), port, sealed, || over.load(Ordering::Relaxed));
            });
        }
        while work.goes_on() {
            thread::sleep(LOOK_UP);
        }
        // As long as they run, their time can be read.
        work.end(&[]);
        over.store(true, Ordering::Relaxed);
    });
}

fn send(ssrcs: impl Iterator<Item = usize>, port: u16, sealed: bool, is_over: impl Fn() -> bool) {
    prefer_exact_wakeups(SLOT);
    let mut streams: Vec<Stream> = ssrcs.map(|ssrc| Stream::new(ssrc as u32, port)).collect();
    let used = streams.len().div_ceil(FULL).clamp(1, SLOTS);
    let mut pace = Pace::begin();
    let mut number = 0_u16;
    while !is_over() {
        number = number.wrapping_add(1);
        for slot in 0..used {
            pace.wait(if slot == 0 { SLOT * (SLOTS - used + 1) as u32 } else { SLOT });
            for stream in streams.iter_mut().skip(slot).step_by(used) {
                stream.packet[2..4].copy_from_slice(&number.to_be_bytes());
                if sealed {
                    stream.seal(number);
                }
                let _ = stream.socket.send(&stream.packet);
            }
        }
    }
}

/// So many encoders, of which each makes 13 frames every 260 ms, its state cold.
pub fn libopus(count: usize, complexity: u8, mut work: Work) {
    let options = EncoderOptions { complexity, ..EncoderOptions::default() };
    let mut encoders: Vec<Encoder> =
        (0..count).map(|_| Encoder::new(&options).expect("valid options")).collect();
    let frames = music();
    let mut sound = frames.iter().cycle();
    let mut out = [0; MAX_OPUS_LEN];
    let mut pace = Pace::begin();
    while work.goes_on() {
        for encoder in &mut encoders {
            pace.wait(FRAME * REFILL / count as u32);
            for frame in sound.by_ref().take(REFILL as usize) {
                encoder.encode(frame, &mut out).expect("a frame");
            }
        }
    }
    work.end(&[]);
}
