//! Sealed files and key files behind a right checksum, which stops bytes that are merely changed.

use p2pvoip_core::Seed;
use p2pvoip_crypto::keystore::{
    Content, KeystoreError, MAX_SEALED_LEN, Protection, SealedFile, StoreKey, Stretching, is_sealed, seal,
};
use ring::digest;

use crate::store::KEY;

/// Bytes of the checksum behind both kinds of file.
const CHECKSUM_LEN: usize = 4;

/// A file that the key has sealed: `passphrase` chooses what its head says of the key.
pub(crate) fn sealed(content: Content, bytes: &[u8], passphrase: bool) -> Vec<u8> {
    let stretching = Stretching::new(64, 1, 1, [3; 16]).expect("it costs little");
    let protection =
        if passphrase { Protection::Passphrase(stretching) } else { Protection::KeyFile(KEY.id()) };
    seal(content, bytes, &protection, &KEY, &Seed::from_u64(14)).expect("it is short")
}

/// Any bytes with a right checksum behind them, as a sealed file and (behind its magic) as a key file: only what the key has
/// sealed is opened, and as what it is; a key is written as it was read.
pub fn fields(data: &[u8]) {
    let file = with_checksum(b"p2pvoip sealed file", data);
    if let Ok(read) = SealedFile::parse(&file) {
        assert!(is_sealed(&file) && file.len() <= MAX_SEALED_LEN);
        for content in [Content::Identity, Content::Contacts, Content::Pending] {
            match read.open(content, &KEY) {
                Ok(bytes) => {
                    let passphrase = matches!(read.protection(), Protection::Passphrase(_));
                    assert_eq!(content, read.content());
                    assert_eq!(sealed(content, &bytes, passphrase), file, "the key sealed it so");
                }
                Err(error) => assert_eq!(error == KeystoreError::OtherContent, content != read.content()),
            }
        }
    }
    let mut file = with_checksum(b"p2pvoip key file", data);
    file.splice(0..0, *b"p2pvoip");
    if let Ok(key) = StoreKey::decode(&file) {
        assert_eq!(key.encode().as_slice(), file, "encode undoes decode");
    }
}

/// The bytes, and the checksum over them.
fn with_checksum(domain: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(domain);
    context.update(bytes);
    [bytes, &context.finish().as_ref()[..CHECKSUM_LEN]].concat()
}
