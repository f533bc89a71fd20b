//! libopus as a decoder of whole files: any channel mapping that the header allows, to stereo.

use opusic_c::multistream::{Config, Decoder as MultistreamDecoder};
use opusic_c::{Channels, Decoder, ErrorCode, SampleRate};

use super::head::OpusHead;
use crate::dsp::StereoMatrix;

enum Kind {
    Plain(Decoder),
    Surround { decoder: Movable, channels: usize, matrix: StereoMatrix, scratch: Vec<f32> },
}

struct Movable(MultistreamDecoder);

// SAFETY: libopus keeps all state of a multistream decoder in the one block that this value owns; nothing of it
// belongs to a thread. The binding says so for its other types and forgot this one.
unsafe impl Send for Movable {}

/// A decoder with the state of one stream.
pub(crate) struct OpusDecoder(Kind);

impl OpusDecoder {
    /// A fresh decoder for a stream with this header; the header's gain is applied by it.
    pub(crate) fn new(head: &OpusHead) -> Result<Self, String> {
        let fail = |code: ErrorCode| format!("libopus: {}", code.message());
        let gain = i32::from(head.gain);
        if head.is_plain() {
            let mut decoder = Decoder::new(Channels::Stereo, SampleRate::Hz48000).map_err(fail)?;
            decoder.set_gain(gain).map_err(fail)?;
            return Ok(Self(Kind::Plain(decoder)));
        }
        let mut decoder = match head.channels {
            1 => multistream::<1>(head),
            2 => multistream::<2>(head),
            3 => multistream::<3>(head),
            4 => multistream::<4>(head),
            5 => multistream::<5>(head),
            6 => multistream::<6>(head),
            7 => multistream::<7>(head),
            _ => multistream::<8>(head),
        }
        .map_err(fail)?;
        decoder.set_gain(gain).map_err(fail)?;
        Ok(Self(Kind::Surround {
            decoder: Movable(decoder),
            channels: usize::from(head.channels),
            matrix: StereoMatrix::vorbis_order(head.channels),
            scratch: Vec::new(),
        }))
    }

    /// Decode a packet of `samples` samples and append it to `out` as interleaved stereo. Returns the sample pairs.
    pub(crate) fn decode(
        &mut self,
        packet: &[u8],
        samples: usize,
        out: &mut Vec<f32>,
    ) -> Result<usize, String> {
        let fail = |code: ErrorCode| format!("libopus: {}", code.message());
        let before = out.len();
        match &mut self.0 {
            Kind::Plain(decoder) => {
                out.resize(before + samples * 2, 0.0);
                let result = decoder.decode_float_to_slice(packet, &mut out[before..], false);
                out.truncate(before + result.as_ref().map_or(0, |&done| done * 2));
                result.map_err(fail)
            }
            Kind::Surround { decoder, channels, matrix, scratch } => {
                scratch.resize(samples * *channels, 0.0);
                let done = decoder.0.decode_float_to_slice(packet, scratch, false).map_err(fail)?;
                matrix.mix_into(&scratch[..done * *channels], out);
                Ok(done)
            }
        }
    }
}

fn multistream<const CHANNELS: usize>(head: &OpusHead) -> Result<MultistreamDecoder, ErrorCode> {
    let mut mapping = [0_u8; CHANNELS];
    mapping.copy_from_slice(&head.mapping[..CHANNELS]);
    let config = Config::try_new(head.streams, head.coupled, mapping).ok_or(ErrorCode::BadArg)?;
    MultistreamDecoder::new(config, SampleRate::Hz48000)
}
