//! What holds of every bottleneck and of every transfer, whatever comes.

use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Ecn, Instant, Seed};
use p2pvoip_sim::bottleneck::{DualPi2Config, FqCoDelConfig, MAX_SIZE, PieConfig};
use p2pvoip_sim::schedule::carries;
use p2pvoip_sim::sweep::{Told, kth_and_next};
use p2pvoip_sim::tcp::{Ack, Algorithm, Segment, TcpConfig, TcpReceiver, TcpSender};
use p2pvoip_sim::{Bottleneck, BottleneckConfig, Discipline, Jitter, Limit, Out, START};
use proptest::prelude::*;

use crate::net::MS;

fn disciplines() -> impl Strategy<Value = Discipline> {
    let limit = || {
        prop_oneof![
            (1u64..2_000).prop_map(|ms| Limit::Delay(Duration::from_millis(ms))),
            (1u64..100_000).prop_map(|bytes| Limit::Size(DataSize::from_bytes(bytes))),
        ]
    };
    let mark = (0u64..50).prop_map(Duration::from_millis);
    prop_oneof![
        limit().prop_map(|limit| Discipline::DropTail { limit }),
        (mark, limit()).prop_map(|(mark_above, limit)| Discipline::Step { mark_above, limit }),
        (any::<bool>(), 1usize..100).prop_map(|(ecn, limit)| Discipline::FqCoDel(FqCoDelConfig {
            ecn,
            limit,
            ..FqCoDelConfig::default()
        })),
        (any::<bool>(), limit()).prop_map(|(ecn, limit)| Discipline::Pie(PieConfig {
            ecn,
            limit,
            ..PieConfig::default()
        })),
        limit().prop_map(|limit| Discipline::DualPi2(DualPi2Config { limit, ..DualPi2Config::default() })),
        (1u64..5_000, 1u64..20_000).prop_map(|(kbps, burst)| Discipline::Policer {
            rate: Bitrate::from_kbps(kbps),
            burst: DataSize::from_bytes(burst),
        }),
    ]
}

fn rates() -> impl Strategy<Value = Vec<(Duration, Bitrate)>> {
    prop::collection::vec((0u64..500, prop_oneof![Just(0u64), 1u64..5_000]), 1..6).prop_map(|steps| {
        let mut at = Duration::ZERO;
        let step = |(ms, kbps)| {
            at += Duration::from_millis(ms);
            (at, Bitrate::from_kbps(kbps))
        };
        steps.into_iter().map(step).collect()
    })
}

/// Gaps in microseconds, flows, sizes and marks.
fn packets() -> impl Strategy<Value = Vec<(u64, u32, u64, u8)>> {
    prop::collection::vec((0u64..20_000, 0u32..4, 0u64..1_501, 0u8..4), 1..200)
}

/// Pushes all of them; pulls at each moment asked for, or only when the next comes.
fn outs(
    config: &BottleneckConfig,
    packets: &[(u64, u32, u64, u8)],
    at_once: bool,
) -> (Bottleneck<usize>, Vec<Out<usize>>, Vec<usize>) {
    let mut link = Bottleneck::new(config.clone(), &Seed::from_u64(8), START);
    let (mut now, mut outs, mut lost) = (START, Vec::new(), Vec::new());
    for (name, &(gap, flow, size, ecn)) in packets.iter().enumerate() {
        now += Duration::from_micros(gap);
        while let Some(at) = link.next_at().filter(|at| at_once && *at <= now) {
            outs.extend(link.pull(at));
        }
        lost.extend(link.push(flow, DataSize::from_bytes(size), Ecn::from_bits(ecn), name, now).err());
        outs.extend(std::iter::from_fn(|| link.pull(now)));
        lost.extend(std::iter::from_fn(|| link.pull_dropped()));
    }
    let end = now + Duration::from_secs(1);
    outs.extend(std::iter::from_fn(|| link.pull(end)));
    lost.extend(std::iter::from_fn(|| link.pull_dropped()));
    (link, outs, lost)
}

