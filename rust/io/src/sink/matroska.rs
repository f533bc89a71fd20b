//! Matroska and WebM (RFC 9559) with one Opus track for each user.
//!
//! The list of tracks stands before the sound, yet users come later. Where the target can seek, the header keeps
//! room (a Void element) for as many entries as the recording may have, and each newcomer's entry is written
//! into it before the first of its blocks. Where it cannot, the header waits for the first second of sound, lists
//! who has spoken and some spare tracks, and those who come later take the spares; tags at the end name them.
//! Every cluster is built in memory and written whole with its size, so the file can be read at any time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isocord_proto::frame::{CHANNELS, SAMPLE_RATE};

use super::ebml::{Ebml, UNKNOWN_SIZE};
use super::error::SinkError;
use super::lane::PacketWriter;
use super::ogg_opus::opus_head;
use super::output::Output;

/// The name of the format in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocType {
    /// `.mkv`, `.mka`.
    Matroska,
    /// `.webm`.
    Webm,
}

/// Bytes that one track entry takes at the most.
const ENTRY: usize = 128;
const SEEK_HEAD: usize = 96;
/// A cluster is closed at this length.
const CLUSTER_MS: i64 = 1_000;
const CLUSTER_BYTES: usize = 1 << 20;
/// Tracks that a stream declares for users to come.
const SPARES: usize = 8;
/// Index entries; past that every other one is dropped.
const MAX_CUES: usize = 4_096;
const SEEK_PRE_ROLL_NS: u64 = 80_000_000;

mod id {
    pub const EBML: u32 = 0x1A45_DFA3;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const SEEK_HEAD: u32 = 0x114D_9B74;
    pub const INFO: u32 = 0x1549_A966;
    pub const DURATION: u32 = 0x4489;
    pub const TRACKS: u32 = 0x1654_AE6B;
    pub const CLUSTER: u32 = 0x1F43_B675;
    pub const CUES: u32 = 0x1C53_BB6B;
    pub const TAGS: u32 = 0x1254_C367;
}

#[derive(Clone)]
struct Track {
    /// The user's id; None for a spare.
    name: Option<String>,
    pre_skip: u32,
}

struct Block {
    ms: i64,
    track: usize,
    range: std::ops::Range<usize>,
    /// Samples at the end that are too many.
    trim: u32,
}

/// Where the parts that are mended later lie; from the start of the segment's content except the first two.
struct Layout {
    segment_size: u64,
    segment: u64,
    info: u64,
    duration: u64,
    tracks: u64,
}

/// One file of many tracks.
pub(crate) struct Muxer {
    out: Output,
    doc_type: DocType,
    max_tracks: usize,
    tracks: Vec<Track>,
    layout: Option<Layout>,
    blocks: Vec<Block>,
    data: Vec<u8>,
    cues: Vec<(i64, u64)>,
    cue_step_ms: i64,
    /// Samples from the start to the last end.
    duration: u64,
    /// An error that concerns all tracks, until [`Self::take_error`].
    error: Option<SinkError>,
    dead: bool,
}

fn to_ms(samples: u64) -> i64 {
    let rate = u64::from(SAMPLE_RATE);
    ((samples * 1_000 + rate / 2) / rate) as i64
}

fn to_ns(samples: u32) -> u64 {
    u64::from(samples) * 1_000_000_000 / u64::from(SAMPLE_RATE)
}

