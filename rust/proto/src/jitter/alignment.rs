//! Where a stream's RTP time lies on the common clock.
//!
//! A stream's `transit` is a packet's arrival on the common clock minus its RTP timestamp. The
//! fastest packet tells it best: jitter only ever adds to it. Within a stream the RTP timestamps
//! rule, so that sound keeps its shape; the mapping itself moves
//! - freely while nothing of a talk spurt has been played,
//! - exactly, between talk spurts, where the sender's clock has drifted from ours,
//! - in the midst of a talk spurt that never ends too, once it is [`TOLERANCE`] off; whoever plays the
//!   sound is told of that, and takes it up without a break.

use crate::frame::FRAME_SAMPLES;

/// Packets whose fastest is taken for the present: 5 s of 20 ms.
const WINDOW: u32 = 250;
/// Samples that a mapping may be off in the midst of a spurt: 5 ms. Opus packets, which cannot be
/// stretched, are up to half their length off besides, and all of it has to stay under 20 ms.
const TOLERANCE: i64 = 240;
/// The most that it is moved towards later before it is measured anew: 20 ms.
const STEP: i64 = FRAME_SAMPLES as i64;
/// A spurt that begins this much later than its timestamps say comes from a sender whose RTP time
/// stands still in pauses: 100 ms.
const STOPPED_CLOCK: i64 = 4_800;
/// A packet this much earlier than any before is on another time: 200 ms.
const MAX_EARLY: i64 = 9_600;
/// A packet this much later: 2 s.
const MAX_BEHIND: i64 = 96_000;

#[derive(Debug, Clone, Copy)]
struct Window {
    fastest: i64,
    seen: u32,
}

impl Window {
    /// Slower than any packet, and far from where sums overflow.
    const EMPTY: Self = Self { fastest: i64::MAX / 4, seen: 0 };
}

/// The transits of a spurt that has not begun to play: what there is to judge the network by.
#[derive(Debug, Clone, Copy)]
struct Spurt {
    fastest: i64,
    latest: i64,
    second: i64,
    seen: u32,
}

impl Spurt {
    fn new(transit: i64) -> Self {
        Self { fastest: transit, latest: i64::MIN, second: i64::MIN, seen: 0 }
    }

    fn note(&mut self, transit: i64) {
        self.fastest = transit.min(self.fastest);
        self.second = self.second.max(transit.min(self.latest));
        self.latest = transit.max(self.latest);
        self.seen += 1;
    }
}

/// The mapping of one stream; all numbers are samples at 48 kHz.
#[derive(Debug)]
pub(super) struct Alignment {
    /// Common clock minus RTP time.
    offset: Option<i64>,
    spurt: Option<Spurt>,
    current: Window,
    past: Option<i64>,
}

impl Default for Alignment {
    fn default() -> Self {
        Self { offset: None, spurt: None, current: Window::EMPTY, past: None }
    }
}

impl Alignment {
    /// Whether a packet that is newer than all others belongs to another timeline.
    pub(super) fn is_elsewhere(&self, transit: i64) -> bool {
        // Before a spurt plays, its own packets are the best measure.
        let Some(known) = self.fastest_of_spurt().or(self.offset) else { return false };
        let behind = transit - known;
        let early = if self.spurt.is_some() { -MAX_BEHIND } else { -MAX_EARLY };
        behind > MAX_BEHIND || behind < early
    }

    /// Notes a packet's transit; returns how much later than the fastest it came, where that is known.
    pub(super) fn note(&mut self, transit: i64) -> Option<i64> {
        if let Some(spurt) = &mut self.spurt {
            spurt.note(transit);
        }
        self.current.fastest = transit.min(self.current.fastest);
        self.current.seen += 1;
        if self.current.seen >= WINDOW {
            self.past = Some(self.current.fastest);
            self.current = Window::EMPTY;
        }
        let behind = transit - self.offset?;
        (behind < STOPPED_CLOCK || self.spurt.is_none()).then_some(behind)
    }

    /// The first packet of a talk spurt has come.
    pub(super) fn begin_spurt(&mut self, transit: i64) {
        if self.offset.is_some_and(|offset| transit - offset < -MAX_EARLY) {
            *self = Self::default();
        }
        self.spurt = Some(Spurt::new(transit));
    }

    /// Where a timestamp lies, as far as is known.
    pub(super) fn position(&self, timestamp: i64) -> i64 {
        timestamp + self.offset.or(self.fastest_of_spurt()).unwrap_or(0)
    }

    /// Where a timestamp of the newest spurt will lie, as far as is known.
    pub(super) fn expected(&self, timestamp: i64) -> i64 {
        if self.is_in_doubt() {
            return timestamp + self.fastest_of_spurt().unwrap_or(0);
        }
        self.position(timestamp)
    }

    /// How many packets of a spurt that has not begun to play have come, and how far apart their transits are.
    pub(super) fn spread(&self) -> Option<(u32, i64)> {
        self.spurt.map(|spurt| (spurt.seen, spurt.latest.max(spurt.fastest) - spurt.fastest))
    }

