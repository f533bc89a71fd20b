//! Opening, in virtual time, of what the sealer makes.

use super::*;
use crate::dave::sealer::{FrameSealer, SenderChange};
use crate::dave::{frame::MAX_OVERHEAD, ratchet::KEY_LEN};
use proptest::prelude::*;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

const DAY: Duration = Duration::from_secs(86_400);

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn ratchet(epoch: u8) -> SenderRatchet {
    SenderRatchet::new(&[epoch; KEY_LEN])
}

fn sealer(epoch: u8) -> FrameSealer {
    let mut sealer = FrameSealer::new();
    sealer.apply(SenderChange::key(ratchet(epoch)));
    sealer
}

fn seal(sealer: &mut FrameSealer, opus: &[u8]) -> Vec<u8> {
    let mut out = vec![0; opus.len() + MAX_OVERHEAD];
    let len = sealer.seal(opus, &mut out).unwrap();
    out.truncate(len);
    out
}

fn open(opener: &mut FrameOpener, frame: &[u8], now: Duration) -> Result<Vec<u8>, FrameOpenError> {
    let mut out = vec![0; frame.len()];
    let len = opener.open(frame, &mut out, false, now)?.len();
    out.truncate(len);
    Ok(out)
}

#[test]
fn frames_open_in_any_order_but_only_once() {
    let (mut sealer, mut opener) = (sealer(1), FrameOpener::new());
    opener.install(ratchet(1), at(0));
    let frames: Vec<_> = (0..4u8).map(|i| seal(&mut sealer, &[i; 30])).collect();
    for i in [2, 0, 3, 1] {
        assert_eq!(open(&mut opener, &frames[i], at(1)), Ok(vec![i as u8; 30]));
        assert_eq!(open(&mut opener, &frames[i], at(1)), Err(FrameOpenError::Replayed));
    }
}

#[test]
fn past_epochs_open_for_ten_seconds() {
    let (mut old, mut new, mut opener) = (sealer(1), sealer(2), FrameOpener::new());
    opener.install(ratchet(1), at(0));
    opener.install(ratchet(2), at(50));
    assert_eq!(
        open(&mut opener, &seal(&mut new, b"before the transition"), at(60)),
        Ok(b"before the transition".into())
    );
    assert_eq!(open(&mut opener, &seal(&mut old, b"in flight"), at(10_049)), Ok(b"in flight".into()));
    assert_eq!(
        open(&mut opener, &seal(&mut old, b"too late"), at(10_050)),
        Err(FrameOpenError::NotAuthentic)
    );
    assert_eq!(open(&mut opener, &seal(&mut new, b"goes on"), at(99_999)), Ok(b"goes on".into()));
}

#[test]
fn a_later_epoch_does_not_prolong_an_earlier_one() {
    let (mut first, mut opener) = (sealer(1), FrameOpener::new());
    for (epoch, ms) in [(1, 0), (2, 1_000), (3, 9_000)] {
        opener.install(ratchet(epoch), at(ms));
    }
    assert_eq!(open(&mut opener, &seal(&mut first, b"x"), at(10_999)), Ok(b"x".into()));
    assert_eq!(open(&mut opener, &seal(&mut first, b"x"), at(11_000)), Err(FrameOpenError::NotAuthentic));
}

#[test]
fn the_key_changes_with_the_top_byte_of_the_nonce() {
    let (mut sealer, mut opener) = (sealer(1), FrameOpener::new());
    opener.install(ratchet(1), at(0));
    let start = 2 * DAY;
    open(&mut opener, &seal(&mut sealer, b"start"), start).unwrap();
    sealer.skip_to((1 << 24) - 3);
    let last = seal(&mut sealer, b"of generation 0");
    let late = seal(&mut sealer, b"late");
    let next = seal(&mut sealer, b"of generation 1");
    assert_eq!(open(&mut opener, &last, start), Ok(b"of generation 0".into()));
    assert_eq!(open(&mut opener, &next, start), Ok(b"of generation 1".into()));
    assert_eq!(open(&mut opener, &late, start + at(9_999)), Ok(b"late".into()));
    assert_eq!(open(&mut opener, &late, start + at(9_999)), Err(FrameOpenError::Replayed));
    assert_eq!(open(&mut opener, &seal(&mut sealer, b"more"), start + at(20_000)), Ok(b"more".into()));
}

