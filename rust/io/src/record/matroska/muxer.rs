//! Gathers blocks of all tracks into clusters.

mod room;

use isocord_proto::frame::SAMPLE_RATE;

use super::super::about::{Labels, Owner};
use super::super::error::SinkError;
use super::super::output::OpenTarget;
use super::DocType;
use super::ebml::Ebml;
use super::head::{self, Layout, Track, id, to_ns};

/// A cluster is closed at this length.
const CLUSTER_MS: i64 = 1_000;
/// One that is flushed is as long at least.
const FLUSH_MS: i64 = 60;
/// Blocks of one cluster lie no further apart; a silent user's follow late. Offsets in a cluster have 16 bits.
const SPREAD_MS: i64 = 5_000;
const CLUSTER_BYTES: usize = 1 << 20;
/// Tracks that a stream declares for users to come.
const SPARES: usize = 8;
/// Index entries; past that every other one is dropped.
const MAX_CUES: usize = 4_096;

/// Of a file that may not be big, the room for tracks to come takes so small a part.
const ROOM_SHARE: u64 = 8;

struct Block {
    ms: i64,
    /// Where it ends, in samples.
    end: u64,
    track: usize,
    range: std::ops::Range<usize>,
    /// Samples at the end that are too many.
    trim: u32,
}

/// One file of many tracks.
pub(crate) struct Muxer {
    out: OpenTarget,
    doc_type: DocType,
    labels: Labels,
    max_tracks: usize,
    tracks: Vec<Track>,
    layout: Option<Layout>,
    blocks: Vec<Block>,
    data: Vec<u8>,
    cues: Vec<(i64, u64)>,
    cue_step_ms: i64,
    /// Samples from the start to the last end.
    duration: u64,
    /// Bytes kept for the last packets of all tracks.
    reserved: u64,
    /// The latest time of a block, now and when the open cluster got its first.
    newest: i64,
    opened: i64,
    /// An error that concerns all tracks, until [`Self::take_error`].
    error: Option<SinkError>,
    dead: bool,
    /// A file that is full is followed by another, which all tracks go on in.
    by_size: bool,
    full: bool,
}

fn to_ms(samples: u64) -> i64 {
    let rate = u64::from(SAMPLE_RATE);
    ((samples * 1_000 + rate / 2) / rate) as i64
}

impl Muxer {
    pub(crate) fn new(
        out: OpenTarget,
        doc_type: DocType,
        max_tracks: usize,
        by_size: bool,
        labels: Labels,
    ) -> Result<Self, SinkError> {
        let affordable = out.limit() / (ROOM_SHARE * head::ENTRY as u64);
        let max_tracks = max_tracks.min(affordable.max(1) as usize);
        let mut muxer = Self {
            out,
            doc_type,
            labels,
            max_tracks,
            tracks: Vec::new(),
            layout: None,
            blocks: Vec::new(),
            data: Vec::new(),
            cues: Vec::new(),
            cue_step_ms: 1_000,
            duration: 0,
            reserved: 0,
            newest: 0,
            opened: 0,
            error: None,
            dead: false,
            by_size,
            full: false,
        };
        if muxer.out.seekable() {
            muxer.write_header()?;
            muxer.out.flush()?;
        }
        Ok(muxer)
    }

    pub(crate) fn len(&self) -> u64 {
        self.out.len() + self.data.len() as u64
    }

    /// Samples up to the end of the track's last block that was written, in the file's time.
    pub(super) fn written(&self, track: usize) -> u64 {
        self.tracks.get(track).map_or(0, |track| track.written)
    }

    /// Whether all tracks are to go on in another file.
    pub(crate) fn is_over(&self) -> bool {
        self.full
    }

    /// Samples from the start to the last end.
    pub(crate) fn duration(&self) -> u64 {
        self.duration
    }

    /// The tracks that `before` has are to come, under the same numbers.
    pub(crate) fn expect_tracks(&mut self, before: &Self) -> Result<(), SinkError> {
        for track in before.tracks.iter().filter(|track| track.owner.is_some()) {
            self.tracks.push(Track { owner: track.owner.clone(), ..Track::expected() });
        }
        self.mend_tracks()
    }

