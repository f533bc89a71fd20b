//! The shape of an Opus packet (RFC 6716, section 3): how many frames, how long, where.

/// Frames a packet may hold: 120 ms of 2.5 ms.
const MAX_FRAMES: usize = 48;
/// Bytes of the longest frame.
const MAX_FRAME: usize = 1_275;
/// Samples a packet may hold: 120 ms.
pub(crate) const MAX_PACKET_SAMPLES: usize = 5_760;

/// Samples of one frame by TOC byte (RFC 6716, table 2).
fn frame_samples(toc: u8) -> usize {
    match toc >> 3 {
        config @ 0..=11 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        config @ 12..=15 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    }
}

/// Samples of a whole packet, from its first two bytes. None if it cannot be an Opus packet.
pub(crate) fn packet_samples(packet: &[u8]) -> Option<usize> {
    let toc = *packet.first()?;
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(packet.get(1)? & 0x3f),
    };
    let samples = frame_samples(toc) * count;
    (1..=MAX_PACKET_SAMPLES).contains(&samples).then_some(samples)
}

/// Where the frames of a packet lie.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Samples of each frame.
    pub(crate) frame_samples: usize,
    count: usize,
    frames: [(u16, u16); MAX_FRAMES],
}

impl Layout {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Offset and length of frame `index`.
    pub(crate) fn frame(&self, index: usize) -> (usize, usize) {
        let (offset, len) = self.frames[index];
        (usize::from(offset), usize::from(len))
    }

    /// Whether a packet is one frame by what its first byte says, which no rule can be broken by but the longest length.
    pub(crate) fn is_one(packet: &[u8]) -> bool {
        packet.first().is_some_and(|toc| toc & 3 == 0) && packet.len() <= 1 + MAX_FRAME
    }

    /// Parse a packet. None if it breaks a rule of RFC 6716, section 3.4.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let samples = packet_samples(packet)?;
        if packet.len() > usize::from(u16::MAX) {
            return None;
        }
        let toc = packet[0];
        let mut layout = Self { frame_samples: frame_samples(toc), count: 1, frames: [(0, 0); MAX_FRAMES] };
        layout.count = samples / layout.frame_samples;
        let mut sizes = [0_usize; MAX_FRAMES];
        let mut at = 1;
        let mut end = packet.len();
        match toc & 3 {
            0 => sizes[0] = end - at,
            1 => {
                let body = end - at;
                if !body.is_multiple_of(2) {
                    return None;
                }
                sizes[..2].fill(body / 2);
            }
            2 => {
                sizes[0] = read_size(packet, &mut at, end)?;
                sizes[1] = end.checked_sub(at + sizes[0])?;
            }
            _ => {
                let flags = packet[1];
                at = 2;
                if flags & 0x40 != 0 {
                    end = end.checked_sub(read_padding(packet, &mut at)?)?;
                }
                let count = layout.count;
                if flags & 0x80 != 0 {
                    let mut known = 0;
                    for size in &mut sizes[..count - 1] {
                        *size = read_size(packet, &mut at, end)?;
                        known += *size;
                    }
                    sizes[count - 1] = end.checked_sub(at)?.checked_sub(known)?;
                } else {
                    let body = end.checked_sub(at)?;
                    if !body.is_multiple_of(count) {
                        return None;
                    }
                    sizes[..count].fill(body / count);
                }
            }
        }
        for (frame, size) in layout.frames[..layout.count].iter_mut().zip(sizes) {
            if size > MAX_FRAME || at + size > end {
                return None;
            }
            *frame = (at as u16, size as u16);
            at += size;
        }
        Some(layout)
    }
}

/// A frame length of one or two bytes (RFC 6716, 3.2.1).
fn read_size(packet: &[u8], at: &mut usize, end: usize) -> Option<usize> {
    let packet = &packet[..end];
    let first = usize::from(*packet.get(*at)?);
    *at += 1;
    if first < 252 {
        return Some(first);
    }
    let second = usize::from(*packet.get(*at)?);
    *at += 1;
    Some(second * 4 + first)
}

/// The number of padding bytes at the packet's end (RFC 6716, 3.2.5).
fn read_padding(packet: &[u8], at: &mut usize) -> Option<usize> {
    let mut padding = 0;
    loop {
        let byte = usize::from(*packet.get(*at)?);
        *at += 1;
        if byte < 255 {
            return Some(padding + byte);
        }
        padding += 254;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CELT, fullband, 20 ms, stereo.
    const TOC_20_MS: u8 = 31 << 3 | 4;

    fn frames(packet: &[u8]) -> Option<Vec<(usize, usize)>> {
        let layout = Layout::parse(packet)?;
        Some((0..layout.count()).map(|index| layout.frame(index)).collect())
    }

    #[test]
    fn durations_follow_the_table() {
        let table = [(0, 480), (3, 2_880), (12, 480), (13, 960), (15, 960), (16, 120), (19, 960), (31, 960)];
        for (config, samples) in table {
            assert_eq!(packet_samples(&[config << 3]), Some(samples));
        }
        assert_eq!(packet_samples(&[3 << 3 | 1]), Some(5_760));
        assert_eq!(packet_samples(&[3 << 3 | 3, 3]), None);
        assert_eq!(packet_samples(&[16 << 3 | 3, 48]), Some(5_760));
        assert_eq!(packet_samples(&[16 << 3 | 3, 0]), None);
        assert_eq!(packet_samples(&[]), None);
    }

    #[test]
    fn every_code_is_laid_out() {
        assert_eq!(frames(&[TOC_20_MS]), Some(vec![(1, 0)]));
        assert_eq!(frames(&[TOC_20_MS, 1, 2]), Some(vec![(1, 2)]));
        assert_eq!(frames(&[TOC_20_MS | 1, 1, 2]), Some(vec![(1, 1), (2, 1)]));
        assert_eq!(frames(&[TOC_20_MS | 1, 1]), None);
        assert_eq!(frames(&[TOC_20_MS | 2, 1, 9, 8, 7]), Some(vec![(2, 1), (3, 2)]));
        assert_eq!(frames(&[TOC_20_MS | 2, 9, 9]), None);
        assert_eq!(frames(&[TOC_20_MS | 3, 3, 1, 2, 3]), Some(vec![(2, 1), (3, 1), (4, 1)]));
        assert_eq!(frames(&[TOC_20_MS | 3, 3, 1, 2]), None);
        assert_eq!(frames(&[TOC_20_MS | 3, 0x42, 1, 5, 6, 0]), Some(vec![(3, 1), (4, 1)]));
        assert_eq!(frames(&[TOC_20_MS | 3, 0x82, 1, 5, 6, 7]), Some(vec![(3, 1), (4, 2)]));
        assert_eq!(frames(&[TOC_20_MS | 3, 0x42, 250, 5]), None);
    }

    #[test]
    fn no_bytes_can_make_it_panic() {
        let mut state = 1_u32;
        let mut packet = Vec::new();
        for _ in 0..200_000 {
            packet.clear();
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            for index in 0..state >> 28 {
                packet.push((state.rotate_left(index * 5 + 3) >> 7) as u8);
            }
            if let Some(frames) = frames(&packet) {
                assert!(frames.iter().all(|(offset, len)| offset + len <= packet.len()));
            }
        }
    }
}
