//! One frame of 20 ms on its way from a source to an encoder or a ring.

pub use isocord_proto::frame::{FRAME_BYTES, FRAME_SAMPLES, MAX_OPUS_LEN as MAX_OPUS_FRAME, SAMPLE_RATE};

/// What [`AudioFile::next_frame`](super::AudioFile::next_frame) has put into the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// 960 sample pairs in [`FrameBuf::pcm`].
    Pcm,
    /// An Opus packet of 20 ms and this many bytes in [`FrameBuf::opus`].
    Opus(usize),
    /// The file is over; the buffer holds nothing.
    End,
}

/// Room for one frame. One per feeding thread is enough: nothing is kept in it between frames.
///
/// PCM is f32 in -1.0 to 1.0: decoders, resampler and volume compute in it and libopus takes it as it is, so that
/// the only rounding is the encoder's own.
pub struct FrameBuf {
    /// Interleaved stereo, 960 pairs.
    pub pcm: [f32; FRAME_SAMPLES * 2],
    /// The 20 ms before [`FrameBuf::pcm`], if [`FrameBuf::has_lead_in`].
    pub lead_in: [f32; FRAME_SAMPLES * 2],
    /// True for the first PCM frame after Opus packets that were passed through: an encoder that encodes (and drops)
    /// `lead_in` first goes on without a gap.
    pub has_lead_in: bool,
    /// Room for one Opus packet.
    pub opus: [u8; MAX_OPUS_FRAME],
    /// Source time of the frame's first sample, in samples of 48 kHz.
    pub position: u64,
    /// How many of the 960 sample pairs come from the file; less than 960 only at its end. The rest is zero.
    pub samples: u16,
}

impl Default for FrameBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBuf {
    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pcm: [0.0; FRAME_SAMPLES * 2],
            lead_in: [0.0; FRAME_SAMPLES * 2],
            has_lead_in: false,
            opus: [0; MAX_OPUS_FRAME],
            position: 0,
            samples: 0,
        }
    }

    /// Write [`FrameBuf::pcm`] as s16le, rounded to nearest.
    pub fn write_s16le(&self, out: &mut [u8; FRAME_BYTES]) {
        for (bytes, sample) in out.chunks_exact_mut(2).zip(&self.pcm) {
            let value = (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    }
}
