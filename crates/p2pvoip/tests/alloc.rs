//! After its start the sealed path allocates nothing: a frame out and a packet in, counted by the allocator itself.

mod story;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::Codec;
use p2pvoip_core::Seed;
use p2pvoip_sim::topology;
use story::{Counting, Outcome, Story};

thread_local! {
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The system's allocator, which counts on the thread that asks for it.
struct Counted;

#[expect(unsafe_code, reason = "a counting allocator is one; it passes everything on")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn count() {
    // A thread that ends has no count any more.
    let _ended = COUNT.try_with(|counter| counter.set(counter.get().map(|count| count + 1)));
}

fn allocations(work: impl FnOnce()) -> u64 {
    COUNT.set(Some(0));
    work();
    COUNT.take().unwrap_or_default()
}

#[test]
fn a_frame_out_and_a_packet_in_allocate_nothing() {
    let seed = Seed::from_u64(31);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let mut story = Story::new(topology::both_public(&seed), &codec, &seed).untaped();
    assert_eq!(story.call(Duration::from_secs(5)).0, Outcome::Talked);
    let mut link = story.take_apart();
    // Until every ring and window has been round once.
    link.talk(Duration::from_secs(2));
    // Each tick is counted by itself: figures, five times a second at each end, and consent checks are not of this path.
    let (mut packets, mut ticks_with_allocations) = (0, 0);
    for _ in 0..500 {
        let count = allocations(|| packets += link.talk(Duration::from_millis(10)));
        ticks_with_allocations += u64::from(count > 0);
    }
    assert!(packets > 480, "{packets} packets in both directions");
    let figures_and_consent = 2 * 5 * 5 + 8;
    assert!(
        ticks_with_allocations <= figures_and_consent,
        "{ticks_with_allocations} of 500 ticks allocated, for {packets} packets"
    );
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(vec![1])) > 0);
}