proptest! {
    #[test]
    fn no_packet_is_lost_sight_of_and_none_is_faster_than_the_link(
        queue in disciplines(), rates in rates(), packets in packets(),
    ) {
        let config = BottleneckConfig { rates: rates.clone(), queue };
        let (link, outs, lost) = outs(&config, &packets, true);
        let stats = *link.stats();
        prop_assert_eq!(stats.pushed, packets.len() as u64);
        prop_assert_eq!(stats.left, outs.len() as u64);
        prop_assert_eq!(stats.refused + stats.dropped, lost.len() as u64);
        prop_assert!(stats.left + stats.refused + stats.dropped <= stats.pushed);
        prop_assert!(link.backlog() > DataSize::default() || packets.iter().any(|packet| packet.2 == 0)
            || stats.left + stats.refused + stats.dropped == stats.pushed);
        prop_assert!(outs.windows(2).all(|two| two[0].left <= two[1].began && two[0].left <= two[1].left));
        for out in &outs {
            prop_assert!(out.entered <= out.began && out.began <= out.left);
            let (from, until) = (out.began.saturating_since(START), out.left.saturating_since(START));
            // `began` is rounded up by less than a microsecond.
            let room = carries(&rates, from.saturating_sub(Duration::from_micros(1)), until);
            prop_assert!(out.size <= room + DataSize::from_bytes(1), "{out:?} {room:?}");
            let ecn = Ecn::from_bits(packets[out.payload].3);
            prop_assert!(out.ecn == ecn || (out.ecn == Ecn::Ce && ecn != Ecn::NotEct));
        }
        let mut names: Vec<_> = outs.iter().map(|out| out.payload).chain(lost).collect();
        names.sort_unstable();
        prop_assert!(names.windows(2).all(|two| two[0] < two[1]), "each has one end");
    }

    #[test]
    fn packets_of_a_flow_and_a_mark_keep_their_order(
        queue in disciplines(), rates in rates(), packets in packets(),
    ) {
        let (_, outs, _) = outs(&BottleneckConfig { rates, queue }, &packets, true);
        let mut last: BTreeMap<(u32, u8), usize> = BTreeMap::new();
        for out in outs {
            let key = (out.flow, packets[out.payload].3);
            prop_assert!(last.insert(key, out.payload).is_none_or(|before| before < out.payload));
        }
    }

    #[test]
    fn pulling_late_gives_the_same(queue in disciplines(), rates in rates(), packets in packets()) {
        let config = BottleneckConfig { rates, queue };
        let (_, at_once, lost) = outs(&config, &packets, true);
        let (_, late, lost_late) = outs(&config, &packets, false);
        prop_assert_eq!(at_once, late);
        prop_assert_eq!(lost, lost_late);
    }

    #[test]
    fn a_transfer_ends_whole_whatever_is_lost_or_late(
        seed: u64, loss in 0.0..0.4, late in 0u32..3, cubic: bool, total in 0u64..60_000,
    ) {
        let algorithm = if cubic { Algorithm::Cubic } else { Algorithm::NewReno };
        let config = TcpConfig { algorithm, total: Some(total), ..TcpConfig::default() };
        let mut chance = Seed::from_u64(seed).derive("loss").rng();
        let (sender, receiver, _) = through(config, seed, MS * 40 * late, |_, _| chance.chance(loss));
        prop_assert!(sender.is_done(), "{:?}", sender.stats());
        prop_assert_eq!((receiver.received(), sender.next_at()), (total, None));
    }
}

enum Event {
    Segment(Segment),
    Ack(Ack),
}

/// Carries a transfer over a path of 20 ms each way that is late by up to `late`, reordering; `loses` is told each packet's
/// number and the segment it is, if it is one. Also gives how many packets were sent.
fn through(
    config: TcpConfig,
    seed: u64,
    late: Duration,
    mut loses: impl FnMut(u64, Option<Segment>) -> bool,
) -> (TcpSender, TcpReceiver, u64) {
    let mut rng = Seed::from_u64(seed).rng();
    let (mut sender, mut receiver) = (TcpSender::new(config, START), TcpReceiver::new());
    let mut agenda: BTreeMap<(Instant, u64), Event> = BTreeMap::new();
    let (mut now, mut sent) = (START, 0);
    let mut carry = |now: Instant, event: Event, agenda: &mut BTreeMap<_, _>| {
        sent += 1;
        let segment = match event {
            Event::Segment(segment) => Some(segment),
            Event::Ack(_) => None,
        };
        if !loses(sent, segment) {
            agenda.insert((now + MS * 20 + late.mul_f64(rng.unit()), sent), event);
        }
    };
    for _ in 0..100_000 {
        while let Some(segment) = sender.poll_transmit(now) {
            carry(now, Event::Segment(segment), &mut agenda);
        }
        let due = agenda.first_key_value().map(|((at, _), _)| *at);
        let Some(at) = [due, sender.next_at(), receiver.next_at()].into_iter().flatten().min() else { break };
        now = at;
        let ack = match agenda.first_entry().filter(|entry| entry.key().0 <= now).map(OccupiedEntry::remove) {
            Some(Event::Segment(segment)) => receiver.on_segment(segment, now),
            Some(Event::Ack(ack)) => {
                sender.on_ack(ack, now);
                None
            }
            None => {
                sender.on_time(now);
                receiver.on_time(now)
            }
        };
        if let Some(ack) = ack {
            carry(now, Event::Ack(ack), &mut agenda);
        }
    }
    (sender, receiver, sent)
}

