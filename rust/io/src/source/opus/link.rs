//! One logical stream of an Ogg file: its header and how its granule positions count (RFC 7845, section 4).

use super::super::error::StageError;
use super::head::{ByteOrder, OpusHead};
use super::packet::packet_samples;
use super::page::{Page, PageReader};

/// One logical Opus stream of a (possibly chained) file.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) head: OpusHead,
    pub(crate) serial: u32,
    /// Where its first page begins.
    pub(crate) offset: u64,
    /// Position of its first sample that is meant to be heard.
    pub(crate) base: i64,
    /// Granule position of its very first sample, pre-skip included.
    pub(crate) origin: i64,
}

impl Link {
    pub(crate) fn position(&self, granule: i64) -> i64 {
        let first = self.origin.saturating_add(i64::from(self.head.pre_skip));
        granule.saturating_sub(first).saturating_add(self.base)
    }

    pub(crate) fn granule(&self, position: i64) -> i64 {
        let first = self.origin.saturating_add(i64::from(self.head.pre_skip));
        position.saturating_sub(self.base).saturating_add(first)
    }

    pub(crate) fn start(&self) -> i64 {
        self.base - i64::from(self.head.pre_skip)
    }
}

/// The Opus header on a first page; None if it begins another kind of stream.
pub(crate) fn read_head(page: &Page) -> Result<Option<OpusHead>, StageError> {
    let data = page.piece(0, 0).map(|piece| piece.data).unwrap_or_default();
    if !data.starts_with(b"OpusHead") {
        return Ok(None);
    }
    match OpusHead::parse(data, ByteOrder::Little) {
        Some(Ok(head)) => Ok(Some(head)),
        Some(Err(reason)) => Err(StageError::Unsupported(reason)),
        None => Err(StageError::broken("the Opus header is damaged")),
    }
}

/// Samples of the packets that end on a page.
pub(crate) fn completed_samples(page: &Page, partial: &[u8], headless: bool) -> i64 {
    let (mut lacing, mut body) = (0, 0);
    let mut total = 0;
    let mut skip = headless;
    while let Some(piece) = page.piece(lacing, body) {
        let begun = if lacing == 0 && !partial.is_empty() { partial } else { piece.data };
        if piece.complete && !skip {
            total += packet_samples(begun).unwrap_or(0) as i64;
        }
        skip = skip && !piece.complete;
        (lacing, body) = (piece.next_lacing, piece.next_body);
    }
    total
}

/// The granule position of a link's first sample: that of its first audio page less what the page holds.
pub(crate) fn find_origin(reader: &mut PageReader, serial: u32) -> Result<i64, StageError> {
    let mut page = Page::empty();
    while reader.next(&mut page)? {
        if page.serial != serial || page.granule <= 0 {
            continue;
        }
        let origin = page.granule.saturating_sub(completed_samples(&page, &[], page.is_continued()));
        // On a last page the granule position is less than what it holds: the rest is padding.
        return Ok(if page.is_last() { origin.max(0) } else { origin });
    }
    Ok(0)
}
