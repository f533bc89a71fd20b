//! The truncated nonce of a DAVE frame and the key generation that its top byte names.
//!
//! A sender counts its frames. The low 32 bits of the count travel as the nonce; bits 24 and up are the
//! ratchet's generation, of which the nonce carries the lowest byte (whitepaper, "Key Rotation").

/// Bits of the nonce below the generation.
pub const GENERATION_SHIFT: u32 = 24;

/// Generations that a receiver will jump ahead, as the reference implementation has it.
const MAX_GENERATION_GAP: u8 = 250;

/// The most frames a second that one sender can have sent: 50 of audio and two videos of 60.
const MAX_FRAMES_PER_SECOND: u64 = 50 + 2 * 60;

/// The 96-bit AES-GCM nonce: eight zero bytes, then the truncated nonce in little-endian order.
pub fn expand(truncated: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&truncated.to_le_bytes());
    nonce
}

/// The generation of the frame with this count.
pub fn generation(count: u64) -> u32 {
    (count >> GENERATION_SHIFT) as u32
}

/// The lowest byte of the generation, as the nonce carries it.
pub fn generation_byte(truncated: u32) -> u8 {
    (truncated >> GENERATION_SHIFT) as u8
}

/// The whole generation that `byte` stands for, beside the newest one `newest` that has been seen.
///
/// It is the one before `newest` or at most 250 after it, so that it stays right when the nonce
/// wraps around 32 bits. `None` for anything else.
pub fn unwrap_generation(newest: u32, byte: u8) -> Option<u32> {
    match byte.wrapping_sub(newest as u8) {
        ahead @ 0..=MAX_GENERATION_GAP => newest.checked_add(u32::from(ahead)),
        u8::MAX => newest.checked_sub(1),
        _ => None,
    }
}

/// The sender's count for a frame, from its whole generation and its truncated nonce.
pub fn count(generation: u32, truncated: u32) -> u64 {
    let low = truncated & ((1 << GENERATION_SHIFT) - 1);
    u64::from(generation) << GENERATION_SHIFT | u64::from(low)
}

/// The newest generation that a sender can have reached in `seconds`.
///
/// A frame that claims a later one is a forgery, which must not make the receiver derive keys.
pub fn reachable_generation(seconds: u64) -> u32 {
    let frames = seconds.saturating_mul(MAX_FRAMES_PER_SECOND);
    u32::try_from(frames >> GENERATION_SHIFT).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nonce_is_little_endian_behind_zeros() {
        assert_eq!(expand(0x0102_0304), [0, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1]);
    }

    #[test]
    fn generations_go_on_where_the_nonce_wraps() {
        assert_eq!(unwrap_generation(255, 0), Some(256));
        assert_eq!(unwrap_generation(256, 255), Some(255));
        assert_eq!(unwrap_generation(0, 255), None);
        assert_eq!(unwrap_generation(0, 250), Some(250));
        assert_eq!(unwrap_generation(0, 251), None);
        assert_eq!(unwrap_generation(u32::MAX, 0), None);
    }

    #[test]
    fn a_generation_takes_more_than_a_day() {
        assert_eq!(reachable_generation(86_400), 0);
        assert_eq!(reachable_generation(98_690), 1);
        assert_eq!(reachable_generation(u64::MAX), u32::MAX);
    }

    proptest! {
        #[test]
        fn a_count_survives_the_wire(newest in 0u32..0x00ff_ffff, ahead in -1i64..=250, low in 0u32..(1 << 24)) {
            let wanted = i64::from(newest) + ahead;
            prop_assume!(wanted >= 0);
            let sent = (wanted as u64) << GENERATION_SHIFT | u64::from(low);
            let truncated = sent as u32;
            let found = unwrap_generation(newest, generation_byte(truncated));
            prop_assert_eq!(found, Some(wanted as u32));
            prop_assert_eq!(count(wanted as u32, truncated), sent);
            prop_assert_eq!(generation(sent), wanted as u32);
        }
    }
}
