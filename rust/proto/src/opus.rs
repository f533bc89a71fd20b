//! The Opus codec (RFC 6716): libopus, with the settings that bot libraries offer.

pub use isocord_opus::{Application, Memory};
use isocord_opus::{LibopusError, Setting};
use opusic_c::{Bandwidth as OpusBandwidth, Channels, SampleRate, Signal as OpusSignal};

use crate::frame::{FRAME_BYTES, FRAME_LEN, FRAME_SAMPLES, MAX_OPUS_LEN};

/// The longest packet decodes to 120 ms.
pub const MAX_DECODED_LEN: usize = 6 * FRAME_LEN;

/// The widest audio band that is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bandwidth {
    /// 4 kHz.
    Narrow,
    /// 6 kHz.
    Medium,
    /// 8 kHz.
    Wide,
    /// 12 kHz.
    SuperWide,
    /// 20 kHz; the default.
    Full,
}

/// A hint for the choice between speech and music coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// libopus decides; the default.
    Auto,
    /// Speech.
    Voice,
    /// Music.
    Music,
}

/// Settings of an [`Encoder`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EncoderOptions {
    /// Mode of coding.
    pub application: Application,
    /// kbit/s, 16 to 512.
    pub bitrate: u32,
    /// In-band forward error correction.
    ///
    /// Off by default: at 15 % expected loss it costs libopus two to three times the time.
    /// It never pushes music into the speech coder unless `signal` is voice.
    pub fec: bool,
    /// 0.0 to 1.0.
    pub expected_packet_loss: f64,
    /// The widest band.
    pub bandwidth: Bandwidth,
    /// Kind of sound.
    pub signal: Signal,
    /// 0, cheapest, to 10, best.
    pub complexity: u8,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            application: Application::Audio,
            bitrate: 128,
            fec: false,
            expected_packet_loss: 0.0,
            bandwidth: Bandwidth::Full,
            signal: Signal::Auto,
            complexity: 10,
        }
    }
}

/// Why an encoder was not made or a frame not coded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    /// An option out of its range.
    #[error("{0}")]
    Option(&'static str),
    /// PCM of another length than one frame.
    #[error("a PCM frame has {FRAME_BYTES} bytes (20 ms of 16-bit stereo at 48 kHz) at most, not {0}")]
    FrameLength(usize),
    /// libopus's own word.
    #[error("libopus: {0}")]
    Codec(&'static str),
}

impl From<opusic_c::ErrorCode> for OpusError {
    fn from(code: opusic_c::ErrorCode) -> Self {
        Self::Codec(code.message())
    }
}

impl EncoderOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`OpusError::Option`] that names the first value out of range.
    pub fn check(&self) -> Result<(), OpusError> {
        if !(16..=512).contains(&self.bitrate) {
            return Err(OpusError::Option("bitrate must be between 16 and 512 kbit/s"));
        }
        if !(0.0..=1.0).contains(&self.expected_packet_loss) {
            return Err(OpusError::Option("expected_packet_loss must be between 0.0 and 1.0"));
        }
        if self.complexity > 10 {
            return Err(OpusError::Option("complexity must be between 0 and 10"));
        }
        Ok(())
    }
}

impl From<LibopusError> for OpusError {
    fn from(error: LibopusError) -> Self {
        Self::Codec(error.0)
    }
}

/// Turns PCM frames of 20 ms into Opus packets.
pub struct Encoder(isocord_opus::Encoder);

impl Encoder {
    /// An encoder for 48 kHz stereo.
    ///
    /// # Errors
    /// [`OpusError::Option`] for a value out of range, [`OpusError::Codec`] if libopus has no memory.
    pub fn new(options: &EncoderOptions) -> Result<Self, OpusError> {
        options.check()?;
        let mut made = Self(isocord_opus::Encoder::new(options.application)?);
        made.configure(options)?;
        Ok(made)
    }

    /// Goes over to these options with the next frame; only the application stays what it was, for libopus has decided
    /// on it with the first frame (RFC 6716, section 2.1.9).
    ///
    /// # Errors
    /// [`OpusError::Option`] for a value out of range: then nothing changes.
    pub fn configure(&mut self, options: &EncoderOptions) -> Result<(), OpusError> {
        options.check()?;
        let fec = match (options.fec, options.signal) {
            (false, _) => 0,
            (true, Signal::Voice) => 1,
            (true, _) => 2,
        };
        let bandwidth = match options.bandwidth {
            Bandwidth::Narrow => OpusBandwidth::Narrow,
            Bandwidth::Medium => OpusBandwidth::Medium,
            Bandwidth::Wide => OpusBandwidth::Wide,
            Bandwidth::SuperWide => OpusBandwidth::Superwide,
            Bandwidth::Full => OpusBandwidth::Full,
        };
        let signal = match options.signal {
            Signal::Auto => OpusSignal::Auto,
            Signal::Voice => OpusSignal::Voice,
            Signal::Music => OpusSignal::Music,
        };
        for setting in [
            Setting::Bitrate(options.bitrate as i32 * 1_000),
            Setting::Complexity(options.complexity.into()),
            Setting::InbandFec(fec),
            Setting::PacketLoss((options.expected_packet_loss * 100.0).round() as i32),
            Setting::MaxBandwidth(bandwidth as i32),
            Setting::Signal(signal as i32),
        ] {
            self.0.set(setting)?;
        }
        Ok(())
    }

