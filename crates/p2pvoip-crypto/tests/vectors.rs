//! The vectors of `docs/spec/crypto.md`: what is computed from fixed secrets is what the file says, and the file's bytes are read.
//!
//! With `P2PVOIP_BLESS=1` the file is written anew; a change of it is a change of the wire, and is seen in review.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use p2pvoip_crypto::{Aead, DirectionSecret, HEADER_LEN, Opener, Sealer, SignalCipher};

const FILE: &str = include_str!("vectors/p2pvoip.txt");
const HEAD: &str = "# Vectors of docs/spec/crypto.md. All values are hexadecimal.\n";

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn unhex(vectors: &BTreeMap<String, String>, name: &str) -> Vec<u8> {
    HEXLOWER.decode(vectors[name].as_bytes()).unwrap()
}

/// Names and values, in the order of the file.
type Vectors = Vec<(String, String)>;

fn packets(out: &mut Vectors) {
    let (secret, other) = (DirectionSecret::new([7; 32]), DirectionSecret::new([8; 32]));
    let epoch = secret.first_epoch();
    out.push(("epoch_0_secret".into(), hex(epoch.expose())));
    out.push(("epoch_1_secret".into(), hex(epoch.next().expose())));
    for (aead, name) in [(Aead::Aes256Gcm, "aes_256_gcm"), (Aead::ChaCha20Poly1305, "chacha20_poly1305")] {
        let mut sealer = Sealer::new(aead, &secret);
        for number in 0..3u8 {
            let bytes = packet(&mut sealer, number + 13, &[number; 4]);
            out.push((format!("{name}_packet_{number}"), hex(bytes)));
        }
        let mut signal = SignalCipher::new(aead, &secret, &other);
        out.push((format!("{name}_signal_0"), hex(signal.seal(b"ringing").unwrap())));
    }
}

fn packet(sealer: &mut Sealer, stream: u8, plaintext: &[u8]) -> Vec<u8> {
    let mut buf = vec![0; 100];
    buf[HEADER_LEN..][..plaintext.len()].copy_from_slice(plaintext);
    let sealed = sealer.seal(stream, &mut buf, plaintext.len()).unwrap();
    buf.truncate(sealed.len);
    buf
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once(' ').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

#[test]
fn what_is_computed_is_what_the_file_says() {
    let mut vectors = Vec::new();
    packets(&mut vectors);
    let mut text = HEAD.to_owned();
    for (name, value) in vectors {
        writeln!(text, "{name} {value}").unwrap();
    }
    if std::env::var_os("P2PVOIP_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/p2pvoip.txt"), &text).unwrap();
        return;
    }
    for (computed, written) in text.lines().zip(FILE.lines()) {
        assert_eq!(computed, written);
    }
    assert_eq!(text, FILE);
}

#[test]
fn the_files_packets_and_letters_are_read() {
    let file = parse(FILE);
    let secret = DirectionSecret::new([7; 32]);
    for (aead, name) in [(Aead::Aes256Gcm, "aes_256_gcm"), (Aead::ChaCha20Poly1305, "chacha20_poly1305")] {
        let mut opener = Opener::new(aead, &secret);
        for number in 0..3u8 {
            let mut bytes = unhex(&file, &format!("{name}_packet_{number}"));
            let opened = opener.open(&mut bytes).unwrap();
            assert_eq!(
                (opened.stream, opened.number, opened.payload),
                (number + 13, number.into(), &[number; 4][..])
            );
        }
        let mut receiver = SignalCipher::new(aead, &DirectionSecret::new([8; 32]), &secret);
        assert_eq!(receiver.open(&unhex(&file, &format!("{name}_signal_0"))), Ok(b"ringing".to_vec()));
    }
}
