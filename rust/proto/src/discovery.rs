//! IP discovery: asks the voice server for the address that it sees us at
//! (Discord docs, "Voice Connections", section "IP Discovery").
//!
//! A sans-IO machine, because UDP loses packets: ask again until answered or out of time.

use std::net::IpAddr;

/// Bytes of a request and of a response.
pub const LEN: usize = 74;
const REQUEST: u16 = 1;
const RESPONSE: u16 = 2;
const BODY_LEN: u16 = 70;
/// First wait for an answer; it doubles with each request up to [`RETRY_MAX_MS`].
const RETRY_MIN_MS: u64 = 100;
const RETRY_MAX_MS: u64 = 800;

/// Our own address as seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct External {
    /// The address.
    pub address: IpAddr,
    /// The UDP port.
    pub port: u16,
}

/// What the owner of the socket must do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send this datagram, then call again.
    Send([u8; LEN]),
    /// Nothing until this time in milliseconds.
    Wait(u64),
    /// The time is up; no answer came.
    GiveUp,
}

/// One discovery in progress.
#[derive(Debug, Clone)]
pub struct Discovery {
    ssrc: u32,
    deadline_ms: u64,
    next_ms: u64,
    retry_ms: u64,
}

impl Discovery {
    /// Begins at `now_ms`; gives up at `deadline_ms`.
    #[must_use]
    pub fn new(ssrc: u32, now_ms: u64, deadline_ms: u64) -> Self {
        Self { ssrc, deadline_ms, next_ms: now_ms, retry_ms: RETRY_MIN_MS }
    }

    /// Another one for the same stream.
    #[must_use]
    pub fn again(&self, now_ms: u64, deadline_ms: u64) -> Self {
        Self::new(self.ssrc, now_ms, deadline_ms)
    }

    /// Call after creation, after each [`Step::Send`], and when the time of [`Step::Wait`] has come.
    pub fn poll(&mut self, now_ms: u64) -> Step {
        if now_ms >= self.deadline_ms {
            return Step::GiveUp;
        }
        if now_ms < self.next_ms {
            return Step::Wait(self.next_ms.min(self.deadline_ms));
        }
        self.next_ms = now_ms + self.retry_ms;
        self.retry_ms = (self.retry_ms * 2).min(RETRY_MAX_MS);
        Step::Send(self.request())
    }

    /// Reads a datagram; none if it is not the answer to this request.
    #[must_use]
    pub fn answer(&self, datagram: &[u8]) -> Option<External> {
        let datagram: &[u8; LEN] = datagram.try_into().ok()?;
        let ssrc = u32::from_be_bytes([datagram[4], datagram[5], datagram[6], datagram[7]]);
        if datagram[..2] != RESPONSE.to_be_bytes() || ssrc != self.ssrc {
            return None;
        }
        let text = datagram[8..72].split(|&byte| byte == 0).next()?;
        let address = core::str::from_utf8(text).ok()?.parse().ok()?;
        match u16::from_be_bytes([datagram[72], datagram[73]]) {
            0 => None,
            port => Some(External { address, port }),
        }
    }

    fn request(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[..2].copy_from_slice(&REQUEST.to_be_bytes());
        out[2..4].copy_from_slice(&BODY_LEN.to_be_bytes());
        out[4..8].copy_from_slice(&self.ssrc.to_be_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(ssrc: u32, address: &str, port: u16) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[..4].copy_from_slice(&[0, 2, 0, 70]);
        out[4..8].copy_from_slice(&ssrc.to_be_bytes());
        out[8..8 + address.len()].copy_from_slice(address.as_bytes());
        out[72..].copy_from_slice(&port.to_be_bytes());
        out
    }

    #[test]
    fn lost_requests_are_sent_again_until_the_deadline() {
        let mut discovery = Discovery::new(9, 0, 2_000);
        let (mut now, mut sent) = (0, Vec::new());
        loop {
            match discovery.poll(now) {
                Step::Send(request) => {
                    assert_eq!(request[..8], [0, 1, 0, 70, 0, 0, 0, 9]);
                    sent.push(now);
                }
                Step::Wait(until) => now = until,
                Step::GiveUp => break,
            }
        }
        assert_eq!(sent, [0, 100, 300, 700, 1_500]);
        assert_eq!(now, 2_000);
    }

    #[test]
    fn only_the_answer_to_our_request_is_believed() {
        let discovery = Discovery::new(9, 0, 2_000);
        let external = discovery.answer(&response(9, "203.0.113.7", 50_004));
        assert_eq!(external, Some(External { address: [203, 0, 113, 7].into(), port: 50_004 }));
        assert_eq!(discovery.answer(&response(8, "203.0.113.7", 50_004)), None);
        assert_eq!(discovery.answer(&response(9, "not an address", 50_004)), None);
        assert_eq!(discovery.answer(&response(9, "203.0.113.7", 0)), None);
        assert_eq!(discovery.answer(&response(9, "203.0.113.7", 1)[..73]), None);
        let mut request = response(9, "203.0.113.7", 1);
        request[1] = 1;
        assert_eq!(discovery.answer(&request), None);
    }
}
