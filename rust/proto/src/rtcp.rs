//! RTCP: the sender reports of RFC 3550, section 6.4.1. Everything else is stepped over.

/// Bytes in the clear: the head of the first packet and its sender's SSRC.
pub const CLEAR_LEN: usize = 8;
const SENDER_REPORT: u8 = 200;

/// What a sender says of its clock and of what it has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// The stream.
    pub ssrc: u32,
    /// Wall-clock time in NTP's format: seconds since 1900 in the upper half.
    pub ntp: u64,
    /// The RTP timestamp of that moment.
    pub timestamp: u32,
    /// Packets sent since the start.
    pub packets: u32,
    /// Bytes of payload sent since the start.
    pub octets: u32,
}

/// The sender reports of an opened compound packet.
pub fn sender_reports(compound: &[u8]) -> impl Iterator<Item = SenderReport> + '_ {
    packets(compound).filter_map(|packet| {
        if packet[1] != SENDER_REPORT {
            return None;
        }
        Some(SenderReport {
            ssrc: be32(packet, 4)?,
            ntp: u64::from(be32(packet, 8)?) << 32 | u64::from(be32(packet, 12)?),
            timestamp: be32(packet, 16)?,
            packets: be32(packet, 20)?,
            octets: be32(packet, 24)?,
        })
    })
}

/// The packets of a compound one, each with at least its head; ends where the lengths go wrong.
fn packets(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let [first, _, high, low, ..] = *rest else { return None };
        if first >> 6 != 2 {
            return None;
        }
        let len = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let (packet, after) = rest.split_at_checked(len)?;
        rest = after;
        Some(packet)
    })
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ssrc: u32) -> Vec<u8> {
        let words = [ssrc, 0xE000_0000, 0x8000_0000, 48_000, 50, 6_000];
        let head = [0x80, SENDER_REPORT, 0, words.len() as u8];
        head.into_iter().chain(words.into_iter().flat_map(u32::to_be_bytes)).collect()
    }

    #[test]
    fn reports_are_found_in_compounds() {
        let mut compound = report(7);
        compound.extend([0x81, 202, 0, 1, 0, 0, 0, 7]);
        compound.extend(report(8));
        let found: Vec<_> = sender_reports(&compound).collect();
        assert_eq!(found.len(), 2);
        let ntp = 0xE000_0000_8000_0000;
        assert_eq!(found[0], SenderReport { ssrc: 7, ntp, timestamp: 48_000, packets: 50, octets: 6_000 });
        assert_eq!(found[1].ssrc, 8);
    }

    #[test]
    fn broken_lengths_end_the_walk() {
        for len in 0..report(7).len() {
            assert_eq!(sender_reports(&report(7)[..len]).count(), 0);
        }
        assert_eq!(sender_reports(&[0x80, 200, 0, 0, 0x80, 200, 0, 1, 1, 2, 3, 4]).count(), 0);
        assert_eq!(sender_reports(&[0xFF; 64]).count(), 0);
    }
}
