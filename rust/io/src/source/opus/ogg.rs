//! Opus in Ogg (RFC 7845): pages to packets with exact positions, chained streams, seeking by bisection.

mod seeking;

use super::super::budget::{Call, Spent};
use super::super::error::StageError;
use super::super::input::MediaFile;
use super::super::packet::Packet;
use super::head::OpusHead;
use super::history::PRE_ROLL;
use super::link::{Link, completed_samples, find_origin, read_head};
use super::packet::packet_samples;
use super::page::{Page, PageReader};
use super::{OpusPackets, Step};

/// A packet that grows beyond this is damage.
const MAX_PACKET: usize = 61_440;
/// Links of a chained file that are remembered for seeking.
const MAX_LINKS: usize = 4_096;
/// A longer chain is not read to its end before it plays: how long it is stays unknown.
const MAX_WALK: u64 = 32 << 20;

/// What an Ogg file turned out to be.
pub(crate) enum Opened {
    /// It holds Opus.
    Opus(Box<OggPackets>),
    /// It holds something else.
    Other(MediaFile),
}

/// Reads Opus packets out of Ogg.
pub(crate) struct OggPackets {
    reader: PageReader,
    page: Page,
    /// The next piece of the page.
    lacing: usize,
    body: usize,
    /// The beginning of a packet that goes on on the next page.
    partial: Vec<u8>,
    /// The next piece belongs to a packet whose beginning was lost.
    headless: bool,
    /// No audio of the link has been read, so that further first pages belong to the same group of streams.
    fresh: bool,
    /// The comment header is still to come.
    tags_due: bool,
    sequence: Option<u32>,
    /// Position of the next packet; None after a loss, until a granule position tells.
    next: Option<i64>,
    /// Position where the link ends, once its last page is read.
    end: i64,
    link: Link,
    announce: bool,
    /// Links that can be sought in: the first, or all of a chained file.
    links: Vec<Link>,
    duration: Option<u64>,
    broken: u64,
}

enum Turned {
    Page,
    Link,
    Later,
    End,
}

impl OggPackets {
    /// Open a file that begins with Ogg pages.
    pub(crate) fn open(file: MediaFile) -> Result<Opened, StageError> {
        let mut reader = PageReader::new(file);
        let mut page = Page::empty();
        let mut found = None;
        let mut first_offset = None;
        while found.is_none() && reader.next(&mut page)? && page.is_first() {
            first_offset = first_offset.or(Some(page.offset));
            found = read_head(&page)?.map(|head| (head, page.serial));
        }
        let (Some((head, serial)), Some(offset)) = (found, first_offset) else {
            return Ok(Opened::Other(reader.into_file()));
        };
        let mut link = Link { head, serial, offset, base: 0, origin: 0 };
        let body_offset = reader.offset;
        link.origin = find_origin(&mut reader, serial)?;
        let mut packets = Self {
            reader,
            page: Page::empty(),
            lacing: 0,
            body: 0,
            partial: Vec::new(),
            headless: false,
            fresh: true,
            tags_due: true,
            sequence: None,
            next: Some(link.start()),
            end: i64::MAX,
            links: vec![link.clone()],
            link,
            announce: false,
            duration: None,
            broken: 0,
        };
        packets.measure()?;
        packets.reader.offset = body_offset;
        packets.reader.broken = 0;
        Ok(Opened::Opus(Box::new(packets)))
    }

    /// Find the duration: from the last page, or for a chained file from all of them.
    fn measure(&mut self) -> Result<(), StageError> {
        if !self.reader.reaches_its_end() {
            return Ok(());
        }
        let mut page = Page::empty();
        let from = self.reader.len().saturating_sub(self.reader.end_to_look_at());
        let mut last = None;
        if self.reader.resync(from)? {
            while self.reader.next(&mut page)? {
                if page.granule >= 0 {
                    last = Some((page.serial, page.granule));
                }
            }
        }
        let Some((serial, granule)) = last else {
            return Ok(());
        };
        let mut end = Some(self.link.position(granule));
        if serial != self.link.serial {
            end = self.walk_links(&mut page)?;
        }
        self.duration = end.and_then(|end| u64::try_from(end).ok());
        Ok(())
    }

    /// Read the whole file to learn its links. Returns the position of its end, unless it is too far away.
    fn walk_links(&mut self, page: &mut Page) -> Result<Option<i64>, StageError> {
        let from = self.reader.meter().read();
        self.reader.offset = self.link.offset;
        let mut link = self.link.clone();
        let mut end = 0;
        let mut fresh = true;
        while self.reader.next(page)? {
            if self.reader.meter().read() - from > MAX_WALK {
                return Ok(None);
            }
            if page.is_first() {
                if fresh || self.links.len() >= MAX_LINKS {
                    continue;
                }
                let Ok(Some(head)) = read_head(page) else {
                    continue;
                };
                let offset = page.offset;
                let body_offset = self.reader.offset;
                let origin = find_origin(&mut self.reader, page.serial)?;
                self.reader.offset = body_offset;
                link = Link { head, serial: page.serial, offset, base: end, origin };
                self.links.push(link.clone());
                fresh = true;
            } else if page.serial == link.serial && page.granule > 0 {
                end = end.max(link.position(page.granule));
                fresh = false;
            }
        }
        Ok(Some(end))
    }

