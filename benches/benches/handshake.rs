//! A handshake of both sides, and its parts: the gate alone, an offer read, a bundle opened.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::{
    Callee, FIRST_OVERHEAD, Gatekeeper, Hello, Identity, Initiator, MAX_HANDSHAKE_LEN, Prekeys, Responder,
    SECOND_OVERHEAD,
};

const UNIX: UnixTime = UnixTime::from_secs(1_800_000_000);
const NOW: Instant = Instant::from_millis(0);
/// Bodies that fill an envelope.
const FIRST_BODY: [u8; MAX_HANDSHAKE_LEN - FIRST_OVERHEAD] = [7; MAX_HANDSHAKE_LEN - FIRST_OVERHEAD];
const SECOND_BODY: [u8; MAX_HANDSHAKE_LEN - SECOND_OVERHEAD] = [7; MAX_HANDSHAKE_LEN - SECOND_OVERHEAD];

/// Two identities, and what the caller has fetched of the callee.
struct World {
    alice: Identity,
    bob: Identity,
    bundle: Vec<u8>,
    prekeys: Prekeys,
}

impl World {
    fn new() -> Self {
        let (alice, bob) = (Identity::generate(&Seed::from_u64(1)), Identity::generate(&Seed::from_u64(2)));
        let bundle = bob.prekey_bundle(UNIX.day(), UNIX);
        Self { prekeys: open(&bob, &bundle), alice, bob, bundle }
    }

    fn start(&self, seed: Seed) -> (Initiator, Vec<u8>) {
        let callee = Callee { mailbox: self.bob.mailbox(), prekeys: &self.prekeys, known: false };
        let hello = Hello::for_this_machine();
        Initiator::start(&self.alice, &callee, &hello, &FIRST_BODY, seed, UNIX).expect("the body fits")
    }

    fn read(&self, keeper: &mut Gatekeeper, offer: &[u8]) -> Responder {
        let admitted = keeper.admit(offer, NOW, UNIX).expect("it is the first one");
        Responder::read(&self.bob, admitted, UNIX).expect("it is authentic")
    }
}

fn open(of: &Identity, bundle: &[u8]) -> Prekeys {
    let opened = of.mailbox().open_bundle(bundle, 0, UNIX.day(), &of.fingerprint(), UNIX);
    opened.expect("a bundle of today can be opened")
}

fn handshake(criterion: &mut Criterion) {
    let world = World::new();
    let mut group = criterion.benchmark_group("handshake");
    let mut number = 0;
    group.bench_function("both-sides", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                (Seed::from_u64(number), Seed::from_u64(number + (1 << 40)), Gatekeeper::new(&world.bob))
            },
            |(ours, theirs, mut keeper)| {
                let (initiator, offer) = world.start(ours);
                let responder = world.read(&mut keeper, &offer);
                let answered = responder.answer(&SECOND_BODY, &Hello::for_this_machine(), theirs);
                let (callee, answer) = answered.expect("the body fits");
                let caller = initiator.finish(&answer).map_err(|(_, why)| why).expect("it is authentic");
                (caller, callee)
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("offer-made", |bencher| {
        bencher.iter(|| world.start(black_box(Seed::from_u64(9))));
    });
    let (_, offer) = world.start(Seed::from_u64(9));
    group.bench_function("offer-read", |bencher| {
        bencher.iter_batched_ref(
            || Gatekeeper::new(&world.bob),
            |keeper| world.read(keeper, black_box(&offer)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("bundle-opened", |bencher| {
        bencher.iter(|| open(&world.bob, black_box(&world.bundle)));
    });
    group.finish();
}

fn gate(criterion: &mut Criterion) {
    let world = World::new();
    let (_, offer) = world.start(Seed::from_u64(9));
    let mut forged = offer.clone();
    forged[100] ^= 1;
    let mut keeper = Gatekeeper::new(&world.bob);
    let admitted = keeper.admit(&offer, NOW, UNIX);
    admitted.expect("it is the first one");
    let mut group = criterion.benchmark_group("gate");
    group.bench_function("forged-refused", |bencher| {
        bencher.iter(|| keeper.admit(black_box(&forged), NOW, UNIX).is_err());
    });
    group.bench_function("replay-refused", |bencher| {
        bencher.iter(|| keeper.admit(black_box(&offer), NOW, UNIX).is_err());
    });
    group.finish();
}

criterion_group!(benches, handshake, gate);
criterion_main!(benches);
