//! Seeds of the bodies of groups.

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_crypto::group::{Group, Input, MAX_PROOF_LEN, To};
use p2pvoip_crypto::{Aead, Fingerprint};

use crate::script::write;

type Named = Vec<(&'static str, Vec<u8>)>;

const NOW: Instant = Instant::from_millis(1_000);
/// Half a second, as a step tells time.
const HALF_A_SECOND: &[u8] = &500_u16.to_be_bytes();

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "group-message" => message(),
        "group-roster" => vec![("valid-two", founded().roster().emit()), ("hostile-zeros", vec![0; 120])],
        "group-proof" => proof(),
        "group-packet" => packet(),
        "group-mesh" => mesh(),
        _ => return None,
    })
}

fn founded() -> Group {
    let mut group = Group::found(Fingerprint::new([0; 24]), Aead::Aes256Gcm, &Seed::from_u64(1), NOW);
    group.admit(Fingerprint::new([1; 24]), NOW).expect("there is room");
    group
}

/// All that a group has to say to its members.
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

fn message() -> Named {
    let invitation = said(&mut founded()).remove(0);
    let input = Input { from: Fingerprint::new([0; 24]), message: &invitation };
    let mut joined = Group::join(Fingerprint::new([1; 24]), input, &Seed::from_u64(2), NOW).expect("invited");
    let receipt = said(&mut joined).remove(0);
    joined.leave(NOW).expect("there is room");
    let leaving = said(&mut joined).remove(0);
    vec![
        ("valid-invitation", invitation),
        ("valid-receipt", receipt),
        ("valid-leaving", leaving),
        ("hostile-kind", vec![1, 9, 0, 0]),
    ]
}

/// The body of a proof of two packets, with a signature of zeros.
fn proof() -> Named {
    let mut body = vec![0, 0, 0, 0, 0, 5, 2, 1];
    body.extend([7; 8 + 8 + 64]);
    let mut many = body.clone();
    many[6] = 193;
    vec![("valid-two", body), ("hostile-many", many)]
}

fn packet() -> Named {
    let some = [7; 60];
    let way = write(&[(1, &some), (4, &some), (2, &some), (3, &[]), (1, &some), (1, &some)]);
    let talk: Vec<(u8, &[u8])> = (0..80).map(|i| (if i % 9 == 8 { 3 } else { 1 }, &some[..40])).collect();
    let foreign = write(&[(0, &[0x64; 40]), (1, &some), (0, &[0x60; 22]), (0, &[])]);
    vec![("valid-way", way), ("valid-talk", write(&talk)), ("hostile-foreign", foreign)]
}

fn mesh() -> Named {
    let come = write(&[(0x35, &[]), (1, &[]), (1, &[]), (4, HALF_A_SECOND), (1, &[]), (2, &[]), (3, &[])]);
    let go = write(&[(0x16, &[]), (2, &[]), (4, HALF_A_SECOND), (1, &[]), (0x45, &[]), (4, HALF_A_SECOND)]);
    let garbage = write(&[(0x40, &[1, 1, 0, 9]), (0x10, &[1, 2]), (7, &[0x64; 40]), (4, HALF_A_SECOND)]);
    vec![("valid-come", come), ("valid-go", go), ("hostile-garbage", garbage)]
}
