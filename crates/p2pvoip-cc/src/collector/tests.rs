//! What the collector tells, and its limits.

use super::*;
use crate::feedback::MAX_LEN;
use proptest::prelude::*;
extern crate std;
use std::{collections::BTreeMap, vec::Vec};

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn told(collector: &mut FeedbackCollector, room: usize, now: Instant) -> Feedback {
    let mut buf = [0; MAX_LEN];
    let len = collector.emit(&mut buf[..room], now).unwrap();
    Feedback::parse(&buf[..len]).unwrap()
}

#[test]
fn tells_nothing_before_the_first_packet_and_nothing_without_room() {
    let mut collector = FeedbackCollector::new();
    assert_eq!(collector.emit(&mut [0; MAX_LEN], at(0)), None);
    assert!(!collector.is_pending() && collector.next_at().is_none());
    collector.on_received(5, 0, Ecn::NotEct, at(0));
    assert_eq!(collector.emit(&mut [0; MIN_LEN - 1], at(0)), None);
    assert!(collector.is_pending());
    assert_eq!(collector.emit(&mut [0; MIN_LEN], at(0)), Some(MIN_LEN));
    assert!(!collector.is_pending());
}

#[test]
fn feedback_waits_no_longer_than_named() {
    let mut collector = FeedbackCollector::new();
    collector.on_received(5, 0, Ecn::NotEct, at(10));
    collector.on_received(6, 0, Ecn::NotEct, at(30));
    assert_eq!(collector.next_at().map(|wake| wake.at), Some(at(110)));
}

#[test]
fn fills_eighteen_bytes_with_four_times_or_with_two_and_the_marks() {
    let mut collector = FeedbackCollector::new();
    for number in 0..10 {
        collector.on_received(number, 3, Ecn::NotEct, at(20 * number));
    }
    let plain = told(&mut collector, 18, at(200));
    assert_eq!((plain.told, plain.len(), plain.path()), (3, 18, 3));
    collector.on_received(10, 3, Ecn::Ce, at(201));
    let marked = told(&mut collector, 18, at(200));
    assert_eq!((marked.told, marked.len(), marked.ecn().unwrap().ce), (1, 17, 1));
}

#[test]
fn a_gap_of_any_width_forgets_what_is_below_the_window() {
    for (gap, kept) in [(1, true), (32, true), (33, false), (64, false), (1 << 40, false)] {
        let mut collector = FeedbackCollector::new();
        collector.on_received(100, 0, Ecn::NotEct, at(0));
        collector.on_received(100 + gap, 0, Ecn::NotEct, at(20));
        let feedback = told(&mut collector, MAX_LEN, at(20));
        assert_eq!(feedback.received != 0, kept, "gap {gap}");
    }
}

#[test]
fn late_and_doubled_packets_are_counted_and_change_nothing() {
    let mut collector = FeedbackCollector::new();
    for number in [1_000, 999, 1_000, 937, 936] {
        collector.on_received(number, 0, Ecn::Ect0, at(number));
    }
    assert_eq!((collector.duplicates(), collector.late()), (1, 1));
    assert_eq!(told(&mut collector, MAX_LEN, at(1_000)).ecn().unwrap().ect0, 3);
}

#[test]
fn a_long_held_arrival_saturates() {
    let mut collector = FeedbackCollector::new();
    collector.on_received(1, 0, Ecn::NotEct, at(0));
    collector.on_received(2, 0, Ecn::NotEct, at(3_000));
    let feedback = told(&mut collector, MAX_LEN, at(60_000));
    assert_eq!((feedback.age, feedback.gaps[0]), (u16::MAX, i16::MAX));
}

proptest! {
    /// A plain map of first arrivals is the model.
    #[test]
    fn tells_what_a_map_would(steps in proptest::collection::vec((0u64..90, 0u64..50_000), 1..120), room in 12usize..=43) {
        let (mut collector, mut model) = (FeedbackCollector::new(), BTreeMap::new());
        let (mut now, mut base, mut largest) = (Instant::from_micros(0), 0, None);
        for (ahead, wait) in steps {
            now += Duration::from_micros(wait);
            let number = base + ahead;
            if ahead > 60 { base += ahead / 4; }
            if largest.is_none_or(|l: u64| l < number + 64) {
                model.entry(number).or_insert(now.as_micros() / 64);
            }
            largest = largest.max(Some(number));
            collector.on_received(number, 0, Ecn::NotEct, now);
        }
        let (largest, report) = (largest.unwrap(), now.as_micros() / 64);
        let feedback = told(&mut collector, room, now);
        let reports: Vec<_> = feedback.reports(largest).unwrap().collect();
        prop_assert_eq!(reports[0].number, largest);
        for report_of in reports {
            let arrival = model.get(&report_of.number);
            prop_assert_eq!(report_of.received, arrival.is_some());
            if let Some(age) = report_of.age {
                prop_assert_eq!(age, Duration::from_micros(64 * (report - arrival.unwrap())));
            }
        }
    }
}
