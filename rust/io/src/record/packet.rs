//! How long an Opus packet lasts, and packets that stand for nothing (RFC 6716, section 3).

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::opus::Bandwidth;
use isocord_proto::toc;

/// The shortest frame, 2.5 ms.
pub(crate) const QUANTUM: u32 = SAMPLE_RATE / 400;
/// The most bytes that a packet of 48 frames can have is far above this; Discord's fit a datagram.
pub(crate) const MAX_BYTES: usize = 8 * 1_024;

/// What libopus's encoder is late by at 48 kHz in its audio mode; test: `a_click_stays_at_its_place`.
pub(crate) const ENCODER_DELAY: u32 = 312;

/// Samples per channel that `packet` stands for, or None if it is no Opus packet.
pub(crate) fn samples(packet: &[u8]) -> Option<u32> {
    let head = toc::parse(packet)?;
    (packet.len() <= MAX_BYTES).then_some(head.samples)
}

/// Whether this is the silence that Discord's clients send before a gap.
pub(crate) fn is_silence(packet: &[u8]) -> bool {
    packet == isocord_proto::frame::SILENCE
}

/// The longest packet of digital silence that fits `samples`, and its length in samples.
///
/// CELT-only, full band, code 0 (configurations 28 to 31); the two bytes set the range coder's silence flag.
pub(crate) fn silence(samples: u64) -> Option<([u8; 3], u32)> {
    let size = (0..4).rev().find(|size| u64::from(QUANTUM << size) <= samples)?;
    Some(([(28 + size as u8) << 3, 0xFF, 0xFE], QUANTUM << size))
}

/// A packet that says "this frame was lost" in the coding mode of `before`: a TOC byte and a frame of no
/// bytes (RFC 7845, section 4.1). A decoder conceals it.
pub(crate) fn lost(before: u8) -> ([u8; 1], u32) {
    let toc = [before & !3];
    let samples = toc::parse(&toc).map_or(0, |head| head.frame_samples);
    (toc, samples)
}

/// Digital silence as libopus's speech coder says it: 20 ms in narrow, medium and wide band, mono and stereo.
const REST: [&[u8]; 6] = [
    &[0x08, 0x0B, 0xE4, 0xB9, 0xA0, 0xBC, 0x84],
    &[0x0C, 0x07, 0xFD, 0x87, 0x3C, 0xE7, 0x19, 0x7E, 0x63, 0xF2, 0xDD, 0xC7, 0x55, 0x50],
    &[0x28, 0x0B, 0xE6, 0x3B, 0x23, 0xAB, 0x5E],
    &[0x2C, 0x08, 0x02, 0x08, 0x30, 0xE4, 0x62, 0x63, 0x94],
    &[0x48, 0x0B, 0xE6, 0x5B, 0x71, 0xA0, 0xD7],
    &[0x4C, 0x08, 0x02, 0x08, 0x31, 0x18, 0x62, 0xD2],
];

/// The 20 ms of silence to write right after the packet that begins with `before`, instead of those by the music coder,
/// if the speech coder alone made it: where the coder changes, ffmpeg's own decoder drops what still rings, which
/// clicks. libopus does not; neither has anything to drop once the speech coder has come to rest.
pub(crate) fn rest(before: u8) -> Option<(&'static [u8], u32)> {
    let band = usize::from(before >> 5);
    let stereo = usize::from(before >> 2 & 1);
    Some((*REST.get(2 * band + stereo)?, FRAME_SAMPLES as u32))
}

/// The band that a packet of the speech coder holds, alone or in a hybrid.
pub(crate) fn bandwidth(toc: u8) -> Bandwidth {
    match toc >> 3 {
        0..4 => Bandwidth::Narrow,
        4..8 => Bandwidth::Medium,
        8..12 => Bandwidth::Wide,
        12 | 13 => Bandwidth::SuperWide,
        _ => Bandwidth::Full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isocord_proto::opus::Decoder;

    #[test]
    fn durations_by_toc() {
        assert_eq!(samples(&[0xF8, 0xFF, 0xFE]), Some(960));
        assert_eq!(samples(&[0xE0]), Some(120));
        assert_eq!(samples(&[0x18]), Some(2_880));
        assert_eq!(samples(&[0xF9, 0]), Some(1_920));
        assert_eq!(samples(&[0xFB, 0x03]), Some(2_880));
        assert_eq!(samples(&[0xFB, 0x3F]), None);
        assert_eq!(samples(&[0xFB]), None);
        assert_eq!(samples(&[]), None);
    }

    #[test]
    fn libopus_takes_the_stand_ins_as_they_are_meant() {
        let mut decoder = Decoder::new().unwrap();
        let mut pcm = vec![1; 2 * 5_760];
        for (want, samples) in [(960, 2_000), (480, 959), (240, 240), (120, 239)] {
            let (packet, len) = silence(samples).unwrap();
            assert_eq!(len, want);
            assert_eq!(decoder.decode(&packet, &mut pcm).unwrap(), want as usize);
            assert!(pcm[..2 * want as usize].iter().all(|&sample| sample == 0));
        }
        assert!(silence(119).is_none());
        for config in 0..12 {
            for stereo in [0, 4] {
                let (packet, len) = rest(config << 3 | stereo).unwrap();
                assert_eq!((packet[0] >> 5, packet[0] & 4, len), (config >> 2, stereo, 960));
                let mut decoder = Decoder::new().unwrap();
                assert_eq!(decoder.decode(packet, &mut pcm).unwrap(), 960);
                assert!(pcm[..1_920].iter().all(|&sample| sample.abs() <= 4));
            }
        }
        assert!((12..32).all(|config: u8| rest(config << 3).is_none()));
        let (packet, len) = lost(0xFC);
        assert_eq!((decoder.decode(&packet, &mut pcm).unwrap(), len), (960, 960));
    }
}
