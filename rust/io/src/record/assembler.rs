//! One user's frames, put in order: what is early waits a little, what repeats is cut, gaps become silence.

use std::collections::BTreeMap;

use super::error::SinkError;
use super::lane::Lane;

/// Frames that may wait for an earlier one; at 20 ms a frame, more than any window.
const MAX_HELD: usize = 256;

/// What became of frames.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    /// Came after their place had been written.
    pub late: u64,
    /// Lay on another frame of the same user, wholly or in part.
    pub overlapping: u64,
    /// Samples that no frame covered.
    pub filled: u64,
}

/// A frame that owns its content.
pub(crate) enum Held {
    Pcm(Vec<i16>),
    /// Packet and samples.
    Opus(Vec<u8>, u32),
}

impl Held {
    fn bytes(&self) -> usize {
        match self {
            Self::Pcm(pcm) => 2 * pcm.len(),
            Self::Opus(packet, _) => packet.len(),
        }
    }

    pub(crate) fn samples(&self) -> u64 {
        match self {
            Self::Pcm(pcm) => pcm.len() as u64 / 2,
            Self::Opus(_, samples) => u64::from(*samples),
        }
    }
}

/// The order of one track, in the recording's time.
pub(crate) struct Assembler {
    /// Everything before this has gone to the lane.
    next: u64,
    /// How long a frame waits for an earlier one.
    window: u64,
    held: BTreeMap<u64, Held>,
    /// Bytes of all that is held.
    held_bytes: usize,
    /// What may still be written in this round, of silence and of frames that waited.
    allowance: u64,
    /// The allowance was or will be too small: frames wait until the rest is written.
    behind: bool,
    pub counts: Counts,
}

impl Assembler {
    /// A track whose first sample lies at `origin`; it writes what it can unless [`Self::allow`] sets a bound.
    pub(crate) fn new(origin: u64, window: u64) -> Self {
        Self {
            next: origin,
            window,
            held: BTreeMap::new(),
            held_bytes: 0,
            allowance: u64::MAX,
            behind: false,
            counts: Counts::default(),
        }
    }

    /// A new round, in which so many samples may be written of silence and of frames that waited.
    pub(crate) fn allow(&mut self, samples: u64) {
        self.allowance = samples;
    }

    /// Whether more is owed than the round allows.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Bytes of the frames that wait.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The track reaches to here.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes one frame; whatever can be written is.
    pub(crate) fn frame(&mut self, at: u64, frame: Held, lane: &mut dyn Lane) -> Result<(), SinkError> {
        let end = at + frame.samples();
        if at <= self.next {
            self.put(at, &frame, true, lane)?;
        } else {
            if let Some(held) = self.held.get(&at) {
                self.counts.overlapping += 1;
                if held.samples() >= frame.samples() {
                    return Ok(());
                }
            }
            self.behind |= at - self.next > self.allowance;
            self.held_bytes += frame.bytes();
            self.held_bytes -= self.held.insert(at, frame).map_or(0, |old| old.bytes());
            if self.held.len() > MAX_HELD
                && let Some((&first, _)) = self.held.first_key_value()
            {
                return self.release(first, lane);
            }
        }
        self.release(end.saturating_sub(self.window), lane)
    }

    /// No frame is waited for any more that lies before `until`: held ones up to there are written.
    pub(crate) fn release(&mut self, until: u64, lane: &mut dyn Lane) -> Result<(), SinkError> {
        while let Some((&at, _)) = self.held.first_key_value() {
            if at > until.max(self.next) || !self.gap(at, lane)? {
                break;
            }
            if self.allowance == 0 {
                self.behind = true;
                break;
            }
            if let Some(frame) = self.held.remove(&at) {
                self.held_bytes -= frame.bytes();
                self.allowance = self.allowance.saturating_sub(frame.samples());
                self.put(at, &frame, false, lane)?;
            }
        }
        Ok(())
    }

    /// Silence up to `until`, after all frames held before it.
    pub(crate) fn fill(&mut self, until: u64, lane: &mut dyn Lane) -> Result<(), SinkError> {
        self.release(until, lane)?;
        self.gap(until, lane).map(drop)
    }