    fn mend_tracks(&mut self) -> Result<(), SinkError> {
        let Some(layout) = &self.layout else { return Ok(()) };
        let tracks = head::tracks(&self.tracks, self.room());
        self.out.patch(layout.tracks, &tracks)
    }

    pub(crate) fn path(&self) -> Option<&std::path::Path> {
        self.out.path()
    }

    /// The error that ended the file, once.
    pub(crate) fn take_error(&mut self) -> Option<SinkError> {
        self.error.take()
    }

    /// A block of one of many tracks: an error is the file's, not the track's.
    pub(super) fn push_shared(&mut self, track: usize, packet: &[u8], at: u64, end: u64, trim: u32) {
        if self.dead {
            return;
        }
        if let Err(error) = self.push(track, packet, at, end, trim) {
            self.dead = true;
            self.error = Some(error);
        }
    }

    /// A track for one more; returns its index.
    pub(super) fn add_track(&mut self, owner: Owner, pre_skip: u32) -> Result<usize, SinkError> {
        let expected = |old: &Track| old.expected && old.owner.as_ref() == Some(&owner);
        if let Some(index) = self.tracks.iter().position(expected) {
            self.tracks[index].expected = false;
            return self.begin(index);
        }
        if self.layout.is_some() && !self.out.seekable() {
            let free = |old: &Track| old.owner.is_none() && old.pre_skip == pre_skip;
            let Some(index) = self.tracks.iter().position(free) else {
                return Err(SinkError::NoRoom(format!(
                    "the stream's header has no spare track for {owner}: a target that can seek is needed"
                )));
            };
            self.tracks[index] = Track { owner: Some(owner), ..Track::spare(pre_skip) };
            return self.begin(index);
        }
        if self.tracks.len() >= self.max_tracks {
            let most = self.max_tracks;
            return Err(SinkError::NoRoom(format!("no track for {owner}: the file has room for {most}")));
        }
        self.tracks.push(Track { owner: Some(owner), ..Track::spare(pre_skip) });
        self.mend_tracks()?;
        self.begin(self.tracks.len() - 1)
    }

    fn write_header(&mut self) -> Result<(), SinkError> {
        let seekable = self.out.seekable();
        if !seekable {
            let pre_skip = self.tracks.first().map_or(0, |track| track.pre_skip);
            let spares = SPARES.min(self.max_tracks.saturating_sub(self.tracks.len()));
            self.tracks.resize(self.tracks.len() + spares, Track::spare(pre_skip));
        }
        let (head, layout) = head::head(self.doc_type, &self.tracks, self.room(), self.labels.began());
        self.out.put(&head)?;
        self.layout = Some(layout);
        Ok(())
    }

    /// How many tracks the header has room for, if it can be mended.
    fn room(&self) -> Option<usize> {
        self.out.seekable().then_some(self.max_tracks)
    }

    pub(super) fn push(
        &mut self,
        track: usize,
        packet: &[u8],
        at: u64,
        end: u64,
        trim: u32,
    ) -> Result<(), SinkError> {
        let ms = to_ms(at);
        if let Some(first) = self.blocks.first()
            && (self.newest - self.opened >= CLUSTER_MS
                || (ms - first.ms).abs() >= SPREAD_MS
                || self.data.len() + packet.len() > CLUSTER_BYTES)
        {
            self.cut()?;
        }
        self.newest = self.newest.max(ms);
        if self.blocks.is_empty() {
            self.opened = self.newest;
        }
        let start = self.data.len();
        self.data.extend_from_slice(packet);
        self.blocks.push(Block { ms, end, track, range: start..self.data.len(), trim });
        self.duration = self.duration.max(end);
        Ok(())
    }

