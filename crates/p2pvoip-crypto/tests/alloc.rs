//! Shows that sealing and opening packets does not allocate: every allocation of this thread is counted.

use p2pvoip_crypto::{Aead, DirectionSecret, Opener, Sealer};
use p2pvoip_sim::alloc::{CountingAllocator, allocations};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

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
