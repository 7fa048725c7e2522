//! Shows that sealing and opening packets of a group does not allocate: every allocation of this thread is counted.

use p2pvoip_core::Instant;
use p2pvoip_crypto::Aead;
use p2pvoip_crypto::group::{GroupId, Listener, MAX_PROOF_LEN, Sender, SenderScope, SenderSecret};
use p2pvoip_sim::alloc::{CountingAllocator, allocations};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn sealing_opening_proving_and_stepping_do_not_allocate() {
    for aead in Aead::ALL {
        let scope = SenderScope { aead, group: GroupId::new([1; 16]), member: 2, since: 3 };
        let secret = SenderSecret::new(0, [1; 32]);
        let mut sender = Sender::new(scope, secret.clone(), &[2; 32], 0);
        let mut listener = Listener::new(scope, sender.verifying_key(), secret, 0);
        let mut buf = [0; MAX_PROOF_LEN];
        let count = allocations(|| {
            for i in 0..200 {
                let now = Instant::from_millis(20 * i);
                if i % 50 == 49 {
                    sender.install(sender.secret().next().unwrap());
                }
                let sealed = sender.seal(&mut buf, 160, now).unwrap();
                assert!(listener.open(&mut buf[..sealed.len], now).is_ok());
                assert!(listener.open(&mut buf[..sealed.len], now).is_err());
                if let Some(proof) = sender.pull(&mut buf, now) {
                    assert!(listener.open(&mut buf[..proof.len], now).is_ok());
                }
                listener.on_time(now);
            }
        });
        assert_eq!(count, 0, "{aead:?}");
        assert_eq!((listener.counters().accepted, listener.epoch()), (200, Some(3)));
    }
}
