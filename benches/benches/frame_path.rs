//! The whole way of a frame, through two engines without IO: captured, encoded, paced, sealed; opened, buffered, decoded, played.
//!
//! One run is 20 ms of a call in both directions: what two ends pay together, feedback and timers included.

#[path = "../../crates/p2pvoip/tests/story/mod.rs"]
mod story;

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use p2pvoip::{Codec, Opus};
use p2pvoip_core::Seed;
use p2pvoip_sim::topology;
use story::{Counting, Outcome, Story};

/// What a packet of voice lasts.
const PTIME: Duration = Duration::from_millis(20);
/// A call that has been taken apart hears no server any more and is given up after its path's consent; before that, another one begins.
const RUNS_OF_A_CALL: u32 = 500;

fn talk(criterion: &mut Criterion, name: &str, codec: &Arc<dyn Codec>, loses_every: Option<u64>) {
    let seed = Seed::from_u64(31);
    let begin = || {
        let mut story = Story::new(topology::both_public(&seed), codec, &seed).untaped();
        assert_eq!(story.call(Duration::from_secs(5)).0, Outcome::Talked);
        let mut link = story.take_apart();
        link.loses_every = loses_every;
        (link, 0)
    };
    let (mut link, mut runs) = begin();
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let (mut took, mut packets) = (Duration::ZERO, 0);
            let mut left = iterations;
            while left > 0 {
                if runs == RUNS_OF_A_CALL {
                    (link, runs) = begin();
                }
                let turn = u32::try_from(left).unwrap_or(u32::MAX).min(RUNS_OF_A_CALL - runs);
                let start = now();
                packets += link.talk(turn * PTIME);
                took += now().saturating_duration_since(start);
                (left, runs) = (left - u64::from(turn), runs + turn);
            }
            assert!(iterations < 10 || packets > iterations / 2, "the call goes on: {packets} packets");
            took
        });
    });
}

/// The moment, for what criterion cannot time by itself.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn whole(criterion: &mut Criterion) {
    let (free, opus): (Arc<dyn Codec>, Arc<dyn Codec>) = (Arc::new(Counting), Arc::new(Opus));
    talk(criterion, "frame-path/both-ends", &free, None);
    talk(criterion, "frame-path/both-ends-one-of-ten-lost", &free, Some(10));
    talk(criterion, "frame-path/both-ends-with-opus", &opus, None);
}

criterion_group!(benches, whole);
criterion_main!(benches);
