//! The unit of sound on Discord: one Opus packet of 20 ms, 48 kHz, stereo.

/// Samples per second and channel.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples per millisecond and channel.
pub const SAMPLES_PER_MS: u64 = SAMPLE_RATE as u64 / 1_000;
/// Milliseconds of one frame.
pub const FRAME_MS: u64 = 20;
/// Interleaved channels.
pub const CHANNELS: usize = 2;
/// Samples per channel in one frame.
pub const FRAME_SAMPLES: usize = (FRAME_MS * SAMPLES_PER_MS) as usize;
/// Interleaved samples in one frame.
pub const FRAME_LEN: usize = FRAME_SAMPLES * CHANNELS;
/// Bytes of one frame as s16le interleaved stereo.
pub const FRAME_BYTES: usize = FRAME_LEN * 2;
/// The longest Opus packet of one frame (RFC 6716, section 3.4, requirement R5 and table 3).
pub const MAX_OPUS_LEN: usize = 1_275;

/// Opus silence, which Discord asks for before any gap. What we send of it is sealed end to end like any frame; a voice
/// server puts in plain ones, which receivers let pass.
pub const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];
/// How many [`SILENCE`] frames go before a gap.
pub const SILENCE_BURST: u8 = 5;

/// One Opus packet in place, so that rings and queues of frames never allocate.
#[derive(Clone, Copy)]
pub struct OpusFrame {
    len: u16,
    bytes: [u8; MAX_OPUS_LEN],
}

/// A packet that no Opus frame can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// An Opus packet has at least its TOC byte.
    #[error("an Opus packet cannot be empty")]
    Empty,
    /// Longer than [`MAX_OPUS_LEN`].
    #[error("an Opus packet of {0} bytes is longer than the {MAX_OPUS_LEN} that one frame can have")]
    TooLong(usize),
}

impl OpusFrame {
    /// A frame of silence.
    pub const SILENCE: Self = {
        let mut bytes = [0; MAX_OPUS_LEN];
        bytes[0] = SILENCE[0];
        bytes[1] = SILENCE[1];
        bytes[2] = SILENCE[2];
        Self { len: 3, bytes }
    };

    /// Copies `packet` in.
    ///
    /// # Errors
    /// [`FrameError`] if it is empty or too long.
    pub fn new(packet: &[u8]) -> Result<Self, FrameError> {
        match packet.len() {
            0 => Err(FrameError::Empty),
            len if len > MAX_OPUS_LEN => Err(FrameError::TooLong(len)),
            len => {
                let mut bytes = [0; MAX_OPUS_LEN];
                bytes[..len].copy_from_slice(packet);
                Ok(Self { len: len as u16, bytes })
            }
        }
    }

    /// The packet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Lets `fill` write a packet in place; it returns the length.
    ///
    /// # Errors
    /// What `fill` returns.
    pub fn fill<E>(&mut self, fill: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<(), E> {
        let len = fill(&mut self.bytes)?;
        debug_assert!(len <= MAX_OPUS_LEN, "an encoder wrote past its buffer");
        self.len = len.min(MAX_OPUS_LEN) as u16;
        Ok(())
    }
}

impl core::fmt::Debug for OpusFrame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OpusFrame({} bytes)", self.len)
    }
}
