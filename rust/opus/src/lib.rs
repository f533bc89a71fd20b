//! libopus's encoder (RFC 6716) as a value that can be remembered: whoever recalls it goes on from there.
//!
//! libopus documents its encoder as one block of `opus_encoder_get_size` bytes that a plain copy of the memory copies
//! (`opus.h`, "Opus Encoder"). The wrappers on the registry do not offer that; this is all that isocord needs of C.

mod memory;

use std::ffi::{CStr, c_int};

use opusic_sys as sys;

pub use memory::Memory;
use memory::Part;

/// Interleaved channels of what is encoded.
const CHANNELS: c_int = 2;
const SAMPLE_RATE: i32 = 48_000;

/// libopus's word on why it did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LibopusError(pub &'static str);

impl LibopusError {
    fn check(code: c_int) -> Result<usize, Self> {
        usize::try_from(code).map_err(|_| {
            // SAFETY: libopus returns a string literal for every number.
            let text = unsafe { CStr::from_ptr(sys::opus_strerror(code)) };
            Self(text.to_str().unwrap_or("unknown error"))
        })
    }
}

/// libopus's mode of coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Application {
    /// Fidelity; the default.
    Audio,
    /// Speech.
    Voip,
    /// Lowest delay; no speech coder.
    LowDelay,
}

/// What can be set at any time, with the numbers of `opus_defines.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// bit/s.
    Bitrate(i32),
    /// 0 to 10.
    Complexity(i32),
    /// 0 is off, 1 on, 2 on without pushing music into the speech coder.
    InbandFec(i32),
    /// Percent.
    PacketLoss(i32),
    /// The widest band: `OPUS_BANDWIDTH_*`.
    MaxBandwidth(i32),
    /// `OPUS_SIGNAL_*`, or `OPUS_AUTO`.
    Signal(i32),
    /// Whether the next frames may not refer to those before.
    PredictionDisabled(bool),
}

/// An encoder of 48 kHz stereo.
pub struct Encoder {
    /// libopus's block, aligned as `malloc` would, and never of another length.
    state: Box<[Part]>,
}

impl Encoder {
    /// An encoder with libopus's own settings.
    ///
    /// # Errors
    /// [`LibopusError`]
    pub fn new(application: Application) -> Result<Self, LibopusError> {
        // SAFETY: it only computes a size from the number of channels.
        let size = LibopusError::check(unsafe { sys::opus_encoder_get_size(CHANNELS) })?;
        let mut encoder =
            Self { state: vec![Part::default(); size.div_ceil(size_of::<Part>())].into_boxed_slice() };
        let application = match application {
            Application::Audio => sys::OPUS_APPLICATION_AUDIO,
            Application::Voip => sys::OPUS_APPLICATION_VOIP,
            Application::LowDelay => sys::OPUS_APPLICATION_RESTRICTED_LOWDELAY,
        };
        // SAFETY: the block has the size that libopus asked for.
        let code =
            unsafe { sys::opus_encoder_init(encoder.as_mut(), SAMPLE_RATE, CHANNELS, application as c_int) };
        LibopusError::check(code)?;
        Ok(encoder)
    }

    /// Changes a setting, from the next frame on.
    ///
    /// # Errors
    /// [`LibopusError`] of a value out of range.
    pub fn set(&mut self, setting: Setting) -> Result<(), LibopusError> {
        let (request, value) = match setting {
            Setting::Bitrate(value) => (sys::OPUS_SET_BITRATE_REQUEST, value),
            Setting::Complexity(value) => (sys::OPUS_SET_COMPLEXITY_REQUEST, value),
            Setting::InbandFec(value) => (sys::OPUS_SET_INBAND_FEC_REQUEST, value),
            Setting::PacketLoss(value) => (sys::OPUS_SET_PACKET_LOSS_PERC_REQUEST, value),
            Setting::MaxBandwidth(value) => (sys::OPUS_SET_MAX_BANDWIDTH_REQUEST, value),
            Setting::Signal(value) => (sys::OPUS_SET_SIGNAL_REQUEST, value),
            Setting::PredictionDisabled(value) => {
                (sys::OPUS_SET_PREDICTION_DISABLED_REQUEST, i32::from(value))
            }
        };
        // SAFETY: the block is an initialised encoder, and each of these requests takes one number.
        LibopusError::check(unsafe { sys::opus_encoder_ctl(self.as_mut(), request as c_int, value) })?;
        Ok(())
    }

