//! Packets that nobody can use yet: their stream has no user so far, or their end-to-end key has not
//! come. They wait a bounded time in a bounded place.

use core::time::Duration;
use std::collections::VecDeque;

/// How long a packet waits.
pub const MAX_WAIT: Duration = Duration::from_secs(2);
/// Packets in all.
pub const MAX_PACKETS: usize = 512;
/// Packets of one stream: two seconds of them.
pub const MAX_OF_STREAM: usize = 100;
/// Streams that wait at once.
pub const MAX_STREAMS: usize = 32;

/// One packet, authenticated by the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Its stream.
    pub ssrc: u32,
    /// As in its header.
    pub sequence: u16,
    /// As in its header.
    pub timestamp: u32,
    /// When it came.
    pub arrived: Duration,
}

/// Where they wait, in the order of their coming.
#[derive(Debug, Default)]
pub struct WaitingRoom {
    packets: VecDeque<(Waiting, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl WaitingRoom {
    /// Takes a packet in; false if there is no room for it.
    pub fn push(&mut self, packet: Waiting, media: &[u8]) -> bool {
        if self.packets.len() >= MAX_PACKETS || !self.has_room_for(packet.ssrc) {
            return false;
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(media);
        self.packets.push_back((packet, bytes));
        true
    }

    /// Takes out the first packet whose stream is among those wanted.
    pub fn take(&mut self, wanted: impl Fn(u32) -> bool) -> Option<(Waiting, Vec<u8>)> {
        let index = self.packets.iter().position(|(packet, _)| wanted(packet.ssrc))?;
        self.packets.remove(index)
    }

    /// Takes out the first packet that has waited too long.
    pub fn take_expired(&mut self, now: Duration) -> Option<(Waiting, Vec<u8>)> {
        let (oldest, _) = self.packets.front()?;
        if now < oldest.arrived + MAX_WAIT { None } else { self.packets.pop_front() }
    }

    /// Gives the memory of a packet that was taken out back for the next one.
    pub fn recycle(&mut self, media: Vec<u8>) {
        if self.spare.len() < MAX_PACKETS {
            self.spare.push(media);
        }
    }

    /// When the next packet will have waited too long.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Duration> {
        self.packets.front().map(|(packet, _)| packet.arrived + MAX_WAIT)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Sends everybody away and frees the memory.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn has_room_for(&self, ssrc: u32) -> bool {
        let mut streams = [0u32; MAX_STREAMS];
        let (mut known, mut of_stream) = (0, 0);
        for (packet, _) in &self.packets {
            if packet.ssrc == ssrc {
                of_stream += 1;
            } else if !streams[..known].contains(&packet.ssrc) {
                streams[known] = packet.ssrc;
                known += 1;
            }
            if known == MAX_STREAMS {
                return false;
            }
        }
        of_stream < MAX_OF_STREAM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, ms: u64) -> Waiting {
        Waiting { ssrc, sequence: ms as u16, timestamp: 0, arrived: Duration::from_millis(ms) }
    }

    #[test]
    fn they_leave_in_order_or_when_their_time_is_over() {
        let mut room = WaitingRoom::default();
        for (ssrc, ms) in [(1, 0), (2, 20), (1, 40)] {
            assert!(room.push(packet(ssrc, ms), &[ms as u8]));
        }
        assert_eq!(room.take(|ssrc| ssrc == 1), Some((packet(1, 0), vec![0])));
        assert_eq!(room.next_expiry(), Some(Duration::from_millis(2_020)));
        assert_eq!(room.take_expired(Duration::from_millis(2_019)), None);
        assert_eq!(room.take_expired(Duration::from_millis(2_020)), Some((packet(2, 20), vec![20])));
        assert_eq!(room.take(|_| true), Some((packet(1, 40), vec![40])));
        assert!(room.is_empty() && room.next_expiry().is_none());
    }

    #[test]
    fn floods_find_the_door_shut() {
        let mut room = WaitingRoom::default();
        let one = (0..1_000).filter(|&ms| room.push(packet(9, ms), &[0; 100])).count();
        assert_eq!(one, MAX_OF_STREAM);
        let many = (0..1_000).filter(|&ssrc| room.push(packet(ssrc, 0), &[0; 100])).count();
        assert_eq!(many, MAX_STREAMS - 1);
        for ms in 0..10_000 {
            room.push(packet((ms % 20) as u32, ms), &[1]);
        }
        assert!(room.len() <= MAX_PACKETS);
    }
}
