//! FLAC (RFC 9639), a frame at a time through `flacenc`.

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};
use md5::{Digest, Md5};

use isocord_proto::frame::{CHANNELS, SAMPLE_RATE};

use super::about::Labels;
use super::comments::Comments;
use super::error::SinkError;
use super::lane::PcmWriter;
use super::output::OpenTarget;
use super::shape::SampleShape;

/// Samples in a frame, 85 ms.
const BLOCK: usize = 4_096;
const BLOCK_LEN: usize = BLOCK * CHANNELS;
const MAGIC: [u8; 4] = *b"fLaC";
/// Kinds of metadata blocks (RFC 9639, section 8.1).
const STREAM_INFO: u8 = 0;
const PADDING: u8 = 1;
const COMMENTS: u8 = 4;
const LAST: u8 = 0x80;
/// STREAMINFO has 36 bits for the number of samples; 0 says "unknown".
const MAX_SAMPLES: u64 = (1 << 36) - 1;

/// Writes a FLAC stream.
pub(crate) struct Flac {
    out: OpenTarget,
    shape: SampleShape,
    comments: Comments,
    config: Verified<config::Encoder>,
    info: StreamInfo,
    frame: FrameBuf,
    bits: ByteSink,
    /// What is gathered for a frame, as stereo, and what is made of it.
    pcm: Vec<i16>,
    integers: Vec<i32>,
    bytes: Vec<u8>,
    md5: Md5,
    frames: usize,
    samples: u64,
    /// Of the smallest and the biggest frame.
    sizes: Option<(u32, u32)>,
}

fn codec(error: impl std::fmt::Display) -> SinkError {
    SinkError::Codec(format!("FLAC: {error}"))
}

impl Flac {
    pub(crate) fn new(out: OpenTarget, shape: SampleShape, labels: Labels) -> Result<Self, SinkError> {
        let mut config = config::Encoder::default();
        config.block_size = BLOCK;
        // Fixed predictors take a quarter of the time of computed ones, for files some per cent bigger.
        config.subframe_coding.use_lpc = false;
        let config = config.into_verified().map_err(|(_, error)| codec(error))?;
        let (channels, bits) = (shape.channels(), shape.bits());
        let info = StreamInfo::new(SAMPLE_RATE as usize, channels, bits).map_err(codec)?;
        let frame = FrameBuf::with_size(channels, BLOCK).map_err(codec)?;
        let comments = Comments::new(labels, &out);
        let mut flac = Self {
            out,
            shape,
            comments,
            config,
            info,
            frame,
            bits: ByteSink::new(),
            pcm: Vec::with_capacity(BLOCK_LEN),
            integers: Vec::with_capacity(BLOCK_LEN),
            bytes: Vec::new(),
            md5: Md5::new(),
            frames: 0,
            samples: 0,
            sizes: None,
        };
        flac.out.put(&MAGIC)?;
        let head = [flac.stream_info([0; 16]), flac.comments()].concat();
        flac.out.put(&head)?;
        Ok(flac)
    }

    /// Writes what is gathered as one frame, or, where that finds no room, as much of its begin as does: no frame but
    /// the last is shorter than the others.
    fn encode(&mut self) -> Result<(), SinkError> {
        let whole = self.pcm.len() / CHANNELS;
        let mut samples = whole;
        while samples > 0 {
            let size = self.encode_first(samples)? as u64;
            let room = self.out.room();
            if size <= room {
                self.put(samples)?;
                break;
            }
            // A shorter frame may take some more for each sample.
            samples = (samples - 1).min((samples as u64 * room * 15 / (16 * size)) as usize);
        }
        self.pcm.clear();
        if samples < whole { Err(SinkError::Full) } else { Ok(()) }
    }

