//! Seeds of pins, introductions and codes to scan.

use p2pvoip_crypto::{How, Introduction, Pin, VERSION_1_1, VerifyCode};

use crate::fixture::{CALLEE, CALLER, PREKEYS, UNIX};

/// What one target is given.
type Named = Vec<(&'static str, Vec<u8>)>;

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "crypto-pin" => pin(),
        "crypto-introduction" => introduction(),
        "crypto-verify-code" => verify_code(),
        _ => return None,
    })
}

fn pin() -> Named {
    let known = Pin::first(PREKEYS.peer(), VERSION_1_1, UNIX).expect("a sound root");
    let introduced = Pin::of(CALLEE.root(), Some(How::Introduced(CALLER.fingerprint())), UNIX);
    let mut many = known.encode();
    many[83] = 255;
    vec![
        ("valid-known", known.encode()),
        ("valid-introduced", introduced.encode()),
        ("hostile-devices", many),
    ]
}

fn introduction() -> Named {
    let good = Introduction::new(&CALLER, &CALLEE.root(), UNIX);
    let mut forged = good.encode();
    forged[40] ^= 1;
    vec![
        ("valid-bytes", good.encode()),
        ("valid-text", good.to_string().into_bytes()),
        ("hostile-forged", forged),
        ("hostile-form", vec![2; 428]),
    ]
}

fn verify_code() -> Named {
    let (own, contact) = (CALLER.fingerprint(), CALLEE.fingerprint());
    let text = |contact| VerifyCode::new(own, contact).to_string().into_bytes();
    vec![
        ("valid-both", text(Some(contact))),
        ("valid-anybody", text(None)),
        ("hostile-scheme", b"p2pvoip-verify:".to_vec()),
    ]
}
