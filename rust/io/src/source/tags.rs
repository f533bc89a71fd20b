//! Tags, pictures and fonts that a demuxer need not see.

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

/// Make the demuxer take pictures for padding (FLAC metadata block types 6 and 1).
pub(super) fn hide_flac_pictures(file: &mut MediaFile) -> Result<(), StageError> {
    let mut patches = Vec::new();
    let mut at = 4;
    for _ in 0..1_000 {
        let Some([kind, a, b, c]) = file.bytes_at::<4>(at)? else {
            break;
        };
        if kind & 0x7f == 6 {
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
const ATTACHMENTS: u64 = 0x1941_a469;
/// What makes another element of it, one that nobody knows.
const NO_ATTACHMENTS: u8 = 0x6a;
/// Elements in front of the first cluster that are looked at.
const MAX_ELEMENTS: usize = 1_000;

/// Make the demuxer take the attachments of a Matroska file, fonts for the most part, for something that it does not
/// know and passes over.
pub(super) fn hide_matroska_attachments(file: &mut MediaFile) -> Result<(), StageError> {
    let mut patches = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_ELEMENTS {
        let Some((id, body, len)) = ebml_header(file, at)? else { break };
        match id {
            // Its children are next.
            SEGMENT => {
                at = body;
                continue;
            }
            CLUSTER => break,
            ATTACHMENTS => patches.push((at + 3, NO_ATTACHMENTS)),
            SEEK_HEAD => {
                let mut head = vec![0; usize::try_from(len.unwrap_or(0)).unwrap_or(usize::MAX).min(4_096)];
                let count = file.read_at(&mut head, body)?;
                // A SeekID of four bytes with the attachments' in it.
                let entry = [0x53, 0xab, 0x84, 0x19, 0x41, 0xa4, 0x69];
                let windows = head[..count].windows(entry.len()).enumerate();
                let found = windows.filter(|(_, window)| *window == entry);
                patches.extend(found.map(|(index, _)| (body + index as u64 + 6, NO_ATTACHMENTS)));
            }
            _ => {}
        }
        let Some(next) = len.and_then(|len| body.checked_add(len)) else { break };
        at = next;
    }
    file.patch(patches);
    Ok(())
}

/// An EBML element's ID with its marker, where its body begins, and how long that is if it is known (RFC 8794, 5 and 6).
fn ebml_header(file: &MediaFile, at: u64) -> Result<Option<(u64, u64, Option<u64>)>, StageError> {
    let mut head = [0; 12];
    let count = file.read_at(&mut head, at)?;
    let number = |from: usize, longest: usize| {
        let bytes = head[..count].get(from..)?;
        let len = bytes.first()?.leading_zeros() as usize + 1;
        let value = bytes.get(..len).filter(|_| len <= longest)?;
        Some((value.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)), len))
    };
    let Some((id, id_len)) = number(0, 4) else { return Ok(None) };
    let Some((size, size_len)) = number(id_len, 8) else { return Ok(None) };
    let mask = (1_u64 << (7 * size_len)) - 1;
    let size = Some(size & mask).filter(|&size| size != mask);
    Ok(Some((id, at + (id_len + size_len) as u64, size)))
}
