//! The names of the transport modes and the choice among them.

/// A transport encryption mode of the voice gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportMode {
    /// `aead_aes256_gcm_rtpsize`, preferred.
    Aes256GcmRtpsize,
    /// `aead_xchacha20_poly1305_rtpsize`, which every server offers.
    XChaCha20Poly1305Rtpsize,
    /// `xsalsa20_poly1305_lite_rtpsize`, legacy.
    XSalsa20Poly1305LiteRtpsize,
    /// `xsalsa20_poly1305_lite`, legacy.
    XSalsa20Poly1305Lite,
    /// `xsalsa20_poly1305_suffix`, legacy.
    XSalsa20Poly1305Suffix,
    /// `xsalsa20_poly1305`, legacy.
    XSalsa20Poly1305,
}

/// A mode that isocord cannot seal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no known transport encryption mode among: {0}")]
pub struct UnknownMode(pub String);

impl TransportMode {
    /// All modes, preferred first; the legacy ones, refused by Discord since November 2024, come last.
    pub const ALL: [Self; 6] = [
        Self::Aes256GcmRtpsize,
        Self::XChaCha20Poly1305Rtpsize,
        Self::XSalsa20Poly1305LiteRtpsize,
        Self::XSalsa20Poly1305Lite,
        Self::XSalsa20Poly1305Suffix,
        Self::XSalsa20Poly1305,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256GcmRtpsize => "aead_aes256_gcm_rtpsize",
            Self::XChaCha20Poly1305Rtpsize => "aead_xchacha20_poly1305_rtpsize",
            Self::XSalsa20Poly1305LiteRtpsize => "xsalsa20_poly1305_lite_rtpsize",
            Self::XSalsa20Poly1305Lite => "xsalsa20_poly1305_lite",
            Self::XSalsa20Poly1305Suffix => "xsalsa20_poly1305_suffix",
            Self::XSalsa20Poly1305 => "xsalsa20_poly1305",
        }
    }

    /// The mode of this name.
    ///
    /// # Errors
    /// [`UnknownMode`] with the name.
    pub fn from_name(name: &str) -> Result<Self, UnknownMode> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == name);
        found.ok_or_else(|| UnknownMode(name.to_owned()))
    }

    /// The preferred one of those that a server offers.
    ///
    /// # Errors
    /// [`UnknownMode`] with all the names offered.
    pub fn choose<'a>(offered: impl IntoIterator<Item = &'a str> + Clone) -> Result<Self, UnknownMode> {
        let is_offered = |mode: &Self| offered.clone().into_iter().any(|name| name == mode.name());
        Self::ALL.into_iter().find(is_offered).ok_or_else(|| {
            let names: Vec<&str> = offered.clone().into_iter().collect();
            UnknownMode(names.join(", "))
        })
    }

    /// Whether header, CSRCs and extension preamble are all in the clear.
    #[must_use]
    pub fn is_rtpsize(self) -> bool {
        matches!(
            self,
            Self::Aes256GcmRtpsize | Self::XChaCha20Poly1305Rtpsize | Self::XSalsa20Poly1305LiteRtpsize
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_modes_are_the_last_resort() {
        let choose = |names: &[&'static str]| TransportMode::choose(names.iter().copied());
        assert_eq!(
            choose(&["xsalsa20_poly1305", "aead_xchacha20_poly1305_rtpsize"]),
            Ok(TransportMode::XChaCha20Poly1305Rtpsize)
        );
        assert_eq!(
            choose(&["aead_xchacha20_poly1305_rtpsize", "aead_aes256_gcm_rtpsize", "new"]),
            Ok(TransportMode::Aes256GcmRtpsize)
        );
        assert_eq!(
            choose(&["xsalsa20_poly1305", "xsalsa20_poly1305_suffix"]),
            Ok(TransportMode::XSalsa20Poly1305Suffix)
        );
        assert_eq!(choose(&["new", "newer"]), Err(UnknownMode("new, newer".into())));
    }

    #[test]
    fn every_name_is_found_again() {
        for mode in TransportMode::ALL {
            assert_eq!(TransportMode::from_name(mode.name()), Ok(mode));
        }
    }
}
