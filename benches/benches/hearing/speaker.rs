//! Who speaks: one frame every 20 ms, sealed end to end and for the transport, the same for all who hear it.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use isocord_benches::opus;
use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::frame::OpusFrame;
use isocord_proto::send::{MAX_PACKET_LEN, SendPath};
use isocord_proto::timeline::Timeline;

pub const KEY: [u8; 32] = [1; 32];
pub const MODE: TransportMode = TransportMode::Aes256GcmRtpsize;
pub const SECRET: [u8; 16] = [2; 16];
pub const SSRC: u32 = 7;
const SLOT: Duration = Duration::from_millis(20);
/// Parts of a slot at most, a millisecond each.
const PARTS: usize = 20;

pub struct Speaker {
    path: SendPath,
    timeline: Timeline,
    frames: Vec<OpusFrame>,
    begun: Instant,
    said: usize,
}

impl Speaker {
    pub fn new() -> Self {
        let mut path = SendPath::new(SSRC, Sealer::new(MODE, &KEY));
        path.change_sender(SenderChange::key(SenderRatchet::new(&SECRET)));
        Self { path, timeline: Timeline::new(0, 0), frames: opus(), begun: Instant::now(), said: 0 }
    }

    /// Speaks for a while, to some; what is late goes at once.
    pub fn speak(&mut self, from: &UdpSocket, to: &[SocketAddr], time: Duration) {
        let (mut packet, mut len) = ([0; MAX_PACKET_LEN], 0);
        pace(to.len(), time, |part, parts| {
            if part == 0 {
                len = self.seal(&mut packet);
            }
            for address in to.iter().skip(part).step_by(parts) {
                from.send_to(&packet[..len], address).expect("sent");
            }
        });
    }

    fn seal(&mut self, packet: &mut [u8; MAX_PACKET_LEN]) -> usize {
        let frame = self.frames[self.said % self.frames.len()];
        self.said += 1;
        let now = self.begun.elapsed().as_millis() as u64;
        self.path.packet(&frame, &mut self.timeline, now, packet).expect("nonces left")
    }
}

/// Calls back for each part of each slot, of which there are no more than there are calls.
pub fn pace(calls: usize, time: Duration, mut act: impl FnMut(usize, usize)) {
    let parts = calls.clamp(1, PARTS);
    let (start, mut due) = (Instant::now(), Duration::ZERO);
    for part in (0..parts).cycle() {
        if due >= time {
            break;
        }
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        act(part, parts);
        due += SLOT / parts as u32;
    }
}
