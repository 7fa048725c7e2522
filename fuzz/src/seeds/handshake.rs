//! Seeds of the gate and of handshakes that lie.

use p2pvoip_core::Seed;
use p2pvoip_crypto::{Hello, UpgradeInitiator, forge};

use crate::fixture::{CALLER, UNIX};
use crate::handshake::offer;

/// What one target is given.
type Named = Vec<(&'static str, Vec<u8>)>;

/// Bytes of a block whose front says version 1.1, features, both algorithms, and the date of every run.
fn block() -> Vec<u8> {
    let mut block = vec![0x11, 0x11, 0, 0, 0, 5, 2, 1, 2];
    block.extend(UNIX.as_secs().to_be_bytes());
    block
}

fn filled(mut head: Vec<u8>, len: usize, rest: &[u8]) -> Vec<u8> {
    head.resize(len, 0);
    head.extend(rest);
    head
}

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "crypto-gate" => vec![("valid-offer", offer().1), ("hostile-zeros", vec![0; 3_328])],
        "crypto-gate-memory" => {
            vec![
                ("valid-three", (0..120).collect()),
                ("hostile-twice", vec![7; 80]),
                ("hostile-odd", vec![1; 41]),
                ("hostile-share", (0u8..65).flat_map(|at| std::iter::once(at).chain([1; 39])).collect()),
            ]
        }
        "crypto-forged-offer" => {
            let shown = [block(), vec![1; 32], forge::credential(&CALLER, UNIX).to_vec()].concat();
            let key = forge::encapsulation_key(&Seed::from_u64(7));
            let strangers = [block(), vec![1; 32], vec![2; 275]].concat();
            vec![
                ("valid-lie", filled(shown.clone(), 384, &[&key[..], b"lie"].concat())),
                ("hostile-weak-key", filled(shown, 384, &[0xff; 1_184])),
                ("hostile-credential", filled(strangers, 384, &key)),
            ]
        }
        "crypto-forged-answer" => {
            let chosen = |features: u8| [block(), vec![9; 16], vec![0x11, 0, 0, 0, features, 1]].concat();
            vec![
                ("valid-lie", filled(chosen(5), 384, b"lie")),
                ("hostile-choice", filled(chosen(0), 384, b"")),
            ]
        }
        "crypto-upgrade" => {
            let hello = Hello::default();
            let started = UpgradeInitiator::start(&CALLER, b"call", &hello, Seed::from_u64(3), UNIX);
            vec![
                ("valid-first", started.expect("the list is not empty").1),
                ("hostile-zeros", vec![0; 1_843]),
            ]
        }
        _ => return None,
    })
}
