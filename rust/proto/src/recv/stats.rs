//! What the receive path counts.

use super::transport::Refused;

/// One user's packets and frames since the user was first heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserStats {
    /// Packets of sound that arrived, duplicates and late ones included.
    pub received: u64,
    /// Packets that were not there when their time had come.
    pub lost: u64,
    /// Those of them that came afterwards.
    pub late: u64,
    /// Packets that came again.
    pub duplicate: u64,
    /// Lost packets filled in from the sound before them, or by silence when many were lost in a row.
    pub concealed: u64,
    /// Lost packets restored from in-band FEC.
    pub recovered: u64,
    /// Samples per channel put in where the user's clock is slower than ours, or the network became so
    /// (`insertedSamplesForDeceleration` of WebRTC's statistics).
    pub inserted: u64,
    /// Samples per channel taken out where it is faster (`removedSamplesForAcceleration`).
    pub removed: u64,
    /// Packets that the end-to-end encryption refused.
    pub failed_to_open: u64,
    /// Packets that are not Opus: video, retransmissions.
    pub ignored: u64,
    /// Packets that are broken inside.
    pub malformed: u64,
    /// Times that the stream began anew.
    pub restarts: u64,
    /// Interarrival jitter (RFC 3550, section 6.4.1), in samples at 48 kHz.
    pub jitter: u32,
    /// How long packets are held now, in samples at 48 kHz.
    pub delay: u32,
}

/// One connection's datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiveStats {
    /// RTP packets that came, of any kind.
    pub rtp: u64,
    /// RTCP packets that came.
    pub rtcp: u64,
    /// Datagrams that came while nobody listened.
    pub unheard: u64,
    /// Packets whose stream got no user in time, or that found no room to wait.
    pub unknown_dropped: u64,
    /// Packets that failed authentication, or came before the session's key.
    pub forged: u64,
    /// Datagrams that are no RTP, and packets whose lengths contradict each other or whose payload is not Opus.
    pub malformed: u64,
    /// Packets that are nothing but padding.
    pub padding: u64,
    /// Packets of other payload types: video, retransmissions.
    pub ignored: u64,
}

impl ReceiveStats {
    /// A packet in which there is nothing.
    pub(super) fn note(&mut self, refused: Refused) {
        *match refused {
            Refused::Forged => &mut self.forged,
            Refused::Malformed => &mut self.malformed,
            Refused::Padding => &mut self.padding,
        } += 1;
    }
}

/// The interarrival jitter of RFC 3550, section 6.4.1, with its four fraction bits.
#[derive(Debug, Default)]
pub(super) struct Jitter {
    last: Option<(i64, u32)>,
    sixteenths: i64,
}

/// Transits that differ by more come from a sender whose RTP time stands still in pauses: 2 s.
const MAX_DIFFERENCE: i64 = 96_000;

impl Jitter {
    /// Notes a packet; returns the estimate in samples.
    pub(super) fn note(&mut self, at: i64, timestamp: u32) -> u32 {
        if let Some((last_at, last_timestamp)) = self.last {
            let sent = i64::from(timestamp.wrapping_sub(last_timestamp) as i32);
            let difference = (at - last_at - sent).abs();
            if difference < MAX_DIFFERENCE {
                self.sixteenths += difference - ((self.sixteenths + 8) >> 4);
            }
        }
        self.last = Some((at, timestamp));
        (self.sixteenths >> 4) as u32
    }
}