impl Muxer {
    pub(crate) fn new(out: Output, doc_type: DocType, max_tracks: usize) -> Result<Self, SinkError> {
        let mut muxer = Self {
            out,
            doc_type,
            max_tracks,
            tracks: Vec::new(),
            layout: None,
            blocks: Vec::new(),
            data: Vec::new(),
            cues: Vec::new(),
            cue_step_ms: 1_000,
            duration: 0,
            error: None,
            dead: false,
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

    pub(crate) fn path(&self) -> Option<&std::path::Path> {
        self.out.path()
    }

    /// The error that ended the file, once.
    pub(crate) fn take_error(&mut self) -> Option<SinkError> {
        self.error.take()
    }

    /// A block of one of many tracks: an error is the file's, not the track's.
    fn push_shared(&mut self, track: usize, packet: &[u8], at: u64, end: u64, trim: u32) {
        if self.dead {
            return;
        }
        if let Err(error) = self.push(track, packet, at, end, trim) {
            self.dead = true;
            self.error = Some(error);
        }
    }

    /// A track for one more user; returns its index.
    fn add_track(&mut self, name: String, pre_skip: u32) -> Result<usize, SinkError> {
        if self.layout.is_some() && !self.out.seekable() {
            let free = |old: &Track| old.name.is_none() && old.pre_skip == pre_skip;
            let Some(index) = self.tracks.iter().position(free) else {
                return Err(SinkError::NoRoom(format!(
                    "the stream's header has no spare track for {name}: a target that can seek is needed"
                )));
            };
            self.tracks[index] = Track { name: Some(name), pre_skip };
            return Ok(index);
        }
        if self.tracks.len() >= self.max_tracks {
            let most = self.max_tracks;
            return Err(SinkError::NoRoom(format!("no track for {name}: the file has room for {most}")));
        }
        self.tracks.push(Track { name: Some(name), pre_skip });
        if let Some(layout) = &self.layout {
            let tracks = self.tracks_element();
            self.out.patch(layout.tracks, &tracks)?;
        }
        Ok(self.tracks.len() - 1)
    }

    fn write_header(&mut self) -> Result<(), SinkError> {
        let seekable = self.out.seekable();
        if !seekable {
            let pre_skip = self.tracks.first().map_or(0, |track| track.pre_skip);
            let spares = SPARES.min(self.max_tracks.saturating_sub(self.tracks.len()));
            self.tracks.resize(self.tracks.len() + spares, Track { name: None, pre_skip });
        }
        let mut head = Vec::new();
        head.master(id::EBML, |ebml| {
            ebml.uint(0x4286, 1);
            ebml.uint(0x42F7, 1);
            ebml.uint(0x42F2, 4);
            ebml.uint(0x42F3, 8);
            ebml.binary(0x4282, self.doc_type.name());
            ebml.uint(0x4287, 4);
            ebml.uint(0x4285, 2);
        });
        head.id(id::SEGMENT);
        let segment_size = head.len() as u64;
        head.extend(UNKNOWN_SIZE);
        let segment = head.len() as u64;
        if seekable {
            head.void(SEEK_HEAD);
        }
        let info = head.len() as u64;
        head.master(id::INFO, |info| {
            info.uint(0x002A_D7B1, 1_000_000);
            info.binary(0x4D80, b"isocord");
            info.binary(0x5741, b"isocord");
            if seekable {
                info.float(id::DURATION, 0.0);
            }
        });
        // The duration comes last in there.
        let duration = head.len() as u64 - 8;
        let tracks = head.len() as u64;
        head.extend(self.tracks_element());
        self.out.put(&head)?;
        self.layout = Some(Layout { segment_size, segment, info, duration, tracks });
        Ok(())
    }

    /// The list of tracks; where it can grow, with the room that is left.
    fn tracks_element(&self) -> Vec<u8> {
        let mut entries = Vec::new();
        for (index, track) in self.tracks.iter().enumerate() {
            entries.master(0xAE, |entry| {
                entry.uint(0xD7, index as u64 + 1);
                entry.uint(0x73C5, index as u64 + 1);
                entry.uint(0x83, 2);
                entry.uint(0x9C, 0);
                entry.binary(0x0022_B59C, b"und");
                if let Some(name) = &track.name {
                    entry.binary(0x536E, name.as_bytes());
                }
                entry.binary(0x86, b"A_OPUS");
                entry.binary(0x63A2, &opus_head(track.pre_skip));
                entry.uint(0x56AA, to_ns(track.pre_skip));
                entry.uint(0x56BB, SEEK_PRE_ROLL_NS);
                entry.master(0xE1, |audio| {
                    audio.float(0xB5, f64::from(SAMPLE_RATE));
                    audio.uint(0x9F, CHANNELS as u64);
                });
            });
        }
        let mut element = Vec::new();
        element.id(id::TRACKS);
        element.size_in(entries.len() as u64, 4);
        element.extend(entries);
        if self.out.seekable() {
            let space = 16 + self.max_tracks * ENTRY;
            element.void(space.saturating_sub(element.len()).max(2));
        }
        element
    }

    fn push(&mut self, track: usize, packet: &[u8], at: u64, end: u64, trim: u32) -> Result<(), SinkError> {
        let ms = to_ms(at);
        if let Some(first) = self.blocks.first()
            && ((ms - first.ms).abs() >= CLUSTER_MS || self.data.len() + packet.len() > CLUSTER_BYTES)
        {
            self.cut()?;
        }
        let start = self.data.len();
        self.data.extend_from_slice(packet);
        self.blocks.push(Block { ms, track, range: start..self.data.len(), trim });
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
        self.blocks.clear();
        self.data.clear();
        self.out.put(&head)?;
        self.out.put(&content)
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
        if let (Some(first), Some(last)) = (self.blocks.first(), self.blocks.last())
            && last.ms - first.ms >= CLUSTER_MS / 2
        {
            self.cut()?;
        }
        self.mend_duration()?;
        self.out.flush()
    }

    /// Writes the rest, the index, and the sizes that were unknown.
    pub(crate) fn finish(&mut self) -> Result<(), SinkError> {
        self.cut()?;
        let Some(layout) = self.layout.take() else { return Ok(()) };
        if !self.out.seekable() {
            let tags = self.tags_element();
            self.out.put(&tags)?;
            self.layout = Some(layout);
            return self.out.flush();
        }
        let cues_at = self.out.len() - layout.segment;
        let mut cues = Vec::new();
        cues.master(id::CUES, |cues| {
            for &(ms, position) in &self.cues {
                cues.master(0xBB, |point| {
                    point.uint(0xB3, ms as u64);
                    point.master(0xB7, |place| {
                        place.uint(0xF7, 1);
                        place.uint(0xF1, position);
                    });
                });
            }
        });
        let has_cues = !self.cues.is_empty();
        if has_cues {
            self.out.put(&cues)?;
        }
        let mut seek_head = Vec::new();
        seek_head.master(id::SEEK_HEAD, |head| {
            let mut seek = |id: u32, position: u64| {
                head.master(0x4DBB, |seek| {
                    seek.binary(0x53AB, &id.to_be_bytes());
                    seek.uint(0x53AC, position);
                });
            };
            seek(id::INFO, layout.info - layout.segment);
            seek(id::TRACKS, layout.tracks - layout.segment);
            if has_cues {
                seek(id::CUES, cues_at);
            }
        });
        seek_head.void(SEEK_HEAD - seek_head.len());
        let mut size = Vec::new();
        size.size_in(self.out.len() - layout.segment, 8);
        self.out.patch(layout.segment, &seek_head)?;
        self.out.patch(layout.segment_size, &size)?;
        self.layout = Some(layout);
        self.mend_duration()?;
        self.out.flush()
    }

    /// Who is who, for a header that could not be mended.
    fn tags_element(&self) -> Vec<u8> {
        let mut tags = Vec::new();
        tags.master(id::TAGS, |tags| {
            for (index, track) in self.tracks.iter().enumerate() {
                let Some(name) = &track.name else { continue };
                tags.master(0x7373, |tag| {
                    tag.master(0x63C0, |targets| targets.uint(0x63C5, index as u64 + 1));
                    tag.master(0x67C8, |simple| {
                        simple.binary(0x45A3, b"TITLE");
                        simple.binary(0x4487, name.as_bytes());
                    });
                });
            }
        });
        tags
    }
}

impl DocType {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Matroska => b"matroska",
            Self::Webm => b"webm",
        }
    }
}