    /// Remembers how it is, in the place of what was remembered there.
    pub fn remember(&self, memory: &mut Memory) {
        self.0.remember(memory);
    }

    /// Goes on as the one that was remembered would.
    pub fn recall(&mut self, memory: &Memory) {
        self.0.recall(memory);
    }

    /// Samples by which a decoder's sound is later than what was encoded.
    ///
    /// # Errors
    /// libopus's own.
    pub fn delay(&mut self) -> Result<usize, OpusError> {
        Ok(self.0.delay()?)
    }

    /// Whether the next frames may not refer to those before: a decoder that has heard others can go on with them.
    ///
    /// # Errors
    /// libopus's own.
    pub fn stand_alone(&mut self, alone: bool) -> Result<(), OpusError> {
        Ok(self.0.set(Setting::PredictionDisabled(alone))?)
    }

    /// Changes the complexity from the next frame on; above 10 is as 10.
    ///
    /// # Errors
    /// libopus's own.
    pub fn set_complexity(&mut self, complexity: u8) -> Result<(), OpusError> {
        Ok(self.0.set(Setting::Complexity(complexity.min(10).into()))?)
    }

    /// Encodes one frame of [`FRAME_LEN`] interleaved samples into `out`, which should have
    /// [`MAX_OPUS_LEN`] bytes; returns the packet's length.
    ///
    /// # Errors
    /// [`OpusError::FrameLength`] or libopus's own.
    pub fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, OpusError> {
        if pcm.len() != FRAME_LEN {
            return Err(OpusError::FrameLength(pcm.len() * 2));
        }
        let limit = out.len().min(MAX_OPUS_LEN);
        Ok(self.0.encode(pcm, &mut out[..limit])?)
    }

    /// The same for samples in -1.0 to 1.0.
    ///
    /// # Errors
    /// [`OpusError::FrameLength`] or libopus's own.
    pub fn encode_float(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, OpusError> {
        if pcm.len() != FRAME_LEN {
            return Err(OpusError::FrameLength(pcm.len() * 2));
        }
        let limit = out.len().min(MAX_OPUS_LEN);
        Ok(self.0.encode_float(pcm, &mut out[..limit])?)
    }
}

/// Turns Opus packets into PCM.
pub struct Decoder(opusic_c::Decoder);

impl Decoder {
    /// A decoder for 48 kHz stereo.
    ///
    /// # Errors
    /// [`OpusError::Codec`] if libopus has no memory.
    pub fn new() -> Result<Self, OpusError> {
        Ok(Self(opusic_c::Decoder::new(Channels::Stereo, SampleRate::Hz48000)?))
    }

    /// Decodes `packet` into `out` and returns the number of samples per channel.
    ///
    /// # Errors
    /// [`OpusError::Codec`] if the bytes are no Opus packet or `out` is too small;
    /// [`MAX_DECODED_LEN`] samples always suffice.
    pub fn decode(&mut self, packet: &[u8], out: &mut [i16]) -> Result<usize, OpusError> {
        // libopus takes an empty packet for a lost one, which is what `conceal` is for.
        if packet.is_empty() {
            return Err(OpusError::Codec("an Opus packet cannot be empty"));
        }
        Ok(self.0.decode_to_slice(packet, bytemuck::cast_slice_mut(out), false)?)
    }

    /// The same into samples in -1.0 to 1.0, of which some may lie a little outside.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_float(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        if packet.is_empty() {
            return Err(OpusError::Codec("an Opus packet cannot be empty"));
        }
        Ok(self.0.decode_float_to_slice(packet, out, false)?)
    }

    /// Decodes the frame *before* `packet` from its in-band FEC, or conceals it where there is none.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_fec(&mut self, packet: &[u8], out: &mut [i16]) -> Result<usize, OpusError> {
        if packet.is_empty() {
            return Err(OpusError::Codec("an Opus packet cannot be empty"));
        }
        let limit = out.len().min(FRAME_LEN);
        Ok(self.0.decode_to_slice(packet, bytemuck::cast_slice_mut(&mut out[..limit]), true)?)
    }

    /// Conceals one lost frame (PLC); returns [`FRAME_SAMPLES`].
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn conceal(&mut self, out: &mut [i16]) -> Result<usize, OpusError> {
        let limit = out.len().min(FRAME_LEN);
        Ok(self.0.decode_to_slice(&[], bytemuck::cast_slice_mut(&mut out[..limit]), false)?)
    }

    /// Fills the whole of `out` with what was lost right before `packet`, from its in-band FEC. `out`
    /// should be as long as one Opus frame of `packet`; whole multiples of 2.5 ms are needed.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn recover(&mut self, packet: &[u8], out: &mut [i16]) -> Result<usize, OpusError> {
        if packet.is_empty() {
            return Err(OpusError::Codec("an Opus packet cannot be empty"));
        }
        Ok(self.0.decode_to_slice(packet, bytemuck::cast_slice_mut(out), true)?)
    }

    /// Forgets the past, as after a re-key or a move.
    ///
    /// # Errors
    /// libopus's own.
    pub fn reset(&mut self) -> Result<(), OpusError> {
        Ok(self.0.reset()?)
    }
}

/// The version of the libopus inside.
#[must_use]
pub fn version() -> &'static str {
    opusic_c::version()
}

const _: () = assert!(FRAME_SAMPLES * 50 == 48_000);
