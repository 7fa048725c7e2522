//! The vectors of `docs/spec/store.md`: sealed files of fixed keys are what the file says, and the file's bytes are opened.
//!
//! With `P2PVOIP_BLESS=1` the file is written anew; a change of it is a change of the form, and is seen in review.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use p2pvoip_core::Seed;
use p2pvoip_crypto::keystore::{Content, Passphrase, Protection, SealedFile, StoreKey, Stretching, seal};

const FILE: &str = include_str!("vectors/store.txt");
const PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/store.txt");
const HEAD: &str = "# Vectors of docs/spec/store.md. All values are hexadecimal, but for the passphrase.\n";

/// What the sealed files hold.
const CONTENT: &[u8] = b"content";
const PHRASE: &str = "correct horse battery staple";

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

/// Argon2id at a cost that tests bear: 64 KiB, two passes, two lanes.
fn stretching() -> Stretching {
    Stretching::new(64, 2, 2, std::array::from_fn(|i| i.try_into().unwrap())).unwrap()
}

fn computed() -> Vec<(&'static str, String)> {
    let key = StoreKey::generate(&Seed::new([1; 32]));
    let stretched = stretching().key(&Passphrase::new(PHRASE).unwrap()).unwrap();
    let by_file = Protection::KeyFile(key.id());
    let by_phrase = Protection::Passphrase(stretching());
    let (first, second) = (Seed::new([2; 32]), Seed::new([3; 32]));
    vec![
        ("content", hex(CONTENT)),
        ("key_file", hex(*key.encode())),
        ("key_id", hex(key.id().as_bytes())),
        ("sealed_by_key_file", hex(seal(Content::Contacts, CONTENT, &by_file, &key, &first).unwrap())),
        ("passphrase", PHRASE.to_owned()),
        ("stretched_key_file", hex(*stretched.encode())),
        (
            "sealed_by_passphrase",
            hex(seal(Content::Identity, CONTENT, &by_phrase, &stretched, &second).unwrap()),
        ),
    ]
}

fn parse(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once(' ').unwrap()).collect()
}

#[test]
fn what_is_computed_is_what_the_file_says() {
    let mut text = HEAD.to_owned();
    for (name, value) in computed() {
        writeln!(text, "{name} {value}").unwrap();
    }
    if std::env::var_os("P2PVOIP_BLESS").is_some() {
        std::fs::write(PLACE, &text).unwrap();
        return;
    }
    assert_eq!(text, FILE);
}

#[test]
fn the_files_are_opened() {
    let file = parse(FILE);
    let unhex = |name| HEXLOWER.decode(file[name].as_bytes()).unwrap();
    let key = StoreKey::decode(&unhex("key_file")).unwrap();
    let sealed = unhex("sealed_by_key_file");
    let sealed = SealedFile::parse(&sealed).unwrap();
    assert_eq!(sealed.protection(), &Protection::KeyFile(key.id()));
    assert_eq!(*sealed.open(Content::Contacts, &key).unwrap(), unhex("content"));
    let sealed = unhex("sealed_by_passphrase");
    let sealed = SealedFile::parse(&sealed).unwrap();
    assert!(matches!(sealed.protection(), Protection::Passphrase(_)));
    let Protection::Passphrase(stretching) = sealed.protection() else { return };
    let key = stretching.key(&Passphrase::new(file["passphrase"]).unwrap()).unwrap();
    assert_eq!(*sealed.open(Content::Identity, &key).unwrap(), unhex("content"));
}
