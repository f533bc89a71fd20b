//! WAVE, growing into RF64 (EBU Tech 3306) past 4 GiB, and headerless PCM.

use super::about::Labels;
use super::error::SinkError;
use super::lane::PcmWriter;
use super::output::OpenTarget;
use super::riff::{self, Head};
use super::shape::SampleShape;
use super::target::Encoding;

/// Writes a WAVE file.
pub(crate) struct Wav {
    out: OpenTarget,
    head: Head,
    labels: Labels,
    /// Bytes before the sound, and of it.
    header: u64,
    data: u64,
}

impl Wav {
    pub(crate) fn new(mut out: OpenTarget, shape: SampleShape, labels: Labels) -> Result<Self, SinkError> {
        let head = Head::new(shape, &labels);
        // Where the header cannot be mended later, its sizes say that they are unknown.
        let bytes = head.bytes(out.seekable().then_some((0, 0)));
        out.put(&bytes)?;
        // Chunks are padded to an even length.
        out.keep(shape.bytes() % 2);
        Ok(Self { out, head, labels, header: bytes.len() as u64, data: 0 })
    }

    /// Brings the header up to date; so many bytes lie behind the sound.
    fn mend(&mut self, behind: u64) -> Result<(), SinkError> {
        if self.out.seekable() {
            let bytes = self.head.bytes(Some((self.data, behind)));
            self.out.patch(0, &bytes)?;
        }
        self.out.flush()
    }
}

impl PcmWriter for Wav {
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        let result = self.out.put_samples(pcm, self.head.shape);
        self.data = self.out.len() - self.header;
        result
    }
    fn silence(&mut self, samples: u64) -> Result<(), SinkError> {
        let result = self.out.put_silence(samples, self.head.shape);
        self.data = self.out.len() - self.header;
        result
    }
    fn flush(&mut self) -> Result<(), SinkError> {
        self.mend(0)
    }
    fn finish(&mut self) -> Result<(), SinkError> {
        if !self.out.seekable() {
            return self.out.flush();
        }
        self.out.keep(0);
        let pad = vec![0; (self.data % 2) as usize];
        self.out.put(&pad)?;
        let cues = riff::cues(&self.labels.chapters(self.samples()));
        // A file that is full has no room for them.
        let behind = pad.len() + if self.out.put(&cues).is_ok() { cues.len() } else { 0 };
        self.mend(behind as u64)
    }
    fn len(&self) -> u64 {
        self.out.len()
    }
    fn samples(&self) -> u64 {
        self.data / self.head.shape.bytes()
    }
}

/// Writes s16le interleaved stereo and nothing else.
pub(crate) struct Raw(pub OpenTarget);

impl PcmWriter for Raw {
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        self.0.put_samples(pcm, SampleShape::default())
    }
    fn silence(&mut self, samples: u64) -> Result<(), SinkError> {
        self.0.put_silence(samples, SampleShape::default())
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
        let pair = SampleShape::default().bytes();
        self.0.process().map_or_else(|| self.0.len() / pair, Encoding::samples)
    }
}
