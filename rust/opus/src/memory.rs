//! An encoder's block without the words that are zero: as long as music is coded, all of the speech coder is.

/// How an encoder was at some moment. It is used again without an allocation, unless there is more to remember than
/// ever before.
#[derive(Clone, Default)]
pub struct Memory {
    /// A bit for each word of the block: whether it is kept.
    kept: Vec<u64>,
    words: Vec<u128>,
}

impl Memory {
    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u128>() + self.kept.capacity() * size_of::<u64>()
    }

    pub(crate) fn keep(&mut self, block: &[u128]) {
        self.kept.clear();
        self.kept.reserve_exact(block.len().div_ceil(64));
        self.kept.extend(block.chunks(64).map(|words| {
            words.iter().enumerate().fold(0, |bits, (at, word)| bits | u64::from(*word != 0) << at)
        }));
        self.words.clear();
        self.words.reserve_exact(self.kept.iter().map(|bits| bits.count_ones() as usize).sum());
        self.words.extend(block.iter().filter(|word| **word != 0));
    }

    pub(crate) fn give(&self, block: &mut [u128]) {
        let mut words = self.words.iter();
        for (part, bits) in block.chunks_mut(64).zip(&self.kept) {
            for (at, word) in part.iter_mut().enumerate() {
                *word = if bits >> at & 1 == 1 { words.next().copied().unwrap_or(0) } else { 0 };
            }
        }
    }
}
