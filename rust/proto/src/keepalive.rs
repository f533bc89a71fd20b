//! UDP keepalives, which hold the route through NATs when nothing is sent.

/// Bytes of a keepalive and of its echo.
pub const LEN: usize = 8;
/// How often one is sent. Routes were seen to last about 60 s.
pub const INTERVAL_MS: u64 = 5_000;

/// Counts keepalives of one socket.
#[derive(Debug, Default)]
pub struct Keepalive {
    next: u32,
}

impl Keepalive {
    /// The next one's bytes: a little-endian counter, padded.
    pub fn next_packet(&mut self) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[..4].copy_from_slice(&self.next.to_le_bytes());
        self.next = self.next.wrapping_add(1);
        out
    }
}

/// Whether a datagram can be a keepalive's echo. Discord may echo or stay silent.
#[must_use]
pub fn is_echo(datagram: &[u8]) -> bool {
    datagram.len() == LEN
}
