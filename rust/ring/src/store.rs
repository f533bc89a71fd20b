//! The bytes of the frames, one behind the other, in atomic words: a consumer may read them while the producer writes,
//! and finds out afterwards.
//!
//! Frames are as long as they are, so there is no room for the longest one for each. They lie in blocks, which are made
//! when they are needed and then used again and again; a frame may begin in one and go on in another.

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
}

impl Place {
    fn from_bits(bits: u64) -> Self {
        Self { block: (bits >> 32) as u16, at: (bits >> 16) as u16, len: bits as u16 }
    }

    fn to_bits(self) -> u64 {
        u64::from(self.block) << 32 | u64::from(self.at) << 16 | u64::from(self.len)
    }
}

/// Words, and behind them the number of the block where the last frame in it goes on.
type Block = Box<[AtomicU64]>;

/// Room for `frames` frames of `WORDS` words at most.
pub(crate) struct Store<const WORDS: usize> {
    /// By the frame's number.
    places: Box<[AtomicU64]>,
    blocks: Box<[OnceLock<Block>]>,
}

impl<const WORDS: usize> Store<WORDS> {
    /// Words of a block: half of the longest frame, so that little is left empty.
    pub(crate) const BLOCK: usize = WORDS.div_ceil(2);

    pub(crate) fn new(frames: usize) -> Self {
        // What is before the oldest frame in its block is not free yet, nor is the block that the newest one filled.
        let blocks = (frames * WORDS).div_ceil(Self::BLOCK) + 2;
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
        let made = || (0..=Self::BLOCK).map(|_| AtomicU64::new(0)).collect();
        self.blocks[usize::from(block)].get_or_init(made)
    }

    /// Reads frame `number` into `out`, as far as it has room; returns the length.
    pub(crate) fn read(&self, number: u64, out: &mut [u8]) -> usize {
        let Place { mut block, at, len } = self.place(number);
        let len = usize::from(len).min(out.len());
        let (mut left, mut at) = (&mut out[..len], usize::from(at));
        while !left.is_empty() {
            // Of a frame that is being written anew any part may be seen, or none: it does not count.
            let Some(words) = self.blocks.get(usize::from(block)).and_then(OnceLock::get) else { break };
            let here;
            (here, left) = left.split_at_mut(left.len().min((Self::BLOCK - at) * 8));
            let (whole, rest) = here.as_chunks_mut::<8>();
            for (bytes, word) in whole.iter_mut().zip(&words[at..]) {
                *bytes = word.load(Relaxed).to_le_bytes();
            }
            if !rest.is_empty() {
                let last = words[at + whole.len()].load(Relaxed).to_le_bytes();
                rest.copy_from_slice(&last[..rest.len()]);
            }
            (block, at) = (words[Self::BLOCK].load(Relaxed) as u16, 0);
        }
        len
    }

    /// Has frame `number` brought near: where it lies, then its block, then its bytes.
    pub(crate) fn fetch(&self, number: u64, step: usize) {
        if step == 1 {
            return prefetch(self.entry(number));
        }
        let Place { block, at, len } = self.place(number);
        let Some(block) = self.blocks.get(usize::from(block)) else { return };
        if step == 2 {
            return prefetch(block);
        }
        if let Some(words) = block.get() {
            let (from, to) = (usize::from(at), usize::from(at) + usize::from(len).div_ceil(8));
            prefetch(&words[from.min(words.len())..to.min(words.len())]);
        }
    }

    fn entry(&self, number: u64) -> &AtomicU64 {
        &self.places[(number % self.places.len() as u64) as usize]
    }
}
