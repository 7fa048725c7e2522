//! Seeds of pins and contact books over time, attestations, sealed files and the gatekeeper.

use core::time::Duration;

use p2pvoip::contacts::Book;
use p2pvoip_crypto::attestation::Attestation;
use p2pvoip_crypto::keystore::Content;
use p2pvoip_crypto::{How, PeerIdentity, Pin, RosterPin};

use crate::contacts::{FRIEND, INTRODUCTIONS};
use crate::fixture::{CALLEE, CALLER, UNIX};
use crate::keystore::{KEY, sealed};
use crate::script::write;

/// What one target is given.
type Named = Vec<(&'static str, Vec<u8>)>;

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "crypto-attestation" => attestation(),
        "crypto-gatekeeper" => gatekeeper(),
        "crypto-key-file" => vec![
            ("valid-key", KEY.encode().to_vec()),
            ("hostile-form", [b"p2pvoip".as_slice(), &[0xff], &[7; 36]].concat()),
        ],
        "crypto-pin-script" => pin_script(),
        "crypto-sealed-content" => {
            vec![("valid-text", b"some bytes".to_vec()), ("hostile-long", vec![0; 1_020])]
        }
        "crypto-sealed-file" => sealed_file(),
        "engine-contact-book" => book(),
        "engine-contact-book-script" => book_script(),
        _ => return None,
    })
}

fn attestation() -> Named {
    let life = Duration::from_secs(86_400);
    let made = Attestation::new(1, UNIX, UNIX + life, vec![4, 3, 0, 1, 9, 1, 0, 2, 0x30, 0]);
    let made = made.expect("its dates are in order");
    let mut endless = made.emit();
    endless[10] = 0xff;
    vec![
        ("valid-bytes", made.emit()),
        ("valid-text", made.to_string().into_bytes()),
        ("hostile-endless", endless),
        ("hostile-long", [&[1][..], &[0; 2_048]].concat()),
    ]
}

fn gatekeeper() -> Named {
    let (second, hours) = (&[0x28, 0, 0, 0, 0, 0, 0, 0][..], &[0x60, 0, 0, 0, 0, 0, 0, 0][..]);
    // The first twelve offers are of the known caller, the others of a stranger.
    let crowd: Vec<(u8, &[u8])> = (12..24).map(|offer| (offer << 3, &b""[..])).collect();
    let friend: Vec<(u8, &[u8])> = (0..10).map(|offer| (offer << 3, &b""[..])).collect();
    let know: &[(u8, &[u8])] = &[(5, b"")];
    let again: &[(u8, &[u8])] = &[(0, b""), (0x61, &[0, 9, 3]), (2, second), (4, b""), (0, b""), (0x68, b"")];
    let days = [(3, hours), (3, hours), (0xb8, b""), (5, b""), (0x58, b""), (3, &[0xff; 8]), (0, b"")];
    vec![
        ("valid-friend-in-a-crowd", write(&[know, &crowd, &friend, again].concat())),
        ("valid-days", write(&[know, again, &days, &crowd, again].concat())),
        ("hostile-memory", write(&[(0, b""), (7, &[1; 48]), (7, &[2; 25]), (6, &[0; 300]), (13, b"")])),
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

fn sealed_file() -> Named {
    let file = sealed(Content::Identity, b"some secret", false);
    let summed = file[..file.len() - 4].to_vec();
    let mut costly = sealed(Content::Contacts, b"", true);
    costly.truncate(costly.len() - 4);
    let mut form = file.clone();
    form[7] = 65;
    let cheap = costly.clone();
    costly[10..14].fill(0xff);
    vec![
        ("valid-identity", file),
        ("valid-without-checksum", summed),
        ("valid-passphrase", cheap),
        ("hostile-costly", costly),
        ("hostile-newer", form),
    ]
}

fn some_book() -> Book {
    let mut book = Book::default();
    for (name, person) in [("Anna", &*CALLER), ("bea", &*CALLEE), ("Zo\u{eb}", &*FRIEND)] {
        let card = person.card("call.example.org:443").expect("the name is short");
        book.add(name, card, UNIX).expect("nobody else has it");
        let roster = RosterPin { sequence: 5, least_version: 0x11, expires: UNIX };
        let (fingerprint, root) = (person.fingerprint(), *person.root().as_bytes());
        let peer = PeerIdentity { fingerprint, root, device: [3; 32], roster };
        book.note_call(&peer, 0x11, UNIX).expect("it is the first");
    }
    book.verify("anna", &CALLER.fingerprint(), How::Sas).expect("it is her card");
    book.accept(&INTRODUCTIONS[0], UNIX).expect("she is verified");
    book
}

fn book() -> Named {
    let book = some_book().encode().to_vec();
    let mut two = Book::default();
    let card = CALLER.card("a:1").expect("the name is short");
    two.add("a", card, UNIX).expect("nobody else has it");
    let mut many = book.clone();
    many[1] = 0xff;
    vec![
        ("valid-empty", Book::default().encode().to_vec()),
        ("valid-one", two.encode().to_vec()),
        ("valid-three", book),
        ("hostile-many", many),
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
