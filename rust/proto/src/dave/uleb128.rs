//! ULEB128, the variable-length integers of the DAVE frame trailer (whitepaper, "ULEB128 Encoding").

/// The most bytes that [`encode`] writes.
pub const MAX_LEN: usize = 5;

/// The most bytes that [`decode`] reads for one integer: enough for 64 bits.
const MAX_READ: usize = 10;

/// Writes `value` to the front of `out` and returns the number of bytes, 1 to 5.
pub fn encode(value: u32, out: &mut [u8; MAX_LEN]) -> usize {
    let mut rest = value;
    let mut len = 0;
    while rest >= 0x80 {
        out[len] = 0x80 | (rest & 0x7f) as u8;
        rest >>= 7;
        len += 1;
    }
    out[len] = rest as u8;
    len + 1
}

/// The number of bytes that [`encode`] writes for `value`.
pub const fn len(value: u32) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        _ => 5,
    }
}

/// Reads one integer from the front of `bytes`: its value and its length in bytes.
///
/// Padded encodings are read, as other members may send them. `None` where the bytes end inside
/// the integer or the value needs more than 64 bits.
pub fn decode(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(MAX_READ).enumerate() {
        let group = u64::from(byte & 0x7f);
        let shift = 7 * index as u32;
        if group.leading_zeros() < shift {
            return None;
        }
        value |= group << shift;
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_edges_of_each_length() {
        for (value, bytes) in [
            (0u32, &[0u8][..]),
            (0x7f, &[0x7f]),
            (0x80, &[0x80, 0x01]),
            (0x3fff, &[0xff, 0x7f]),
            (0x4000, &[0x80, 0x80, 0x01]),
            (u32::MAX, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut out = [0; MAX_LEN];
            let written = encode(value, &mut out);
            assert_eq!(&out[..written], bytes);
            assert_eq!(decode(bytes), Some((u64::from(value), bytes.len())));
        }
    }

    #[test]
    fn what_does_not_end_or_does_not_fit_is_refused() {
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[0x80, 0x80]), None);
        assert_eq!(decode(&[0xff; 10]), None);
        assert_eq!(
            decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
            Some((u64::MAX, 10))
        );
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value: u32, tail: Vec<u8>) {
            let mut out = [0; MAX_LEN];
            let written = encode(value, &mut out);
            prop_assert_eq!(written, len(value));
            let mut bytes = out[..written].to_vec();
            bytes.extend(&tail);
            prop_assert_eq!(decode(&bytes), Some((u64::from(value), written)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Some((_, read)) = decode(&bytes) {
                prop_assert!(read <= bytes.len() && read <= MAX_READ);
            }
        }
    }
}