#[test]
fn the_key_of_the_previous_generation_goes_after_ten_seconds() {
    let (mut sealer, mut opener) = (sealer(1), FrameOpener::new());
    opener.install(ratchet(1), at(0));
    sealer.skip_to((1 << 24) - 3);
    open(&mut opener, &seal(&mut sealer, b"old"), 2 * DAY).unwrap();
    let late = seal(&mut sealer, b"late");
    open(&mut opener, &seal(&mut sealer, b"new"), 2 * DAY).unwrap();
    assert_eq!(open(&mut opener, &late, 2 * DAY + RETENTION), Err(FrameOpenError::NoKey));
}

#[test]
fn the_nonce_wraps_and_the_keys_go_on() {
    let (mut sealer, mut opener) = (sealer(1), FrameOpener::new());
    opener.install(ratchet(1), at(0));
    let later = 700 * DAY;
    for generation in [0, 200, 255, 256, 257, 500] {
        sealer.skip_to(generation << 24 | 5);
        let frame = seal(&mut sealer, &generation.to_be_bytes());
        assert_eq!(open(&mut opener, &frame, later), Ok(generation.to_be_bytes().into()), "{generation}");
    }
}

#[test]
fn a_generation_that_cannot_have_come_costs_no_work() {
    let (mut sealer, mut opener) = (sealer(1), FrameOpener::new());
    opener.install(ratchet(1), at(0));
    sealer.skip_to(1 << 24);
    let frame = seal(&mut sealer, b"too early");
    assert_eq!(open(&mut opener, &frame, DAY), Err(FrameOpenError::NoKey));
    assert_eq!(open(&mut opener, &frame, 2 * DAY), Ok(b"too early".into()));
}

#[test]
fn a_forged_generation_does_not_move_the_ratchet() {
    let (mut sealer, mut opener) = (sealer(1), FrameOpener::new());
    opener.install(ratchet(1), at(0));
    let mut forger = self::sealer(9);
    forger.skip_to(3 << 24);
    assert_eq!(
        open(&mut opener, &seal(&mut forger, b"forged"), 100 * DAY),
        Err(FrameOpenError::NotAuthentic)
    );
    assert_eq!(open(&mut opener, &seal(&mut sealer, b"true"), 100 * DAY), Ok(b"true".into()));
}

#[test]
fn plain_frames_pass_only_where_they_may() {
    let mut opener = FrameOpener::new();
    let mut out = [0; 64];
    assert_eq!(opener.open(&[1, 2, 3], &mut out, false, at(0)), Err(FrameOpenError::NotEncrypted));
    assert_eq!(opener.open(&[1, 2, 3], &mut out, true, at(0)), Ok(Opened::Passthrough(3)));
    assert_eq!(opener.open(&SILENCE, &mut out, false, at(0)), Ok(Opened::Silence(3)));
    assert_eq!(opener.open(&seal(&mut sealer(1), b"x"), &mut out, true, at(0)), Err(FrameOpenError::NoKey));
    assert_eq!(
        opener.open(&[1; 65], &mut out, true, at(0)),
        Err(FrameOpenError::BufferTooSmall { needed: 65 })
    );
}

