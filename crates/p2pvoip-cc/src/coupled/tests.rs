//! Claims about flows that share: the laws of the division, and what follows from them.

extern crate std;

use super::*;
use core::time::Duration;
use p2pvoip_core::Bitrate;
use proptest::prelude::*;
use std::string::ToString as _;
use std::vec::Vec;

/// A controller that always says the same rate.
#[derive(Clone)]
struct Always(u64);

impl Controller for Always {
    fn on_sent(&mut self, _sent: Sent, _now: Instant) {}
    fn on_feedback(&mut self, _report: &Report, _now: Instant) {}
    fn on_path(&mut self, _path: Path, _now: Instant) {}
    fn on_time(&mut self, _now: Instant) {}
    fn next_at(&self) -> Option<Wake> {
        None
    }
    fn target(&self) -> Target {
        Target { probe: true, ..Target::plain(kbps(self.0), kbps(2 * self.0)) }
    }
}

fn kbps(kbps: u64) -> Bitrate {
    Bitrate::from_kbps(kbps)
}

fn demand(weight: u16, least: u64, most: u64) -> Demand {
    Demand { weight, least: kbps(least), most: kbps(most) }
}

fn parts<const N: usize>(rate: u64, demands: [Demand; N]) -> [u64; N] {
    divide(kbps(rate), &demands.map(Some)).map(|part| part.map_or(0, |part| part.as_bps().div_ceil(1_000)))
}

const FLOWS: usize = 6;

fn bps(most: u64) -> impl Strategy<Value = Bitrate> {
    prop_oneof![Just(0), 0..most, Just(most), Just(u64::MAX)].prop_map(Bitrate::from_bps)
}

fn demands() -> impl Strategy<Value = [Option<Demand>; FLOWS]> {
    let weight = prop_oneof![0_u16..10, any::<u16>()];
    let one = (weight, bps(500_000), bps(2_000_000));
    let one = one.prop_map(|(weight, least, most)| Demand { weight, least, most });
    proptest::array::uniform6(proptest::option::weighted(0.8, one))
}

/// The demand's bounds as they are understood.
fn bounds(demand: Demand) -> (u64, u64) {
    let most = demand.most.as_bps();
    (demand.least.as_bps().min(most), most)
}

proptest! {
    #[test]
    fn the_parts_sum_up_to_the_rate_or_to_all_that_is_wanted(rate in bps(3_000_000), demands in demands()) {
        let sum: u128 = divide(rate, &demands).iter().flatten().map(|part| u128::from(part.as_bps())).sum();
        let wanted: u128 = demands.iter().flatten().map(|demand| u128::from(bounds(*demand).1)).sum();
        let most = wanted.min(u128::from(rate.as_bps()));
        prop_assert!(sum <= most);
        prop_assert!(sum + FLOWS as u128 >= most, "{sum} of {most}");
    }

    #[test]
    fn no_flow_has_more_than_it_wants_or_more_than_its_least_while_another_has_less(
        rate in bps(3_000_000), demands in demands(),
    ) {
        let parts = divide(rate, &demands);
        let flows = || demands.iter().flatten().zip(parts.iter().flatten());
        let below = flows().any(|(demand, part)| part.as_bps() < bounds(*demand).0);
        for (demand, part) in flows() {
            let (least, most) = bounds(*demand);
            prop_assert!(part.as_bps() <= most);
            prop_assert!(!below || part.as_bps() <= least);
        }
    }

    #[test]
    fn between_its_bounds_every_flow_has_its_weight_times_one_amount(rate in bps(3_000_000), demands in demands()) {
        let parts = divide(rate, &demands);
        let leasts: u128 = demands.iter().flatten().map(|demand| u128::from(bounds(*demand).0)).sum();
        let scarce = leasts > u128::from(rate.as_bps());
        let flows: Vec<(u128, u128, bool, bool)> = demands.iter().flatten().zip(parts.iter().flatten()).map(|(demand, part)| {
            let (least, most) = bounds(*demand);
            let (least, most) = if scarce { (0, least) } else { (least, most) };
            let part = part.as_bps();
            (u128::from(demand.weight.max(1)), u128::from(part), part > least, part < most)
        }).collect();
        // A flow that could give has no more per weight than one that could take, but for rounding.
        for &(weight, part, gives, _) in &flows {
            for &(other_weight, other, _, takes) in &flows {
                let fair = part * other_weight <= (other + FLOWS as u128) * weight + FLOWS as u128 * other_weight;
                prop_assert!(!gives || !takes || fair, "{part}/{weight} beside {other}/{other_weight}");
            }
        }
    }

    #[test]
    fn the_order_of_the_flows_plays_no_part(rate in bps(3_000_000), demands in demands(), turn in 0..FLOWS, swap in 0..FLOWS) {
        let (mut turned, mut expected) = (demands, divide(rate, &demands));
        turned.rotate_left(turn);
        expected.rotate_left(turn);
        turned.swap(0, swap);
        expected.swap(0, swap);
        prop_assert_eq!(divide(rate, &turned), expected);
    }

    #[test]
    fn more_to_divide_takes_nothing_from_anyone(rate in 0u64..3_000_000, more in 0u64..500_000, demands in demands()) {
        let (before, after) = (divide(Bitrate::from_bps(rate), &demands), divide(Bitrate::from_bps(rate + more), &demands));
        for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
            prop_assert!(after.as_bps() + FLOWS as u64 >= before.as_bps());
        }
    }
}

