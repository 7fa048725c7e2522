//! The vectors of `docs/spec/group.md`: what is computed from fixed secrets is what the file says, and the file's bytes are read.
//!
//! With `P2PVOIP_BLESS=1` the file is written anew; a change of it is a change of the wire, and is seen in review.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_crypto::group::{
    Group, GroupId, HEADER_LEN, Input, Listener, MAX_PROOF_LEN, Message, PROOF_INTERVAL, Received, Sender,
    SenderScope, SenderSecret, To,
};
use p2pvoip_crypto::{Aead, Fingerprint};

const FILE: &str = include_str!("vectors/group.txt");
const PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/group.txt");
const HEAD: &str = "# Vectors of docs/spec/group.md. All values are hexadecimal.\n";
const NOW: Instant = Instant::from_millis(0);

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

const fn scope(aead: Aead) -> SenderScope {
    SenderScope { aead, group: GroupId::new([3; 16]), member: 4, since: 5 }
}

fn sender(aead: Aead) -> Sender {
    Sender::new(scope(aead), SenderSecret::new(6, [7; 32]), &[8; 32], 0)
}

/// Three packets and the proof of them.
fn packets(aead: Aead) -> Vec<Vec<u8>> {
    let mut sender = sender(aead);
    let mut packets = Vec::new();
    for number in 0..3 {
        let mut buf = vec![number; 4 + 20];
        let sealed = sender.seal(&mut buf, 4, NOW).unwrap();
        buf.truncate(sealed.len);
        packets.push(buf);
    }
    let mut proof = vec![0; MAX_PROOF_LEN];
    let sealed = sender.pull(&mut proof, NOW + PROOF_INTERVAL).unwrap();
    proof.truncate(sealed.len);
    packets.push(proof);
    packets
}

fn said(group: &mut Group) -> Vec<Vec<u8>> {
    let (mut buf, mut said) = ([0; MAX_PROOF_LEN], Vec::new());
    loop {
        match group.poll_output(&mut buf) {
            Output::Transmit { to: To::Member(_), len } => said.push(buf[..len].to_vec()),
            Output::Transmit { to: To::All, .. } | Output::Event(_) => {}
            Output::Wait(_) => return said,
        }
    }
}

fn computed() -> Vec<(String, String)> {
    let mut vectors = Vec::new();
    let mut add = |name: &str, value: String| vectors.push((name.to_owned(), value));
    add("verifying_key", hex(sender(Aead::Aes256Gcm).verifying_key()));
    add("epoch_7_secret", hex(SenderSecret::new(6, [7; 32]).next().unwrap().expose()));
    for (aead, name) in [(Aead::Aes256Gcm, "aes_256_gcm"), (Aead::ChaCha20Poly1305, "chacha20_poly1305")] {
        for (number, packet) in packets(aead).iter().enumerate() {
            let what = if number == 3 { "proof" } else { "packet" };
            add(&format!("{name}_{what}_{number}"), hex(packet));
        }
    }
    let (alice, bob) = (Fingerprint::new([1; 24]), Fingerprint::new([2; 24]));
    let mut founder = Group::found(alice, Aead::ChaCha20Poly1305, &Seed::new([9; 32]), NOW);
    assert_eq!(founder.admit(bob, NOW), Ok(1));
    let invitation = said(&mut founder).remove(0);
    let input = Input { from: alice, message: &invitation };
    let mut joined = Group::join(bob, input, &Seed::new([10; 32]), NOW).unwrap();
    add("roster_2", hex(founder.roster().emit()));
    add("invitation", hex(&invitation));
    for (name, message) in ["receipt", "key"].into_iter().zip(said(&mut joined)) {
        add(name, hex(message));
    }
    joined.leave(NOW).unwrap();
    add("leaving", hex(&said(&mut joined)[0]));
    vectors
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
    for (computed, written) in text.lines().zip(FILE.lines()) {
        assert_eq!(computed, written);
    }
    assert_eq!(text, FILE);
}

#[test]
fn the_files_messages_and_packets_are_read() {
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    let file: BTreeMap<&str, Vec<u8>> = lines
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, value)| (name, HEXLOWER.decode(value.as_bytes()).unwrap()))
        .collect();
    let verifying = file["verifying_key"].as_slice().try_into().unwrap();
    let aead = Aead::Aes256Gcm;
    let mut listener = Listener::new(scope(aead), verifying, SenderSecret::new(6, [7; 32]), 0);
    for number in 0..3 {
        let mut packet = file[format!("aes_256_gcm_packet_{number}").as_str()].clone();
        let Ok(Received::Voice(voice)) = listener.open(&mut packet, NOW) else {
            unreachable!("packet {number} is authentic")
        };
        assert_eq!((voice.number, voice.payload), (number, &[u8::try_from(number).unwrap(); 4][..]));
    }
    let mut proof = file["aes_256_gcm_proof_3"].clone();
    assert_eq!(proof.len(), HEADER_LEN + 16 + 3 * 4 + 64 + 16);
    assert_eq!(listener.open(&mut proof, NOW), Ok(Received::Proof));
    assert_eq!(listener.next_at(), None, "all is proven");
    for name in ["invitation", "receipt", "key", "leaving"] {
        assert_eq!(*Message::parse(&file[name]).unwrap().emit(), file[name], "{name}");
    }
}