/// Half a megabyte, in each of the kinds.
fn transfers() -> [TcpConfig; 2] {
    [Algorithm::NewReno, Algorithm::Cubic].map(|algorithm| TcpConfig {
        algorithm,
        total: Some(500_000),
        ..TcpConfig::default()
    })
}

#[test]
fn whichever_packets_are_lost_the_timer_serves_the_end_alone() {
    for (config, burst) in transfers().into_iter().flat_map(|config| [(config, 1), (config, 5)]) {
        let table = kth_and_next(2_000, burst, |cut| {
            let (sender, receiver, sent) = through(config, 1, Duration::ZERO, |number, _| cut.drops(number));
            assert!(sender.is_done() && receiver.received() == 500_000, "{:?}", sender.stats());
            // The last segment and what the timer sends in its place may all be among those lost.
            assert!(sender.stats().timeouts <= burst, "{:?}", sender.stats());
            assert!(sender.stats().recoveries <= 1, "{:?}", sender.stats());
            Told { sent, outcome: sender.stats().timeouts }
        });
        assert!(table.len() > 500, "346 segments and the acknowledgements of every second one");
        let waited = table.iter().filter(|(_, told)| told.outcome > 0).count() as u64;
        assert!((1..=8 + 2 * burst).contains(&waited), "{waited} of {}", table.len());
    }
}

#[test]
fn a_segment_that_is_lost_again_and_again_needs_no_timer() {
    for config in transfers() {
        let mut left = 4;
        let (sender, _, _) = through(config, 1, Duration::ZERO, |_, segment| {
            let is_it = segment.is_some_and(|segment| segment.seq == 20 * config.mss) && left > 0;
            left -= u32::from(is_it);
            is_it
        });
        let stats = sender.stats();
        assert!(sender.is_done() && left == 0);
        assert_eq!((stats.timeouts, stats.recoveries, stats.retransmitted), (0, 1, 4), "{stats:?}");
    }
}

#[test]
fn the_longest_packet_passes_and_a_longer_one_is_refused() {
    let queue = Discipline::DropTail { limit: Limit::Size(DataSize::from_bytes(u64::MAX)) };
    let mut link = Bottleneck::new(BottleneckConfig { rates: Vec::new(), queue }, &Seed::from_u64(1), START);
    assert_eq!(link.push(1, MAX_SIZE, Ecn::NotEct, 1, START), Ok(()));
    assert_eq!(link.push(1, MAX_SIZE + DataSize::from_bytes(1), Ecn::NotEct, 2, START), Err(2));
}

#[test]
fn the_end_of_time_comes_at_once() {
    for queue in [Discipline::Pie(PieConfig::default()), Discipline::DualPi2(DualPi2Config::default())] {
        let rates = vec![(Duration::ZERO, Bitrate::from_kbps(100))];
        let mut link = Bottleneck::new(BottleneckConfig { rates, queue }, &Seed::from_u64(1), START);
        for name in 0..3 {
            assert_eq!(link.push(1, DataSize::from_bytes(1_000), Ecn::Ect1, name, START), Ok(()));
        }
        let end = Instant::from_micros(u64::MAX);
        assert!(link.pull(end).is_some());
        let _ = link.push(1, DataSize::from_bytes(1_000), Ecn::NotEct, 4, end);
        assert_eq!(std::iter::from_fn(|| link.pull(end)).count(), 2, "no time is left for the last");
    }
}

#[test]
fn jitter_over_a_bottleneck_keeps_the_order_of_a_flow() {
    let mut jitter = Jitter::new(MS * 5, MS * 30, &Seed::from_u64(1));
    let config = BottleneckConfig {
        rates: vec![(Duration::ZERO, Bitrate::from_kbps(1_000)), (MS * 100, Bitrate::from_kbps(200))],
        queue: Discipline::DropTail { limit: Limit::Delay(MS * 300) },
    };
    let sizes: Vec<_> = (0..150).map(|place| (2_000, 0, 100 + place * 7, 0)).collect();
    let (_, outs, _) = outs(&config, &sizes, true);
    let mut last = START;
    for out in outs {
        let arrival = jitter.arrival(out.left, out.left.saturating_since(out.began));
        assert!(arrival >= last && arrival >= out.left);
        assert!(arrival <= (out.left + MS * 15).max(last + MS * 50), "{arrival:?} after {last:?}");
        last = arrival;
    }
}
