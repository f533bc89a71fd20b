//! A packet by reference to what it was read with: it goes from hand to hand, and is kept in many, without its bytes.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes that several may hold, and nobody changes: all of them, or a part.
#[derive(Clone, Default)]
pub struct Packet {
    /// None of an empty one, which comes and goes with each packet.
    bytes: Option<Arc<[u8]>>,
    at: u32,
    len: u32,
}

impl Packet {
    /// A part of what was read at once; an empty one where it does not reach so far.
    pub(crate) fn part(bytes: &Arc<[u8]>, range: Range<usize>) -> Self {
        let (at, len) = (u32::try_from(range.start), u32::try_from(range.len()));
        match (at, len) {
            (Ok(at), Ok(len)) if range.end <= bytes.len() => Self { bytes: Some(Arc::clone(bytes)), at, len },
            _ => Self::default(),
        }
    }
}

impl Deref for Packet {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.as_ref().map_or(&[], |bytes| &bytes[self.at as usize..][..self.len as usize])
    }
}

impl<B: Into<Arc<[u8]>>> From<B> for Packet {
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        Self::part(&bytes, 0..bytes.len())
    }
}

impl std::fmt::Debug for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packet({} bytes)", self.len)
    }
}
