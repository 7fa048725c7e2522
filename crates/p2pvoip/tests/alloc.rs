//! After its start the sealed path allocates nothing: a frame out and a packet in, counted by the allocator itself.

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::Codec;
use p2pvoip_core::Seed;
use p2pvoip_sim::alloc::{CountingAllocator, allocations};
use p2pvoip_sim::topology;
use story::{Counting, Outcome, Relays, Story};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_frame_out_and_a_packet_in_allocate_nothing() {
    talk_without_allocating(&(Arc::new(Counting) as Arc<dyn Codec>), Relays::None, None);
}

#[test]
fn a_packet_through_a_relay_allocates_nothing_either() {
    talk_without_allocating(&(Arc::new(Counting) as Arc<dyn Codec>), Relays::Only, None);
}

#[test]
fn repair_and_concealment_with_opus_allocate_nothing() {
    talk_without_allocating(&(Arc::new(p2pvoip::Opus) as Arc<dyn Codec>), Relays::None, Some(9));
}

#[test]
fn a_step_to_the_next_keys_allocates_nothing() {
    let (seed, codec) = (Seed::from_u64(32), Arc::new(Counting) as Arc<dyn Codec>);
    let mut story = Story::new(topology::both_public(&seed), &codec, &seed).untaped();
    assert_eq!(story.call(Duration::from_secs(55)).0, Outcome::Talked);
    let mut link = story.take_apart();
    link.talk(Duration::from_secs(2));
    // Both directions step in these seconds, a minute after their first packet.
    let (mut packets, mut ticks_with_allocations) = (0, 0);
    for _ in 0..600 {
        let count = allocations(|| packets += link.talk(Duration::from_millis(10)));
        ticks_with_allocations += usize::from(count > 0);
    }
    assert!(
        packets > 550 && ticks_with_allocations <= FIGURES_AND_CONSENT * 6 / 5,
        "{ticks_with_allocations}"
    );
}

/// Figures five times a second at each end, and consent checks, in five seconds.
const FIGURES_AND_CONSENT: usize = 2 * 5 * 5 + 8;

fn talk_without_allocating(codec: &Arc<dyn Codec>, relays: Relays, loses_every: Option<u64>) {
    let seed = Seed::from_u64(31);
    let mut story = Story::with_relays(topology::both_public(&seed), codec, &seed, relays).untaped();
    assert_eq!(story.call(Duration::from_secs(5)).0, Outcome::Talked);
    let mut link = story.take_apart();
    link.loses_every = loses_every;
    // Until every ring and window has been round once.
    link.talk(Duration::from_secs(2));
    // Each tick is counted by itself: figures, five times a second at each end, and consent checks are not of this path.
    let (mut packets, mut ticks_with_allocations) = (0, 0);
    for _ in 0..500 {
        let count = allocations(|| packets += link.talk(Duration::from_millis(10)));
        ticks_with_allocations += usize::from(count > 0);
    }
    assert!(packets > 430, "{packets} packets in both directions");
    assert!(
        ticks_with_allocations <= FIGURES_AND_CONSENT,
        "{ticks_with_allocations} of 500 ticks allocated, for {packets} packets"
    );
}
