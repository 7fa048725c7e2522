//! Sealed files, and the key files that open them.

use std::sync::LazyLock;

use p2pvoip_core::Seed;
use p2pvoip_crypto::keystore::{
    Content, KeystoreError, MAX_SEALED_LEN, Passphrase, Protection, SealedFile, StoreKey, Stretching,
    is_sealed, seal,
};
use ring::digest;

/// What is before the checksum of both kinds of file.
const CHECKSUM_LEN: usize = 4;

/// The key of every run.
pub(crate) static KEY: LazyLock<StoreKey> = LazyLock::new(|| StoreKey::generate(&Seed::from_u64(13)));

/// A file that the key has sealed: `passphrase` chooses what its head says of the key.
pub(crate) fn sealed(content: Content, bytes: &[u8], passphrase: bool) -> Vec<u8> {
    let stretching = Stretching::new(64, 1, 1, [3; 16]).expect("it costs little");
    let protection =
        if passphrase { Protection::Passphrase(stretching) } else { Protection::KeyFile(KEY.id()) };
    seal(content, bytes, &protection, &KEY, &Seed::from_u64(14)).expect("it is short")
}

/// A sealed file as it is, and with a right checksum behind it: only what the key has sealed is opened, and as what it is.
pub fn sealed_file(data: &[u8]) {
    for file in [data.to_vec(), with_checksum(b"p2pvoip sealed file", data)] {
        let Ok(read) = SealedFile::parse(&file) else { continue };
        assert!(is_sealed(&file) && file.len() <= MAX_SEALED_LEN);
        if let Protection::Passphrase(by) = read.protection() {
            assert!(Passphrase::new("").is_err());
            assert!(format!("{by:?}").contains("memory_kib"), "its cost is known before it is paid");
        }
        for content in [Content::Identity, Content::Contacts, Content::Pending] {
            match read.open(content, &KEY) {
                Ok(bytes) => {
                    let by_passphrase = matches!(read.protection(), Protection::Passphrase(_));
                    assert_eq!(content, read.content());
                    assert_eq!(sealed(content, &bytes, by_passphrase), file, "the key sealed it so");
                }
                Err(error) => assert_eq!(error == KeystoreError::OtherContent, content != read.content()),
            }
        }
    }
}

/// Any bytes are sealed, and opened by the same key and as the same content alone.
pub fn sealed_content(data: &[u8]) {
    let file = sealed(Content::Contacts, data, false);
    let read = SealedFile::parse(&file).expect("it was sealed");
    assert_eq!(read.open(Content::Contacts, &KEY).expect("by this key").as_slice(), data);
    let other = StoreKey::generate(&Seed::from_u64(15));
    assert_eq!(read.open(Content::Contacts, &other).err(), Some(KeystoreError::WrongKey));
    assert_eq!(read.open(Content::Identity, &KEY).err(), Some(KeystoreError::OtherContent));
}

/// A key file as it is, and with a right checksum behind it: what is read is written as the same bytes.
pub fn key_file(data: &[u8]) {
    let fields = data.strip_prefix(b"p2pvoip").unwrap_or(data);
    let mut summed = with_checksum(b"p2pvoip key file", fields);
    summed.splice(0..0, *b"p2pvoip");
    for file in [data.to_vec(), summed] {
        if let Ok(key) = StoreKey::decode(&file) {
            assert_eq!(key.encode().as_slice(), file, "encode undoes decode");
        }
    }
}

/// The bytes, and the checksum over them.
fn with_checksum(domain: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(domain);
    context.update(bytes);
    [bytes, &context.finish().as_ref()[..CHECKSUM_LEN]].concat()
}
