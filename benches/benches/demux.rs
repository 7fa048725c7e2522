//! Demultiplexing: what an endpoint in a call pays for a datagram that is not its peer's, up to the refusal.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

#[path = "../../crates/p2pvoip/tests/story/mod.rs"]
mod story;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use p2pvoip::Codec;
use p2pvoip_core::Seed;
use p2pvoip_sim::topology;
use story::{Counting, Direct, Outcome, Story};

fn call() -> Direct {
    let seed = Seed::from_u64(31);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let mut story = Story::new(topology::both_public(&seed), &codec, &seed).untaped();
    assert_eq!(story.call(Duration::from_secs(5)).0, Outcome::Talked);
    story.take_apart()
}

fn strangers(criterion: &mut Criterion) {
    let mut link = call();
    let mut forged = [7; 150];
    forged[0] = 0xc0;
    // A binding request without credentials, and a byte that no protocol begins with.
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    for (name, bytes) in [("nothing-we-speak", &[20; 150][..]), ("forged-packet", &forged), ("stun", &stun)] {
        criterion.bench_function(&format!("demux/{name}"), |bencher| {
            bencher.iter(|| link.give(black_box(bytes)).expect_err("it is not the peer's"));
        });
    }
}

criterion_group!(benches, strangers);
criterion_main!(benches);
