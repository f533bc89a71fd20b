//! Where the tracks of a recorder go on in new files, and which files are complete.

use super::{HOUR, Recorder};
use crate::record::parts::PartReport;
use crate::record::track::Track;

impl Recorder {
    /// All tracks go on in new files, from `position` on or a little later: what is written already stays where it is.
    pub fn cut(&mut self, position: u64) {
        let written = self.tracks.values().map(Track::end).max().unwrap_or(0);
        self.cuts.add(self.timeline.map(position).max(written));
    }

    /// The oldest file that is complete and was not taken yet.
    pub fn next_part(&mut self) -> Option<PartReport> {
        self.parts.pop_front()
    }

    pub(super) fn gather_parts(&mut self) {
        let whole = match &self.mix {
            Some(mix) => mix.parts(self.parts_told),
            None => self.maker.parts(self.parts_told),
        };
        self.parts_told += whole.len();
        self.parts.extend(whole);
        self.parts.extend(self.tracks.values_mut().flat_map(Track::new_parts));
    }

    /// Cuts where an hour is full, before anything that lies behind is written.
    pub(super) fn cut_at_hours(&mut self, position: u64) {
        while let Some(hour) = self.next_hour.filter(|&hour| position >= hour) {
            self.cuts.add(self.timeline.map(hour));
            self.next_hour = Some(hour + HOUR);
        }
    }
}
