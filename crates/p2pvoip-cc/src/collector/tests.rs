//! What the collector tells, when, and its limits.

use super::*;
use proptest::prelude::*;
extern crate std;
use std::{collections::BTreeMap, vec::Vec};

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn receive(collector: &mut FeedbackCollector, numbers: impl IntoIterator<Item = (u64, Instant)>) {
    for (number, now) in numbers {
        collector.on_received(number, 0, Ecn::NotEct, now);
    }
}

fn told(collector: &mut FeedbackCollector, room: usize, now: Instant) -> Option<Report> {
    let mut buf = [0; MAX_LEN];
    let len = collector.emit(&mut buf[..room], now)?;
    Some(Report::parse(&buf[..len], collector.largest.unwrap()).unwrap())
}

#[test]
fn tells_nothing_before_the_first_packet_without_room_or_without_news() {
    let mut collector = FeedbackCollector::new();
    assert_eq!(collector.emit(&mut [0; MAX_LEN], at(0)), None);
    assert!(!collector.is_pending() && collector.next_at().is_none());
    receive(&mut collector, [(5, at(0))]);
    assert_eq!(collector.emit(&mut [0; MIN_LEN - 1], at(0)), None);
    assert!(collector.is_pending());
    assert_eq!(collector.emit(&mut [0; MIN_LEN], at(0)), Some(MIN_LEN));
    assert!(!collector.is_pending());
    assert_eq!(collector.emit(&mut [0; MAX_LEN], at(1_000)), None);
}

#[test]
fn feedback_waits_no_longer_than_named() {
    let mut collector = FeedbackCollector::new();
    receive(&mut collector, [(5, at(10)), (6, at(30))]);
    assert_eq!(collector.next_at().map(|wake| wake.at), Some(at(110)));
}

#[test]
fn voice_is_told_twenty_times_a_second_and_every_time_once() {
    for (ptime, feedbacks) in [(10, 201), (20, 201), (40, 201), (60, 167), (120, 84)] {
        let mut collector = FeedbackCollector::new();
        let (mut count, mut bytes, mut times) = (0, 0, std::collections::BTreeSet::new());
        for number in 0..10_000 / ptime {
            let now = at(number * ptime);
            receive(&mut collector, [(number, now)]);
            let mut slot = [0; 24];
            if let Some(len) = collector.emit(&mut slot, now) {
                (count, bytes) = (count + 1, bytes + len);
                let report = Report::parse(&slot[..len], number).unwrap();
                times.extend(report.arrivals().filter(|(_, at)| at.is_some()).map(|(number, _)| number));
            }
        }
        assert!((feedbacks - 2..=feedbacks + 1).contains(&count), "{count} feedbacks at {ptime} ms");
        assert!(bytes * 8 <= 30_000 + 8 * BUDGET_DEPTH, "{bytes} bytes at {ptime} ms");
        assert!(times.len() as u64 + 5 >= 10_000 / ptime, "{} times at {ptime} ms", times.len());
    }
}

/// Rates of packets, their feedback written into any packet of the other direction (one each 5 ms).
fn flow(every_micros: u64, lost: fn(u64) -> bool) -> (usize, usize, BTreeMap<u64, usize>, usize) {
    let mut collector = FeedbackCollector::new();
    let (mut told, mut bytes, mut feedbacks, mut times) = (BTreeMap::new(), 0, 0, 0);
    let mut numbers = 0..20_000_000 / every_micros;
    for slot in 0..4_000 {
        let now = Instant::from_micros(slot * 5_000);
        while let Some(number) = numbers.clone().next().filter(|n| n * every_micros <= now.as_micros()) {
            numbers.next();
            if !lost(number) {
                receive(&mut collector, [(number, now)]);
            }
        }
        let mut buf = [0; MAX_LEN];
        if let Some(len) = collector.emit(&mut buf, now) {
            (feedbacks, bytes) = (feedbacks + 1, bytes + len);
            let report = Report::parse(&buf[..len], collector.largest.unwrap()).unwrap();
            times += report.times().len();
            for (number, _) in report.arrivals() {
                *told.entry(number).or_insert(0) += 1;
            }
        }
    }
    (feedbacks, bytes, told, times)
}

