//! The parts of MLS messages that a delivery service reads: it is no member and holds no secrets.

use openmls::prelude::tls_codec::DeserializeBytes;
use openmls::prelude::{MlsMessageIn, Welcome};
use sha2::{Digest, Sha256};

use super::DeliveryError;

/// A reader of MLS's TLS presentation (RFC 9420 section 2.1).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A variable-size vector.
    fn vector(&mut self) -> Option<&'a [u8]> {
        let first = self.u8()?;
        let more = match first >> 6 {
            0 => 0,
            1 => 1,
            2 => 3,
            _ => return None,
        };
        let rest = self.take(more)?;
        let len = rest.iter().fold(usize::from(first & 0x3f), |len, byte| len << 8 | usize::from(*byte));
        self.take(len)
    }
}

/// Appends a variable-size vector.
pub fn put_vector(bytes: &[u8], out: &mut Vec<u8>) {
    let len = bytes.len();
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend((len as u16 | 0x4000).to_be_bytes()),
        _ => out.extend((len as u32 | 0x8000_0000).to_be_bytes()),
    }
    out.extend_from_slice(bytes);
}

/// `RefHash(label, value)` of RFC 9420 section 5.2.
fn ref_hash(label: &[u8], value: &[u8]) -> Vec<u8> {
    let mut input = Vec::with_capacity(value.len() + label.len() + 8);
    put_vector(label, &mut input);
    put_vector(value, &mut input);
    Sha256::digest(&input).to_vec()
}

/// The reference of a proposal, from the MLSMessage that carries it.
///
/// It is the hash of the AuthenticatedContent, which for a sender that is no member is the message without its version.
pub fn proposal_ref(message: &[u8]) -> Vec<u8> {
    ref_hash(b"MLS 1.0 Proposal Reference", message.get(2..).unwrap_or_default())
}

/// The reference of a key package.
pub fn key_package_ref(key_package: &[u8]) -> Vec<u8> {
    ref_hash(b"MLS 1.0 KeyPackage Reference", key_package)
}

/// A commit as far as the delivery service judges it.
pub struct Commit<'a> {
    pub group_id: &'a [u8],
    pub epoch: u64,
    /// Leaf index of the committer.
    pub committer: u32,
    /// References of the proposals, in the order in which they apply.
    pub proposals: Vec<&'a [u8]>,
    /// The committer's new signature key and basic credential, where the commit has an update path.
    pub new_leaf: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Commit<'a> {
    /// Reads an MLSMessage with a PublicMessage of a member's commit that carries its proposals by reference.
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        const MLS10: u16 = 1;
        const PUBLIC_MESSAGE: u16 = 1;
        const MEMBER: u8 = 1;
        const COMMIT: u8 = 3;
        const REFERENCE: u8 = 2;
        const BASIC: u16 = 1;
        let mut reader = Reader(message);
        if reader.u16()? != MLS10 || reader.u16()? != PUBLIC_MESSAGE {
            return None;
        }
        let group_id = reader.vector()?;
        let epoch = u64::from_be_bytes(reader.array()?);
        if reader.u8()? != MEMBER {
            return None;
        }
        let committer = u32::from_be_bytes(reader.array()?);
        let _authenticated_data = reader.vector()?;
        if reader.u8()? != COMMIT {
            return None;
        }
        let mut list = Reader(reader.vector()?);
        let mut proposals = Vec::new();
        while !list.0.is_empty() {
            if list.u8()? != REFERENCE {
                return None;
            }
            proposals.push(list.vector()?);
        }
        let new_leaf = match reader.u8()? {
            0 => None,
            1 => {
                let _encryption_key = reader.vector()?;
                let signature_key = reader.vector()?;
                if reader.u16()? != BASIC {
                    return None;
                }
                Some((signature_key, reader.vector()?))
            }
            _ => return None,
        };
        Some(Self { group_id, epoch, committer, proposals, new_leaf })
    }
}

/// Splits the payload of opcode 28: the commit, and the bare welcome if there is one.
pub fn split_commit_welcome(payload: &[u8]) -> Result<(&[u8], Option<&[u8]>), DeliveryError> {
    let malformed = DeliveryError::Malformed("commit");
    let (_, rest) = MlsMessageIn::tls_deserialize_bytes(payload).map_err(|_| malformed)?;
    let (commit, welcome) = payload.split_at(payload.len() - rest.len());
    if welcome.is_empty() {
        return Ok((commit, None));
    }
    Welcome::tls_deserialize_exact_bytes(welcome).map_err(|_| DeliveryError::Malformed("welcome"))?;
    Ok((commit, Some(welcome)))
}

/// The welcome with the secrets for one key package only. `None` where it has none for it.
pub fn welcome_for(welcome: &[u8], key_package_ref: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(welcome);
    let ciphersuite = reader.array::<2>()?;
    let mut secrets = Reader(reader.vector()?);
    while !secrets.0.is_empty() {
        let start = secrets.0;
        let new_member = secrets.vector()?;
        let _kem_output = secrets.vector()?;
        let _ciphertext = secrets.vector()?;
        if new_member == key_package_ref {
            let mut out = ciphersuite.to_vec();
            put_vector(&start[..start.len() - secrets.0.len()], &mut out);
            out.extend_from_slice(reader.0);
            return Some(out);
        }
    }
    None
}
