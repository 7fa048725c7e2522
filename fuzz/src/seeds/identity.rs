//! Seeds of linked devices, identity files and successions.

use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_crypto::{PendingDevice, Secret, Succession};

use crate::fixture::{CALLEE, CALLER, UNIX};
use crate::identity::{GRANT, INTERIOR, PENDING, SUCCESSION};

/// What one target is given.
type Named = Vec<(&'static str, Vec<u8>)>;

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "crypto-device-request" => {
            let request = PENDING.request().to_string();
            vec![
                ("valid-request", request.clone().into_bytes()),
                ("hostile-scheme", request.replace("device", "grant").into_bytes()),
            ]
        }
        "crypto-device-grant" => vec![
            ("valid-grant", GRANT.to_string().into_bytes()),
            ("hostile-interior", vec![7; 340]),
            ("hostile-scheme", GRANT.to_string().replace("grant", "device").into_bytes()),
        ],
        "crypto-bundle-interior" => vec![
            // Form, credential, index, dates and the ML-KEM key, one bit or byte each; and nothing at all.
            ("valid-unchanged", vec![0, 0, 1, 0]),
            ("hostile-form", vec![0, 0, 1, 3]),
            ("hostile-index", vec![0, 7, 1, 1]),
            ("hostile-slots", vec![0, 42, 1, 2]),
            ("hostile-expiry", vec![0, 51, 8, 0, 0, 0, 0, 0, 0, 0, 0xff]),
            ("hostile-kem", vec![1, 0x80, 3, 0xff, 0xff, 0xff]),
            ("hostile-plain", INTERIOR[..1_000].to_vec()),
        ],
        "crypto-identity-fields" => identity_fields(),
        "crypto-succession" => vec![
            ("valid-bytes", SUCCESSION.emit().to_vec()),
            ("valid-text", SUCCESSION.to_string().into_bytes()),
            ("hostile-other", other_succession()),
        ],
        _ => return None,
    })
}

/// The fields of files: what stands between the magic and the checksum.
fn identity_fields() -> Named {
    let fields = |file: &[u8]| file[7..file.len() - 4].to_vec();
    let mut ahead = CALLEE.to_secret();
    ahead.advance(UnixTime::from_secs(UNIX.as_secs() + 90 * 86_400));
    let linked = Secret::linked(&PENDING, &GRANT, UNIX).expect("the callee has granted it");
    let mut home = CALLEE.to_secret();
    let link = home.link(&PENDING.request(), Seed::from_u64(6), UNIX);
    assert!(link.is_ok(), "there is a free place");
    let pending = PendingDevice::generate(&Seed::from_u64(5));
    vec![
        ("valid-home", fields(&home.encode())),
        ("valid-linked", fields(&linked.encode())),
        ("valid-pending", fields(&pending.encode())),
        ("valid-ahead", fields(&ahead.encode())),
        ("valid-first-form", [&[1][..], &[0x80; 32]].concat()),
        ("hostile-slots", [&[2][..], &[0x80; 72], &[1; 137]].concat()),
    ]
}

/// A good succession of somebody else.
fn other_succession() -> Vec<u8> {
    let made = Succession::make(&CALLER, &CALLEE, UNIX);
    made.map(|made| made.emit().to_vec()).unwrap_or_default()
}
