//! Seeds of pins, contact books and the gatekeeper as time goes on, of answers that lie, and of what is behind
//! the checksum of a store's files.

use p2pvoip_crypto::keystore::Content;
use p2pvoip_crypto::{How, PeerIdentity, Pin, RosterPin};

use crate::fixture::{CALLEE, UNIX};
use crate::keystore::sealed;
use crate::script::write;
use crate::store::KEY;

/// What one target is given.
type Named = Vec<(&'static str, Vec<u8>)>;

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "crypto-gatekeeper" => gatekeeper(),
        "crypto-pin-script" => pin_script(),
        "crypto-store-fields" => store_fields(),
        "engine-answer-payload" => answer_payload(),
        "engine-contacts-script" => book_script(),
        _ => return None,
    })
}

fn gatekeeper() -> Named {
    let (second, hours) = (&[0x28, 0, 0, 0, 0, 0, 0, 0][..], &[0x60, 0, 0, 0, 0, 0, 0, 0][..]);
    // The first twelve offers are of the known caller, the others of a stranger.
    let crowd: Vec<(u8, &[u8])> = (12..24).map(|offer| (offer << 3, &b""[..])).collect();
    let friend: Vec<(u8, &[u8])> = (0..10).map(|offer| (offer << 3, &b""[..])).collect();
    let know: &[(u8, &[u8])] = &[(5, b"")];
    let again: &[(u8, &[u8])] = &[(0, b""), (0x61, &[0, 9, 3]), (2, second), (4, b""), (0, b""), (0xa8, b"")];
    let days = [(3, hours), (3, hours), (0xb8, b""), (5, b""), (0x58, b""), (3, &[0xff; 8]), (0, b"")];
    vec![
        ("valid-friend-in-a-crowd", write(&[know, &crowd, &friend, again].concat())),
        ("valid-days", write(&[know, again, &days, &crowd, again].concat())),
        ("hostile-memory", write(&[(0, b""), (7, &[1; 80]), (7, &[2; 41]), (6, &[0; 300]), (13, b"")])),
    ]
}

fn called(how: Option<How>) -> Pin {
    let mut pin = Pin::of(CALLEE.root(), how, UNIX);
    for device in 1..=4 {
        let roster = RosterPin { sequence: 5, least_version: 0x11, expires: UNIX };
        let root = *CALLEE.root().as_bytes();
        let peer = PeerIdentity { fingerprint: CALLEE.fingerprint(), root, device: [device; 32], roster };
        pin.seen(&peer, 0x11, UNIX).expect("it is the same root");
    }
    pin
}

fn pin_script() -> Named {
    let newer = &[0x50, 0, 0, 0, 0, 0, 0, 9, 0x11][..];
    let kept = called(Some(How::Qr)).encode();
    let calls = [(0, &b"\x10"[..]), (0x20, newer), (0, &[0]), (0x21, b""), (0xe1, b""), (2, b""), (5, b"")];
    let changes = [(8, newer), (0x0b, newer), (0x0d, b""), (4, b""), (0x0c, newer), (6, &kept), (0, newer)];
    vec![
        ("valid-calls", write(&calls)),
        ("valid-changes", write(&changes)),
        ("hostile-kept", write(&[(6, &[1; 90])])),
    ]
}

/// Answers of a callee, for `crate::answering`: honest, with nothing behind the head, with a bad choice, and a bad body.
fn answer_payload() -> Named {
    let honest = crate::answering::honest_payload();
    let mut choice = honest.clone();
    choice[32] = 0x12;
    let mut body = honest.clone();
    body[384] ^= 0xff;
    vec![
        ("valid-answer", honest.clone()),
        ("hostile-no-body", honest[..384].to_vec()),
        ("hostile-choice", choice),
        ("hostile-body", body),
    ]
}

/// Files without their checksums.
fn store_fields() -> Named {
    let fields = |content, bytes, passphrase| {
        let mut file = sealed(content, bytes, passphrase);
        file.truncate(file.len() - 4);
        file
    };
    let mut costly = fields(Content::Contacts, b"", true);
    costly[10..14].fill(0xff);
    let mut cut = fields(Content::Pending, b"", false);
    cut.truncate(cut.len() - 1_024);
    vec![
        ("valid-identity", fields(Content::Identity, b"some secret", false)),
        ("valid-passphrase", fields(Content::Contacts, b"a book", true)),
        ("valid-key", KEY.encode()[7..40].to_vec()),
        ("hostile-costly", costly),
        ("hostile-no-text", cut),
    ]
}

fn book_script() -> Named {
    let all: &[(u8, &[u8])] = &[
        (0x00, b"Bea"),
        (0x08, b"Zo\xc3\xab"),
        (0x10, b"Anna"),
        (0x0d, b""),
        (0x14, b"\x50"),
        (0x15, b""),
        (0x06, b""),
        (0x0c, b"\x30"),
        (0x0a, b"zo"),
        (0x03, b""),
        (0x44, b"\x10"),
        (0x07, b""),
        (0x11, b""),
    ];
    let names: &[(u8, &[u8])] = &[
        (0, b"a\x1b[2J"),
        (0, b""),
        (0, b"-x"),
        (0, b"A"),
        (8, b"a"),
        (8, b"b"),
        (0x0a, b"A"),
        (0x2a, b"q"),
        (0x1c, b""),
    ];
    vec![("valid-all", write(all)), ("hostile-names", write(names))]
}
