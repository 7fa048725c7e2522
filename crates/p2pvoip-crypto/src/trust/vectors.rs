//! The vectors of `docs/spec/crypto.md`, sections "Verification" and "Trust": what is computed is what the file says.
//!
//! With `P2PVOIP_BLESS=1` the file is written anew; a change of it is a change of the wire, and is seen in review.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use p2pvoip_core::{Seed, UnixTime};

use super::*;
use crate::identity::Identity;
use crate::introduction::Introduction;
use crate::roster::RosterPin;
use crate::sas;
use crate::suite::VERSION_1_1;
use crate::verify_code::VerifyCode;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const FILE: &str = include_str!("../../tests/vectors/trust.txt");
const HEAD: &str = "# Vectors of docs/spec/crypto.md, sections \"Verification\" and \"Trust\". Dates are 1800000000 seconds after 1970.\n";

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn computed() -> Vec<(&'static str, String)> {
    let (first, second) = ([0xa1; 16], [0xb2; 16]);
    let code = sas::derive(&[0x0c; 32], &first, &second);
    let (alice, bob) = (Identity::generate(&Seed::from_u64(1)), Identity::generate(&Seed::from_u64(2)));
    let roster = RosterPin { sequence: 1_790_000_000, least_version: VERSION_1_1, expires: NOW };
    let (fingerprint, root) = (bob.fingerprint(), *bob.root().as_bytes());
    let peer = PeerIdentity { fingerprint, root, device: [0x0d; 32], roster };
    let mut pin = Pin::first(&peer, VERSION_1_1, NOW).unwrap();
    let known = hex(pin.encode());
    pin.verify(&fingerprint, How::Introduced(alice.fingerprint())).unwrap();
    vec![
        ("sas_commitment", hex(sas::commit(&first))),
        ("sas_bits", hex(code.bits().to_be_bytes())),
        ("sas_words", code.to_string()),
        ("sas_emoji", code.emoji().map(|emoji| emoji.name).join(" ")),
        ("alice_root", hex(alice.root().as_bytes())),
        ("bob_root", hex(root)),
        ("verify_code", VerifyCode::new(alice.fingerprint(), Some(fingerprint)).to_string()),
        ("verify_code_for_anybody", VerifyCode::new(alice.fingerprint(), None).to_string()),
        ("introduction", Introduction::new(&alice, &bob.root(), NOW).to_string()),
        ("pin_known_key", known),
        ("pin_introduced", hex(pin.encode())),
    ]
}

#[test]
fn what_is_computed_is_what_the_file_says() {
    let mut text = HEAD.to_owned();
    for (name, value) in computed() {
        writeln!(text, "{name} {value}").unwrap();
    }
    if std::env::var_os("P2PVOIP_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/trust.txt"), &text).unwrap();
        return;
    }
    for (computed, written) in text.lines().zip(FILE.lines()) {
        assert_eq!(computed, written);
    }
    assert_eq!(text, FILE);
}

#[test]
fn the_files_forms_are_read() {
    let value = |name: &str| {
        let line = FILE.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().to_owned()
    };
    let alice = Identity::generate(&Seed::from_u64(1));
    let introduction: Introduction = value("introduction").parse().unwrap();
    let vouched = introduction.check(&Pin::of(alice.root(), Some(How::Qr), NOW), NOW).unwrap();
    assert_eq!(hex(vouched.root().as_bytes()), value("bob_root"));
    let pin = Pin::decode(&HEXLOWER.decode(value("pin_introduced").as_bytes()).unwrap()).unwrap();
    assert_eq!(pin.how(), Some(How::Introduced(alice.fingerprint())));
    let code: VerifyCode = value("verify_code").parse().unwrap();
    assert_eq!(*code.shown_by(), alice.fingerprint());
}
