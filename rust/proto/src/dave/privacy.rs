//! Codes that people compare by voice (whitepaper, "Displayable Codes" and "Identity Key Verification").

use core::fmt;

/// Digits in a group of a code.
const GROUP: usize = 5;

/// Salt of the pairwise fingerprint.
const SALT: [u8; 16] =
    [0x24, 0xca, 0xb1, 0x7a, 0x7a, 0xf8, 0xec, 0x2b, 0x82, 0xb4, 0x12, 0xb9, 0x2d, 0xab, 0x19, 0x2e];

/// The version of the fingerprint format.
const FINGERPRINT_VERSION: u16 = 0;

/// The voice privacy code of an epoch: 30 digits that are the same for every member of the call.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivacyCode(String);

impl PrivacyCode {
    /// From the group's epoch authenticator. `None` where it is shorter than 30 bytes.
    pub(super) fn new(epoch_authenticator: &[u8]) -> Option<Self> {
        displayable_code(epoch_authenticator, 30).map(Self)
    }

    /// The 30 digits without spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PrivacyCode {
    /// The 30 digits in groups of five, as people read them to each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, digit) in self.0.chars().enumerate() {
            if index > 0 && index % GROUP == 0 {
                write!(f, " ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PrivacyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivacyCode(..)")
    }
}

/// The two public keys that a verification code of two members is made of.
///
/// The code takes about a tenth of a second to compute, so this can be taken out of the session and to another thread.
#[derive(Clone, Debug)]
pub struct Verification {
    sorted: [Vec<u8>; 2],
}

impl Verification {
    /// For two members, each with public key and user id. The order does not matter.
    pub fn new(one: (&[u8], u64), other: (&[u8], u64)) -> Self {
        let mut sorted = [one, other]
            .map(|(key, user_id)| [&FINGERPRINT_VERSION.to_be_bytes(), key, &user_id.to_be_bytes()].concat());
        sorted.sort_unstable();
        Self { sorted }
    }

    /// The pairwise fingerprint: scrypt with N 16384, r 8, p 2 over both keys. Slow by design.
    pub fn fingerprint(&self) -> [u8; 64] {
        let mut out = [0; 64];
        // The parameters are constant and valid for an output of 64 bytes.
        if let Ok(params) = scrypt::Params::new(14, 8, 2, 64) {
            let done = scrypt::scrypt(&self.sorted.concat(), &SALT, &params, &mut out);
            debug_assert!(done.is_ok());
        }
        out
    }

    /// The verification code of 45 digits. Slow by design.
    pub fn code(&self) -> String {
        displayable_code(&self.fingerprint(), 45).unwrap_or_default()
    }
}

/// `digits` decimal digits from the first bytes of `data`, five for every five bytes.
///
/// `None` where there are fewer bytes than digits, or `digits` is no multiple of five.
pub fn displayable_code(data: &[u8], digits: usize) -> Option<String> {
    if !digits.is_multiple_of(GROUP) {
        return None;
    }
    let mut code = String::with_capacity(digits);
    for group in data.get(..digits)?.chunks(GROUP) {
        let value = group.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        code.push_str(&format!("{:05}", value % 100_000));
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors from the tests of the reference implementation, discord/libdave, js/__tests__.
    #[test]
    fn codes_of_the_reference_implementation() {
        assert_eq!(displayable_code(&[0xaa, 0xbb, 0xcc, 0xdd, 0xee], 5).unwrap(), "05870");
        let long = [
            0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xcc, 0xdd, 0xee, 0xff, 0xaa, 0xdd,
            0xee, 0xff, 0xaa, 0xbb, 0xee, 0xff, 0xaa, 0xbb, 0xcc, 0xff, 0xaa, 0xbb, 0xcc, 0xdd,
        ];
        let code = PrivacyCode::new(&long).unwrap();
        assert_eq!(code.as_str(), "058708105556138052119572494877");
        assert_eq!(code.to_string(), "05870 81055 56138 05211 95724 94877");
        assert_eq!(displayable_code(&[1; 4], 5), None);
        assert_eq!(displayable_code(&[1; 4], 4), None);
    }

    #[test]
    fn fingerprints_of_the_reference_implementation() {
        let expected = [
            133, 129, 241, 44, 36, 135, 79, 195, 27, 28, 151, 69, 124, 197, 189, 41, 192, 7, 16, 45, 79, 247,
            138, 58, 126, 161, 178, 136, 12, 109, 96, 164, 169, 92, 2, 232, 136, 174, 74, 156, 173, 144, 191,
            184, 34, 45, 242, 136, 41, 133, 14, 158, 119, 79, 204, 48, 6, 220, 121, 6, 242, 11, 164, 60,
        ];
        let (one, other) = ([0; 33], [0; 65]);
        assert_eq!(Verification::new((&one, 1234), (&other, 5678)).fingerprint(), expected);
        assert_eq!(Verification::new((&other, 5678), (&one, 1234)).fingerprint(), expected);
        let expected = [
            141, 169, 194, 143, 22, 72, 22, 245, 13, 140, 66, 228, 159, 195, 101, 106, 119, 240, 69, 191,
            178, 227, 194, 126, 162, 255, 222, 148, 138, 5, 33, 215, 240, 167, 234, 245, 149, 182, 46, 20, 4,
            83, 191, 31, 165, 74, 253, 165, 199, 16, 29, 71, 193, 205, 169, 154, 255, 154, 34, 30, 94, 171,
            247, 43,
        ];
        assert_eq!(Verification::new((&[0, 100], 1), (&[0, 20], 2)).fingerprint(), expected);
    }
}
