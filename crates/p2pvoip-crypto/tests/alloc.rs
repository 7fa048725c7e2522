//! Shows that sealing and opening packets does not allocate, through all steps: every allocation of this thread is counted.

use std::time::Duration;

use p2pvoip_core::Instant;
use p2pvoip_crypto::{Aead, DirectionSecret, MixSecret, OVERHEAD, Opener, Sealer};
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

#[test]
fn steps_do_not_allocate_whether_plain_mixed_missed_or_forged() {
    for aead in Aead::ALL {
        let secret = DirectionSecret::new([1; 32]);
        let (mut sealer, mut opener) = (Sealer::new(aead, &secret), Opener::new(aead, &secret));
        let mut now = Instant::from_millis(3);
        let mut buf = [0; 1_200];
        let count = allocations(|| {
            for round in 0..200_u8 {
                now += Duration::from_secs(20);
                sealer.on_time(now);
                opener.on_time(now);
                if round % 7 == 1 {
                    opener.mix(MixSecret::new([round; 32]));
                    sealer.mix(MixSecret::new([round; 32]));
                }
                let sealed = sealer.seal(1, &mut buf, 160).unwrap();
                let mut forged = [0; 160 + OVERHEAD];
                forged.copy_from_slice(&buf[..sealed.len]);
                forged[100] ^= 1;
                assert!(opener.open(&mut forged).is_err());
                // Of every seven packets six are lost, and two or three steps with them.
                if round % 7 == 0 {
                    assert!(opener.open(&mut buf[..sealed.len]).is_ok());
                    assert_eq!(opener.epoch(), sealer.epoch());
                }
            }
        });
        assert_eq!(count, 0, "{aead:?}");
        assert!(opener.epoch() > 70);
    }
}
