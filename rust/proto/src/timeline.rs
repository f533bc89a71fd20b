//! RTP time is wall time.
//!
//! The timestamp advances by 48 for each millisecond that passes, through pauses and
//! underruns too; the sequence number only by packets sent. A receiver can then tell a
//! pause from loss, and never builds up delay.

use crate::frame::{FRAME_SAMPLES, SAMPLES_PER_MS};

/// Sequence and timestamp of one stream.
#[derive(Debug, Clone)]
pub struct Timeline {
    sequence: u16,
    offset: u32,
    /// The timestamp after the last packet sent, unwrapped and without offset.
    earliest: u64,
}

impl Timeline {
    /// Starts at a sequence number and timestamp that should be random (RFC 3550, section 5.1).
    #[must_use]
    pub fn new(sequence: u16, offset: u32) -> Self {
        Self { sequence, offset, earliest: 0 }
    }

    /// Where the last packet lies, in samples: the clock of `now_ms`, without the offset.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.earliest.saturating_sub(FRAME_SAMPLES as u64)
    }

    /// Sequence and timestamp of the packet of the slot at `now_ms`.
    ///
    /// Packets sent faster than time passes still get 20 ms each, so that none overlaps the last.
    pub fn next(&mut self, now_ms: u64) -> (u16, u32) {
        let time = (now_ms * SAMPLES_PER_MS).max(self.earliest);
        self.earliest = time + FRAME_SAMPLES as u64;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        (sequence, self.offset.wrapping_add(time as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_through_a_pause_and_the_sequence_does_not() {
        let mut timeline = Timeline::new(10, 500);
        assert_eq!(timeline.next(1_000), (10, 500 + 48_000));
        assert_eq!(timeline.next(1_020), (11, 500 + 48_960));
        assert_eq!(timeline.next(61_020), (12, 500 + 48_960 + 60 * 48_000));
    }

    #[test]
    fn both_wrap() {
        let mut timeline = Timeline::new(u16::MAX, u32::MAX - 959);
        assert_eq!(timeline.next(0), (u16::MAX, u32::MAX - 959));
        assert_eq!(timeline.next(20), (0, 0));
    }

    #[test]
    fn a_burst_never_overlaps_and_falls_back_into_wall_time() {
        let mut timeline = Timeline::new(0, 0);
        let stamps: Vec<u32> = [0, 0, 0, 20].iter().map(|&ms| timeline.next(ms).1).collect();
        assert_eq!(stamps, [0, 960, 1_920, 2_880]);
        assert_eq!(timeline.last(), 2_880);
        assert_eq!(timeline.next(100).1, 4_800);
    }

    #[test]
    fn a_day_has_no_drift() {
        let mut timeline = Timeline::new(0, 0);
        let mut last = 0;
        for slot in 0..24 * 3600 * 50u64 {
            last = timeline.next(slot * 20).1;
        }
        let day = (24 * 3600 * 50u64 - 1) * 960;
        assert_eq!(last, day as u32);
    }
}
