//! An encoder's block without the parts that are zero: as long as music is coded, all of the speech coder is.

/// A part of the block, 64 bytes.
pub(crate) type Part = [u128; 4];

/// How an encoder was at some moment. It is used again without an allocation, unless there is more to remember than
/// ever before.
#[derive(Default)]
pub struct Memory {
    /// A bit for each part of the block: whether it is kept.
    kept: Vec<u64>,
    parts: Vec<Part>,
}

impl Memory {
    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts.capacity() * size_of::<Part>() + self.kept.capacity() * size_of::<u64>()
    }

    pub(crate) fn keep(&mut self, block: &[Part]) {
        self.kept.clear();
        self.kept.reserve_exact(block.len().div_ceil(64));
        self.kept.extend(block.chunks(64).map(|parts| {
            parts.iter().enumerate().fold(0, |bits, (at, part)| bits | u64::from(!is_zero(part)) << at)
        }));
        self.parts.clear();
        self.parts.reserve_exact(self.kept.iter().map(|bits| bits.count_ones() as usize).sum());
        self.parts.extend(block.iter().filter(|part| !is_zero(part)));
    }

    pub(crate) fn give(&self, block: &mut [Part]) {
        let mut parts = self.parts.iter();
        for (room, bits) in block.chunks_mut(64).zip(&self.kept) {
            for (at, part) in room.iter_mut().enumerate() {
                *part = if bits >> at & 1 == 1 { parts.next().copied().unwrap_or_default() } else { [0; 4] };
            }
        }
    }
}

fn is_zero([a, b, c, d]: &Part) -> bool {
    a | b | c | d == 0
}
