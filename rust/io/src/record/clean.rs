//! What is done to one user's sound before it is written: noise taken out, loudness evened.
//!
//! It takes a row of sound and gives one of the same length, sample for sample in its place: what it is late by is
//! made good at the beginning and at the end of what is said.

use isocord_proto::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES, SAMPLE_RATE};

use super::error::SinkError;
use super::lane::{Lane, TrackLane, Unpacker};
use crate::dsp::denoise::{DELAY, Denoiser};
use crate::dsp::filters::{Filter, normalizer};
use crate::dsp::limiter::{Limiter, peaks};

/// A gap is heard as silence for so long; after that all is at rest.
const TAIL: u64 = SAMPLE_RATE as u64 / 2;
const SCALE: f32 = 32_768.0;
/// The least and the greatest loudness that may be asked for, in LUFS.
const LOUDNESS: std::ops::RangeInclusive<f64> = -40.0..=-5.0;

type Result<T> = std::result::Result<T, SinkError>;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cleaning {
    /// What is no voice is taken out.
    pub denoise: bool,
    /// The loudness that is sought, in LUFS (EBU R 128).
    pub normalize: Option<f64>,
}

impl Cleaning {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self.normalize {
            Some(loudness) if !LOUDNESS.contains(&loudness) => {
                Err(SinkError::Option("a loudness lies between -40 and -5 LUFS"))
            }
            _ => Ok(()),
        }
    }
}

/// Of one user.
pub(crate) struct Cleaner {
    denoiser: Option<Denoiser>,
    normalizer: Option<(Box<dyn Filter>, Limiter)>,
    unpacker: Unpacker,
    /// Less than a frame that waits for the rest.
    gathered: Vec<i16>,
    block: Vec<f32>,
    out: Vec<i16>,
    /// Samples that come out first and were never put in.
    early: u64,
    /// Samples put in that have not come out.
    lag: u64,
    at_rest: bool,
}

impl Cleaner {
    /// None if nothing is to be done. `own` is our own voice, which is as clean as it was made.
    pub(crate) fn new(cleaning: Cleaning, own: bool) -> Option<Self> {
        let cleaning = Cleaning { denoise: cleaning.denoise && !own, ..cleaning };
        if cleaning.is_none() {
            return None;
        }
        Some(Self {
            denoiser: cleaning.denoise.then(Denoiser::new),
            normalizer: cleaning.normalize.map(|target| (normalizer(target), Limiter::new())),
            unpacker: Unpacker::default(),
            gathered: Vec::with_capacity(FRAME_LEN),
            block: Vec::with_capacity(FRAME_LEN),
            out: Vec::with_capacity(FRAME_LEN),
            early: 0,
            lag: 0,
            at_rest: true,
        })
    }

    /// Samples that were put in and have not come out.
    pub(crate) fn lag(&self) -> u64 {
        self.lag
    }

    /// Has all come out that was put in.
    pub(crate) fn flush(&mut self, to: &mut dyn Lane) -> Result<()> {
        if self.at_rest {
            return Ok(());
        }
        while self.lag > 0 {
            let room = FRAME_LEN - self.gathered.len();
            self.gathered.resize(self.gathered.len() + room, 0);
            let most = self.lag;
            self.frame(most, to)?;
        }
        self.gathered.clear();
        self.at_rest = true;
        Ok(())
    }

    fn put(&mut self, mut pcm: &[i16], to: &mut dyn Lane) -> Result<()> {
        if std::mem::take(&mut self.at_rest) {
            self.early = if self.denoiser.is_some() { DELAY as u64 } else { 0 };
        }
        self.lag += (pcm.len() / CHANNELS) as u64;
        while !pcm.is_empty() {
            let (now, rest) = pcm.split_at(pcm.len().min(FRAME_LEN - self.gathered.len()));
            self.gathered.extend_from_slice(now);
            pcm = rest;
            if self.gathered.len() == FRAME_LEN {
                self.frame(u64::MAX, to)?;
            }
        }
        Ok(())
    }

