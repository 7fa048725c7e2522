//! Seeds of sealed files, key files, contact books and attestations.

use p2pvoip_core::Seed;
use p2pvoip_crypto::keystore::{Content, Protection, StoreKey, Stretching, seal};

use crate::store::{BOOK, KEY, SEALED, some_attestation};

/// What one target is given.
type Named = Vec<(&'static str, Vec<u8>)>;

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "crypto-sealed-file" => vec![
            ("valid-book", SEALED.clone()),
            ("hostile-passphrase", by_passphrase()),
            ("hostile-clear", crate::fixture::CALLEE.to_secret().encode().to_vec()),
            ("hostile-key", KEY.encode().to_vec()),
        ],
        "crypto-key-file" => {
            vec![("valid-key", KEY.encode().to_vec()), ("hostile-sealed", SEALED.clone())]
        }
        "engine-contacts" => {
            let bytes = BOOK.clone();
            let mut full = bytes.clone();
            full.splice(1..3, [4, 1]);
            vec![("valid-two", bytes), ("valid-empty", vec![1, 0, 0]), ("hostile-full", full)]
        }
        "crypto-attestation" => {
            let attestation = some_attestation();
            let text = attestation.to_string().into_bytes();
            vec![("valid-bytes", attestation.emit()), ("valid-text", text), ("hostile-long", vec![1; 2_049])]
        }
        _ => return None,
    })
}

/// Sealed by a passphrase that nobody knows.
fn by_passphrase() -> Vec<u8> {
    let stretching = Stretching::new(8, 1, 1, [7; 16]).expect("the cost is within bounds");
    let protection = Protection::Passphrase(stretching);
    let (other, seed) = (StoreKey::generate(&Seed::from_u64(12)), Seed::from_u64(11));
    seal(Content::Contacts, b"", &protection, &other, &seed).expect("nothing is short")
}