#[test]
fn video_is_told_twice_within_the_budget() {
    for every_micros in [20_000, 8_000, 4_000, 2_000] {
        for lost in [(|_| false) as fn(u64) -> bool, |n| n % 7 == 0, |n| n / 20 % 5 == 0] {
            let (feedbacks, bytes, told, times) = flow(every_micros, lost);
            assert!(bytes * 8 <= 20 * 3_000 + 8 * BUDGET_DEPTH, "{bytes} bytes");
            assert!(feedbacks >= 330, "{feedbacks} feedbacks, a packet each {every_micros} us");
            assert!(times >= 3 * feedbacks / 2, "{times} times in {feedbacks}");
            // The last ones are still waiting for their second feedback when the flow ends.
            let last = 20_000_000 / every_micros - 100;
            let once: Vec<_> =
                (0..last).filter(|n| !lost(*n) && told.get(n).is_none_or(|t| *t < 2)).collect();
            assert!(once.is_empty(), "a packet each {every_micros} us: {once:?}");
        }
    }
}

#[test]
fn a_thousand_packets_a_second_are_each_told() {
    let (_, bytes, told, _) = flow(1_000, |_| false);
    assert!(bytes * 8 <= 20 * 3_000 + 8 * BUDGET_DEPTH, "{bytes} bytes");
    assert!((0..19_900).all(|number| told.contains_key(&number)));
}

#[test]
fn a_crowd_of_numbers_does_not_wait_for_the_interval() {
    let mut collector = FeedbackCollector::new();
    receive(&mut collector, [(0, at(0)), (1, at(1))]);
    assert!(told(&mut collector, MAX_LEN, at(1)).is_some());
    receive(&mut collector, (2..34).map(|number| (number, at(2))));
    assert!(told(&mut collector, MAX_LEN, at(2)).is_some(), "one more than the mean is always free");
    receive(&mut collector, (34..65).map(|number| (number, at(3))));
    assert!(told(&mut collector, MAX_LEN, at(3)).is_none());
    receive(&mut collector, [(65, at(4))]);
    assert_eq!(told(&mut collector, MAX_LEN, at(4)).map(|report| report.reach()), Some(64));
}

#[test]
fn marks_are_told_from_the_first_on() {
    let mut collector = FeedbackCollector::new();
    receive(&mut collector, [(1, at(0))]);
    assert_eq!(told(&mut collector, MAX_LEN, at(0)).unwrap().ecn(), None);
    collector.on_received(2, 3, Ecn::Ce, at(60));
    let marked = told(&mut collector, MAX_LEN, at(60)).unwrap();
    assert_eq!((marked.path(), marked.ecn().unwrap()), (3, EcnCounts { ce: 1, ..EcnCounts::default() }));
    collector.on_received(3, 3, Ecn::NotEct, at(120));
    assert_eq!(told(&mut collector, 14, at(120)).unwrap().ecn(), None, "no room");
}

#[test]
fn a_duplicate_counts_once_and_its_mark_is_kept() {
    let mut collector = FeedbackCollector::new();
    for (number, ecn) in
        [(1_000, Ecn::Ect0), (999, Ecn::Ect1), (1_000, Ecn::Ce), (937, Ecn::Ect0), (936, Ecn::Ect0)]
    {
        collector.on_received(number, 0, ecn, at(number));
    }
    assert_eq!((collector.duplicates(), collector.late()), (1, 1));
    let arrived: Vec<Arrived> = collector.window().rev().filter_map(|n| collector.arrived(n)).collect();
    let known =
        |number, ecn| Arrived { number, at: Some(Instant::from_micros(number * 1_000 / 64 * 64)), ecn };
    assert_eq!(arrived, [known(1_000, Ecn::Ce), known(999, Ecn::Ect1), known(937, Ecn::Ect0)]);
    assert_eq!(collector.window().collect::<Vec<_>>(), (937..=1_000).collect::<Vec<_>>());
    let report = told(&mut collector, MAX_LEN, at(1_000)).unwrap();
    assert_eq!(report.ecn(), Some(EcnCounts { ect0: 2, ect1: 1, ce: 0 }));
    assert_eq!(report.reach(), 64, "a late number needs the wide form");
}

