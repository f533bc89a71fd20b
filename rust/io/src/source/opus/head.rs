//! The identification header of an Opus stream (RFC 7845, 5.1; in MP4 the `dOps` box).

/// How numbers are written: Ogg and Matroska little-endian, MP4 big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    /// Ogg, Matroska.
    Little,
    /// MP4.
    Big,
}

/// What the header says that a player needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpusHead {
    pub(crate) channels: u8,
    /// Samples at the start that only let the decoder converge.
    pub(crate) pre_skip: u16,
    /// The rate before encoding; for information only.
    pub(crate) input_rate: u32,
    /// Gain to apply to the decoded sound, in dB / 256.
    pub(crate) gain: i16,
    pub(crate) family: u8,
    pub(crate) streams: u8,
    pub(crate) coupled: u8,
    pub(crate) mapping: [u8; 8],
}

impl OpusHead {
    /// Parse a header with its magic. None if it is none; an error text if it asks for what cannot be played.
    pub(crate) fn parse(data: &[u8], order: ByteOrder) -> Option<Result<Self, String>> {
        let body = data.strip_prefix(b"OpusHead")?;
        if body.len() < 11 || body[0] & 0xf0 != 0 || body[1] == 0 {
            return None;
        }
        let two = |at: usize| match order {
            ByteOrder::Little => u16::from_le_bytes([body[at], body[at + 1]]),
            ByteOrder::Big => u16::from_be_bytes([body[at], body[at + 1]]),
        };
        let input_rate = match order {
            ByteOrder::Little => u32::from_le_bytes([body[4], body[5], body[6], body[7]]),
            ByteOrder::Big => u32::from_be_bytes([body[4], body[5], body[6], body[7]]),
        };
        let mut head = Self {
            channels: body[1],
            pre_skip: two(2),
            input_rate,
            gain: two(8).cast_signed(),
            family: body[10],
            streams: 1,
            coupled: body[1].saturating_sub(1),
            mapping: [0, 1, 2, 3, 4, 5, 6, 7],
        };
        let channels = usize::from(head.channels);
        if head.family == 0 {
            return (channels <= 2).then_some(Ok(head));
        }
        if body.len() < 13 + channels {
            return None;
        }
        if channels > 8 || !(head.family == 1 || (head.family == 255 && channels <= 2)) {
            let text =
                format!("Opus with {channels} channels of mapping family {} is not supported", head.family);
            return Some(Err(text));
        }
        head.streams = body[11];
        head.coupled = body[12];
        head.mapping[..channels].copy_from_slice(&body[13..13 + channels]);
        let coded = u16::from(head.streams) + u16::from(head.coupled);
        let mapped = head.mapping[..channels].iter().all(|&to| to == 255 || u16::from(to) < coded);
        let valid = head.streams > 0 && head.coupled <= head.streams && coded <= 255 && mapped;
        valid.then_some(Ok(head))
    }

    /// True if one Opus stream carries it all, so that any Opus decoder plays its packets as they are.
    pub(crate) fn is_plain(&self) -> bool {
        let channels = usize::from(self.channels);
        self.streams == 1
            && channels <= 2
            && self.coupled == self.channels - 1
            && self.mapping[..channels] == [0, 1][..channels]
    }

    /// True if its packets may pass through: plain, and no gain to apply.
    pub(crate) fn is_passable(&self) -> bool {
        self.is_plain() && self.gain == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(channels: u8) -> Vec<u8> {
        let mut data = b"OpusHead\x01".to_vec();
        data.extend([channels, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, 0]);
        data
    }

    #[test]
    fn reads_what_ffmpeg_writes() {
        let head = OpusHead::parse(&plain(2), ByteOrder::Little).unwrap().unwrap();
        assert_eq!((head.channels, head.pre_skip, head.input_rate), (2, 312, 48_000));
        assert!(head.is_passable());
        assert!(OpusHead::parse(&plain(1), ByteOrder::Little).unwrap().unwrap().is_passable());
    }

    #[test]
    fn refuses_what_no_decoder_could_map() {
        assert!(OpusHead::parse(&plain(0), ByteOrder::Little).is_none());
        assert!(OpusHead::parse(&plain(3), ByteOrder::Little).is_none());
        let mut surround = plain(6);
        surround[18] = 1;
        surround.extend([4, 2, 0, 4, 1, 2, 3, 5]);
        assert!(!OpusHead::parse(&surround, ByteOrder::Little).unwrap().unwrap().is_passable());
        surround[23] = 7;
        assert!(OpusHead::parse(&surround, ByteOrder::Little).is_none());
        surround[18] = 2;
        assert!(OpusHead::parse(&surround, ByteOrder::Little).unwrap().is_err());
    }
}
