//! Where a seek lands: bisection over the pages of a link.

use super::super::super::error::StageError;
use super::super::page::{MAX_PAGE, Page};
use super::OggPackets;

impl OggPackets {
    /// Stand behind the last whole packet of the page at `offset`, whose granule position is then known.
    pub(super) fn land(&mut self, offset: u64) -> Result<(), StageError> {
        self.reader.offset = offset;
        if !self.reader.next(&mut self.page)? {
            return Ok(());
        }
        (self.lacing, self.body) = (0, 0);
        self.partial.clear();
        while let Some(piece) = self.page.piece(self.lacing, self.body) {
            if !piece.complete {
                // What goes on from the page before has lost its beginning.
                if !(self.lacing == 0 && self.page.is_continued()) {
                    self.partial.extend_from_slice(piece.data);
                }
            }
            (self.lacing, self.body) = (piece.next_lacing, piece.next_body);
        }
        self.headless = false;
        self.fresh = false;
        self.tags_due = false;
        self.sequence = Some(self.page.sequence);
        self.next = Some(self.link.position(self.page.granule));
        self.end = if self.page.is_last() { self.link.position(self.page.granule) } else { i64::MAX };
        Ok(())
    }

    /// The offset of the last audio page of the link that ends at `goal` or before.
    pub(super) fn bisect(&mut self, goal: i64, link_end: u64) -> Result<Option<u64>, StageError> {
        let mut page = Page::empty();
        let (mut low, mut high) = (self.link.offset, link_end);
        while high - low > 2 * MAX_PAGE {
            let middle = low + (high - low) / 2;
            let mut landed = self.reader.resync(middle)?;
            while landed {
                landed = self.reader.next(&mut page)? && page.offset < high;
                if landed && page.serial == self.link.serial && page.granule >= 0 {
                    break;
                }
            }
            if landed && page.granule <= goal {
                low = page.offset;
            } else {
                high = middle;
            }
        }
        let mut best = None;
        self.reader.offset = low;
        while self.reader.next(&mut page)? && page.offset < link_end {
            if page.serial != self.link.serial || page.granule <= 0 || page.is_first() {
                continue;
            }
            if page.granule > goal {
                break;
            }
            best = Some(page.offset);
        }
        Ok(best)
    }
}