    /// Writes what is gathered as one cluster.
    fn cut(&mut self) -> Result<(), SinkError> {
        if self.layout.is_none() {
            self.write_header()?;
        }
        let Some(base) = self.blocks.iter().map(|block| block.ms).min() else { return Ok(()) };
        // Stable: blocks of one track keep their order.
        self.blocks.sort_by_key(|block| block.ms);
        let mut content = Vec::with_capacity(self.data.len() + 16 * self.blocks.len() + 32);
        content.uint(0xE7, base as u64);
        for block in &self.blocks {
            let mut body = Vec::with_capacity(block.range.len() + 4);
            body.size(block.track as u64 + 1);
            body.extend(((block.ms - base) as i16).to_be_bytes());
            // Every Opus packet is a key frame; a Block inside a group has no such flag.
            body.push(if block.trim > 0 { 0 } else { 0x80 });
            body.extend_from_slice(&self.data[block.range.clone()]);
            if block.trim > 0 {
                content.master(0xA0, |group| {
                    group.binary(0xA1, &body);
                    group.int(0x75A2, to_ns(block.trim) as i64);
                });
            } else {
                content.binary(0xA3, &body);
            }
        }
        self.note_cue(base);
        let mut head = Vec::new();
        head.id(id::CLUSTER);
        head.size(content.len() as u64);
        self.data.clear();
        let blocks = std::mem::take(&mut self.blocks);
        self.out.put(&head)?;
        self.out.put(&content)?;
        for block in &blocks {
            let written = &mut self.tracks[block.track].written;
            *written = block.end.max(*written);
        }
        Ok(())
    }

    fn note_cue(&mut self, ms: i64) {
        let due = self.cues.last().is_none_or(|&(last, _)| ms >= last + self.cue_step_ms);
        if let Some(layout) = &self.layout
            && due
        {
            self.cues.push((ms, self.out.len() - layout.segment));
        }
        if self.cues.len() >= MAX_CUES {
            let mut keep = false;
            self.cues.retain(|_| {
                keep = !keep;
                keep
            });
            self.cue_step_ms *= 2;
        }
    }

    fn mend_duration(&mut self) -> Result<(), SinkError> {
        if let Some(layout) = &self.layout
            && self.out.seekable()
        {
            let ms = self.duration as f64 * 1_000.0 / f64::from(SAMPLE_RATE);
            self.out.patch(layout.duration, &ms.to_be_bytes())?;
        }
        Ok(())
    }

    /// Makes the target readable up to the last whole cluster.
    pub(crate) fn flush(&mut self) -> Result<(), SinkError> {
        if self.newest - self.opened >= FLUSH_MS {
            self.cut()?;
        }
        self.mend_duration()?;
        self.out.flush()
    }

    /// Whether who is who is told at the end.
    fn has_tags(&self) -> bool {
        !self.out.seekable() || self.labels.is_dated()
    }

    /// Writes the rest, the index, what the end knows, and the sizes that were unknown.
    pub(crate) fn finish(&mut self) -> Result<(), SinkError> {
        self.cut()?;
        let Some(layout) = self.layout.take() else { return Ok(()) };
        let seekable = self.out.seekable();
        let mut behind = Vec::new();
        let mut put = |muxer: &mut Self, id, element: &[u8]| {
            let at = muxer.out.len() - layout.segment;
            muxer.out.put(element)?;
            if !element.is_empty() {
                behind.push((id, at));
            }
            Ok::<_, SinkError>(())
        };
        if seekable {
            put(self, id::CUES, &head::cues(&self.cues))?;
        }
        if self.has_tags() {
            put(self, id::TAGS, &head::tags(&self.tracks, !seekable))?;
        }
        let chapters = head::chapters(&self.labels.chapters(self.duration));
        match put(self, id::CHAPTERS, &chapters) {
            // A file that is full has no room for them.
            Err(SinkError::Full) => {}
            chapters => chapters?,
        }
        if !seekable {
            self.layout = Some(layout);
            return self.out.flush();
        }
        let seek_head = head::seek_head(&layout, &behind);
        let mut size = Vec::new();
        size.size_in(self.out.len() - layout.segment, 8);
        self.out.patch(layout.segment, &seek_head)?;
        self.out.patch(layout.segment_size, &size)?;
        self.layout = Some(layout);
        self.mend_duration()?;
        self.out.flush()
    }
}
