//! What leaves is what a listener with the session's key can read.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use isocord_proto::cipher::{CipherError, MAX_OVERHEAD, Opener, Sealer, TransportMode};
use isocord_proto::dave::{Openers, ReceiverChange, SealError, SenderChange, SenderRatchet};
use isocord_proto::frame::{MAX_OPUS_LEN, OpusFrame};
use isocord_proto::rtp::{self, Datagram, HEADER_LEN};
use isocord_proto::send::{MAX_PACKET_LEN, SendError, SendPath};
use isocord_proto::timeline::Timeline;
use proptest::prelude::*;
use std::time::Duration;

const KEY: [u8; 32] = [9; 32];

fn send_path(ssrc: u32, sealer: Sealer) -> SendPath {
    let mut path = SendPath::new(ssrc, sealer);
    path.change_sender(SenderChange::Passthrough);
    path
}

fn packet(path: &mut SendPath, timeline: &mut Timeline, frame: &[u8], now_ms: u64) -> Vec<u8> {
    let mut out = [0; MAX_PACKET_LEN];
    let frame = OpusFrame::new(frame).expect("a frame");
    let len = path.packet(&frame, timeline, now_ms, &mut out).expect("nonces left");
    out[..len].to_vec()
}

fn modes() -> impl Strategy<Value = TransportMode> {
    proptest::sample::select(TransportMode::ALL.to_vec())
}

proptest! {
    #[test]
    fn every_frame_arrives(mode in modes(), frame in prop::collection::vec(any::<u8>(), 1..=MAX_OPUS_LEN)) {
        let mut path = send_path(42, Sealer::new(mode, &KEY));
        let mut timeline = Timeline::new(7, 100);
        let opener = Opener::new(mode, &KEY);
        for slot in 0..3u16 {
            let mut bytes = packet(&mut path, &mut timeline, &frame, u64::from(slot) * 20);
            let Datagram::Rtp(parsed) = rtp::parse(&bytes) else { panic!("not RTP") };
            prop_assert_eq!(parsed.header.sequence, 7 + slot);
            prop_assert_eq!(parsed.header.timestamp, 100 + 960 * u32::from(slot));
            prop_assert_eq!(parsed.header.ssrc, 42);
            let len = opener.open(&mut bytes, parsed.clear_len()).expect("our own packet");
            prop_assert_eq!(&bytes[HEADER_LEN..][..len], &frame[..]);
        }
    }

    #[test]
    fn a_changed_packet_is_refused(mode in modes(), at in 0usize..100, bit in 0u8..8) {
        let mut path = send_path(42, Sealer::new(mode, &KEY));
        let mut bytes = packet(&mut path, &mut Timeline::new(0, 0), &[5; 60], 0);
        let at = at % bytes.len();
        // The header is not authenticated where the nonce does not hold it and there is no AAD.
        let header_is_free = !mode.name().starts_with("aead") && mode != TransportMode::XSalsa20Poly1305;
        prop_assume!(!(header_is_free && at < HEADER_LEN));
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(Opener::new(mode, &KEY).open(&mut bytes, HEADER_LEN), Err(CipherError::Forged));
    }

    #[test]
    fn rubbish_never_panics(mode in modes(), mut bytes in prop::collection::vec(any::<u8>(), 0..200), clear in 0usize..220) {
        let _ = rtp::parse(&bytes);
        prop_assert!(Opener::new(mode, &KEY).open(&mut bytes, clear).is_err());
    }
}

#[test]
fn an_encrypted_call_is_opened_with_the_senders_ratchet() {
    let mode = TransportMode::Aes256GcmRtpsize;
    let mut path = SendPath::new(42, Sealer::new(mode, &KEY));
    path.change_sender(SenderChange::key(SenderRatchet::new(&[7; 16])));
    let mut openers = Openers::new();
    openers.apply(ReceiverChange::Epoch(vec![(99, SenderRatchet::new(&[7; 16]))]), Duration::ZERO);
    let mut bytes = packet(&mut path, &mut Timeline::new(0, 0), &[5; 60], 0);
    let len = Opener::new(mode, &KEY).open(&mut bytes, HEADER_LEN).expect("our own packet");
    let frame = &bytes[HEADER_LEN..][..len];
    assert!(Openers::is_encrypted(frame));
    let mut opus = [0; 100];
    let opened = openers.open(99, frame, &mut opus, Duration::ZERO);
    assert!(opened.is_ok(), "{opened:?}");
    assert_eq!(opus[..60], [5; 60]);
}

#[test]
fn before_it_is_known_whether_the_call_is_encrypted_nothing_leaves() {
    let mut path = SendPath::new(42, Sealer::new(TransportMode::Aes256GcmRtpsize, &KEY));
    assert!(path.is_blocked());
    let mut out = [0; MAX_PACKET_LEN];
    let mut timeline = Timeline::new(9, 0);
    let refused = path.packet(&OpusFrame::SILENCE, &mut timeline, 0, &mut out);
    assert_eq!(refused, Err(SendError::EndToEnd(SealError::NoKey)));
    path.change_sender(SenderChange::Passthrough);
    assert!(path.packet(&OpusFrame::SILENCE, &mut timeline, 20, &mut out).is_ok());
    assert_eq!(out[2..4], 9u16.to_be_bytes(), "a refused frame must not use up a sequence number");
}

#[test]
fn a_nonce_is_never_used_twice() {
    for mode in TransportMode::ALL {
        let mut sealer = Sealer::new(mode, &KEY);
        sealer.skip_nonces(u32::MAX - 1);
        assert!(sealer.nearly_exhausted());
        let mut buffer = [0; 100 + MAX_OVERHEAD];
        assert!(sealer.seal(&mut buffer, 12, 100).is_ok());
        assert_eq!(sealer.seal(&mut buffer, 12, 100), Err(CipherError::NoncesExhausted));
        assert_eq!(sealer.seal(&mut buffer, 12, 100), Err(CipherError::NoncesExhausted));
    }
}

#[test]
fn a_buffer_too_small_is_an_error() {
    let mut sealer = Sealer::new(TransportMode::Aes256GcmRtpsize, &KEY);
    assert_eq!(sealer.seal(&mut [0; 60], 12, 50), Err(CipherError::BufferTooSmall));
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?}", SendPath::new(1, Sealer::new(TransportMode::Aes256GcmRtpsize, &[0xAB; 32])));
    assert!(!shown.contains("171") && !shown.to_lowercase().contains("abab"), "{shown}");
}
