//! An allocator that counts, so that a test can show that a path allocates nothing.
//!
//! Only what Rust allocates on the counting thread is counted: a C library's memory is not.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which counts. A test names it its `#[global_allocator]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

#[expect(unsafe_code, reason = "an allocator can be written in no other way; this one passes everything on")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for CountingAllocator {
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

fn count() {
    // A thread that ends has no count any more.
    let _ended = COUNT.try_with(|count| count.set(count.get() + 1));
}

/// How often this thread allocates while `work` is done.
///
/// # Panics
/// When [`CountingAllocator`] is not the program's allocator, so that a zero would mean nothing.
pub fn allocations(work: impl FnOnce()) -> u64 {
    let start = COUNT.get();
    drop(std::hint::black_box(Box::new(1)));
    assert!(COUNT.get() > start, "the test must make CountingAllocator its #[global_allocator]");
    let before = COUNT.get();
    work();
    COUNT.get() - before
}
