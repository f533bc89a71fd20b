//! The one thing that Matroska is made of: elements (RFC 8794, 5 and 6).

use std::io;

use super::input::MediaFile;

/// Where an element stands.
pub(super) struct Element {
    /// With its marker.
    pub(super) id: u64,
    pub(super) body: u64,
    /// None where it goes on until something of a higher level comes.
    pub(super) len: Option<u64>,
}

impl Element {
    /// Where the next element of its level begins.
    pub(super) fn end(&self) -> Option<u64> {
        self.body.checked_add(self.len?)
    }
}

/// The element at `at`; None where there is none.
pub(super) fn element(file: &MediaFile, at: u64) -> io::Result<Option<Element>> {
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
    let len = Some(size & mask).filter(|&size| size != mask);
    Ok(Some(Element { id, body: at + (id_len + size_len) as u64, len }))
}