#[test]
fn a_jump_of_any_width_forgets_what_is_below_the_window() {
    for (jump, kept) in [(1, true), (32, true), (33, true), (63, true), (64, false), (1 << 40, false)] {
        let mut collector = FeedbackCollector::new();
        receive(&mut collector, [(100, at(0))]);
        receive(&mut collector, [(100 + jump, at(20))]);
        let report = told(&mut collector, MAX_LEN, at(20)).unwrap();
        let all: Vec<_> = report.arrivals().map(|(number, _)| number).collect();
        assert_eq!(all.contains(&100), kept, "jump {jump}");
        assert_eq!(collector.arrived(100).is_some(), kept, "jump {jump}");
    }
    let mut collector = FeedbackCollector::new();
    receive(&mut collector, [(0, at(0)), (u64::MAX, at(1)), (u64::MAX - 1, at(2))]);
    assert_eq!(told(&mut collector, MAX_LEN, at(3)).unwrap().received(), 3);
}

#[test]
fn a_long_pause_ends_the_times() {
    let mut collector = FeedbackCollector::new();
    receive(&mut collector, [(1, at(0)), (2, at(20)), (3, at(3_000)), (4, at(3_020))]);
    let report = told(&mut collector, MAX_LEN, at(60_000)).unwrap();
    assert_eq!((report.held(), report.times().len(), report.received()), (None, 2, 0b1111));
}

#[test]
fn the_clock_wraps_unseen() {
    let wrap = Instant::from_micros((1 << 24) * TICK_MICROS);
    let mut collector = FeedbackCollector::new();
    receive(&mut collector, [(1, wrap - Duration::from_millis(10)), (2, wrap + Duration::from_millis(10))]);
    let report = told(&mut collector, MAX_LEN, wrap + Duration::from_millis(10)).unwrap();
    assert_eq!(report.times()[0].since(report.times()[1]), 313);
    assert_eq!(report.held_ticks(), Some(0));
}

#[test]
fn arrivals_days_apart_are_not_taken_for_near_ones() {
    let mut collector = FeedbackCollector::new();
    let wrap = Duration::from_micros((1 << 32) * TICK_MICROS);
    receive(&mut collector, [(1, at(0)), (2, at(0) + wrap)]);
    let report = told(&mut collector, MAX_LEN, at(1) + wrap).unwrap();
    assert_eq!((report.times().len(), report.received()), (1, 3));
    assert_eq!(
        [2, 1].map(|n| collector.arrived(n).map(|arrived| arrived.at.is_some())),
        [Some(true), Some(false)]
    );
}

proptest! {
    /// A plain map of first arrivals is the model; what is due alone finds its moment.
    #[test]
    fn tells_what_a_map_would(
        steps in proptest::collection::vec((0u64..90, 0u64..50_000, 0usize..=MAX_LEN), 1..120),
    ) {
        let (mut collector, mut model) = (FeedbackCollector::new(), BTreeMap::new());
        let (mut now, mut base, mut largest, mut bytes) = (Instant::from_micros(0), 0, 0, 0);
        for (ahead, wait, room) in steps {
            now += Duration::from_micros(wait);
            let number = base + ahead;
            if ahead > 60 { base += ahead / 4; }
            if largest < number + 64 {
                model.entry(number).or_insert(now.as_micros() / 64);
            }
            largest = largest.max(number);
            receive(&mut collector, [(number, now)]);
            let Some(report) = told(&mut collector, room, now) else { continue };
            bytes += report.emit(&mut [0; MAX_LEN]).unwrap();
            prop_assert!(!collector.is_pending());
            prop_assert_eq!(report.largest(), largest);
            let known: Vec<_> = model.range(report.lowest()..).rev().map(|(number, _)| *number).collect();
            prop_assert_eq!(report.arrivals().map(|(number, _)| number).collect::<Vec<_>>(), known);
            for (number, at) in report.arrivals() {
                let ticks = low_u32(model[&number]);
                prop_assert!(at.is_none_or(|at| at == RemoteTime::from_ticks(ticks)));
            }
        }
        prop_assert!(bytes as u64 * 8_000 <= now.as_micros() * 3 + 8_000 * BUDGET_DEPTH as u64);
        if let Some(wake) = collector.next_at() {
            prop_assert!(told(&mut collector, MIN_LEN, now.max(wake.at)).is_some());
        }
    }
}
