//! Where the picture of a file lies, so that it is read when it is asked for and not before.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

use super::super::budget::Meter;
use super::super::input::{Input, MediaFile};
use super::section::Section;

/// A larger cover is taken for none.
const MAX_COVER: u64 = 16 << 20;
/// What is read of the file for it, at most.
const MAX_RAW: u64 = MAX_COVER / 3 * 4 + (64 << 10);
/// A picture's head in FLAC: type, media type, description and sizes.
const MAX_HEAD: usize = 4_096;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Plain,
    Base64,
    /// A zero after each 0xff, as ID3 has it for players that look for sound in pictures.
    Unsynchronised,
}

/// The picture of a file, which has not been read yet.
#[derive(Debug)]
pub struct Cover {
    from: From,
    place: Place,
}

#[derive(Debug)]
enum From {
    File(MediaFile),
    /// It is asked for anew: what plays is not disturbed.
    Url(Input),
}

impl Cover {
    pub(crate) fn new(place: &Place, file: &MediaFile, url: Option<Input>) -> Self {
        let from = url.map_or_else(|| From::File(file.again(Meter::new())), From::Url);
        Self { from, place: place.clone() }
    }

    /// Its bytes, 16 MiB at most, as they are: JPEG or PNG as a rule. Waits for the disk, or the server.
    ///
    /// # Errors
    /// The system's, or the server's.
    pub fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match &self.from {
            From::File(file) => self.place.read(&file.again(Meter::new())),
            From::Url(input) => {
                let Some(input) = input.url() else { return Ok(None) };
                let name = input.place();
                self.place.read(&input.open(&name, Meter::new()).map_err(io::Error::other)?)
            }
        }
    }
}

/// Where a picture lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pieces: Vec<(u64, u64)>,
    coding: Coding,
    /// What comes before it in what is decoded, and how long it is.
    skip: u64,
    len: u64,
}

impl Place {
    /// Bytes as they stand.
    pub(super) fn plain(section: &Section<'_>, from: u64, len: u64) -> Option<Self> {
        let coding = Coding::Plain;
        Some(Self { pieces: section.places(from, len)?, coding, skip: 0, len }).filter(Self::is_fit)
    }

    /// In a tag that is unsynchronised as a whole; `skip` and `len` count without the zeros.
    pub(super) fn unsynchronised(tag: (u64, u64), skip: u64, len: u64) -> Option<Self> {
        Some(Self { pieces: vec![tag], coding: Coding::Unsynchronised, skip, len }).filter(Self::is_fit)
    }

    /// In a frame that is unsynchronised by itself: all from `skip` on.
    pub(super) fn unsynchronised_rest(frame: (u64, u64), skip: u64) -> Option<Self> {
        Self::unsynchronised(frame, skip, frame.1.saturating_sub(skip))
    }

    /// A picture of FLAC's (RFC 9639, 8.8) and its type.
    pub(super) fn flac(section: &Section<'_>, from: u64, len: u64) -> io::Result<Option<(u32, Self)>> {
        let head = section.bytes(from, len, MAX_HEAD)?;
        let Some((kind, skip, taken)) = flac_head(&head) else { return Ok(None) };
        let taken = taken.min(len.saturating_sub(skip));
        Ok(Self::plain(section, from + skip, taken).map(|place| (kind, place)))
    }

    /// The same as text, as Ogg's comments have it.
    pub(super) fn base64(section: &Section<'_>, from: u64, len: u64) -> io::Result<Option<(u32, Self)>> {
        let head = section.bytes(from, len, MAX_HEAD)?;
        let whole = head.len() / 4 * 4;
        let Ok(decoded) = BASE64.decode(&head[..whole]) else { return Ok(None) };
        let Some((kind, skip, taken)) = flac_head(&decoded) else { return Ok(None) };
        let Some(pieces) = section.places(from, len) else { return Ok(None) };
        let place = Self { pieces, coding: Coding::Base64, skip, len: taken };
        Ok(Some((kind, place)).filter(|(_, place)| place.is_fit()))
    }

    fn is_fit(&self) -> bool {
        let raw = self.pieces.iter().fold(0_u64, |sum, piece| sum.saturating_add(piece.1));
        (1..=MAX_COVER).contains(&self.len) && (1..=MAX_RAW).contains(&raw)
    }

    /// The picture; None where the file does not hold it as it says.
    pub(crate) fn read(&self, file: &MediaFile) -> io::Result<Option<Vec<u8>>> {
        let section = Section::of_pieces(file, self.pieces.clone());
        // Zeros are no room until something is read into them, and what the file does not hold is not asked for.
        let held = self.pieces.iter().filter(|piece| piece.0 < file.len());
        let held = held.fold(0_u64, |sum, piece| sum + piece.1.min(file.len() - piece.0));
        let raw = section.bytes(0, held.min(MAX_RAW), usize::MAX)?;
        let decoded = match self.coding {
            Coding::Plain => raw,
            Coding::Unsynchronised => synchronised(&raw),
            Coding::Base64 => match BASE64.decode(&raw) {
                Ok(decoded) => decoded,
                Err(_) => return Ok(None),
            },
        };
        let (from, len) = (self.skip as usize, self.len as usize);
        Ok(match decoded.len() == len && from == 0 {
            true => Some(decoded),
            false => {
                // Without its zeros it may be shorter than was thought.
                let end = from.saturating_add(len).min(decoded.len());
                decoded.get(from..end).filter(|cover| !cover.is_empty()).map(<[u8]>::to_vec)
            }
        })
    }
}

/// Without the zeros that were put in.
pub(super) fn synchronised(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut after_ones = false;
    for &byte in bytes {
        if !(after_ones && byte == 0) {
            out.push(byte);
        }
        after_ones = byte == 0xff;
    }
    out
}

/// Type, place and length of the picture behind this head.
fn flac_head(head: &[u8]) -> Option<(u32, u64, u64)> {
    let number = |at: usize| Some(u32::from_be_bytes(head.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let kind = number(0)?;
    let description = 8_usize.checked_add(number(4)? as usize)?;
    let sizes = description.checked_add(4)?.checked_add(number(description)? as usize)?;
    let len = number(sizes.checked_add(16)?)?;
    Some((kind, sizes as u64 + 20, u64::from(len)))
}
