//! The bytes of the frames, one behind the other, in atomic words: a consumer may read them while the producer writes,
//! and finds out afterwards.
//!
//! Frames are as long as they are, so there is no room for the longest one for each. They lie in blocks, which are made
//! when they are needed and then used again and again; a frame may begin in one and end in another.

use isocord_prefetch::prefetch;

use crate::sync::{AtomicU64, OnceLock, Ordering::Relaxed};

/// Where a frame lies.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// The block that it begins in.
    pub(crate) block: u16,
    /// Words before it in there.
    pub(crate) at: u16,
    /// Bytes of it.
    pub(crate) len: u16,
    /// The block where it goes on, if that one is too small for it.
    pub(crate) next: u16,
}

impl Place {
    fn from_bits(bits: u64) -> Self {
        Self {
            next: (bits >> 48) as u16,
            block: (bits >> 32) as u16,
            at: (bits >> 16) as u16,
            len: bits as u16,
        }
    }

    fn to_bits(self) -> u64 {
        let [next, block, at, len] = [self.next, self.block, self.at, self.len].map(u64::from);
        next << 48 | block << 32 | at << 16 | len
    }
}

type Block = Box<[AtomicU64]>;

/// Room for `frames` frames of `WORDS` words at most.
pub(crate) struct Store<const WORDS: usize> {
    /// By the frame's number.
    places: Box<[AtomicU64]>,
    blocks: Box<[OnceLock<Block>]>,
}

impl<const WORDS: usize> Store<WORDS> {
    /// Words of a block: so many that no frame needs more than two, and so few that little is left empty.
    pub(crate) const BLOCK: usize = WORDS;

    pub(crate) fn new(frames: usize) -> Self {
        // What is before the oldest frame in its block is not free yet, nor is the block that the newest one filled.
        let blocks = frames + 2;
        Self {
            places: (0..frames).map(|_| AtomicU64::new(0)).collect(),
            blocks: (0..blocks).map(|_| OnceLock::new()).collect(),
        }
    }

    /// How many blocks there may be.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Where frame `number` lies.
    pub(crate) fn place(&self, number: u64) -> Place {
        Place::from_bits(self.entry(number).load(Relaxed))
    }

    /// Says where frame `number` lies.
    pub(crate) fn set_place(&self, number: u64, place: Place) {
        self.entry(number).store(place.to_bits(), Relaxed);
    }

    /// The words of a block, made for whoever writes to it first.
    pub(crate) fn block(&self, block: u16) -> &[AtomicU64] {
        let made = || (0..Self::BLOCK).map(|_| AtomicU64::new(0)).collect();
        self.blocks[usize::from(block)].get_or_init(made)
    }

    /// Reads frame `number` into `out`, as far as it has room; returns the length.
    pub(crate) fn read(&self, number: u64, out: &mut [u8]) -> usize {
        let place = self.place(number);
        let len = usize::from(place.len).min(out.len());
        let (here, rest) = out[..len].split_at_mut(len.min(Self::left(place.at) * 8));
        // Of a frame that is being written anew any part may be seen, or none: it does not count.
        if let Some(words) = self.made(place.block) {
            copy(words.get(usize::from(place.at)..).unwrap_or_default(), here);
        }
        if let (false, Some(words)) = (rest.is_empty(), self.made(place.next)) {
            copy(words, rest);
        }
        len
    }

    /// Has frame `number` brought near: where it lies, then its blocks, then its bytes.
    pub(crate) fn fetch(&self, number: u64, step: usize) {
        if step == 1 {
            return prefetch(self.entry(number));
        }
        let Place { block, at, len, next } = self.place(number);
        let (from, len) = (usize::from(at), usize::from(len).div_ceil(8));
        let here = len.min(Self::left(at));
        for (block, words) in [(block, from..from + here), (next, 0..len - here)] {
            match self.blocks.get(usize::from(block)) {
                Some(block) if step == 2 => prefetch(block),
                Some(block) => prefetch(block.get().and_then(|block| block.get(words)).unwrap_or_default()),
                None => {}
            }
        }
    }

    /// Words of a block from one on.
    fn left(at: u16) -> usize {
        Self::BLOCK.saturating_sub(usize::from(at))
    }

    fn made(&self, block: u16) -> Option<&Block> {
        self.blocks.get(usize::from(block))?.get()
    }

    fn entry(&self, number: u64) -> &AtomicU64 {
        &self.places[(number % self.places.len() as u64) as usize]
    }
}

/// Copies words to bytes, as far as there are both.
fn copy(words: &[AtomicU64], out: &mut [u8]) {
    let (whole, rest) = out.as_chunks_mut::<8>();
    for (bytes, word) in whole.iter_mut().zip(words) {
        *bytes = word.load(Relaxed).to_le_bytes();
    }
    if let (false, Some(word)) = (rest.is_empty(), words.get(whole.len())) {
        rest.copy_from_slice(&word.load(Relaxed).to_le_bytes()[..rest.len()]);
    }
}
