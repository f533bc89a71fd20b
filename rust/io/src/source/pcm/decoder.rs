//! The decoder of a track, and what follows from the rate and the channels that it gives.

use symphonia::core::audio::AudioSpec;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};

use super::super::error::StageError;
use super::demux::Demuxer;
use crate::dsp::StereoMatrix;
use crate::dsp::resample::StereoResampler;

/// What depends on the rate and the channels of the stream that is decoded.
pub(crate) struct PcmShape {
    pub(crate) rate: u32,
    pub(crate) matrix: StereoMatrix,
    pub(crate) resampler: Option<StereoResampler>,
}

impl PcmShape {
    pub(crate) fn new(spec: &AudioSpec) -> Result<Self, StageError> {
        let rate = spec.rate();
        if !(1_000..=768_000).contains(&rate) {
            return Err(StageError::Unsupported(format!("a sample rate of {rate} Hz is not supported")));
        }
        let matrix = StereoMatrix::new(spec.channels());
        if matrix.channels() == 0 || matrix.channels() > 64 {
            return Err(StageError::Unsupported(format!("{} channels are not supported", matrix.channels())));
        }
        let resampler = StereoResampler::new(rate).map_err(StageError::Unsupported)?;
        Ok(Self { rate, matrix, resampler })
    }
}

/// A fresh decoder for the track that is played.
pub(crate) fn make_decoder(demuxer: &Demuxer) -> Result<Box<dyn AudioDecoder>, StageError> {
    // Delay and padding are cut by position, not by the decoder, which would trust estimated lengths.
    let options = AudioDecoderOptions::default().gapless(false);
    let registry = symphonia::default::get_codecs();
    let parameters = demuxer.parameters();
    let Some(found) = registry.get_audio_decoder(parameters.codec) else {
        return Err(StageError::Unsupported("its codec is not supported".to_owned()));
    };
    (found.factory)(parameters, &options).map_err(|error| {
        StageError::Unsupported(match demuxer.codec() {
            "aac" => format!("of AAC only AAC-LC in mono and stereo is supported ({error})"),
            _ => format!("{}: {error}", found.codec.info.long_name),
        })
    })
}
