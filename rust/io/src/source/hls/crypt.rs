//! Segments that are encrypted as a whole (RFC 8216, 4.3.2.4: AES-128 in CBC mode, PKCS7).

use aes::Aes128;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};

/// # Errors
/// The key is not the right one, or the segment is broken.
pub(super) fn decrypt(mut bytes: Vec<u8>, key: [u8; 16], iv: [u8; 16]) -> Result<Vec<u8>, String> {
    let decryptor = cbc::Decryptor::<Aes128>::new(&key.into(), &iv.into());
    let len = decryptor
        .decrypt_padded::<Pkcs7>(&mut bytes)
        .map_err(|_| "a segment cannot be decrypted".to_owned())?
        .len();
    bytes.truncate(len);
    Ok(bytes)
}
