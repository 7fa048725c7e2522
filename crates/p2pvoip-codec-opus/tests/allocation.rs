//! No frame allocates once encoder, decoder, sender and receiver are made.
//!
//! Only Rust's allocations can be counted; libopus allocates in its `create` functions alone and works on the stack.

use p2pvoip_codec_opus::{OpusConfig, OpusDecoder, OpusEncoder};
use p2pvoip_core::Instant;
use p2pvoip_media::payload::Chunks;
use p2pvoip_media::{FRAME, Frame, Receiver, ReceiverConfig, Sender, SenderConfig};
use p2pvoip_sim::alloc::{CountingAllocator, allocations};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn two_seconds_of_a_call_with_losses_allocate_nothing() {
    let mut sender = Sender::new(OpusEncoder::new(&OpusConfig::default()).unwrap(), &SenderConfig::default());
    let mut receiver = Receiver::new(OpusDecoder::new().unwrap(), &ReceiverConfig::default());
    let mut out = [0; 300];
    let counted = allocations(|| {
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
    });
    assert!(receiver.stats().played > 180);
    assert_eq!(counted, 0);
}
