//! The vectors of the handshake in `docs/spec/crypto.md`: gate, offer, answer, psk, exporter, and what a session seals first.
//!
//! With `P2PVOIP_BLESS=1` the file is written anew; a change of it is a change of the wire, and is seen in review.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]
#![expect(clippy::cast_possible_truncation, reason = "an index below 32")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::{
    Aead, Callee, Gatekeeper, HEADER_LEN, Hello, Identity, Initiator, Prekeys, Responder, Sealer, Session,
    UpgradeInitiator, UpgradeResponder,
};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const FILE: &str = include_str!("vectors/handshake.txt");
const HEAD: &str = "# Vectors of docs/spec/crypto.md, sections 6, 7 and 9. All values are hexadecimal.\n\
    # The identities are those of identity.txt, the date is 1800000000 seconds after 1970.\n";

fn alice() -> Identity {
    Identity::generate(&Seed::new(std::array::from_fn(|i| i as u8)))
}

fn bob() -> Identity {
    Identity::generate(&Seed::new(std::array::from_fn(|i| 0x80 + i as u8)))
}

fn prekeys(of: &Identity) -> Prekeys {
    let bundle = of.prekey_bundle(NOW.day(), NOW);
    of.mailbox().open_bundle(&bundle, 0, NOW.day(), &of.fingerprint(), NOW).unwrap()
}

fn seed(byte: u8) -> Seed {
    Seed::new([byte; 32])
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn policy() -> Hello {
    Hello { features: 6, aeads: vec![Aead::ChaCha20Poly1305], ..Hello::default() }
}

/// Names and values, in the order of the file.
type Vectors = Vec<(String, String)>;

fn handshake(out: &mut Vectors) {
    let (alice, bob) = (alice(), bob());
    let prekeys = prekeys(&bob);
    let callee = Callee { mailbox: bob.mailbox(), prekeys: &prekeys, known: false };
    let hello = Hello { features: 5, ..Hello::default() };
    let start = |callee| Initiator::start(&alice, callee, &hello, b"offer", seed(1), NOW).unwrap();
    let (initiator, offer) = start(&callee);
    let known = start(&Callee { known: true, ..callee }).1;
    let mut gatekeeper = Gatekeeper::new(&bob);
    let admitted = gatekeeper.admit(&offer, Instant::from_millis(0), NOW).unwrap();
    let tag = admitted.tag();
    let responder = Responder::read(&bob, admitted, NOW).unwrap();
    let (mut callee, answer) = responder.answer(b"answer", &policy(), seed(2)).unwrap();
    let (mut caller, _) = initiator.finish(&answer).unwrap();
    let nonce = caller.sas.to_reveal().unwrap();
    let mut add = |name: &str, value: String| out.push((name.to_owned(), value));
    add("offer", hex(&offer));
    add("offer_tag", hex(tag));
    add("offer_of_a_known_device_gate", hex(&known[..36]));
    add("answer", hex(&answer));
    add("binding", hex(caller.binding));
    add("nonce_to_reveal", hex(nonce));
    add("sas", hex(&caller.sas.sas().unwrap().bits().to_be_bytes()[2..]));
    add("rekey_secret", hex(caller.rekey.expose()));
    add("export", hex(export(&caller)));
    add("caller_packet_0", hex(packet(&mut caller.sealer, 0, b"from the caller")));
    add("callee_packet_0", hex(packet(&mut callee.sealer, 1, b"from the callee")));
    add("caller_signal_0", hex(caller.signal.seal(b"hang up").unwrap()));
    add("callee_signal_0", hex(callee.signal.seal(b"ringing").unwrap()));
    assert_eq!(callee.sas.reveal(&nonce).ok(), caller.sas.sas());
    assert_eq!(export(&callee), export(&caller));
}

fn upgrade(out: &mut Vectors) {
    let hello = Hello { features: 5, ..Hello::default() };
    let started = UpgradeInitiator::start(&alice(), b"call", &hello, seed(1), NOW);
    let (initiator, first) = started.unwrap();
    let read = UpgradeResponder::read(&bob(), b"call", &first, &policy(), seed(2), NOW);
    let (responder, second) = read.unwrap();
    let (caller, third) = initiator.finish(&second, NOW).unwrap();
    let callee = responder.finish(&third, NOW).unwrap();
    assert_eq!((callee.binding, callee.sas.sas()), (caller.binding, caller.sas.sas()));
    let mut add = |name: &str, value: &[u8]| out.push((name.to_owned(), hex(value)));
    add("upgrade_first", &first);
    add("upgrade_second", &second);
    add("upgrade_third", &third);
    add("upgrade_binding", &caller.binding);
    add("upgrade_sas", &caller.sas.sas().unwrap().bits().to_be_bytes()[2..]);
    add("upgrade_export", &export(&caller));
}

fn export(session: &Session) -> [u8; 48] {
    let mut key = [0; 48];
    session.export("recording", b"context", &mut key).unwrap();
    key
}

fn packet(sealer: &mut Sealer, stream: u8, plaintext: &[u8]) -> Vec<u8> {
    let mut buf = vec![0; 100];
    buf[HEADER_LEN..][..plaintext.len()].copy_from_slice(plaintext);
    let sealed = sealer.seal(stream, &mut buf, plaintext.len()).unwrap();
    buf.truncate(sealed.len);
    buf
}

#[test]
fn what_is_computed_is_what_the_file_says() {
    let mut vectors = Vec::new();
    handshake(&mut vectors);
    upgrade(&mut vectors);
    let mut text = HEAD.to_owned();
    for (name, value) in vectors {
        writeln!(text, "{name} {value}").unwrap();
    }
    if std::env::var_os("P2PVOIP_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/handshake.txt"), &text).unwrap();
        return;
    }
    for (computed, written) in text.lines().zip(FILE.lines()) {
        assert_eq!(computed, written);
    }
    assert_eq!(text, FILE);
}

#[test]
fn the_files_offer_is_admitted_and_read() {
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    let file: BTreeMap<_, _> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let offer = HEXLOWER.decode(file["offer"].as_bytes()).unwrap();
    let mut gatekeeper = Gatekeeper::new(&bob());
    let admitted = gatekeeper.admit(&offer, Instant::from_millis(0), NOW).unwrap();
    let responder = Responder::read(&bob(), admitted, NOW).unwrap();
    assert_eq!((responder.payload(), responder.hello().features), (&b"offer"[..], 5));
    assert_eq!(responder.peer().fingerprint, alice().fingerprint());
    let (_, answer) = responder.answer(b"answer", &policy(), seed(2)).unwrap();
    assert_eq!(hex(answer), file["answer"]);
}