    /// Whether the packets of the spurt that begins come so late that its place may have to change. It
    /// should wait for more of them: after a stall of the network the next ones are faster.
    pub(super) fn is_in_doubt(&self) -> bool {
        let (Some(spurt), Some(offset)) = (self.spurt, self.offset) else { return false };
        spurt.fastest - offset > STOPPED_CLOCK
    }

    /// A spurt begins to play, or goes on after a pause of the sender: sets the mapping exactly. Where it
    /// was not known before, the latest two packets are returned: how much later than the fastest they came.
    pub(super) fn settle(&mut self) -> Option<[i64; 2]> {
        let spurt = self.spurt.take();
        let anew =
            spurt.filter(|spurt| self.offset.is_none_or(|offset| spurt.fastest - offset > STOPPED_CLOCK));
        if let Some(Spurt { fastest, latest, second, .. }) = anew {
            if self.offset.is_some() {
                // What was measured before the pause says nothing any more.
                *self = Self::default();
            }
            self.offset = Some(fastest);
            return Some([second.max(fastest) - fastest, latest.max(fastest) - fastest]);
        }
        let (Some(offset), fastest) = (self.offset, self.fastest()) else { return None };
        if fastest < offset || self.past.is_some() {
            self.offset = Some(fastest);
        }
        None
    }

    /// In the midst of a spurt: moves the mapping if it is too far off; returns by how much.
    pub(super) fn correct(&mut self) -> i64 {
        let Some(offset) = self.offset else { return 0 };
        let error = self.fastest() - offset;
        let step = if error <= -TOLERANCE {
            error
        } else if error >= TOLERANCE && self.past.is_some() && self.current.seen >= WINDOW / 2 {
            // Slow packets can also mean a slow network: one step, and then it is measured anew.
            self.past = None;
            self.current = Window::EMPTY;
            error.min(STEP)
        } else {
            0
        };
        self.offset = Some(offset + step);
        step
    }

    fn fastest_of_spurt(&self) -> Option<i64> {
        self.spurt.map(|spurt| spurt.fastest)
    }

    /// The fastest of the last windows.
    fn fastest(&self) -> i64 {
        self.past.map_or(self.current.fastest, |past| past.min(self.current.fastest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(transit: i64) -> Alignment {
        let mut alignment = Alignment::default();
        alignment.begin_spurt(transit);
        alignment.note(transit);
        alignment.settle();
        alignment
    }

    #[test]
    fn the_fastest_packet_of_the_first_spurt_anchors() {
        let mut alignment = Alignment::default();
        alignment.begin_spurt(5_000);
        for transit in [5_000, 4_200, 4_900] {
            alignment.note(transit);
        }
        assert_eq!(alignment.position(960), 5_160);
        alignment.settle();
        assert_eq!(alignment.position(960), 5_160);
        assert_eq!(alignment.note(4_700), Some(500));
    }

    #[test]
    fn drift_is_taken_up_between_spurts() {
        let mut alignment = playing(1_000);
        (0..3 * WINDOW).for_each(|_| _ = alignment.note(1_200));
        assert_eq!(alignment.correct(), 0, "too little for a correction in the midst of a spurt");
        alignment.begin_spurt(1_210);
        alignment.settle();
        assert_eq!(alignment.position(0), 1_200);
    }

    #[test]
    fn a_spurt_without_end_is_put_right_in_its_midst() {
        let mut alignment = playing(1_000);
        (0..3 * WINDOW - 20).for_each(|_| _ = alignment.note(1_300));
        assert_eq!(alignment.correct(), 300);
        assert_eq!((alignment.position(0), alignment.correct()), (1_300, 0));
        alignment.note(200);
        assert_eq!(alignment.correct(), -1_100);
        assert_eq!((alignment.position(0), alignment.correct()), (200, 0));
    }

    #[test]
    fn the_first_spurt_tells_how_late_its_packets_came() {
        let mut alignment = Alignment::default();
        alignment.begin_spurt(5_000);
        for transit in [5_000, 4_200, 4_900] {
            alignment.note(transit);
        }
        assert_eq!(alignment.spread(), Some((3, 800)));
        assert_eq!(alignment.settle(), Some([700, 800]));
        assert_eq!((alignment.settle(), alignment.spread()), (None, None));
    }

    #[test]
    fn a_clock_that_stood_still_is_anchored_anew() {
        let mut alignment = playing(1_000);
        alignment.begin_spurt(1_000 + 48_000 * 60);
        assert_eq!(alignment.note(1_000 + 48_000 * 60), None);
        alignment.note(900 + 48_000 * 60);
        alignment.settle();
        assert_eq!(alignment.position(0), 900 + 48_000 * 60);
    }

    #[test]
    fn other_timelines_are_told_apart() {
        let alignment = playing(1_000);
        assert!(!alignment.is_elsewhere(1_000 + MAX_BEHIND));
        assert!(alignment.is_elsewhere(1_001 + MAX_BEHIND));
        assert!(!alignment.is_elsewhere(1_000 - MAX_EARLY));
        assert!(alignment.is_elsewhere(999 - MAX_EARLY));
    }
}
