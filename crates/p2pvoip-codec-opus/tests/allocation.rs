//! No frame allocates once encoder, decoder, sender and receiver are made.
//!
//! Only Rust's allocations can be counted; libopus allocates in its `create` functions alone and works on the stack.
#![expect(unsafe_code, reason = "a counting allocator has to be one")]

use p2pvoip_codec_opus::{OpusConfig, OpusDecoder, OpusEncoder};
use p2pvoip_core::Instant;
use p2pvoip_media::payload::Chunks;
use p2pvoip_media::{FRAME, Frame, Receiver, ReceiverConfig, Sender, SenderConfig};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Other threads, the test harness's above all, allocate as they like.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTED.try_with(Cell::get) == Ok(true) {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn two_seconds_of_a_call_with_losses_allocate_nothing() {
    let mut sender = Sender::new(OpusEncoder::new(&OpusConfig::default()).unwrap(), &SenderConfig::default());
    let mut receiver = Receiver::new(OpusDecoder::new().unwrap(), &ReceiverConfig::default());
    let mut out = [0; 300];
    COUNTED.set(true);
    for n in 0..200u64 {
        let now = Instant::from_millis(1_000 + 10 * n);
        sender.push(&Frame([if n % 2 == 0 { 500 } else { -500 }; FRAME]), now);
        if let Some(packed) = sender.pull(&mut out)
            && n % 22 != 1
        {
            for chunk in Chunks::new(&out[..packed.len]).flatten() {
                let _ = receiver.push(chunk.1, now);
            }
        }
        receiver.pull(&mut Frame::default(), now);
    }
    COUNTED.set(false);
    let counted = COUNT.load(Ordering::Relaxed);
    assert!(receiver.stats().played > 180);
    assert_eq!(counted, 0);
}
