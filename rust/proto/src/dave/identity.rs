//! A member's signature key: P-256, fresh for each session (whitepaper, "Ephemeral Signature Keypairs").

use core::fmt;

use openmls::prelude::{BasicCredential, CredentialWithKey, SignatureScheme};
use openmls_traits::signatures::{Signer, SignerError};
use p256::ecdsa::{DerSignature, SigningKey, signature};
use rand_core::OsRng;

/// The signature key pair of one member; the private half is cleared when it is dropped.
pub struct Identity {
    key: SigningKey,
    public: Vec<u8>,
}

impl Identity {
    /// A fresh key from the system's random numbers.
    pub fn generate() -> Self {
        let key = SigningKey::random(&mut OsRng);
        let public = key.verifying_key().to_encoded_point(false).as_bytes().to_vec();
        Self { key, public }
    }

    /// The public key, an uncompressed point of 65 bytes.
    pub fn public_key(&self) -> &[u8] {
        &self.public
    }

    /// The basic credential with these bytes, and the key that belongs to it.
    pub(super) fn credential(&self, content: Vec<u8>) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(content).into(),
            signature_key: self.public.clone().into(),
        }
    }
}

impl Signer for Identity {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature: DerSignature =
            signature::Signer::try_sign(&self.key, payload).map_err(|_| SignerError::SigningError)?;
        Ok(signature.as_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
