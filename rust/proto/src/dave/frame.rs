//! The layout of a DAVE frame (whitepaper, "Payload Format") and the check whether bytes are one.
//!
//! `media | 8-byte tag | ULEB128 nonce | ULEB128 ranges | supplemental size | FA FA`

use super::cipher::TAG_LEN;
use super::uleb128;

/// The Opus frame that receivers let pass unencrypted, as voice servers put it in (whitepaper, "Silence Packets").
pub use crate::frame::SILENCE;

/// The most bytes that sealing adds to an Opus frame.
pub const MAX_OVERHEAD: usize = TAG_LEN + uleb128::MAX_LEN + SIZE_AND_MARKER;

const MARKER: [u8; 2] = [0xfa, 0xfa];

/// One byte of supplemental size and the marker.
const SIZE_AND_MARKER: usize = 1 + MARKER.len();

/// A byte range of the media that travels unencrypted but authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub start: usize,
    pub end: usize,
}

/// A frame taken apart; nothing in it has been authenticated.
pub(super) struct Frame<'a> {
    /// The interleaved media: ciphertext, and the unencrypted ranges in their places.
    pub media: &'a [u8],
    pub tag: &'a [u8; TAG_LEN],
    pub nonce: u32,
    ranges: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The protocol frame check. `None` where the bytes are no DAVE frame.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (rest, marker) = bytes.split_last_chunk::<2>()?;
        let (&size, before) = rest.split_last()?;
        if *marker != MARKER {
            return None;
        }
        let supplemental = usize::from(size).checked_sub(SIZE_AND_MARKER)?;
        let (media, supplemental) = before.split_at_checked(before.len().checked_sub(supplemental)?)?;
        let (tag, numbers) = supplemental.split_first_chunk::<TAG_LEN>()?;
        let (nonce, nonce_len) = uleb128::decode(numbers)?;
        let frame = Self { media, tag, nonce: nonce.try_into().ok()?, ranges: &numbers[nonce_len..] };
        frame.has_valid_ranges().then_some(frame)
    }

    /// Whether all of the media is encrypted, as it is in every Opus frame.
    pub fn is_fully_encrypted(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The unencrypted ranges in ascending order, none overlapping, all inside the media.
    pub fn ranges(&self) -> impl Iterator<Item = Range> + '_ {
        let mut rest = self.ranges;
        core::iter::from_fn(move || {
            let (range, len) = read_range(rest)?;
            rest = &rest[len..];
            Some(range)
        })
    }

    fn has_valid_ranges(&self) -> bool {
        let mut rest = self.ranges;
        let mut end = 0;
        while !rest.is_empty() {
            let Some((range, len)) = read_range(rest) else { return false };
            if range.start < end || range.end > self.media.len() {
                return false;
            }
            end = range.end;
            rest = &rest[len..];
        }
        true
    }
}

fn read_range(bytes: &[u8]) -> Option<(Range, usize)> {
    let (start, start_len) = uleb128::decode(bytes)?;
    let (size, size_len) = uleb128::decode(&bytes[start_len..])?;
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    Some((Range { start, end }, start_len + size_len))
}

/// The number of bytes behind the ciphertext of a fully encrypted frame.
pub(super) const fn trailer_len(nonce: u32) -> usize {
    TAG_LEN + uleb128::len(nonce) + SIZE_AND_MARKER
}

/// Writes what stands behind the ciphertext; `out` has exactly [`trailer_len`] bytes.
pub(super) fn write_trailer(nonce: u32, tag: &[u8; TAG_LEN], out: &mut [u8]) {
    let size = out.len() as u8;
    let mut number = [0; uleb128::MAX_LEN];
    let number_len = uleb128::encode(nonce, &mut number);
    let (tag_out, rest) = out.split_at_mut(TAG_LEN);
    let (number_out, rest) = rest.split_at_mut(number_len);
    tag_out.copy_from_slice(tag);
    number_out.copy_from_slice(&number[..number_len]);
    rest[0] = size;
    rest[1..].copy_from_slice(&MARKER);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(media: &[u8], nonce: u32, ranges: &[u8]) -> Vec<u8> {
        let mut bytes = media.to_vec();
        bytes.extend([9; TAG_LEN]);
        let mut number = [0; uleb128::MAX_LEN];
        let len = uleb128::encode(nonce, &mut number);
        bytes.extend(&number[..len]);
        bytes.extend(ranges);
        bytes.push((TAG_LEN + len + ranges.len() + SIZE_AND_MARKER) as u8);
        bytes.extend(MARKER);
        bytes
    }

    #[test]
    fn ranges_must_ascend_and_stay_inside() {
        let media = [1; 20];
        for (ranges, valid) in [
            (&[0u8, 1][..], true),
            (&[0, 1, 1, 2], true),
            (&[18, 2], true),
            (&[0, 21], false),
            (&[5, 5, 9, 1], false),
            (&[9, 1, 5, 1], false),
            (&[5], false),
            (&[0x80], false),
        ] {
            assert_eq!(Frame::parse(&frame(&media, 7, ranges)).is_some(), valid, "{ranges:?}");
        }
    }

    #[test]
    fn sizes_that_lie_are_refused() {
        let good = frame(&[1; 10], 7, &[]);
        for size in (0..TAG_LEN as u8 + 4).chain([23, 255]) {
            let mut bad = good.clone();
            let at = bad.len() - 3;
            bad[at] = size;
            assert!(Frame::parse(&bad).is_none() || size == 12, "{size}");
        }
        assert!(Frame::parse(&good[1..]).is_some());
        assert!(Frame::parse(&[0xfa, 0xfa]).is_none());
        assert!(Frame::parse(&SILENCE).is_none());
    }

    proptest! {
        #[test]
        fn a_trailer_is_read_back(media: Vec<u8>, nonce: u32, tag: [u8; TAG_LEN]) {
            let mut bytes = media.clone();
            bytes.resize(media.len() + trailer_len(nonce), 0);
            write_trailer(nonce, &tag, &mut bytes[media.len()..]);
            let frame = Frame::parse(&bytes).unwrap();
            prop_assert_eq!(frame.media, &media[..]);
            prop_assert_eq!((frame.nonce, frame.tag), (nonce, &tag));
            prop_assert!(frame.is_fully_encrypted());
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>, marked: bool) {
            if marked {
                bytes.extend(MARKER);
            }
            if let Some(frame) = Frame::parse(&bytes) {
                prop_assert!(frame.ranges().all(|range| range.end <= frame.media.len()));
            }
        }
    }
}
