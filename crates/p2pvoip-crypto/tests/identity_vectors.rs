//! The vectors of the identity's forms in `docs/spec/crypto.md`: what is computed from fixed seeds is what the file says, and the
//! file's bytes are read.
//!
//! With `P2PVOIP_BLESS=1` the file is written anew; a change of it is a change of the wire, and is seen in review.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]
#![expect(clippy::cast_possible_truncation, reason = "an index below 32")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_crypto::{
    BUNDLE_LEN, ContactCard, DeviceGrant, DeviceRequest, Identity, PendingDevice, Secret, Succession,
    owned_address,
};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const SERVER: &str = "rendezvous.example:443";
const FILE: &str = include_str!("vectors/identity.txt");
const HEAD: &str = "# Vectors of docs/spec/crypto.md, sections 2 to 5 and 10. All values are hexadecimal, but for what is text.\n\
    # The dates are those at 1800000000 seconds after 1970, the seed of bob is 80 81 .. 9f.\n";

fn bob() -> Identity {
    Identity::generate(&Seed::new(std::array::from_fn(|i| 0x80 + i as u8)))
}

/// A device that waits to be linked to bob's identity.
fn pending() -> PendingDevice {
    PendingDevice::generate(&Seed::new([0xd1; 32]))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn computed() -> Vec<(&'static str, String)> {
    let bob = bob();
    let day = NOW.day();
    vec![
        ("bob_identity_file", hex(&*bob.to_secret().encode())),
        ("bob_fingerprint", hex(bob.fingerprint().as_bytes())),
        ("bob_fingerprint_text", bob.fingerprint().to_string()),
        ("bob_root", hex(bob.root().as_bytes())),
        ("bob_card", bob.card(SERVER).unwrap().to_string()),
        ("bob_owner_key", hex(bob.owner_key(day, SERVER).public())),
        ("bob_owner_key_tomorrow", hex(bob.owner_key(day + 1, SERVER).public())),
        ("bob_owner_signature", hex(bob.owner_key(day, SERVER).sign(b"own"))),
        ("bob_address", hex(bob.mailbox().address(day, 0, SERVER))),
        ("bob_address_of_device_1", hex(bob.mailbox().address(day, 1, SERVER))),
        ("bob_bundle", hex(bob.prekey_bundle(day, NOW))),
        ("bob_blinded_key", hex(bob.blinded_key(day).public())),
        ("bob_blinded_key_tomorrow", hex(bob.blinded_key(day + 1).public())),
        ("bob_blinded_signature", hex(bob.blinded_key(day).sign(b"presence"))),
        ("bob_presence", hex(bob.seal_presence(day, b"here"))),
        ("bob_sequence_offset", hex(bob.mailbox().sequence_offset(day).to_be_bytes())),
    ]
}

/// Bob links a device, and goes over to a new identity.
fn computed_stories() -> Vec<(&'static str, String)> {
    let (mut home, request) = (bob().to_secret(), pending().request());
    let grant = home.link(&request, Seed::new([9; 32]), NOW).unwrap();
    let linked = Secret::linked(&pending(), &grant, NOW).unwrap();
    let device = Identity::from_secret(&linked);
    let successor = Identity::generate(&Seed::new([0x55; 32]));
    vec![
        ("device_file", hex(&*pending().encode())),
        ("device_request", request.to_string()),
        ("device_code", request.code().to_string()),
        ("device_grant", grant.to_string()),
        ("linked_identity_file", hex(&*linked.encode())),
        ("linked_bundle", hex(device.prekey_bundle(NOW.day(), NOW))),
        ("home_identity_file_after_linking", hex(&*home.encode())),
        ("successor_identity_file", hex(&*successor.to_secret().encode())),
        ("succession", Succession::make(&bob(), &successor, NOW).unwrap().to_string()),
    ]
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once(' ').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

#[test]
fn what_is_computed_is_what_the_file_says() {
    let mut text = HEAD.to_owned();
    for (name, value) in computed().into_iter().chain(computed_stories()) {
        writeln!(text, "{name} {value}").unwrap();
    }
    if std::env::var_os("P2PVOIP_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/identity.txt"), &text).unwrap();
        return;
    }
    for (computed, written) in text.lines().zip(FILE.lines()) {
        assert_eq!(computed, written);
    }
    assert_eq!(text, FILE);
}

#[test]
fn the_files_identity_card_and_bundle_are_read() {
    let file = parse(FILE);
    let unhex = |name: &str| HEXLOWER.decode(file[name].as_bytes()).unwrap();
    let day = NOW.day();
    let secret = Secret::decode(&unhex("bob_identity_file")).unwrap();
    let fingerprint = Identity::from_secret(&secret).fingerprint();
    assert_eq!(fingerprint.as_bytes().to_vec(), unhex("bob_fingerprint"));
    let card: ContactCard = file["bob_card"].parse().unwrap();
    assert_eq!((card.server(), card.fingerprint()), (SERVER, &fingerprint));
    assert_eq!(card.address(day, 0).to_vec(), unhex("bob_address"));
    let owner: [u8; 32] = unhex("bob_owner_key").try_into().unwrap();
    assert_eq!(owned_address(&owner).to_vec(), unhex("bob_address"));
    for (name, day) in [("bob_blinded_key", day), ("bob_blinded_key_tomorrow", day + 1)] {
        assert_eq!(card.blinded_public(day).unwrap().to_vec(), unhex(name));
    }
    let opened = card.mailbox().open_presence(day, &unhex("bob_presence"));
    assert_eq!(opened.as_deref(), Some(&b"here"[..]));
    let bundle = unhex("bob_bundle");
    assert_eq!(bundle.len(), BUNDLE_LEN);
    assert!(card.mailbox().open_bundle(&bundle, 0, day, card.fingerprint(), NOW).is_ok());
}

#[test]
fn the_files_linked_device_and_succession_are_read() {
    let file = parse(FILE);
    let unhex = |name: &str| HEXLOWER.decode(file[name].as_bytes()).unwrap();
    let request: DeviceRequest = file["device_request"].parse().unwrap();
    assert_eq!(request.code().to_string(), file["device_code"]);
    let pending = PendingDevice::decode(&unhex("device_file")).unwrap();
    let grant: DeviceGrant = file["device_grant"].parse().unwrap();
    let linked = Secret::linked(&pending, &grant, NOW).unwrap();
    assert_eq!(linked.encode().to_vec(), unhex("linked_identity_file"));
    let card: ContactCard = file["bob_card"].parse().unwrap();
    let bundle = unhex("linked_bundle");
    let prekeys = card.mailbox().open_bundle(&bundle, 1, NOW.day(), card.fingerprint(), NOW).unwrap();
    assert_eq!(prekeys.device_indices().collect::<Vec<_>>(), [0, 1]);
    let succession = Succession::parse_text(&file["succession"], NOW).unwrap();
    let successor = Identity::from_secret(&Secret::decode(&unhex("successor_identity_file")).unwrap());
    assert_eq!((succession.old(), succession.new_root()), (&bob().root(), &successor.root()));
}
