//! Packets of a group, the proofs of what was sent, and the change of all keys when one of eight is removed.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_crypto::group::{
    Group, GroupId, Input, Listener, MAX_MEMBERS, MAX_PROOF_LEN, OVERHEAD, PROOF_INTERVAL, Sealed, Sender,
    SenderScope, SenderSecret, To,
};
use p2pvoip_crypto::{Aead, Fingerprint};

/// Bytes of plaintext: a slot of 20 ms at 48 kbit/s with feedback.
const PLAIN: usize = 160;
/// Packets of which a proof is made: three quarters of a second at 20 ms.
const PROVEN: usize = 37;
const NOW: Instant = Instant::from_millis(1);

type Packet = [u8; PLAIN + OVERHEAD];

fn pair(aead: Aead) -> (Sender, Listener) {
    let scope = SenderScope { aead, group: GroupId::new([1; 16]), member: 2, since: 3 };
    let secret = SenderSecret::new(0, [1; 32]);
    let sender = Sender::new(scope, secret.clone(), &[2; 32], 0);
    let listener = Listener::new(scope, sender.verifying_key(), secret, 0);
    (sender, listener)
}

/// Seals a packet; what is due of proofs is made and dropped.
fn seal(sender: &mut Sender, packet: &mut Packet, proof: &mut [u8]) -> Sealed {
    if let Ok(sealed) = sender.seal(packet, PLAIN, NOW) {
        return sealed;
    }
    let _ = sender.pull(proof, NOW);
    sender.seal(packet, PLAIN, NOW).expect("a proof was made")
}

