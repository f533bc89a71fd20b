//! How the samples of a WAV or FLAC file are kept.

use isocord_proto::frame::CHANNELS;

/// What a sample is. The sound that is decoded has 16 bits; tools may want it in more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// 16 bits.
    #[default]
    S16,
    /// 24 bits.
    S24,
    /// 32-bit floating point, 1.0 at full scale; WAV only.
    F32,
}

/// Channels and depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SampleShape {
    /// One channel, the mean of both.
    pub mono: bool,
    /// What a sample is.
    pub depth: Depth,
}

impl SampleShape {
    pub(crate) fn channels(self) -> usize {
        if self.mono { 1 } else { CHANNELS }
    }

    pub(crate) fn bits(self) -> usize {
        match self.depth {
            Depth::S16 => 16,
            Depth::S24 => 24,
            Depth::F32 => 32,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        self.depth == Depth::F32
    }

    /// Of the samples of all channels at one moment.
    pub(crate) fn bytes(self) -> u64 {
        (self.channels() * self.bits() / 8) as u64
    }

    /// The samples of one file from those of stereo: twice as big where there is one channel.
    fn each(self, pcm: &[i16], mut take: impl FnMut(i32)) {
        if self.mono {
            pcm.chunks_exact(CHANNELS).for_each(|pair| take(pair.iter().copied().map(i32::from).sum()));
        } else {
            pcm.iter().for_each(|&sample| take(2 * i32::from(sample)));
        }
    }

    /// Integers of [`Self::bits`], interleaved.
    pub(crate) fn integers(self, pcm: &[i16], to: &mut Vec<i32>) {
        let (up, half) = if self.depth == Depth::S24 { (7, 0) } else { (0, 1) };
        self.each(pcm, |doubled| to.push((doubled << up) >> half));
    }

    /// Little-endian bytes, interleaved.
    pub(crate) fn write(self, pcm: &[i16], to: &mut Vec<u8>) {
        match self.depth {
            Depth::S16 if !self.mono => to.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes())),
            Depth::S16 => self.each(pcm, |doubled| to.extend(((doubled >> 1) as i16).to_le_bytes())),
            Depth::S24 => self.each(pcm, |doubled| to.extend_from_slice(&(doubled << 7).to_le_bytes()[..3])),
            Depth::F32 => self.each(pcm, |doubled| to.extend((doubled as f32 / 65_536.0).to_le_bytes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_says_the_same() {
        let pcm = [i16::MIN, i16::MIN, 100, 101, i16::MAX, i16::MAX];
        for mono in [false, true] {
            for depth in [Depth::S16, Depth::S24, Depth::F32] {
                let shape = SampleShape { mono, depth };
                let mut bytes = Vec::new();
                shape.write(&pcm, &mut bytes);
                assert_eq!(bytes.len() as u64, 3 * shape.bytes());
                let width = shape.bits() / 8;
                let found: Vec<f64> = bytes
                    .chunks_exact(width)
                    .map(|one| match depth {
                        Depth::F32 => f64::from(f32::from_le_bytes(one.try_into().unwrap())),
                        _ => {
                            let mut word = [0; 4];
                            word[4 - width..].copy_from_slice(one);
                            f64::from(i32::from_le_bytes(word)) / 2_147_483_648.0
                        }
                    })
                    .collect();
                let middle = if depth == Depth::S16 { 100.0 } else { 100.5 };
                let expected =
                    if mono { vec![-32_768.0, middle, 32_767.0] } else { pcm.map(f64::from).to_vec() };
                assert_eq!(found, expected.iter().map(|value| value / 32_768.0).collect::<Vec<_>>());
                if depth != Depth::F32 {
                    let mut integers = Vec::new();
                    shape.integers(&pcm, &mut integers);
                    let scale = f64::from(1 << (shape.bits() - 1));
                    let integers: Vec<f64> = integers.iter().map(|&one| f64::from(one) / scale).collect();
                    assert_eq!(integers, found);
                }
            }
        }
    }
}