#[test]
fn the_rate_is_divided_by_weight() {
    let greedy = Demand::greedy;
    assert_eq!(parts(400, [greedy(2), greedy(1), greedy(1)]), [200, 100, 100]);
}

#[test]
fn what_a_flow_does_not_want_the_others_get() {
    assert_eq!(parts(1_000, [demand(8, 16, 64), demand(1, 0, 2_000), demand(1, 0, 300)]), [64, 636, 300]);
    assert_eq!(parts(1_000, [demand(1, 0, 100), demand(1, 0, 200)]), [100, 200]);
}

#[test]
fn voice_keeps_its_least_beside_much_heavier_pictures() {
    assert_eq!(parts(100, [demand(1, 32, 64), demand(15, 0, 2_000)]), [32, 68]);
    // Less than the leasts: they are the mosts, so that neither is served before the other.
    assert_eq!(parts(60, [demand(1, 40, 64), demand(1, 40, 2_000)]), [30, 30]);
    assert_eq!(parts(60, [demand(2, 30, 64), demand(1, 90, 2_000)]), [30, 30]);
}

#[test]
fn a_paused_flow_gives_its_part_and_gets_it_back_at_once() {
    let mut coupled: Coupled<Always, 3> = Coupled::new(Always(900));
    for flow in 0..3 {
        coupled.set(flow, Demand::greedy(1)).unwrap();
    }
    let wire = |coupled: &Coupled<Always, 3>| {
        [0, 1, 2].map(|flow| coupled.share(flow).map(|target| target.wire.as_bps() / 1_000))
    };
    assert_eq!(wire(&coupled), [Some(300); 3]);
    coupled.pause(1);
    coupled.set(1, Demand::greedy(2)).unwrap();
    assert_eq!(wire(&coupled), [Some(450), None, Some(450)]);
    coupled.resume(1);
    assert_eq!(wire(&coupled), [Some(225), Some(450), Some(225)]);
    coupled.end(1);
    coupled.resume(1);
    assert_eq!(wire(&coupled), [Some(450), None, Some(450)]);
}

#[test]
fn a_share_differs_from_the_target_of_the_transport_in_its_rate_alone() {
    let mut coupled: Coupled<Always, 2> = Coupled::new(Always(900));
    coupled.set(0, Demand::greedy(1)).unwrap();
    coupled.set(1, Demand::greedy(2)).unwrap();
    let share = coupled.share(1).unwrap();
    assert_eq!(share, Target { wire: kbps(600), ..coupled.target() });
}

#[test]
fn a_flow_without_a_place_is_refused() {
    let mut coupled: Coupled<Always, 2> = Coupled::new(Always(900));
    let error = coupled.set(2, Demand::greedy(1)).unwrap_err();
    assert_eq!(error, NoSuchFlow { flow: 2, room: 2 });
    assert!(error.to_string().contains("flow 2 has no place among 2"));
    assert_eq!(coupled.share(2), None);
    for change in [Coupled::pause, Coupled::resume, Coupled::end] {
        change(&mut coupled, 2);
        assert_eq!(coupled.share(0), None);
    }
}

const RTT: Duration = Duration::from_millis(100);

fn exchange(kind: Exchange, priorities: &[u16]) -> Fse<3> {
    let mut fse = Fse::new(kind);
    for (flow, priority) in priorities.iter().enumerate() {
        fse.join(flow, *priority, kbps(100)).unwrap();
    }
    fse
}

