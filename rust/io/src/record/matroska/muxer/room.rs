//! Keeps room in a file that may not be big for all that is to be in it when it is finished.

use super::super::super::error::SinkError;
use super::super::head;
use super::{Muxer, SPARES};

/// What elements take at the most, but for their packets: a block with its place in time; one with a length to discard
/// as well, in a cluster of its own; a cluster; an entry of the index; the tags of a track, but for its
/// name.
const BLOCK: u64 = 12;
const LAST_BLOCK: u64 = 64;
const CLUSTER: u64 = 24;
const CUE: u64 = 40;
const TAGS: u64 = 96;

impl Muxer {
    /// Whether a packet of `next` bytes finds room as the last of its track, behind one of `held` bytes if that is not
    /// 0; the room is then kept for it.
    pub(in crate::record::matroska) fn fits(&mut self, track: usize, held: usize, next: usize) -> bool {
        let held = if held > 0 { held as u64 + BLOCK } else { 0 };
        let next = next as u64 + LAST_BLOCK;
        let Some(entry) = self.tracks.get(track) else { return false };
        let needed = self.most() - entry.reserved + held + next;
        if needed > self.out.limit() {
            self.full |= self.by_size;
            return false;
        }
        self.reserve(track, next);
        true
    }

    /// Keeps room for the one packet that each track has at least.
    pub(super) fn begin(&mut self, track: usize) -> Result<usize, SinkError> {
        if self.fits(track, 0, isocord_proto::frame::SILENCE.len()) {
            Ok(track)
        } else {
            Err(SinkError::Full)
        }
    }

    /// The track has its last packet.
    pub(in crate::record::matroska) fn release(&mut self, track: usize) {
        self.reserve(track, 0);
    }

    fn reserve(&mut self, track: usize, bytes: u64) {
        let entry = &mut self.tracks[track];
        self.reserved = self.reserved - entry.reserved + bytes;
        entry.reserved = bytes;
    }

    /// Bytes of the file, were it finished now, at the most.
    fn most(&self) -> u64 {
        let owners = self.tracks.iter().filter_map(|track| track.owner.as_ref());
        let (owners, names) =
            owners.fold((0, 0), |(count, bytes), owner| (count + 1, bytes + owner.name.len() as u64));
        let head = if self.layout.is_none() {
            head::LEAST + (self.tracks.len() + SPARES) as u64 * head::NAMELESS as u64 + names
        } else {
            0
        };
        let tags = if self.has_tags() { 16 + TAGS * owners + names } else { 0 };
        // What is gathered becomes a cluster, and what is to come another one.
        let clusters = 2 * (CLUSTER + CUE);
        let cues = 16 + CUE * self.cues.len() as u64;
        let blocks = self.data.len() as u64 + BLOCK * self.blocks.len() as u64;
        self.out.len() + head + blocks + clusters + cues + tags + self.reserved
    }
}
