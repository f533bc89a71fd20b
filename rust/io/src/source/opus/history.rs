//! The last packets that went by, from which a decoder can take over.

use std::collections::VecDeque;

use super::super::packet::Packet;

/// RFC 7845, 4.6, asks for 80 ms for a decoder to converge. CELT halves the error of its band energies (up to 28 dB)
/// with each frame: after twice as long a change of decoders is no longer heard.
pub(crate) const PRE_ROLL: usize = 7_680;

/// The packets of the last 160 ms or a little more.
#[derive(Debug, Default)]
pub(crate) struct History {
    packets: VecDeque<(Packet, usize)>,
    /// Samples of all packets that are held.
    held: usize,
    /// Position after the newest packet.
    end: i64,
}

impl History {
    /// Remember a packet; one that does not follow the newest drops the others.
    pub(crate) fn push(&mut self, packet: Packet, start: i64, samples: usize) {
        if start != self.end {
            self.clear();
        }
        while let Some(&(_, oldest)) = self.packets.front()
            && self.held + samples >= PRE_ROLL + oldest
        {
            self.held -= oldest;
            self.packets.pop_front();
        }
        self.packets.push_back((packet, samples));
        self.held += samples;
        self.end = start + samples as i64;
    }

    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.held = 0;
    }

    /// The packets that lead up to `position` with their samples, oldest first; none if the newest ends elsewhere.
    pub(crate) fn leading_to(&self, position: i64) -> impl Iterator<Item = (&[u8], usize)> {
        let held = if self.end == position { self.packets.len() } else { 0 };
        self.packets.iter().take(held).map(|(packet, samples)| (&**packet, *samples))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_last_160_ms_in_order_and_forgets_over_a_gap() {
        let mut history = History::default();
        for index in 0..10_u8 {
            history.push(Packet::from([index]), i64::from(index) * 960, 960);
        }
        let bytes = |history: &History, at| {
            history.leading_to(at).flat_map(|(packet, _)| packet.to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(bytes(&history, 10 * 960), [2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(history.leading_to(5 * 960).count(), 0);
        history.push(Packet::from([9]), 20 * 960, 960);
        assert_eq!(bytes(&history, 21 * 960), [9]);
        for index in 0..100 {
            history.push(Packet::from([7]), 21 * 960 + index * 120, 120);
        }
        assert_eq!(history.leading_to(21 * 960 + 12_000).count(), 64);
        for index in 0..3 {
            history.push(Packet::from([8]), 21 * 960 + 12_000 + index * 2_880, 2_880);
        }
        assert_eq!(bytes(&history, 21 * 960 + 12_000 + 8_640), [8, 8, 8]);
    }
}
