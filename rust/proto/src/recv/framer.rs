//! Cuts decoded sound of any length into frames of 20 ms that never overlap.

use super::output::FrameKind;
use crate::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES};

/// A whole frame with its place and source.
pub(super) type Whole<'a> = (i64, Source, &'a [i16; FRAME_LEN]);

/// Where a frame's sound comes from, and when its packet came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source(pub FrameKind, pub Option<i64>);

/// The frames of one stream.
pub(super) struct Framer {
    /// The end of what has been handed out.
    end: i64,
    /// A frame in the making: its place, where it comes from, the samples that are there.
    start: i64,
    source: Source,
    filled: usize,
    pcm: Box<[i16; FRAME_LEN]>,
}

impl Framer {
    /// Nothing is handed out before the position `end`.
    pub(super) fn new(end: i64) -> Self {
        let pcm = Box::new([0; FRAME_LEN]);
        Self { end, start: end, source: Source(FrameKind::Voice, None), filled: 0, pcm }
    }

    /// Takes in interleaved sound at `position` and hands out the frames that are whole. What lies
    /// before the end of the last frame is cut off.
    pub(super) fn push(
        &mut self,
        mut position: i64,
        mut sound: &[i16],
        source: Source,
        mut emit: impl FnMut(Whole<'_>),
    ) {
        let overlap = (self.covered() - position).clamp(0, (sound.len() / CHANNELS) as i64);
        sound = &sound[overlap as usize * CHANNELS..];
        position += overlap;
        if self.filled > 0 {
            self.fill_gap(position, &mut emit);
        }
        while !sound.is_empty() {
            if self.filled == 0 {
                if let Some((frame, rest)) = sound.split_first_chunk::<FRAME_LEN>() {
                    emit((position, source, frame));
                    position += FRAME_SAMPLES as i64;
                    self.end = position;
                    sound = rest;
                    continue;
                }
                (self.start, self.source) = (position, source);
            }
            self.source.1 = self.source.1.max(source.1);
            let at = self.filled * CHANNELS;
            let (part, rest) = sound.split_at(sound.len().min(FRAME_LEN - at));
            self.pcm[at..at + part.len()].copy_from_slice(part);
            self.filled += part.len() / CHANNELS;
            position += (part.len() / CHANNELS) as i64;
            sound = rest;
            self.emit_if_whole(&mut emit);
        }
    }

    /// The end of what has been taken in.
    pub(super) fn covered(&self) -> i64 {
        if self.filled > 0 { self.start + self.filled as i64 } else { self.end }
    }

    /// The end of what has been handed out.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Hands out a frame in the making, ended with silence.
    pub(super) fn flush(&mut self, emit: impl FnMut(Whole<'_>)) {
        if self.filled > 0 {
            self.fill_gap(i64::MAX, emit);
        }
    }

    /// Silence up to `position`, or up to the end of the frame.
    fn fill_gap(&mut self, position: i64, emit: impl FnMut(Whole<'_>)) {
        let gap = position - (self.start + self.filled as i64);
        let gap = gap.clamp(0, (FRAME_SAMPLES - self.filled) as i64) as usize;
        self.pcm[self.filled * CHANNELS..][..gap * CHANNELS].fill(0);
        self.filled += gap;
        self.emit_if_whole(emit);
    }

    fn emit_if_whole(&mut self, mut emit: impl FnMut(Whole<'_>)) {
        if self.filled == FRAME_SAMPLES {
            self.filled = 0;
            self.end = self.start + FRAME_SAMPLES as i64;
            emit((self.start, self.source, &self.pcm));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(pushes: &[(i64, usize)]) -> Vec<(i64, Vec<i16>)> {
        let mut framer = Framer::new(0);
        let mut out = Vec::new();
        for &(position, samples) in pushes {
            let sound: Vec<i16> = (0..samples).flat_map(|i| [(position + i as i64) as i16; 2]).collect();
            framer.push(position, &sound, Source(FrameKind::Voice, Some(position)), |(at, _, pcm)| {
                out.push((at, pcm.to_vec()))
            });
        }
        framer.flush(|(at, _, pcm)| out.push((at, pcm.to_vec())));
        out
    }

    fn starts(pushes: &[(i64, usize)]) -> Vec<i64> {
        let frames = frames(pushes);
        for (at, pcm) in &frames {
            for (i, sample) in pcm.chunks(2).enumerate() {
                let place = (at + i as i64) as i16;
                assert!(sample == [place; 2] || sample == [0; 2], "at {at} + {i}: {sample:?}");
            }
        }
        assert!(frames.windows(2).all(|pair| pair[1].0 >= pair[0].0 + 960));
        frames.into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn sound_of_any_length_becomes_whole_frames() {
        assert_eq!(starts(&[(100, 960), (1_060, 960)]), [100, 1_060]);
        assert_eq!(starts(&[(100, 480), (580, 480), (1_060, 120)]), [100, 1_060]);
        assert_eq!(starts(&[(0, 5_760)]), [0, 960, 1_920, 2_880, 3_840, 4_800]);
        assert_eq!(starts(&[(0, 1_920 + 480), (5_000, 960)]), [0, 960, 1_920, 5_000]);
    }

    #[test]
    fn overlaps_are_cut_and_small_gaps_filled() {
        assert_eq!(starts(&[(1_000, 960), (1_500, 960), (2_460, 960)]), [1_000, 1_960, 2_920]);
        assert_eq!(starts(&[(1_000, 960), (40, 960), (1_960, 960)]), [1_000, 1_960]);
        assert_eq!(starts(&[(0, 480), (600, 360), (960, 960)]), [0, 960]);
        assert_eq!(starts(&[(0, 480), (3_000, 960)]), [0, 3_000]);
    }
}