fn rates(fse: &Fse<3>) -> [u64; 3] {
    [0, 1, 2].map(|flow| fse.rate(flow).map_or(0, |rate| rate.as_bps() / 1_000))
}

#[test]
fn a_controllers_change_moves_all_flows_by_priority() {
    let mut fse = exchange(Exchange::Active, &[1, 2, 2]);
    assert_eq!(rates(&fse), [60, 120, 120]);
    let greedy = Bitrate::from_bps(u64::MAX);
    let rate = fse.update(0, kbps(110), greedy, RTT, Instant::default());
    assert_eq!((rate, rates(&fse)), (Some(kbps(70)), [70, 140, 140]));
    fse.update(1, kbps(90), greedy, RTT, Instant::default());
    assert_eq!(rates(&fse), [60, 120, 120]);
}

#[test]
fn what_an_application_does_not_desire_the_others_get_and_nobody_counts_twice() {
    let mut fse = exchange(Exchange::Active, &[1, 1, 1]);
    let now = Instant::default();
    fse.update(0, kbps(100), kbps(40), RTT, now);
    assert_eq!(rates(&fse), [40, 130, 130]);
    for flow in 1..3 {
        fse.update(flow, kbps(130), kbps(130), RTT, now);
    }
    // Its controller grows and grows, but nothing that is sent proves it right.
    for _ in 0..100 {
        fse.update(0, kbps(80), kbps(40), RTT, now);
    }
    assert_eq!(fse.sum(), kbps(300));
}

#[test]
fn one_fall_reduces_all_in_proportion_and_holds_for_two_round_trips() {
    let mut fse = exchange(Exchange::Conservative, &[1, 1, 1]);
    let (now, greedy) = (Instant::from_millis(1_000), Bitrate::from_bps(u64::MAX));
    fse.update(0, kbps(50), greedy, RTT, now);
    assert_eq!(rates(&fse), [50, 50, 50]);
    for (after, sum) in [(1, 150), (199, 150), (200, 120)] {
        fse.update(1, kbps(40), greedy, RTT, now + Duration::from_millis(after));
        assert_eq!(fse.sum(), kbps(sum), "{after} ms");
    }
    fse.update(1, kbps(60), greedy, RTT, now + Duration::from_millis(500));
    assert_eq!(fse.sum(), kbps(140));
}

#[test]
fn pausing_over_and_over_does_not_raise_the_sum() {
    let mut fse = exchange(Exchange::Active, &[1, 1, 1]);
    for _ in 0..100 {
        fse.leave(2);
        assert_eq!(rates(&fse), [150, 150, 0]);
        fse.join(2, 1, kbps(100)).unwrap();
        assert_eq!(rates(&fse), [100, 100, 100]);
    }
    for flow in 0..3 {
        fse.leave(flow);
    }
    assert_eq!(fse.sum(), kbps(0));
}

#[test]
fn an_exchange_has_room_for_so_many_flows() {
    let mut fse = exchange(Exchange::Active, &[1, 1, 1]);
    assert_eq!(fse.join(3, 1, kbps(100)), Err(NoSuchFlow { flow: 3, room: 3 }));
    assert_eq!(fse.update(3, kbps(100), kbps(100), RTT, Instant::default()), None);
    assert_eq!(rates(&fse), [100, 100, 100]);
}

proptest! {
    #[test]
    fn the_rates_never_exceed_the_sum(
        conservative: bool,
        steps in proptest::collection::vec((0_usize..4, 0_u8..6, any::<u16>(), any::<u32>(), 0_u64..300), 1..60),
    ) {
        let mut fse: Fse<3> = Fse::new(if conservative { Exchange::Conservative } else { Exchange::Active });
        let mut now = Instant::default();
        for (flow, step, priority, rate, wait) in steps {
            now += Duration::from_millis(wait);
            let rate = Bitrate::from_bps(u64::from(rate));
            match step {
                0 => fse.leave(flow),
                1 => prop_assert_eq!(fse.join(flow, priority, rate).is_ok(), flow < 3),
                _ => { fse.update(flow, rate, rate.scaled(u64::from(priority), 30_000), RTT, now); }
            }
            let total = (0..3).filter_map(|flow| fse.rate(flow)).fold(kbps(0), |a, b| a + b);
            prop_assert!(total <= fse.sum());
        }
    }
}
