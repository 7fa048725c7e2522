//! What lies on a disk or is handed over for a contact book: sealed files, key files, books, attestations.

use std::sync::LazyLock;

use p2pvoip::contacts::Book;
use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_crypto::attestation::Attestation;
use p2pvoip_crypto::keystore::{Content, Protection, SealedFile, StoreKey, is_sealed, seal};

use crate::fixture::{CALLEE, CALLER, UNIX};

/// The key of the store that the bodies open.
pub(crate) static KEY: LazyLock<StoreKey> = LazyLock::new(|| StoreKey::generate(&Seed::from_u64(9)));
/// A contact book in its bytes.
pub(crate) static BOOK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut book = Book::default();
    for (name, identity) in [("alice", &*CALLER), ("Bob", &*CALLEE)] {
        let card = identity.card("wss://example.org").expect("the server's name is short");
        book.add(name, card, UNIX).expect("the names differ");
    }
    book.encode().to_vec()
});
/// The same, sealed.
pub(crate) static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| sealed(&BOOK));

/// A book of these bytes, sealed.
pub(crate) fn sealed(bytes: &[u8]) -> Vec<u8> {
    let protection = Protection::KeyFile(KEY.id());
    let file = seal(Content::Contacts, bytes, &protection, &KEY, &Seed::from_u64(10));
    file.expect("a fuzzer's input is short")
}

/// A sealed file: only the one that was sealed opens, and what is sealed opens as it was.
pub fn sealed_file(data: &[u8]) {
    if let Ok(file) = SealedFile::parse(data) {
        assert!(is_sealed(data));
        let opened = file.open(Content::Contacts, &KEY);
        assert_eq!(opened.is_ok(), data == SEALED.as_slice(), "one file was sealed");
    }
    let again = sealed(data);
    let opened = SealedFile::parse(&again).and_then(|file| file.open(Content::Contacts, &KEY));
    assert_eq!(opened.map(|bytes| bytes.to_vec()), Ok(data.to_vec()));
}

/// A key file: what decodes is encoded as the same bytes.
pub fn key_file(data: &[u8]) {
    if let Ok(key) = StoreKey::decode(data) {
        assert_eq!(&key.encode()[..], data);
    }
}

/// A contact book: what parses is encoded as the same bytes, and everybody is found by name and by fingerprint.
pub fn contacts(data: &[u8]) {
    let Ok(book) = Book::parse(data) else { return };
    assert_eq!(book.encode().as_slice(), data);
    for contact in &book {
        assert_eq!(book.get(&contact.name().to_uppercase()), Some(contact));
        assert_eq!(book.find(contact.fingerprint()), Some(contact));
    }
}

/// An attestation, as text or bytes: what parses is written as the same.
pub fn attestation(data: &[u8]) {
    if let Ok(attestation) = Attestation::parse(data) {
        assert_eq!(attestation.emit(), data);
        assert_eq!(attestation.to_string().parse(), Ok(attestation));
    }
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(attestation) = text.parse::<Attestation>() {
        assert!(attestation.to_string().eq_ignore_ascii_case(text.trim()));
    }
}

/// An attestation of a kind that nobody judges.
pub(crate) fn some_attestation() -> Attestation {
    let expires = UnixTime::from_secs(UNIX.as_secs() + 86_400);
    Attestation::new(200, UNIX, expires, b"evidence".to_vec()).expect("the dates are right")
}
