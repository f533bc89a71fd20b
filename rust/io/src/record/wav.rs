//! WAVE (16-bit PCM), growing into RF64 (EBU Tech 3306) past 4 GiB, and headerless PCM.

use isocord_proto::frame::{CHANNELS, SAMPLE_RATE};

use super::error::SinkError;
use super::lane::PcmWriter;
use super::output::{OpenTarget, PAIR};
use super::target::Encoding;

/// RIFF, JUNK or ds64, fmt, data.
const HEADER: u64 = 12 + 36 + 24 + 8;
/// In a 32-bit size: look in ds64, or, without one, "until the end".
const UNKNOWN: u32 = u32::MAX;

/// Writes a WAVE file.
pub(crate) struct Wav {
    out: OpenTarget,
}

impl Wav {
    pub(crate) fn new(mut out: OpenTarget) -> Result<Self, SinkError> {
        // Where the header cannot be mended later, its sizes say that they are unknown.
        let header = if out.seekable() { header(0) } else { open_header() };
        out.put(&header)?;
        Ok(Self { out })
    }

    fn mend(&mut self) -> Result<(), SinkError> {
        if self.out.seekable() {
            let data = self.out.len() - HEADER;
            self.out.patch(0, &header(data))?;
        }
        self.out.flush()
    }
}

fn open_header() -> Vec<u8> {
    build(*b"RIFF", UNKNOWN, None, UNKNOWN)
}

fn header(data: u64) -> Vec<u8> {
    let riff = data + HEADER - 8;
    match u32::try_from(riff) {
        Ok(size) if size < UNKNOWN => build(*b"RIFF", size, None, data as u32),
        _ => build(*b"RF64", UNKNOWN, Some((riff, data)), UNKNOWN),
    }
}

fn build(tag: [u8; 4], riff: u32, large: Option<(u64, u64)>, data: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER as usize);
    bytes.extend(tag);
    bytes.extend(riff.to_le_bytes());
    bytes.extend(b"WAVE");
    bytes.extend(if large.is_some() { b"ds64" } else { b"JUNK" });
    bytes.extend(28u32.to_le_bytes());
    let (riff_size, data_size) = large.unwrap_or((0, 0));
    bytes.extend(riff_size.to_le_bytes());
    bytes.extend(data_size.to_le_bytes());
    bytes.extend((data_size / PAIR).to_le_bytes());
    // No table of other large chunks.
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(b"fmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.extend((CHANNELS as u16).to_le_bytes());
    bytes.extend(SAMPLE_RATE.to_le_bytes());
    bytes.extend((SAMPLE_RATE * PAIR as u32).to_le_bytes());
    bytes.extend((PAIR as u16).to_le_bytes());
    bytes.extend(16u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(data.to_le_bytes());
    bytes
}

impl PcmWriter for Wav {
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        self.out.put_samples(pcm)
    }
    fn silence(&mut self, samples: u64) -> Result<(), SinkError> {
        self.out.put_silence(samples)
    }
    fn flush(&mut self) -> Result<(), SinkError> {
        self.mend()
    }
    fn finish(&mut self) -> Result<(), SinkError> {
        self.mend()
    }
    fn len(&self) -> u64 {
        self.out.len()
    }
    fn samples(&self) -> u64 {
        (self.out.len() - HEADER) / PAIR
    }
}

/// Writes s16le interleaved stereo and nothing else.
pub(crate) struct Raw(pub OpenTarget);

impl PcmWriter for Raw {
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        self.0.put_samples(pcm)
    }
    fn silence(&mut self, samples: u64) -> Result<(), SinkError> {
        self.0.put_silence(samples)
    }
    fn flush(&mut self) -> Result<(), SinkError> {
        self.0.flush()
    }
    fn finish(&mut self) -> Result<(), SinkError> {
        self.0.close()
    }
    fn len(&self) -> u64 {
        self.0.len()
    }
    fn samples(&self) -> u64 {
        self.0.process().map_or_else(|| self.0.len() / PAIR, Encoding::samples)
    }
}
