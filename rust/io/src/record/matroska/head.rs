//! What stands around the clusters: header, list of tracks, index, tags.

use isocord_proto::frame::{CHANNELS, SAMPLE_RATE};

use super::super::about::{Chapter, MAX_TITLE, Moment, Owner};
use super::super::ogg_opus::opus_head;
use super::DocType;
use super::ebml::{Ebml, UNKNOWN_SIZE};

/// Bytes that one track entry takes at the most.
pub(super) const ENTRY: usize = NAMELESS + MAX_TITLE;
/// Without its name.
pub(super) const NAMELESS: usize = 112;
/// Bytes of a head without tracks, at the most.
pub(super) const LEAST: u64 = 400;
const SEEK_HEAD: usize = 160;
const SEEK_PRE_ROLL_NS: u64 = 80_000_000;

/// Elements of the top levels (RFC 9559, section 5.1); those below stand by their number where they are written.
pub(super) mod id {
    pub const EBML: u32 = 0x1A45_DFA3;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const SEEK_HEAD: u32 = 0x114D_9B74;
    pub const INFO: u32 = 0x1549_A966;
    pub const DURATION: u32 = 0x4489;
    pub const TRACKS: u32 = 0x1654_AE6B;
    pub const CLUSTER: u32 = 0x1F43_B675;
    pub const CUES: u32 = 0x1C53_BB6B;
    pub const CHAPTERS: u32 = 0x1043_A770;
    pub const TAGS: u32 = 0x1254_C367;
}

#[derive(Clone)]
pub(super) struct Track {
    /// None for a spare.
    pub owner: Option<Owner>,
    pub pre_skip: u32,
    /// Bytes kept for its last packet.
    pub reserved: u64,
    /// Samples up to the end of its last block that was written.
    pub written: u64,
    /// It was in the file before this one, and is to come.
    pub expected: bool,
}

impl Track {
    pub(super) fn expected() -> Self {
        Self { expected: true, ..Self::spare(0) }
    }

    pub(super) fn spare(pre_skip: u32) -> Self {
        Self { owner: None, pre_skip, reserved: 0, written: 0, expected: false }
    }
}

/// Where the parts that are mended later lie; from the start of the segment's content except the first two.
pub(super) struct Layout {
    pub segment_size: u64,
    pub segment: u64,
    pub info: u64,
    pub duration: u64,
    pub tracks: u64,
}

pub(super) fn to_ns(samples: u32) -> u64 {
    u64::from(samples) * 1_000_000_000 / u64::from(SAMPLE_RATE)
}

/// All that comes before the first cluster, in a file that begins then. Where it can be mended, `room` is the number of tracks it may get.
pub(super) fn head(
    doc_type: DocType,
    list: &[Track],
    room: Option<usize>,
    began: Option<Moment>,
) -> (Vec<u8>, Layout) {
    let mut head = Vec::new();
    head.master(id::EBML, |ebml| {
        ebml.uint(0x4286, 1);
        ebml.uint(0x42F7, 1);
        ebml.uint(0x42F2, 4);
        ebml.uint(0x42F3, 8);
        ebml.binary(0x4282, doc_type.name());
        ebml.uint(0x4287, 4);
        ebml.uint(0x4285, 2);
    });
    head.id(id::SEGMENT);
    let segment_size = head.len() as u64;
    head.extend(UNKNOWN_SIZE);
    let segment = head.len() as u64;
    if room.is_some() {
        head.void(SEEK_HEAD);
    }
    let info = head.len() as u64;
    head.master(id::INFO, |info| {
        info.uint(0x002A_D7B1, 1_000_000);
        info.binary(0x4D80, b"isocord");
        info.binary(0x5741, b"isocord");
        if let Some(began) = began {
            info.int(0x4461, began.since_2001());
        }
        if room.is_some() {
            info.float(id::DURATION, 0.0);
        }
    });
    // The duration comes last in there.
    let duration = head.len() as u64 - 8;
    let tracks = head.len() as u64;
    head.extend(self::tracks(list, room));
    (head, Layout { segment_size, segment, info, duration, tracks })
}

