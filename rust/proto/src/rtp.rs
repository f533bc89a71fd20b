//! RTP headers (RFC 3550, section 5.1) as Discord uses them.

/// Bytes of a header without CSRCs and extension.
pub const HEADER_LEN: usize = 12;
/// Bytes of an extension's profile and length.
const PREAMBLE_LEN: usize = 4;
/// Version 2, no padding, no extension, no CSRC.
const VERSION: u8 = 0x80;
/// Discord's payload type for Opus.
pub const PAYLOAD_TYPE: u8 = 0x78;
/// RTCP shares the socket; its second byte is one of these (RFC 5761, section 4).
pub const RTCP_TYPES: core::ops::RangeInclusive<u8> = 200..=204;

/// What varies from packet to packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Counts packets sent, modulo 2^16.
    pub sequence: u16,
    /// Counts samples, 48,000 a second, modulo 2^32.
    pub timestamp: u32,
    /// The stream's name.
    pub ssrc: u32,
}

impl Header {
    /// The twelve bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[0] = VERSION;
        out[1] = PAYLOAD_TYPE;
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        out
    }
}

/// Where the parts of a received packet lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Sequence, timestamp, SSRC.
    pub header: Header,
    /// The payload type without the marker bit.
    pub payload_type: u8,
    /// The first packet after a pause.
    pub marker: bool,
    /// Padding ends the payload; its last byte says how much.
    pub padding: bool,
    /// Bytes of header and CSRCs.
    pub fixed_len: usize,
    /// Bytes of the extension's body, without its four-byte preamble; none without an extension.
    pub extension_len: Option<usize>,
}

impl Packet {
    /// Bytes in the clear in the *rtpsize* modes: header, CSRCs and the extension's preamble.
    #[must_use]
    pub fn clear_len(&self) -> usize {
        self.fixed_len + if self.extension_len.is_some() { PREAMBLE_LEN } else { 0 }
    }

    /// The media of an opened packet: its plaintext without the extension and the padding. It is empty
    /// where all of the packet is padding; none if the lengths contradict each other.
    ///
    /// Extension and padding are only known after opening: padding left in makes frames that no
    /// decoder takes. RFC 3550, sections 5.1 and 5.3.1.
    #[must_use]
    pub fn media<'a>(&self, plaintext: &'a [u8], preamble: Preamble) -> Option<&'a [u8]> {
        let extension = match (self.extension_len, preamble) {
            (None, _) => 0,
            (Some(body), Preamble::Clear) => body,
            (Some(_), Preamble::Sealed) => PREAMBLE_LEN + 4 * usize::from(be16(plaintext, 2)?),
        };
        let media = plaintext.get(extension..)?;
        if !self.padding {
            return Some(media);
        }
        match usize::from(*media.last()?) {
            0 => None,
            padding => media.get(..media.len().checked_sub(padding)?),
        }
    }
}

/// Where the four bytes in front of an extension's body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preamble {
    /// In the clear, as in the *rtpsize* modes.
    Clear,
    /// Encrypted with the body, as in the other modes.
    Sealed,
}

/// What a datagram on the voice socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram {
    /// Media.
    Rtp(Packet),
    /// A control packet of this type.
    Rtcp(u8),
    /// Neither: too short, another version, or cut off.
    Unknown,
}

/// Tells RTP and RTCP apart and finds the parts of an RTP packet.
#[must_use]
pub fn parse(datagram: &[u8]) -> Datagram {
    let [first, second, ..] = *datagram else { return Datagram::Unknown };
    if first >> 6 != 2 {
        return Datagram::Unknown;
    }
    if RTCP_TYPES.contains(&second) {
        return Datagram::Rtcp(second);
    }
    let fixed_len = HEADER_LEN + 4 * usize::from(first & 0x0F);
    let (Some(sequence), Some(timestamp), Some(ssrc)) =
        (be16(datagram, 2), be32(datagram, 4), be32(datagram, 8))
    else {
        return Datagram::Unknown;
    };
    let extension_len = if first & 0x10 == 0 {
        None
    } else {
        match be16(datagram, fixed_len + 2) {
            Some(words) => Some(4 * usize::from(words)),
            None => return Datagram::Unknown,
        }
    };
    let packet = Packet {
        header: Header { sequence, timestamp, ssrc },
        payload_type: second & 0x7F,
        marker: second & 0x80 != 0,
        padding: first & 0x20 != 0,
        fixed_len,
        extension_len,
    };
    if datagram.len() < packet.clear_len() {
        return Datagram::Unknown;
    }
    Datagram::Rtp(packet)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back() {
        let header = Header { sequence: 0xFFFE, timestamp: 0x0102_0304, ssrc: 77 };
        let Datagram::Rtp(packet) = parse(&header.encode()) else { panic!("not RTP") };
        assert_eq!(packet.header, header);
        assert_eq!(packet.payload_type, PAYLOAD_TYPE);
        assert_eq!((packet.clear_len(), packet.extension_len), (HEADER_LEN, None));
    }

    #[test]
    fn csrcs_and_extension_are_found() {
        let mut bytes = vec![0x92, 0x78];
        bytes.resize(HEADER_LEN + 8, 0);
        bytes.extend([0xBE, 0xDE, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
        let Datagram::Rtp(packet) = parse(&bytes) else { panic!("not RTP") };
        assert_eq!(packet.fixed_len, 20);
        assert_eq!(packet.extension_len, Some(8));
        assert_eq!(packet.clear_len(), 24);
    }

    fn packet(first: u8, extension_len: Option<usize>) -> Packet {
        let header = Header { sequence: 0, timestamp: 0, ssrc: 0 };
        let padding = first & 0x20 != 0;
        Packet { header, payload_type: PAYLOAD_TYPE, marker: false, padding, fixed_len: 12, extension_len }
    }

    #[test]
    fn extension_and_padding_are_stripped() {
        let clear = |packet: Packet, bytes: &'static [u8]| packet.media(bytes, Preamble::Clear);
        assert_eq!(clear(packet(0x80, None), &[1, 2]), Some(&[1, 2][..]));
        assert_eq!(clear(packet(0x90, Some(4)), &[9, 9, 9, 9, 1]), Some(&[1][..]));
        assert_eq!(clear(packet(0x90, Some(4)), &[9, 9, 9]), None);
        assert_eq!(clear(packet(0xA0, None), &[1, 0, 0, 3]), Some(&[1][..]));
        assert_eq!(clear(packet(0xA0, None), &[0, 0, 3]), Some(&[][..]));
        assert_eq!(clear(packet(0xA0, None), &[0, 0, 4]), None);
        assert_eq!(clear(packet(0xA0, None), &[7, 0]), None);
        assert_eq!(clear(packet(0xA0, None), &[]), None);
        let sealed = &[0xBE, 0xDE, 0, 1, 9, 9, 9, 9, 5, 6, 1];
        // The length seen before opening is rubbish there.
        assert_eq!(packet(0xB0, Some(40_000)).media(sealed, Preamble::Sealed), Some(&[5, 6][..]));
    }

    #[test]
    fn rtcp_and_rubbish_are_told_apart() {
        assert_eq!(parse(&[0x81, 200, 0, 0]), Datagram::Rtcp(200));
        assert_eq!(parse(&[]), Datagram::Unknown);
        assert_eq!(parse(&[0x80]), Datagram::Unknown);
        assert_eq!(parse(&[0u8; 74]), Datagram::Unknown);
        assert_eq!(parse(&[0x9F; 30]), Datagram::Unknown);
    }
}
