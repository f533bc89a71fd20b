//! Tags, pictures and fonts that a demuxer need not see.

use super::ebml::element;
use super::error::StageError;
use super::input::MediaFile;

/// Tags in a row: an editor that does not know of the one before leaves two.
const MAX_TAGS: u32 = 100;

/// Leave tags at both ends out of the window: symphonia would keep their pictures in memory.
pub(super) fn strip_tags(file: &mut MediaFile) -> Result<(), StageError> {
    // ID3v2: ten bytes of header with a length of four times seven bits, and perhaps ten of footer.
    let mut tags = 0;
    while let Some([b'I', b'D', b'3', version, _, flags, a, b, c, d]) = file.bytes_at::<10>(0)? {
        tags += 1;
        if tags > MAX_TAGS {
            let reason = format!("more than {MAX_TAGS} ID3 tags stand in front of its sound");
            return Err(StageError::TooMuch(reason));
        }
        if version == 0xff || [a, b, c, d].iter().any(|byte| byte & 0x80 != 0) {
            break;
        }
        let len = [a, b, c, d].iter().fold(0_u64, |sum, &byte| sum << 7 | u64::from(byte));
        let all = 10 + len + if flags & 0x10 != 0 { 10 } else { 0 };
        if all >= file.len() {
            break;
        }
        file.narrow(all, u64::MAX);
    }
    // ID3v1: the last 128 bytes. Only what is no other container may end in one by intent.
    let len = file.len();
    // Behind a network the end is far away, and what stands there does no harm.
    if file.window().is_some()
        || file.bytes_at::<2>(0)?.is_none_or(|[first, second]| first != 0xff || second & 0xe0 != 0xe0)
    {
        return Ok(());
    }
    let mut end = len;
    if end > 256 && file.bytes_at::<3>(end - 128)? == Some(*b"TAG") {
        end -= 128;
    }
    // APEv2: a footer of 32 bytes with the length of all but the header.
    if end > 256
        && let Some(footer) = file.bytes_at::<32>(end - 32)?
        && footer.starts_with(b"APETAGEX")
    {
        let size = u32::from_le_bytes([footer[12], footer[13], footer[14], footer[15]]);
        let header = if footer[23] & 0x80 != 0 { 32 } else { 0 };
        end = end.checked_sub(u64::from(size) + header).filter(|&end| end > 256).unwrap_or(end);
    }
    if end < len {
        file.narrow(0, end);
    }
    Ok(())
}

/// Make the demuxer take comments and pictures for padding (FLAC metadata block types 4, 6 and 1).
pub(super) fn hide_flac_tags(file: &mut MediaFile) -> Result<(), StageError> {
    let mut patches = Vec::new();
    let mut at = 4;
    for _ in 0..1_000 {
        let Some([kind, a, b, c]) = file.bytes_at::<4>(at)? else {
            break;
        };
        if matches!(kind & 0x7f, 4 | 6) {
            patches.push((at, kind & 0x80 | 1));
        }
        if kind & 0x80 != 0 {
            break;
        }
        at += 4 + u64::from(u32::from_be_bytes([0, a, b, c]));
    }
    file.patch(patches);
    Ok(())
}

const SEGMENT: u64 = 0x1853_8067;
const SEEK_HEAD: u64 = 0x114d_9b74;
const CLUSTER: u64 = 0x1f43_b675;
/// Attachments and tags, and the last bytes of what makes other elements of them, ones that nobody knows.
const HIDDEN: [(u64, u8); 2] = [(0x1941_a469, 0x6a), (0x1254_c367, 0x66)];
/// Elements in front of the first cluster that are looked at.
const MAX_ELEMENTS: usize = 1_000;

/// Make the demuxer take the attachments of a Matroska file, fonts for the most part, and its tags for something that it
/// does not know and passes over.
pub(super) fn hide_matroska_tags(file: &mut MediaFile) -> Result<(), StageError> {
    let mut patches = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_ELEMENTS {
        let Some(found) = element(file, at)? else { break };
        let (body, len) = (found.body, found.len);
        match found.id {
            // Its children are next.
            SEGMENT => {
                at = body;
                continue;
            }
            CLUSTER => break,
            SEEK_HEAD => {
                let mut head = vec![0; usize::try_from(len.unwrap_or(0)).unwrap_or(usize::MAX).min(4_096)];
                let count = file.read_at(&mut head, body)?;
                // However the length of a SeekID is written, theirs are in it.
                for (id, other) in HIDDEN {
                    let entry = (id as u32).to_be_bytes();
                    let windows = head[..count].windows(entry.len()).enumerate();
                    let found = windows.filter(|(_, window)| *window == entry);
                    patches.extend(found.map(|(index, _)| (body + index as u64 + 3, other)));
                }
            }
            id => {
                patches.extend(HIDDEN.iter().filter(|hidden| hidden.0 == id).map(|hidden| (at + 3, hidden.1)))
            }
        }
        let Some(next) = found.end() else { break };
        at = next;
    }
    file.patch(patches);
    Ok(())
}