/// The list of tracks; where it can grow, with the room that is left.
pub(super) fn tracks(list: &[Track], room: Option<usize>) -> Vec<u8> {
    let mut entries = Vec::new();
    for (index, track) in list.iter().enumerate() {
        entries.master(0xAE, |entry| {
            entry.uint(0xD7, index as u64 + 1);
            entry.uint(0x73C5, index as u64 + 1);
            entry.uint(0x83, 2);
            entry.uint(0x9C, 0);
            entry.binary(0x0022_B59C, b"und");
            if let Some(owner) = &track.owner {
                entry.binary(0x536E, owner.name.as_bytes());
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
    if let Some(room) = room {
        let space = 16 + room * ENTRY;
        element.void(space.saturating_sub(element.len()).max(2));
    }
    element
}

/// Who is who; with names for a header that could not be mended.
pub(super) fn tags(list: &[Track], named: bool) -> Vec<u8> {
    let mut tags = Vec::new();
    tags.master(id::TAGS, |tags| {
        for (index, track) in list.iter().enumerate() {
            let Some(owner) = &track.owner else { continue };
            let title = named.then(|| ("TITLE", owner.name.clone()));
            let user = owner.user_id.map(|user_id| ("USER_ID", user_id.to_string()));
            if title.is_none() && user.is_none() {
                continue;
            }
            tags.master(0x7373, |tag| {
                tag.master(0x63C0, |targets| targets.uint(0x63C5, index as u64 + 1));
                for (name, value) in title.into_iter().chain(user) {
                    tag.master(0x67C8, |simple| {
                        simple.binary(0x45A3, name.as_bytes());
                        simple.binary(0x4487, value.as_bytes());
                    });
                }
            });
        }
    });
    tags
}

/// Moments that have a name; nothing if there are none.
pub(super) fn chapters(list: &[Chapter]) -> Vec<u8> {
    let mut chapters = Vec::new();
    if list.is_empty() {
        return chapters;
    }
    chapters.master(id::CHAPTERS, |chapters| {
        chapters.master(0x45B9, |edition| {
            for (uid, chapter) in (1..).zip(list) {
                edition.master(0xB6, |atom| {
                    atom.uint(0x73C4, uid);
                    atom.uint(0x91, chapter.at * 1_000_000_000 / u64::from(SAMPLE_RATE));
                    atom.master(0x80, |display| {
                        display.binary(0x85, chapter.title.as_bytes());
                        display.binary(0x437C, b"und");
                    });
                });
            }
        });
    });
    chapters
}

/// The index, from milliseconds and places of clusters; nothing if there are none.
pub(super) fn cues(points: &[(i64, u64)]) -> Vec<u8> {
    let mut cues = Vec::new();
    if points.is_empty() {
        return cues;
    }
    cues.master(id::CUES, |cues| {
        for &(ms, position) in points {
            cues.master(0xBB, |point| {
                point.uint(0xB3, ms as u64);
                point.master(0xB7, |place| {
                    place.uint(0xF7, 1);
                    place.uint(0xF1, position);
                });
            });
        }
    });
    cues
}

/// Where to find what, also what comes behind the clusters; it takes the place of the Void at the segment's start.
pub(super) fn seek_head(layout: &Layout, behind: &[(u32, u64)]) -> Vec<u8> {
    let before = [(id::INFO, layout.info - layout.segment), (id::TRACKS, layout.tracks - layout.segment)];
    let mut element = Vec::new();
    element.master(id::SEEK_HEAD, |head| {
        for &(id, position) in before.iter().chain(behind) {
            head.master(0x4DBB, |seek| {
                seek.binary(0x53AB, &id.to_be_bytes());
                seek.uint(0x53AC, position);
            });
        }
    });
    element.void(SEEK_HEAD - element.len());
    element
}
