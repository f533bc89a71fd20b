//! How long an Opus packet lasts, and packets that stand for nothing (RFC 6716, section 3).

use isocord_proto::frame::SAMPLE_RATE;
use isocord_proto::toc;

/// The shortest frame, 2.5 ms.
pub(crate) const QUANTUM: u32 = SAMPLE_RATE / 400;
/// The most bytes that a packet of 48 frames can have is far above this; Discord's fit a datagram.
pub(crate) const MAX_BYTES: usize = 8 * 1_024;

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
        let (packet, len) = lost(0xFC);
        assert_eq!((decoder.decode(&packet, &mut pcm).unwrap(), len), (960, 960));
    }
}