    /// Works on the frame that is gathered; of what comes out the first `most` samples are given.
    fn frame(&mut self, most: u64, to: &mut dyn Lane) -> Result<()> {
        self.block.clear();
        self.block.extend(self.gathered.drain(..).map(f32::from));
        if let (Some(denoiser), Ok(block)) = (&mut self.denoiser, self.block.as_mut_slice().try_into()) {
            denoiser.process(block);
        }
        if let Some((normalizer, limiter)) = &mut self.normalizer {
            self.block.iter_mut().for_each(|sample| *sample /= SCALE);
            normalizer.process(&mut self.block);
            if let Ok(block) = <&mut [f32; FRAME_LEN]>::try_from(self.block.as_mut_slice()) {
                let here = peaks(block);
                limiter.limit(block, &here, None);
            }
            self.block.iter_mut().for_each(|sample| *sample *= SCALE);
        }
        self.out.clear();
        // Casts saturate.
        self.out.extend(self.block.iter().map(|sample| sample.round() as i16));
        let skip = self.early.min(FRAME_SAMPLES as u64);
        self.early -= skip;
        let given = (FRAME_SAMPLES as u64 - skip).min(most);
        self.lag -= given;
        let first = CHANNELS * skip as usize;
        to.pcm(&self.out[first..first + CHANNELS * given as usize])
    }
}

/// A cleaner on its way into a lane.
pub(crate) struct Cleaned<'a> {
    pub cleaner: &'a mut Cleaner,
    pub to: &'a mut dyn Lane,
}

impl Lane for Cleaned<'_> {
    fn gap(&mut self, mut samples: u64) -> Result<()> {
        if !self.cleaner.at_rest {
            let zeros = [0; FRAME_LEN];
            let mut tail = samples.min(TAIL);
            samples -= tail;
            while tail > 0 {
                let step = tail.min(FRAME_SAMPLES as u64);
                self.cleaner.put(&zeros[..CHANNELS * step as usize], self.to)?;
                tail -= step;
            }
            if samples == 0 {
                return Ok(());
            }
            self.cleaner.flush(self.to)?;
        }
        self.to.gap(samples)
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<()> {
        self.cleaner.put(pcm, self.to)
    }

    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<()> {
        let mut unpacker = std::mem::take(&mut self.cleaner.unpacker);
        let decoded = unpacker.decode(packet, samples);
        let result = decoded.and_then(|pcm| self.cleaner.put(&pcm[CHANNELS * behind as usize..], self.to));
        self.cleaner.unpacker = unpacker;
        result
    }
}

/// A track that is cleaned.
pub(crate) struct CleanLane {
    cleaner: Cleaner,
    inner: Box<dyn TrackLane>,
}

impl CleanLane {
    pub(crate) fn new(cleaner: Cleaner, inner: Box<dyn TrackLane>) -> Self {
        Self { cleaner, inner }
    }

    fn cleaned(&mut self) -> Cleaned<'_> {
        Cleaned { cleaner: &mut self.cleaner, to: &mut *self.inner }
    }
}

impl Lane for CleanLane {
    fn gap(&mut self, samples: u64) -> Result<()> {
        self.cleaned().gap(samples)
    }
    fn pcm(&mut self, pcm: &[i16]) -> Result<()> {
        self.cleaned().pcm(pcm)
    }
    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<()> {
        self.cleaned().opus(packet, samples, behind)
    }
}

impl TrackLane for CleanLane {
    fn flush(&mut self) -> Result<()> {
        self.inner.flush()
    }
    fn finish(&mut self) -> Result<()> {
        let whole = self.cleaner.flush(&mut *self.inner);
        let finished = self.inner.finish();
        whole.and(finished)
    }
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn samples(&self) -> u64 {
        self.inner.samples()
    }
}

#[cfg(test)]
mod tests;