fn packets(criterion: &mut Criterion) {
    for aead in Aead::ALL {
        let name = if aead == Aead::Aes256Gcm { "aes-256-gcm" } else { "chacha20-poly1305" };
        let mut group = criterion.benchmark_group("group");
        group.throughput(Throughput::Bytes(PLAIN as u64));
        let (mut sender, mut packet, mut proof) = (pair(aead).0, [7; PLAIN + OVERHEAD], [0; MAX_PROOF_LEN]);
        group.bench_function(format!("seal-{name}"), |bencher| {
            bencher.iter(|| seal(&mut sender, black_box(&mut packet), &mut proof));
        });
        group.bench_function(format!("open-{name}"), |bencher| {
            bencher.iter_batched_ref(
                || {
                    let (mut sender, listener) = pair(aead);
                    let mut packet = [7; PLAIN + OVERHEAD];
                    let _ = sender.seal(&mut packet, PLAIN, NOW).expect("it fits");
                    (listener, packet)
                },
                |(listener, packet)| listener.open(packet, NOW).is_ok(),
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

/// A sender that owes a proof, and a listener that has opened all packets of it.
fn owing() -> (Sender, Listener) {
    let (mut sender, mut listener) = pair(Aead::ChaCha20Poly1305);
    for _ in 0..PROVEN {
        let mut packet = [7; PLAIN + OVERHEAD];
        let _ = sender.seal(&mut packet, PLAIN, NOW).expect("it fits");
        assert!(listener.open(&mut packet, NOW).is_ok());
    }
    (sender, listener)
}

fn proofs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("group-proof");
    let due = NOW + PROOF_INTERVAL;
    group.bench_function("make", |bencher| {
        let mut buf = [0; MAX_PROOF_LEN];
        bencher.iter_batched_ref(owing, |(sender, _)| sender.pull(&mut buf, due), BatchSize::SmallInput);
    });
    group.bench_function("verify", |bencher| {
        let proven = || {
            let ((mut sender, listener), mut buf) = (owing(), [0; MAX_PROOF_LEN]);
            let sealed = sender.pull(&mut buf, due).expect("it is due");
            (listener, buf, sealed.len)
        };
        bencher.iter_batched_ref(
            proven,
            |(listener, buf, len)| listener.open(&mut buf[..*len], due).is_ok(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

const fn person(index: u8) -> Fingerprint {
    Fingerprint::new([index; Fingerprint::LEN])
}

/// Carries all messages until nobody has anything to say; who has no group joins.
fn exchange(people: &mut Vec<(Fingerprint, Group)>) {
    let mut buf = [0; MAX_PROOF_LEN];
    loop {
        let mut letters = Vec::new();
        for (from, group) in people.iter_mut() {
            loop {
                match group.poll_output(&mut buf) {
                    Output::Transmit { to: To::Member(to), len } => {
                        letters.push((*from, to, buf[..len].to_vec()));
                    }
                    Output::Transmit { to: To::All, .. } | Output::Event(_) => {}
                    Output::Wait(_) => break,
                }
            }
        }
        if letters.is_empty() {
            return;
        }
        for (from, to, message) in letters {
            let input = Input { from, message: &message };
            match people.iter_mut().find(|(person, _)| *person == to) {
                Some((_, group)) => {
                    group.handle_input(input, NOW).expect("honest members understand each other");
                }
                None => {
                    people.extend(Group::join(to, input, &Seed::from_u64(7), NOW).map(|group| (to, group)));
                }
            }
        }
    }
}

fn eight() -> Vec<(Fingerprint, Group)> {
    let mut people = vec![(person(0), Group::found(person(0), Aead::Aes256Gcm, &Seed::from_u64(1), NOW))];
    for index in 1..u8::try_from(MAX_MEMBERS).expect("eight") {
        people[0].1.admit(person(index), NOW).expect("there is room");
        exchange(&mut people);
    }
    people
}

fn removal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("group-mesh");
    group.sample_size(20);
    group.bench_function("remove-one-of-eight", |bencher| {
        bencher.iter_batched_ref(
            eight,
            |people| {
                people.truncate(MAX_MEMBERS - 1);
                people[0].1.remove(7, NOW).expect("it is in");
                exchange(people);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// One joins 31 others by MLS: what the founder, another member and the newcomer do.
#[cfg(feature = "mls")]
fn large(criterion: &mut Criterion) {
    use p2pvoip_core::UnixTime;
    use p2pvoip_crypto::Identity;
    use p2pvoip_crypto::group::mls::Entrant;

    const UNIX: UnixTime = UnixTime::from_secs(1_800_000_000);
    let entrant = |index: u64| {
        let identity = Identity::generate(&Seed::from_u64(index));
        Entrant::new(&identity, &Seed::from_u64(1_000 + index), UNIX).expect("it is valid today")
    };
    let boss = Identity::generate(&Seed::from_u64(0)).fingerprint();
    let founded = || {
        let mut founder = entrant(0).found(Aead::ChaCha20Poly1305, UNIX).expect("it is valid today");
        let entrants: Vec<Entrant> = (1..31).map(entrant).collect();
        let packages = entrants.iter().map(|entrant| entrant.key_package().expect("it is valid today"));
        let packages: Vec<Vec<u8>> = packages.collect();
        let packages: Vec<&[u8]> = packages.iter().map(Vec::as_slice).collect();
        let welcome =
            founder.admit(&packages, |_| true, UNIX).expect("there is room").welcome.expect("for thirty");
        founder.confirm(NOW).expect("it waits");
        let other = entrants
            .into_iter()
            .next()
            .expect("thirty")
            .join(&welcome, &boss, |_| true, UNIX)
            .expect("it is welcome");
        let newcomer = entrant(40);
        let package = newcomer.key_package().expect("it is valid today");
        (founder, other, newcomer, package)
    };
    let mut group = criterion.benchmark_group("group-mls");
    group.sample_size(10);
    group.bench_function("admit-the-32nd", |bencher| {
        bencher.iter_batched_ref(
            founded,
            |(founder, _, _, package)| founder.admit(&[package.as_slice()], |_| true, UNIX),
            BatchSize::PerIteration,
        );
    });
    let admitted = || {
        let (mut founder, other, newcomer, package) = founded();
        let change = founder.admit(&[&package], |_| true, UNIX).expect("there is room");
        (other, newcomer, change)
    };
    group.bench_function("take-the-commit", |bencher| {
        bencher.iter_batched_ref(
            admitted,
            |(other, _, change)| other.receive(&change.commit, |_| true, UNIX, NOW),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("join-as-the-32nd", |bencher| {
        bencher.iter_batched(
            admitted,
            |(_, newcomer, change)| {
                let welcome = change.welcome.expect("for one");
                newcomer.join(&welcome, &boss, |_| true, UNIX).map(drop)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// Without MLS there are no large groups.
#[cfg(not(feature = "mls"))]
const fn large(_: &mut Criterion) {}

criterion_group!(benches, packets, proofs, removal, large);
criterion_main!(benches);
