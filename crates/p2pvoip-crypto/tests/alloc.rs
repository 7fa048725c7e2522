//! Shows that sealing and opening packets does not allocate: every allocation of this thread is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use p2pvoip_crypto::{Aead, DirectionSecret, Opener, Sealer};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which counts.
struct Counting;

fn count() {
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

#[expect(
    unsafe_code,
    reason = "an allocator that counts can be written in no other way; it passes everything on"
)]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the pointer came from `System` with this layout.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn sealing_and_opening_do_not_allocate() {
    for aead in Aead::ALL {
        let secret = DirectionSecret::new([1; 32]);
        let (mut sealer, mut opener) = (Sealer::new(aead, &secret), Opener::new(aead, &secret));
        let mut buf = [0; 1_200];
        let count = allocations(|| {
            for _ in 0..100 {
                let sealed = sealer.seal(1, &mut buf, 160).unwrap();
                let packet = &mut buf[..sealed.len];
                assert!(opener.open(packet).is_ok());
                assert!(opener.open(packet).is_err());
            }
        });
        assert_eq!(count, 0, "{aead:?}");
        assert_eq!(opener.counters().accepted, 100);
    }
}