/// A file shared by the tracks of one recorder, which all live on one thread.
#[derive(Clone)]
pub(crate) struct SharedMuxer(Arc<Mutex<Muxer>>);

impl SharedMuxer {
    pub(crate) fn new(muxer: Muxer) -> Self {
        Self(Arc::new(Mutex::new(muxer)))
    }

    pub(crate) fn get(&self) -> MutexGuard<'_, Muxer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One track of the file.
pub(crate) struct MuxTrack {
    muxer: SharedMuxer,
    /// The user's id, which has 20 digits at most.
    name: String,
    /// Where the track starts in the recording.
    offset: u64,
    pre_skip: u32,
    index: usize,
    bytes: u64,
    /// The file has no other track.
    alone: bool,
}

impl MuxTrack {
    pub(crate) fn new(muxer: SharedMuxer, name: String, offset: u64) -> Self {
        Self { muxer, name, offset, pre_skip: 0, index: 0, bytes: 0, alone: false }
    }

    /// The only track of a file of its own, which starts with the track.
    pub(crate) fn alone(muxer: Muxer, name: String) -> Self {
        Self { alone: true, ..Self::new(SharedMuxer::new(muxer), name, 0) }
    }

    fn put(&mut self, packet: &[u8], at: u64, samples: u32, trim: u32) -> Result<(), SinkError> {
        let start = self.offset + at;
        let end = (start + u64::from(samples - trim)).saturating_sub(u64::from(self.pre_skip));
        self.bytes += packet.len() as u64;
        let mut muxer = self.muxer.get();
        if self.alone {
            return muxer.push(self.index, packet, start, end, trim);
        }
        muxer.push_shared(self.index, packet, start, end, trim);
        Ok(())
    }
}

impl PacketWriter for MuxTrack {
    fn begin(&mut self, pre_skip: u32) -> Result<(), SinkError> {
        self.pre_skip = pre_skip;
        self.index = self.muxer.get().add_track(self.name.clone(), pre_skip)?;
        Ok(())
    }

    fn packet(&mut self, packet: &[u8], at: u64, samples: u32) -> Result<(), SinkError> {
        self.put(packet, at, samples, 0)
    }

    fn last(&mut self, packet: &[u8], at: u64, samples: u32, trim: u32) -> Result<(), SinkError> {
        self.put(packet, at, samples, trim)?;
        if self.alone { self.muxer.get().finish() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // A file of many tracks is flushed by the recorder, once for all.
        if self.alone { self.muxer.get().flush() } else { Ok(()) }
    }

    fn len(&self) -> u64 {
        if self.alone { self.muxer.get().len() } else { self.bytes }
    }
}
