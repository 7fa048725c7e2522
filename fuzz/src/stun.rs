//! STUN messages of any attributes with right integrity and fingerprint (RFC 8489), to reach what lies behind those.

use ring::hmac;

/// The magic cookie (RFC 8489 section 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// A Binding request.
pub(crate) const REQUEST: u16 = 0x0001;
/// A Binding indication.
pub(crate) const INDICATION: u16 = 0x0011;
/// The answer to a Binding request.
pub(crate) const SUCCESS: u16 = 0x0101;
/// The refusal of a Binding request.
pub(crate) const ERROR: u16 = 0x0111;

/// A message of this type with these attributes and a MESSAGE-INTEGRITY by `password`, then a FINGERPRINT.
pub(crate) fn sealed(kind: u16, id: [u8; 12], attributes: &[u8], password: &str) -> Vec<u8> {
    sealed_by(kind, id, attributes, password.as_bytes())
}

/// The same by any key: that of a password under a realm is no text.
pub(crate) fn sealed_by(kind: u16, id: [u8; 12], attributes: &[u8], key: &[u8]) -> Vec<u8> {
    let mut message = plain(kind, id, attributes);
    set_len(&mut message, 24);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &message);
    message.extend([0x00, 0x08, 0, 20]);
    message.extend_from_slice(tag.as_ref());
    fingerprinted(message)
}

/// A message of this type with these attributes, padded with zeros to a multiple of four bytes, and nothing else.
pub(crate) fn plain(kind: u16, id: [u8; 12], attributes: &[u8]) -> Vec<u8> {
    let mut message = kind.to_be_bytes().to_vec();
    message.extend([0; 2]);
    message.extend(COOKIE);
    message.extend(id);
    message.extend_from_slice(attributes);
    message.resize(message.len().next_multiple_of(4), 0);
    set_len(&mut message, 0);
    message
}

/// The message with a FINGERPRINT (RFC 8489 section 14.7).
pub(crate) fn fingerprinted(mut message: Vec<u8>) -> Vec<u8> {
    set_len(&mut message, 8);
    let fingerprint = crc32(&message) ^ 0x5354_554e;
    message.extend([0x80, 0x28, 0, 4]);
    message.extend(fingerprint.to_be_bytes());
    message
}

/// An attribute with its padding, for the corpus.
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    let mut bytes = [kind.to_be_bytes(), len.to_be_bytes()].concat();
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The transaction id of a message.
pub(crate) fn id_of(message: &[u8]) -> Option<[u8; 12]> {
    message.get(8..20)?.try_into().ok()
}

/// Sets the length to that of what is there and of `more` bytes that follow.
fn set_len(message: &mut [u8], more: usize) {
    let len = u16::try_from(message.len() - 20 + more).unwrap_or(u16::MAX);
    message[2..4].copy_from_slice(&len.to_be_bytes());
}

/// CRC-32 as in ITU V.42, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_well_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