    /// Silence up to `until`, or as much of it as this round allows; false if some is still owed.
    fn gap(&mut self, until: u64, lane: &mut dyn Lane) -> Result<bool, SinkError> {
        let samples = until.saturating_sub(self.next).min(self.allowance);
        if samples > 0 {
            self.allowance -= samples;
            self.counts.filled += samples;
            self.next += samples;
            lane.gap(samples)?;
        }
        self.behind = self.next < until;
        Ok(!self.behind)
    }

    /// Takes a frame that begins no later than the track has come to.
    fn put(&mut self, at: u64, frame: &Held, fresh: bool, lane: &mut dyn Lane) -> Result<(), SinkError> {
        let behind = self.next - at;
        let samples = frame.samples();
        if behind >= samples {
            if fresh {
                self.counts.late += 1;
            } else {
                self.counts.overlapping += 1;
            }
            return Ok(());
        }
        self.counts.overlapping += u64::from(behind > 0);
        self.next = at + samples;
        match frame {
            Held::Pcm(pcm) => lane.pcm(&pcm[2 * behind as usize..]),
            Held::Opus(packet, samples) => lane.opus(packet, *samples, behind as u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Tape(Vec<i16>);

    impl Lane for Tape {
        fn gap(&mut self, samples: u64) -> Result<(), SinkError> {
            self.0.extend(std::iter::repeat_n(0, samples as usize));
            Ok(())
        }
        fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
            self.0.extend(pcm.iter().step_by(2));
            Ok(())
        }
        fn opus(&mut self, _: &[u8], samples: u32, behind: u32) -> Result<(), SinkError> {
            self.0.extend(std::iter::repeat_n(1, (samples - behind) as usize));
            Ok(())
        }
    }

    /// A frame whose samples say where they belong.
    fn ramp(at: u64, samples: u64) -> Held {
        Held::Pcm((at..at + samples).flat_map(|position| [position as i16 + 1; 2]).collect())
    }

    proptest! {
        #[test]
        fn every_sample_lands_at_its_place(
            frames in prop::collection::vec((0u64..8_000, 1u64..1_500), 0..60), window in 0u64..4_000,
        ) {
            let (mut assembler, mut tape) = (Assembler::new(0, window), Tape::default());
            for (at, samples) in frames {
                assembler.frame(at, ramp(at, samples), &mut tape).unwrap();
            }
            assembler.fill(10_000, &mut tape).unwrap();
            prop_assert_eq!(tape.0.len(), 10_000);
            for (position, &sample) in tape.0.iter().enumerate() {
                prop_assert!(sample == 0 || sample == position as i16 + 1);
            }
        }

        #[test]
        fn disorder_inside_the_window_loses_nothing(swaps in prop::collection::vec(0usize..4, 40)) {
            let mut order: Vec<u64> = (0..40).collect();
            for (index, by) in swaps.into_iter().enumerate() {
                let other = (index + by).min(39);
                order.swap(index, other);
            }
            let (mut assembler, mut tape) = (Assembler::new(0, 50 * 10), Tape::default());
            for n in order {
                assembler.frame(n * 10, ramp(n * 10, 10), &mut tape).unwrap();
            }
            assembler.fill(400, &mut tape).unwrap();
            prop_assert!(tape.0.iter().enumerate().all(|(position, &sample)| sample == position as i16 + 1));
            prop_assert_eq!(assembler.counts.filled, 0);
        }
    }

    #[test]
    fn late_and_repeated_frames_are_counted() {
        let (mut assembler, mut tape) = (Assembler::new(0, 100), Tape::default());
        for at in [0, 10, 0, 300, 20] {
            assembler.frame(at, ramp(at, 10), &mut tape).unwrap();
        }
        assert_eq!(assembler.counts.late, 1);
        assert_eq!(assembler.counts.filled, 0);
        assembler.frame(400, ramp(400, 10), &mut tape).unwrap();
        assembler.frame(200, ramp(200, 10), &mut tape).unwrap();
        assert_eq!(assembler.counts.late, 2);
        assert_eq!(assembler.next(), 310);
    }
}