    /// Samples by which what is encoded comes out later than it went in.
    ///
    /// # Errors
    /// [`LibopusError`]
    pub fn delay(&mut self) -> Result<usize, LibopusError> {
        let mut samples: i32 = 0;
        // SAFETY: the block is an initialised encoder, and this request takes the place of one number.
        let code = unsafe {
            sys::opus_encoder_ctl(self.as_mut(), sys::OPUS_GET_LOOKAHEAD_REQUEST as c_int, &raw mut samples)
        };
        LibopusError::check(code)?;
        Ok(usize::try_from(samples).unwrap_or(0))
    }

    /// Encodes one frame of interleaved samples into `out`; returns the packet's length.
    ///
    /// # Errors
    /// [`LibopusError`], also of a length that no Opus frame has.
    pub fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, LibopusError> {
        let (samples, room) = (samples_of(pcm.len()), room_of(out.len()));
        // SAFETY: the block is an initialised encoder; libopus reads that many samples of each channel, and writes no
        // more than there is room.
        LibopusError::check(unsafe {
            sys::opus_encode(self.as_mut(), pcm.as_ptr(), samples, out.as_mut_ptr(), room)
        })
    }

    /// The same for samples in -1.0 to 1.0.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_float(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, LibopusError> {
        let (samples, room) = (samples_of(pcm.len()), room_of(out.len()));
        // SAFETY: as in `encode`.
        LibopusError::check(unsafe {
            sys::opus_encode_float(self.as_mut(), pcm.as_ptr(), samples, out.as_mut_ptr(), room)
        })
    }

    /// Remembers how it is, in the place of what was remembered there.
    pub fn remember(&self, memory: &mut Memory) {
        memory.keep(&self.state);
    }

    /// Goes on as the one that was remembered would; nothing is allocated. As nothing was, it stays what it is.
    pub fn recall(&mut self, memory: &Memory) {
        memory.give(&mut self.state);
    }

    fn as_mut(&mut self) -> *mut sys::OpusEncoder {
        self.state.as_mut_ptr().cast()
    }
}

fn samples_of(values: usize) -> c_int {
    c_int::try_from(values).unwrap_or(0) / CHANNELS
}

fn room_of(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: usize, loudness: f32) -> Vec<f32> {
        let time = (0..960).map(|index| (number * 960 + index) as f32 / 48_000.0);
        time.flat_map(|time| [(time * 2_000.0).sin() * loudness; 2]).collect()
    }

    fn encode(encoder: &mut Encoder, number: usize, loudness: f32) -> Vec<u8> {
        let mut out = vec![0; 1_275];
        let len = encoder.encode_float(&frame(number, loudness), &mut out).unwrap();
        out.truncate(len);
        out
    }

    #[test]
    fn who_recalls_goes_on_from_there_whatever_became_of_the_other() {
        for (application, bitrate) in [(Application::Audio, 128_000), (Application::Voip, 24_000)] {
            let mut encoder = Encoder::new(application).unwrap();
            encoder.set(Setting::Bitrate(bitrate)).unwrap();
            for number in 0..20 {
                encode(&mut encoder, number, 0.5);
            }
            let mut memory = Memory::default();
            encoder.remember(&mut memory);
            let expected = (20..40).map(|number| encode(&mut encoder, number, 0.5)).collect::<Vec<_>>();
            // The one whose memory it is has gone elsewhere, and comes back; another one never was there.
            encode(&mut encoder, 70, 0.1);
            for mut one in [encoder, Encoder::new(Application::Audio).unwrap()] {
                one.recall(&memory);
                let got = (20..40).map(|number| encode(&mut one, number, 0.5)).collect::<Vec<_>>();
                assert!(got == expected);
            }
        }
    }

    #[test]
    fn music_is_remembered_without_the_speech_coder() {
        let mut encoder = Encoder::new(Application::Audio).unwrap();
        let mut memory = Memory::default();
        for number in 0..20 {
            encode(&mut encoder, number, 0.5);
            encoder.remember(&mut memory);
        }
        assert!(memory.bytes() * 3 < size_of_val(&*encoder.state) * 2, "{}", memory.bytes());
    }

    #[test]
    fn what_libopus_refuses_is_told() {
        let mut encoder = Encoder::new(Application::Audio).unwrap();
        assert_eq!(encoder.set(Setting::Complexity(11)), Err(LibopusError("invalid argument")));
        assert_eq!(encoder.encode(&[0; 100], &mut [0; 100]), Err(LibopusError("invalid argument")));
        assert_eq!(encoder.encode(&[], &mut [0; 100]), Err(LibopusError("invalid argument")));
        assert_eq!(encoder.encode(&[0; 1_920], &mut []), Err(LibopusError("invalid argument")));
        assert_eq!(encoder.delay(), Ok(312));
    }
}
