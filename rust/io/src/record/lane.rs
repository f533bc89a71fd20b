//! From frames to what a format takes, and the way into PCM formats, which get Opus decoded.

use isocord_proto::opus::{Decoder, MAX_DECODED_LEN};

use super::error::SinkError;

/// Takes an unbroken row of sound.
pub(crate) trait Lane {
    fn gap(&mut self, samples: u64) -> Result<(), SinkError>;
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError>;
    /// The first `behind` of the packet's `samples` are there already.
    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<(), SinkError>;
}

/// Writes PCM into a format, incrementally. What finds no room in the file, its end considered, is left out and
/// [`SinkError::Full`] says so.
pub(crate) trait PcmWriter: Send {
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError>;
    fn silence(&mut self, samples: u64) -> Result<(), SinkError>;
    /// Makes the target readable up to here.
    fn flush(&mut self) -> Result<(), SinkError>;
    /// Called once; the file is whole afterwards, also where it is [`SinkError::Full`].
    fn finish(&mut self) -> Result<(), SinkError>;
    /// Bytes so far.
    fn len(&self) -> u64;
    /// Samples of those bytes.
    fn samples(&self) -> u64;
}

/// Writes Opus packets into a format, incrementally.
pub(crate) trait PacketWriter: Send {
    /// Comes first: decoders drop `pre_skip` samples.
    fn begin(&mut self, pre_skip: u32) -> Result<(), SinkError>;
    /// Whether the file has room for a packet of `next` bytes as its last, behind one of `held` bytes if that is not 0.
    fn fits(&mut self, held: usize, next: usize) -> bool;
    /// Whether the file ends before the packet at `at`, of `next` bytes, behind one of `held`: that becomes the
    /// [`last`](Self::last), and [`turn`](Self::turn) opens the next file.
    fn is_over(&mut self, _at: u64, _held: usize, _next: usize) -> bool {
        false
    }
    /// Goes on in the next file, with the packet at `at`.
    fn turn(&mut self, _at: u64) -> Result<(), SinkError> {
        Ok(())
    }
    /// `at` counts from the first packet on.
    fn packet(&mut self, packet: &[u8], at: u64, samples: u32) -> Result<(), SinkError>;
    /// The last packet, of whose sound the last `trim` samples are too many.
    fn last(&mut self, packet: &[u8], at: u64, samples: u32, trim: u32) -> Result<(), SinkError>;
    fn flush(&mut self) -> Result<(), SinkError>;
    fn len(&self) -> u64;
    /// Samples in what a reader of the file would find now, `pre_skip` left out.
    fn samples(&self) -> u64;
}

/// A lane that can be finished.
pub(crate) trait TrackLane: Lane + Send {
    fn flush(&mut self) -> Result<(), SinkError>;
    /// Called once; the file is whole afterwards, also where it is [`SinkError::Full`].
    fn finish(&mut self) -> Result<(), SinkError>;
    fn len(&self) -> u64;
    /// Samples in what was written.
    fn samples(&self) -> u64;
}

/// Decodes packets to PCM, one after the other.
#[derive(Default)]
pub(crate) struct Unpacker {
    decoder: Option<Decoder>,
    pcm: Vec<i16>,
}

impl Unpacker {
    /// Exactly `samples` stereo pairs; silence stands for a packet that libopus refuses.
    pub(crate) fn decode(&mut self, packet: &[u8], samples: u32) -> Result<&[i16], SinkError> {
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            empty => empty.insert(Decoder::new()?),
        };
        self.pcm.resize(MAX_DECODED_LEN, 0);
        let got = decoder.decode(packet, &mut self.pcm).unwrap_or(0);
        let want = 2 * samples as usize;
        self.pcm[2 * got..].fill(0);
        Ok(&self.pcm[..want.min(MAX_DECODED_LEN)])
    }
}

/// Into a PCM format.
pub(crate) struct PcmLane {
    writer: Box<dyn PcmWriter>,
    unpacker: Unpacker,
}

impl PcmLane {
    pub(crate) fn new(writer: Box<dyn PcmWriter>) -> Self {
        Self { writer, unpacker: Unpacker::default() }
    }
}

impl Lane for PcmLane {
    fn gap(&mut self, samples: u64) -> Result<(), SinkError> {
        self.writer.silence(samples)
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        self.writer.pcm(pcm)
    }

    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<(), SinkError> {
        let pcm = self.unpacker.decode(packet, samples)?;
        self.writer.pcm(&pcm[2 * behind as usize..])
    }
}

impl TrackLane for PcmLane {
    fn flush(&mut self) -> Result<(), SinkError> {
        self.writer.flush()
    }
    fn finish(&mut self) -> Result<(), SinkError> {
        self.writer.finish()
    }
    fn len(&self) -> u64 {
        self.writer.len()
    }
    fn samples(&self) -> u64 {
        self.writer.samples()
    }
}