    /// Go on to the next page of the link, or to the next link.
    fn turn(&mut self) -> Result<Turned, StageError> {
        loop {
            if self.reader.meter().slice_is_over() {
                return Ok(Turned::Later);
            }
            self.reader.meter().begin(Call::Packet);
            if !self.reader.next(&mut self.page)? {
                return Ok(Turned::End);
            }
            (self.lacing, self.body) = (0, 0);
            if self.page.is_first() {
                if self.fresh {
                    self.page.clear();
                    continue;
                }
                let Ok(Some(head)) = read_head(&self.page) else {
                    self.page.clear();
                    continue;
                };
                let base = if self.end < i64::MAX { self.end } else { self.next.unwrap_or(self.link.base) };
                let (serial, offset) = (self.page.serial, self.page.offset);
                let body_offset = self.reader.offset;
                let origin = find_origin(&mut self.reader, serial)?;
                self.reader.offset = body_offset;
                self.enter(Link { head, serial, offset, base, origin });
                return Ok(Turned::Link);
            }
            if self.page.serial != self.link.serial {
                self.page.clear();
                continue;
            }
            self.accept();
            return Ok(Turned::Page);
        }
    }

    /// Begin a link; the reader stands behind its first page.
    fn enter(&mut self, link: Link) {
        self.page.clear();
        self.partial.clear();
        self.headless = false;
        self.fresh = true;
        self.tags_due = true;
        self.sequence = None;
        self.next = Some(link.start());
        self.end = i64::MAX;
        self.link = link;
    }

    /// Check a fresh page of the link against the one before, and learn positions from it.
    fn accept(&mut self) {
        let page = &self.page;
        if self.sequence.is_some_and(|sequence| sequence.wrapping_add(1) != page.sequence) {
            self.broken += 1;
            self.partial.clear();
            self.next = None;
        }
        self.sequence = Some(page.sequence);
        if page.is_continued() {
            self.headless = self.partial.is_empty() && !self.tags_due;
        } else {
            self.headless = false;
            if !self.partial.is_empty() {
                self.partial.clear();
                self.broken += 1;
            }
        }
        if page.granule < 0 || (self.tags_due && page.granule == 0) {
            return;
        }
        self.fresh = false;
        // A last page may hold more than its granule position says: padding. All others tell where they begin.
        if self.next.is_none() || !page.is_last() {
            let total = completed_samples(page, &self.partial, self.headless);
            self.next = Some(self.link.position(page.granule.saturating_sub(total)));
        }
        if page.is_last() {
            self.end = self.link.position(page.granule);
        }
    }
}

impl OpusPackets for OggPackets {
    fn next(&mut self, packet: &mut Packet) -> Result<Step, StageError> {
        if std::mem::take(&mut self.announce) {
            return Ok(Step::Head { base: self.link.base });
        }
        loop {
            let Some(piece) = self.page.piece(self.lacing, self.body) else {
                match self.turn()? {
                    Turned::Page => continue,
                    Turned::Link => {
                        return Ok(Step::Head { base: self.link.base });
                    }
                    Turned::Later => return Ok(Step::Later),
                    Turned::End => return Ok(Step::End),
                }
            };
            let opening = self.lacing == 0 && self.page.is_continued();
            (self.lacing, self.body) = (piece.next_lacing, piece.next_body);
            if self.tags_due {
                if opening || piece.data.starts_with(b"OpusTags") {
                    self.tags_due = !piece.complete;
                    continue;
                }
                self.tags_due = false;
            }
            if self.headless {
                self.headless = !piece.complete;
                continue;
            }
            if self.partial.len() + piece.data.len() > MAX_PACKET {
                self.partial.clear();
                self.headless = !piece.complete;
                self.broken += 1;
                continue;
            }
            if !piece.complete {
                self.partial.extend_from_slice(piece.data);
                continue;
            }
            *packet = if self.partial.is_empty() {
                piece.packet()
            } else {
                self.partial.extend_from_slice(piece.data);
                Packet::from(std::mem::take(&mut self.partial))
            };
            self.page.forget_before(self.body);
            let Some(samples) = packet_samples(packet) else {
                self.broken += 1;
                continue;
            };
            let start = self.next.unwrap_or_else(|| self.link.start());
            self.next = Some(start + samples as i64);
            self.reader.meter().heard();
            return Ok(Step::Packet { start, end: self.end });
        }
    }

    fn seek(&mut self, target: i64) -> Result<(), StageError> {
        let index = self.links.iter().rposition(|link| link.base <= target).unwrap_or(0);
        let link_end = self.links.get(index + 1).map_or(self.reader.len(), |link| link.offset);
        self.enter(self.links[index].clone());
        self.announce = true;
        let counted = self.reader.broken;
        let goal = self.link.granule(target - PRE_ROLL as i64);
        let mut page = None;
        if goal > self.link.granule(self.link.base) {
            self.reader.meter().begin(Call::Seek);
            page = match self.bisect(goal, link_end) {
                // The way leads from the start.
                Err(_) if matches!(self.reader.meter().spent(), Some(Spent::Bytes | Spent::Time)) => None,
                found => found?,
            };
        }
        self.reader.meter().begin(Call::Packet);
        match page {
            Some(offset) => self.land(offset)?,
            None => self.reader.offset = self.link.offset,
        }
        self.reader.broken = counted;
        Ok(())
    }

    fn slice_is_over(&self) -> bool {
        self.reader.meter().slice_is_over()
    }

    fn container(&self) -> &'static str {
        "ogg"
    }

    fn head(&self) -> &OpusHead {
        &self.link.head
    }

    fn duration(&self) -> Option<u64> {
        self.duration
    }

    fn broken(&self) -> u64 {
        self.broken + self.reader.broken
    }
}
