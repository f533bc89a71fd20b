//! What the transport encryption makes of an RTP packet.

use crate::cipher::Opener;
use crate::rtp::{Packet, Preamble};

/// Why there is nothing in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It fails authentication.
    Forged,
    /// Its lengths contradict each other.
    Malformed,
    /// All of it is padding.
    Padding,
}

/// Opens a packet where it lies; gives its media, which is not empty.
pub(super) fn open<'a>(
    opener: &Opener,
    datagram: &'a mut [u8],
    packet: &Packet,
) -> Result<&'a [u8], Refused> {
    let (clear, preamble) = if opener.mode().is_rtpsize() {
        (packet.clear_len(), Preamble::Clear)
    } else {
        (packet.fixed_len, Preamble::Sealed)
    };
    let len = opener.open(datagram, clear).map_err(|_| Refused::Forged)?;
    match packet.media(&datagram[clear..clear + len], preamble) {
        None => Err(Refused::Malformed),
        Some([]) => Err(Refused::Padding),
        Some(media) => Ok(media),
    }
}
