//! The vectors of epochs and of a re-key in `docs/spec/crypto.md`, section 8: computed, compared with the file, and read.
//!
//! With `P2PVOIP_BLESS=1` the file is written anew; a change of it is a change of the wire, and is seen in review.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use p2pvoip_core::{Instant, Seed};
use p2pvoip_crypto::{
    Aead, DirectionSecret, EPOCH_LIFE, HEADER_LEN, MixSecret, Opener, REKEY_EVERY, RekeyInitiator,
    RekeyResponder, RekeySecret, Sealer,
};

const FILE: &str = include_str!("vectors/epochs.txt");
const HEAD: &str = "# Vectors of docs/spec/crypto.md, section 8. All values are hexadecimal.\n\
    # The direction secret is 32 bytes 07; the step into epoch 2 has the outcome of the re-key below mixed in.\n";
const NAMES: [(Aead, &str); 2] =
    [(Aead::Aes256Gcm, "aes_256_gcm"), (Aead::ChaCha20Poly1305, "chacha20_poly1305")];
const START: Instant = Instant::from_millis(0);

type Vectors = Vec<(String, String)>;

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn secret() -> DirectionSecret {
    DirectionSecret::new([7; 32])
}

fn rekey(out: &mut Vectors) -> MixSecret {
    let (ours, theirs) = (Seed::new([12; 32]), Seed::new([13; 32]));
    let session = || RekeySecret::new([11; 32]);
    let mut initiator = RekeyInitiator::new(session(), ours.clone(), START);
    let mut responder = RekeyResponder::new(session(), theirs.clone());
    let offer = initiator.offer(START + REKEY_EVERY).unwrap();
    let (answer, outcome) = responder.answer(&offer, START + REKEY_EVERY).unwrap();
    assert!(initiator.finish(&answer, START).unwrap() == outcome);
    let mut add = |name: &str, value: String| out.push((name.to_owned(), value));
    add("rekey_session_secret", hex([11; 32]));
    add("rekey_offer_chance", hex(ours.derive_index("offer", 0).expose()));
    add("rekey_answer_chance", hex(theirs.expose()));
    add("rekey_offer", hex(offer));
    add("rekey_answer", hex(answer));
    add("rekey_outcome", hex(outcome.expose()));
    outcome
}

fn epochs(out: &mut Vectors, mix: &MixSecret) {
    let first = secret().first_epoch();
    let second = first.next();
    let third = second.mixed(mix);
    let fourth = third.next();
    for (number, epoch) in [first, second, third, fourth].iter().enumerate() {
        out.push((format!("epoch_{number}_secret"), hex(epoch.expose())));
    }
    for (aead, name) in NAMES {
        let mut sealer = Sealer::new(aead, &secret());
        let mut now = START;
        sealer.on_time(now);
        for epoch in 0..4u8 {
            assert_eq!(sealer.epoch(), u32::from(epoch));
            let mut packet = [epoch; HEADER_LEN + 4 + 16];
            let sealed = sealer.seal(epoch, &mut packet, 4).unwrap();
            assert_eq!(sealed.len, packet.len());
            out.push((format!("{name}_epoch_{epoch}_packet"), hex(packet)));
            if epoch == 1 {
                sealer.mix(mix.clone());
            }
            now += EPOCH_LIFE;
            sealer.on_time(now);
        }
    }
}

#[test]
fn what_is_computed_is_what_the_file_says() {
    let mut vectors = Vec::new();
    let mix = rekey(&mut vectors);
    epochs(&mut vectors, &mix);
    let mut text = HEAD.to_owned();
    for (name, value) in vectors {
        writeln!(text, "{name} {value}").unwrap();
    }
    if std::env::var_os("P2PVOIP_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/epochs.txt"), &text).unwrap();
        return;
    }
    for (computed, written) in text.lines().zip(FILE.lines()) {
        assert_eq!(computed, written);
    }
    assert_eq!(text, FILE);
}

#[test]
fn the_files_packets_are_followed_through_their_epochs() {
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    let file: BTreeMap<_, _> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let unhex = |name: &str| HEXLOWER.decode(file[name].as_bytes()).unwrap();
    for (aead, name) in NAMES {
        let mut opener = Opener::new(aead, &secret());
        opener.mix(MixSecret::new(unhex("rekey_outcome").try_into().unwrap()));
        for epoch in 0..4u8 {
            let mut packet = unhex(&format!("{name}_epoch_{epoch}_packet"));
            let opened = opener.open(&mut packet).unwrap();
            assert_eq!(
                (opened.number, opened.stream, opened.payload),
                (epoch.into(), epoch, &[epoch; 4][..])
            );
            assert_eq!(opener.epoch(), u32::from(epoch));
        }
    }
}
