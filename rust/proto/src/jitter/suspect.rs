//! A packet whose number is far from the others: an accident, or the first of a restarted stream.

use super::Arrival;

/// How many numbers the next packet may be ahead of it.
const MAX_STEP: u16 = 5;

/// Holds one such packet until the next one tells.
#[derive(Debug, Default)]
pub(super) struct Suspect {
    is_held: bool,
    sequence: u16,
    timestamp: u32,
    at: i64,
    samples: u32,
    frame_samples: u32,
    silence: bool,
    payload: Vec<u8>,
}

impl Suspect {
    /// Whether a packet that is as far off follows the one that is held.
    pub(super) fn is_followed_by(&self, packet: &Arrival<'_>) -> bool {
        self.is_held && (1..=MAX_STEP).contains(&packet.sequence.wrapping_sub(self.sequence))
    }

    pub(super) fn hold(&mut self, packet: &Arrival<'_>) {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        payload.extend_from_slice(packet.payload);
        let Arrival { sequence, timestamp, at, samples, frame_samples, silence, .. } = *packet;
        *self = Self { is_held: true, sequence, timestamp, at, samples, frame_samples, silence, payload };
    }

    pub(super) fn forget(&mut self) {
        self.is_held = false;
    }

    /// Gives the packet to `take`, if there is one.
    pub(super) fn release(&mut self, take: impl FnOnce(&Arrival<'_>)) {
        if std::mem::take(&mut self.is_held) {
            let Self { sequence, timestamp, at, samples, frame_samples, silence, .. } = *self;
            let payload = &self.payload;
            take(&Arrival { sequence, timestamp, at, samples, frame_samples, silence, payload });
        }
    }
}
