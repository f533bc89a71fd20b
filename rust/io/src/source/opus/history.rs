//! The last packets that went by, from which a decoder can take over.

/// RFC 7845, 4.6: a decoder has converged after 80 ms; these are 20 ms each.
const PACKETS: usize = 4;

/// A ring of the last four packets.
#[derive(Debug, Default)]
pub(crate) struct History {
    packets: [Vec<u8>; PACKETS],
    /// Packets that are held.
    held: usize,
    next: usize,
    /// Position after the newest packet.
    end: i64,
}

impl History {
    /// Remember a packet; one that does not follow the newest drops the others.
    pub(crate) fn push(&mut self, packet: &[u8], start: i64, samples: usize) {
        if start != self.end {
            self.held = 0;
        }
        let slot = &mut self.packets[self.next];
        slot.clear();
        slot.extend_from_slice(packet);
        self.next = (self.next + 1) % PACKETS;
        self.held = (self.held + 1).min(PACKETS);
        self.end = start + samples as i64;
    }

    pub(crate) fn clear(&mut self) {
        self.held = 0;
    }

    /// The packets that lead up to `position`, oldest first; none if the newest ends elsewhere.
    pub(crate) fn leading_to(&self, position: i64) -> impl Iterator<Item = &[u8]> {
        let held = if self.end == position { self.held } else { 0 };
        (0..held).map(move |index| self.packets[(self.next + PACKETS - held + index) % PACKETS].as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_last_four_in_order_and_forgets_over_a_gap() {
        let mut history = History::default();
        for index in 0..6_u8 {
            history.push(&[index], i64::from(index) * 960, 960);
        }
        assert_eq!(history.leading_to(6 * 960).flatten().copied().collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!(history.leading_to(5 * 960).count(), 0);
        history.push(&[9], 20 * 960, 960);
        assert_eq!(history.leading_to(21 * 960).count(), 1);
    }
}