    /// Makes a frame of the first samples that are gathered; returns its bytes.
    fn encode_first(&mut self, samples: usize) -> Result<usize, SinkError> {
        self.frame.resize(samples);
        self.integers.clear();
        self.shape.integers(&self.pcm[..samples * CHANNELS], &mut self.integers);
        self.frame.fill_interleaved(&self.integers).map_err(codec)?;
        let frame = flacenc::encode_fixed_size_frame(&self.config, &self.frame, self.frames, &self.info)
            .map_err(codec)?;
        self.bits.clear();
        frame.write(&mut self.bits).map_err(codec)?;
        Ok(self.bits.as_slice().len())
    }

    fn put(&mut self, samples: usize) -> Result<(), SinkError> {
        let frame = self.bits.as_slice();
        let size = frame.len() as u32;
        self.out.put(frame)?;
        self.sizes = Some(self.sizes.map_or((size, size), |(min, max)| (min.min(size), max.max(size))));
        self.frames += 1;
        self.samples += samples as u64;
        self.bytes.clear();
        self.shape.write(&self.pcm[..samples * CHANNELS], &mut self.bytes);
        self.md5.update(&self.bytes);
        Ok(())
    }

    fn mend(&mut self, md5: [u8; 16]) -> Result<(), SinkError> {
        if self.out.seekable() {
            let info = self.stream_info(md5);
            self.out.patch(MAGIC.len() as u64, &info)?;
        }
        self.out.flush()
    }

    /// RFC 9639, section 8.2.
    fn stream_info(&self, md5: [u8; 16]) -> Vec<u8> {
        let samples = if self.samples <= MAX_SAMPLES { self.samples } else { 0 };
        let (min, max) = self.sizes.unwrap_or((0, 0));
        let (channels, bits) = (self.shape.channels() as u64, self.shape.bits() as u64);
        let mut info = [0; 34];
        info[0..2].copy_from_slice(&(BLOCK as u16).to_be_bytes());
        info[2..4].copy_from_slice(&(BLOCK as u16).to_be_bytes());
        info[4..7].copy_from_slice(&min.to_be_bytes()[1..]);
        info[7..10].copy_from_slice(&max.to_be_bytes()[1..]);
        let packed = u64::from(SAMPLE_RATE) << 44 | (channels - 1) << 41 | (bits - 1) << 36 | samples;
        info[10..18].copy_from_slice(&packed.to_be_bytes());
        info[18..].copy_from_slice(&md5);
        block(STREAM_INFO, &info)
    }

    /// What the file tells of itself; the two blocks always have the same length.
    fn comments(&self) -> Vec<u8> {
        let (comments, room) = self.comments.bytes(self.samples);
        [block(COMMENTS, &comments), block(LAST | PADDING, &vec![0; room])].concat()
    }
}

fn block(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = (content.len() as u32).to_be_bytes().to_vec();
    bytes[0] = kind;
    bytes.extend(content);
    bytes
}

impl PcmWriter for Flac {
    fn pcm(&mut self, mut pcm: &[i16]) -> Result<(), SinkError> {
        while !pcm.is_empty() {
            let (now, rest) = pcm.split_at(pcm.len().min(BLOCK_LEN - self.pcm.len()));
            self.pcm.extend_from_slice(now);
            pcm = rest;
            if self.pcm.len() == BLOCK_LEN {
                self.encode()?;
            }
        }
        Ok(())
    }

    fn silence(&mut self, mut samples: u64) -> Result<(), SinkError> {
        let zeros = [0; BLOCK_LEN];
        while samples > 0 {
            let step = samples.min(BLOCK as u64);
            self.pcm(&zeros[..CHANNELS * step as usize])?;
            samples -= step;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.mend([0; 16])
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let whole = match self.encode() {
            Err(error) if !matches!(error, SinkError::Full) => return Err(error),
            whole => whole,
        };
        if self.comments.has_more(self.samples) {
            let at = MAGIC.len() + self.stream_info([0; 16]).len();
            let comments = self.comments();
            self.out.patch(at as u64, &comments)?;
        }
        let md5 = std::mem::take(&mut self.md5).finalize().into();
        self.mend(md5)?;
        whole
    }

    fn len(&self) -> u64 {
        self.out.len()
    }

    fn samples(&self) -> u64 {
        self.samples
    }
}
