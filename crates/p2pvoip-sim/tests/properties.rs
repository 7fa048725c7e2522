//! What holds of every link and every NAT, whatever comes.

use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Seed};
use p2pvoip_sim::nat::Refused;
use p2pvoip_sim::topology::{random_link, random_nat};
use p2pvoip_sim::{Link, LinkConfig, Nat, Pushed, START, Scope};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_link_never_delivers_before_its_delay_and_keeps_order_and_rate(
        seed: u64,
        packets in prop::collection::vec((0u64..20_000, 1u64..1_500), 1..300),
    ) {
        let seed = Seed::from_u64(seed);
        let config = random_link(&mut seed.rng());
        let mut link = Link::new(config.clone(), &seed, START);
        let (mut now, mut last) = (START, START);
        for (gap, size) in packets {
            now += Duration::from_micros(gap);
            if let Pushed::Delivered { at, again, .. } = link.push(DataSize::from_bytes(size), now) {
                prop_assert!(at >= now + config.delay);
                prop_assert!(config.reorders || (at >= last && again.is_none_or(|again| again >= at)));
                last = at;
            }
        }
        let stats = *link.stats();
        let lost = stats.lost_in_outage + stats.too_big + stats.lost_in_queue + stats.lost_by_chance;
        prop_assert_eq!(stats.pushed, stats.delivered + lost);
        if let Some(rate) = config.rate {
            let end = now + link.backlog(now);
            let most = rate * end.saturating_since(START) + DataSize::from_bytes(1);
            prop_assert!(stats.delivered_size <= most);
        }
    }

    #[test]
    fn a_bottleneck_serves_the_same_bytes_in_the_same_time_however_they_are_cut(
        sizes in prop::collection::vec(1u64..1_500, 1..50),
        kbps in 1u64..100_000,
    ) {
        let queue = p2pvoip_sim::Queue::Delay(Duration::from_secs(100_000));
        let config = LinkConfig {
            rate: Some(Bitrate::from_kbps(kbps)),
            mtu: DataSize::from_bytes(u64::MAX),
            queue,
            ..LinkConfig::default()
        };
        let out = |sizes: &[u64]| {
            let mut link = Link::new(config.clone(), &Seed::from_u64(1), START);
            for size in sizes {
                link.push(DataSize::from_bytes(*size), START);
            }
            link.backlog(START)
        };
        let (pieces, whole) = (out(&sizes), out(&[sizes.iter().sum()]));
        prop_assert!(whole.abs_diff(pieces) < Duration::from_micros(1), "{whole:?} {pieces:?}");
    }

    #[test]
    fn a_nat_sends_in_only_what_was_asked_for_and_to_whom_it_belongs(
        seed: u64,
        packets in prop::collection::vec((0u64..20, 0u16..4, 0u8..3, 0u16..3, any::<bool>()), 1..200),
    ) {
        let seed = Seed::from_u64(seed);
        let config = random_nat(&mut seed.rng());
        let outside = SocketAddr::from(([192, 0, 2, 1], 0)).ip();
        let mut nat = Nat::new(config.clone(), outside, &seed, START);
        let mut now = START;
        // What went out: when, from whom, by which port, to whom.
        let mut sent = Vec::new();
        for (gap, inner, host, port, goes_out) in packets {
            now += Duration::from_secs(gap);
            let inner = SocketAddr::from(([192, 168, 1, 10], 5_000 + inner));
            let remote = SocketAddr::from(([203, 0, 113, host], 7_000 + port));
            if goes_out {
                let external = nat.outbound(inner, remote, now).unwrap().port();
                sent.push((now, inner, external, remote));
                continue;
            }
            let Some(&(_, _, external, _)) = sent.last() else { continue };
            let matches = |other: SocketAddr| match config.filtering {
                Scope::EndpointIndependent => true,
                Scope::AddressDependent => other.ip() == remote.ip(),
                Scope::AddressAndPortDependent => other == remote,
            };
            match nat.inbound(remote, external, now) {
                Ok(to) => {
                    let asked = |&(_, from, by, other): &(_, SocketAddr, u16, SocketAddr)| {
                        from == to && by == external && matches(other)
                    };
                    prop_assert!(sent.iter().any(asked));
                }
                Err(refused) => {
                    // Nobody who fits was sent to by this port within the lifetime.
                    let fresh = |&(at, _, by, other): &(p2pvoip_core::Instant, _, u16, SocketAddr)| {
                        by == external && matches(other) && at + config.lifetime > now
                    };
                    prop_assert!(!sent.iter().any(fresh), "{refused:?}");
                    prop_assert!(matches!(refused, Refused::Filtered | Refused::NoBinding));
                }
            }
        }
    }
}
