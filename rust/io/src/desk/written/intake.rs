//! Bytes to samples, however they are cut.

use symphonia::core::audio::Channels;

use super::sound::Pair;
use crate::dsp::StereoMatrix;

/// What the bytes are, little-endian and interleaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 16 bits, signed.
    S16,
    /// 32 bits, floating point, from -1.0 to 1.0.
    F32,
}

impl Format {
    const fn width(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::F32 => 4,
        }
    }
}

/// Makes stereo of what comes. Bytes of a sample that is not whole yet wait for the rest of it.
pub(super) struct Intake {
    format: Format,
    channels: usize,
    /// None for what is stereo, or mono, as it comes.
    matrix: Option<StereoMatrix>,
    waiting: Vec<u8>,
}

impl Intake {
    pub(super) fn new(format: Format, channels: u16) -> Self {
        let matrix = (channels > 2).then(|| StereoMatrix::new(&Channels::Discrete(channels)));
        Self { format, channels: usize::from(channels), matrix, waiting: Vec::new() }
    }

    /// Bytes of one sample of all channels.
    pub(super) fn block(&self) -> usize {
        self.format.width() * self.channels
    }

    /// How many of so many bytes can be taken where there is room for that many pairs.
    pub(super) fn fits(&self, bytes: usize, room: usize) -> usize {
        let whole = (self.waiting.len() + bytes) / self.block();
        if whole <= room { bytes } else { (room * self.block()).saturating_sub(self.waiting.len()) }
    }

    /// What so many bytes come to, in pairs.
    pub(super) fn pairs(&self, bytes: usize) -> usize {
        (self.waiting.len() + bytes) / self.block()
    }

    /// Takes bytes in and gives the pairs that are whole.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut give: impl FnMut(Pair)) {
        let block = self.block();
        if !self.waiting.is_empty() {
            let missing = (block - self.waiting.len()).min(bytes.len());
            self.waiting.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.waiting.len() < block {
                return;
            }
            give(self.pair(&self.waiting));
            self.waiting.clear();
        }
        let blocks = bytes.chunks_exact(block);
        self.waiting.extend_from_slice(blocks.remainder());
        blocks.for_each(|block| give(self.pair(block)));
    }

    /// Forgets a sample that is not whole.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    fn pair(&self, block: &[u8]) -> Pair {
        let mut samples = block.chunks_exact(self.format.width()).map(|bytes| match *bytes {
            [low, high] => f32::from(i16::from_le_bytes([low, high])) / 32_768.0,
            [one, two, three, four] => sane(f32::from_le_bytes([one, two, three, four])),
            _ => 0.0,
        });
        let mut pair = [0.0; 2];
        match &self.matrix {
            Some(matrix) => {
                for ((left, right), sample) in matrix.gains().iter().zip(samples) {
                    pair[0] += left * sample;
                    pair[1] += right * sample;
                }
            }
            None if self.channels == 1 => pair = [samples.next().unwrap_or_default(); 2],
            None => pair.iter_mut().zip(samples).for_each(|(out, sample)| *out = sample),
        }
        pair
    }
}

/// What is louder than can be is cut, and what is no number is silence.
fn sane(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) }
}