/// A frame with clear ranges, made as the whitepaper describes it.
fn seal_partly(key: &[u8; KEY_LEN], nonce: u32, media: &[u8], ranges: &[(usize, usize)]) -> Vec<u8> {
    let is_clear = |i: usize| ranges.iter().any(|(start, len)| (*start..start + len).contains(&i));
    let (mut aad, mut text) = (Vec::new(), Vec::new());
    for (i, byte) in media.iter().enumerate() {
        if is_clear(i) { aad.push(*byte) } else { text.push(*byte) }
    }
    let cipher =
        LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &*SenderRatchet::new(key).next_key()).unwrap());
    let nonce_bytes = Nonce::assume_unique_for_key(nonce::expand(nonce));
    let tag = cipher.seal_in_place_separate_tag(nonce_bytes, Aad::from(&aad), &mut text).unwrap();
    let tag = &tag.as_ref()[..8];
    let mut sealed = text.into_iter();
    let mut frame: Vec<u8> = media
        .iter()
        .enumerate()
        .map(|(i, byte)| if is_clear(i) { *byte } else { sealed.next().unwrap() })
        .collect();
    let mut trailer = tag.to_vec();
    let mut number = [0; crate::dave::uleb128::MAX_LEN];
    let numbers = ranges.iter().flat_map(|(start, len)| [*start as u32, *len as u32]);
    for value in core::iter::once(nonce).chain(numbers) {
        let len = crate::dave::uleb128::encode(value, &mut number);
        trailer.extend(&number[..len]);
    }
    frame.extend(&trailer);
    frame.push(trailer.len() as u8 + 3);
    frame.extend([0xfa, 0xfa]);
    frame
}

#[test]
fn partly_encrypted_frames_are_put_together() {
    let media: Vec<u8> = (0..40).collect();
    for ranges in [&[(0, 1)][..], &[(0, 10), (12, 3), (39, 1)], &[(0, 40)], &[(5, 0), (5, 5)]] {
        let mut opener = FrameOpener::new();
        opener.install(ratchet(4), at(0));
        let frame = seal_partly(&[4; KEY_LEN], 1, &media, ranges);
        let mut out = vec![0; frame.len()];
        assert_eq!(opener.open(&frame, &mut out, false, at(0)), Ok(Opened::Decrypted(40)));
        assert_eq!(out[..40], media, "{ranges:?}");
        assert_eq!(open(&mut opener, &frame, at(0)), Err(FrameOpenError::Replayed));
        let mut forged = frame.clone();
        forged[0] ^= 1;
        assert_eq!(open(&mut opener, &forged, at(0)), Err(FrameOpenError::NotAuthentic));
        let mut opener = FrameOpener::new();
        opener.install(ratchet(4), at(0));
        assert_eq!(open(&mut opener, &forged, at(0)), Err(FrameOpenError::NotAuthentic), "{ranges:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_opened_or_refused(bytes: Vec<u8>, allow_plain: bool, ms: u32) {
        let mut opener = FrameOpener::new();
        opener.install(ratchet(1), at(0));
        let mut out = vec![0; bytes.len()];
        let _ = opener.open(&bytes, &mut out, allow_plain, at(ms.into()));
    }

    #[test]
    fn a_changed_frame_is_never_opened(opus in proptest::collection::vec(any::<u8>(), 1..200), index: prop::sample::Index, bit in 0..8u32) {
        let (mut sealer, mut opener) = (sealer(1), FrameOpener::new());
        opener.install(ratchet(1), at(0));
        let frame = seal(&mut sealer, &opus);
        let mut changed = frame.clone();
        changed[index.index(frame.len())] ^= 1 << bit;
        prop_assert!(open(&mut opener, &changed, at(1)).is_err());
        prop_assert_eq!(open(&mut opener, &frame, at(1)), Ok(opus));
    }
}

#[test]
fn a_frame_of_the_next_epoch_is_no_replay_although_its_nonce_was_seen() {
    let mut opener = FrameOpener::new();
    opener.install(ratchet(1), at(0));
    let now = seal_partly(&[1; KEY_LEN], 0, &[7; 40], &[]);
    let next = seal_partly(&[2; KEY_LEN], 0, &[8; 40], &[]);
    assert_eq!(open(&mut opener, &now, at(0)).map(|_| ()), Ok(()));
    assert_eq!(open(&mut opener, &next, at(0)), Err(FrameOpenError::NotAuthentic));
    assert_eq!(open(&mut opener, &now, at(0)), Err(FrameOpenError::Replayed));
    opener.install(ratchet(2), at(1));
    assert_eq!(open(&mut opener, &next, at(1)).map(|_| ()), Ok(()));
    assert_eq!(open(&mut opener, &next, at(1)), Err(FrameOpenError::Replayed));
}
