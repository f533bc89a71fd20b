//! What the first bytes of an Opus packet say (RFC 6716, section 3): how long its sound is and
//! whether it can restore the frame before it.

use crate::frame::SILENCE;

/// The longest packet: 120 ms.
pub const MAX_SAMPLES: u32 = 5_760;
/// One frame of the speech coder inside an Opus frame: 20 ms.
const SILK_FRAME: u32 = 960;
/// Configurations before this one use the speech coder, alone or in a hybrid.
const FIRST_CELT_ONLY: u8 = 16;

/// The head of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Toc {
    /// Samples per channel at 48 kHz in the whole packet.
    pub samples: u32,
    /// Samples per channel in each of its frames.
    pub frame_samples: u32,
    /// In-band FEC for the Opus frame right before the packet.
    pub fec: bool,
    /// The frame of silence that ends a talk spurt on Discord.
    pub silence: bool,
}

/// Reads the head of `packet`; none if it cannot be an Opus packet.
///
/// What it says of the frames' sizes is left to the decoder to check.
#[must_use]
pub fn parse(packet: &[u8]) -> Option<Toc> {
    let &toc = packet.first()?;
    let frame_samples = frame_samples(toc >> 3);
    let frames = match toc & 3 {
        0 => 1,
        3 => u32::from(packet.get(1)? & 0x3F),
        _ => 2,
    };
    let samples = frames * frame_samples;
    if samples == 0 || samples > MAX_SAMPLES {
        return None;
    }
    Some(Toc { samples, frame_samples, fec: has_fec(packet, frame_samples), silence: packet == SILENCE })
}

/// RFC 6716, section 3.1, table 2.
fn frame_samples(config: u8) -> u32 {
    match config {
        0..12 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        12..FIRST_CELT_ONLY => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    }
}

/// RFC 6716, section 4.2.3: behind a voice activity bit for each frame of the speech coder comes one
/// LBRR bit; a second channel has the same bits after those of the first. All are equally likely, so
/// they stand in the range coder's first byte as they are.
fn has_fec(packet: &[u8], frame_samples: u32) -> bool {
    if packet[0] >> 3 >= FIRST_CELT_ONLY {
        return false;
    }
    let Some(&first) = first_frame(packet).and_then(|at| packet.get(at)) else { return false };
    let speech_frames = frame_samples.div_ceil(SILK_FRAME);
    let mono = first >> (7 - speech_frames) & 1;
    let is_stereo = packet[0] & 4 != 0;
    let side = if is_stereo { first >> (6 - 2 * speech_frames) & 1 } else { 0 };
    mono | side == 1
}

/// Where the first frame's bytes begin; none if it has none. RFC 6716, section 3.2.
fn first_frame(packet: &[u8]) -> Option<usize> {
    match packet[0] & 3 {
        0 | 1 => Some(1),
        2 => {
            let (size, len) = frame_size(packet, 1)?;
            (size > 0).then_some(1 + len)
        }
        _ => {
            let head = *packet.get(1)?;
            let mut at = 2;
            if head & 0x40 != 0 {
                while *packet.get(at)? == 255 {
                    at += 1;
                }
                at += 1;
            }
            if head & 0x80 != 0 {
                let first = frame_size(packet, at)?.0;
                for _ in 1..head & 0x3F {
                    at += frame_size(packet, at)?.1;
                }
                return (first > 0 || head & 0x3F == 1).then_some(at);
            }
            Some(at)
        }
    }
}

/// A frame's size and the bytes that say it. RFC 6716, section 3.2.1.
fn frame_size(packet: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = usize::from(*packet.get(at)?);
    if first < 252 {
        return Some((first, 1));
    }
    Some((4 * usize::from(*packet.get(at + 1)?) + first, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FRAME_LEN, MAX_OPUS_LEN};
    use crate::opus::{Decoder, Encoder, EncoderOptions, MAX_DECODED_LEN, Signal};

    #[test]
    fn lengths_are_those_of_the_decoder() {
        for config in 0..32u8 {
            for (code, rest) in [(0, &[][..]), (1, &[7, 7]), (3, &[2, 7, 7]), (3, &[1, 7])] {
                let mut packet = vec![config << 3 | code];
                packet.extend(rest);
                if code == 0 {
                    packet.push(1);
                }
                let Some(toc) = parse(&packet) else { panic!("config {config}") };
                let decoded = Decoder::new().and_then(|mut d| d.decode(&packet, &mut [0; MAX_DECODED_LEN]));
                assert_eq!(decoded, Ok(toc.samples as usize), "config {config}, code {code}");
            }
        }
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[3]), None);
        assert_eq!(parse(&[3, 0]), None);
        assert_eq!(parse(&[0b0001_1011, 3]), None, "180 ms");
        assert!(parse(&SILENCE).is_some_and(|toc| toc.silence && !toc.fec));
    }

    #[test]
    fn fec_is_seen_where_the_encoder_put_it() {
        let mut seen = 0;
        for fec in [false, true] {
            let options = EncoderOptions {
                fec,
                expected_packet_loss: 0.3,
                signal: Signal::Voice,
                application: crate::opus::Application::Voip,
                bitrate: 32,
                ..EncoderOptions::default()
            };
            let mut encoder = Encoder::new(&options).expect("an encoder");
            let mut out = [0; MAX_OPUS_LEN];
            for frame in 0..50usize {
                let pcm: Vec<i16> = (0..FRAME_LEN)
                    .map(|i| (((i + frame * FRAME_LEN) as f32 * 0.02).sin() * 9_000.0) as i16)
                    .collect();
                let len = encoder.encode(&pcm, &mut out).expect("encoded");
                let has = parse(&out[..len]).expect("Opus").fec;
                assert!(fec || !has, "FEC that nobody asked for");
                seen += usize::from(has);
            }
        }
        assert!(seen > 25, "{seen} of 50");
    }
}
