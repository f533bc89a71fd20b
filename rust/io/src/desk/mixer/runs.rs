//! Where a layer is, by the number of the frame.

use isocord_proto::frame::FRAME_SAMPLES;

/// Frames that follow one another, or that stand still.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Number of its first frame.
    first: u64,
    /// Where in the source that begins, in samples.
    place: u64,
    moves: bool,
}

/// The runs that somebody may still ask for.
#[derive(Default)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    /// It stands there, and always did.
    pub(super) fn standing(place: u64) -> Self {
        Self(vec![Run { first: 0, place, moves: false }])
    }

    /// From frame `first` on it goes on from `place`, or stands there. What was heard before `heard` is forgotten.
    pub(super) fn begin(&mut self, first: u64, place: u64, moves: bool, heard: u64) {
        self.back_to(first);
        let current = self.0.iter().rposition(|run| run.first <= heard).unwrap_or(0);
        self.0.drain(..current);
        self.0.push(Run { first, place, moves });
    }

    /// What began with frame `first` or later has not.
    pub(super) fn back_to(&mut self, first: u64) {
        self.0.retain(|run| run.first < first);
    }

    /// The place of a frame; none before the first one.
    pub(super) fn place_of(&self, frame: u64) -> Option<u64> {
        let run = self.0.iter().rev().find(|run| run.first <= frame)?;
        Some(run.place + if run.moves { (frame - run.first) * FRAME_SAMPLES as u64 } else { 0 })
    }

    /// How many frames of the source lie between two.
    pub(super) fn moved(&self, from: u64, to: u64) -> u64 {
        let ends = self.0.iter().skip(1).map(|run| run.first).chain([u64::MAX]);
        let parts = self.0.iter().zip(ends).filter(|(run, _)| run.moves);
        parts.map(|(run, end)| end.min(to).saturating_sub(run.first.max(from))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_what_is_heard() {
        let mut runs = Runs::default();
        assert_eq!(runs.place_of(3), None);
        runs.begin(5, 100, true, 0);
        runs.begin(8, 2_980, false, 0);
        runs.begin(12, 2_980, true, 0);
        assert_eq!((runs.place_of(4), runs.place_of(7)), (None, Some(2_020)));
        assert_eq!((runs.place_of(9), runs.place_of(13)), (Some(2_980), Some(3_940)));
        assert_eq!((runs.moved(0, 20), runs.moved(6, 13), runs.moved(9, 10)), (11, 3, 0));
        runs.begin(10, 7, true, 9);
        assert_eq!((runs.place_of(9), runs.place_of(11)), (Some(2_980), Some(967)));
        assert_eq!(runs.place_of(6), None, "that has been heard for long");
    }
}
