//! Claims about what a report is believed to tell.

use super::*;
use proptest::prelude::*;
extern crate std;
use std::{boxed::Box, vec, vec::Vec};

/// A ledger that sent a packet of 100 bytes every 20 ms from 1 s on.
fn filled(packets: u64) -> Box<Ledger> {
    let mut ledger = Box::new(Ledger::new());
    for number in 0..packets {
        let sent = Sent { number, size: DataSize::from_bytes(100), path: 0 };
        ledger.on_sent(sent, at(number * 20));
    }
    ledger
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(1_000 + ms)
}

/// The receiver's clock when it is `ms` after the first packet left.
fn remote(ms: u64) -> RemoteTime {
    RemoteTime::from_micros(5_000_000 + ms * 1_000)
}

/// `largest` and those that `came` down to `lowest`; each 40 ms after it left.
fn report(largest: u64, lowest: u64, came: impl Fn(u64) -> bool) -> Report {
    let mut report = Report::new(largest, Some(remote(largest * 20 + 40)), Some(0));
    for number in (lowest..largest).rev() {
        if came(number) { report.push(Some(remote(number * 20 + 40))) } else { report.push_missing() }
    }
    report
}

fn facts(ledger: &mut Ledger, report: &Report, now: Instant) -> (Option<News>, Vec<Fact>) {
    let mut facts = vec![];
    (ledger.read(report, now, |fact| facts.push(fact)), facts)
}

#[test]
fn arrivals_come_in_rising_order_with_one_delay() {
    let mut ledger = filled(10);
    let (news, facts) = facts(&mut ledger, &report(9, 0, |n| n != 4), at(260));
    let came: Vec<(i64, i64)> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Came { sent, at, .. } => Some((*sent, *at)),
            Fact::Decided { .. } => None,
        })
        .collect();
    assert!(came.len() == 9 && came.is_sorted());
    let delays: Vec<i64> = came.iter().map(|(sent, at)| at - sent).collect();
    assert!(delays.iter().all(|delay| (delay - delays[0]).abs() <= 128), "{delays:?}");
    let news = news.unwrap();
    assert_eq!((news.lost, news.decided, news.untimed, news.jumped), (1, 7, 0, false));
    assert!(ledger.rtt_micros().abs_diff(80_000) <= 128, "{}", ledger.rtt_micros());
}

#[test]
fn what_was_never_sent_or_held_too_long_is_refused_and_changes_nothing() {
    let mut ledger = filled(10);
    let liars = [
        report(10, 5, |_| true),
        Report::new(1 << 47, None, None),
        Report::new(9, Some(remote(0)), Some(u32::MAX)),
    ];
    for liar in &liars {
        assert_eq!(facts(&mut ledger, liar, at(260)), (None, vec![]));
    }
    assert_eq!((ledger.stats.refused, ledger.stats.acked), (3, 0));
}

#[test]
fn a_report_told_again_moves_nothing() {
    let mut ledger = filled(10);
    assert!(facts(&mut ledger, &report(9, 0, |_| true), at(260)).0.is_some());
    assert_eq!(facts(&mut ledger, &report(9, 0, |_| true), at(280)), (None, vec![]));
    assert_eq!(ledger.stats.acked, 10);
}

#[test]
fn a_report_overtaken_by_a_newer_one_tells_bytes_but_no_times() {
    let mut ledger = filled(20);
    facts(&mut ledger, &report(19, 12, |_| true), at(460));
    let (news, told) = facts(&mut ledger, &report(11, 5, |_| true), at(470));
    assert!(told.iter().all(|fact| matches!(fact, Fact::Decided { .. })));
    assert_eq!(news.map(|news| news.untimed), Some(700));
}

#[test]
fn bytes_count_once_whether_times_come_with_them_or_later() {
    let mut ledger = filled(10);
    let mut bare = Report::new(9, None, Some(0));
    (0..9).for_each(|_| bare.push(None));
    let (news, _) = facts(&mut ledger, &bare, at(260));
    assert_eq!(news.map(|news| news.untimed), Some(1_000));
    let (news, told) = facts(&mut ledger, &report(9, 0, |_| true), at(270));
    assert_eq!((news, told.len()), (None, 0), "no packet is new");
}

#[test]
fn packets_of_another_path_say_nothing_of_this_one() {
    let mut ledger = filled(10);
    assert!(ledger.moved(Path::ipv4(1)) && !ledger.moved(Path::ipv4(1)));
    assert_eq!(facts(&mut ledger, &report(9, 0, |n| n != 3), at(260)), (None, vec![]));
    assert_eq!((ledger.stats.acked, ledger.stats.lost), (9, 1));
}

#[test]
fn a_receivers_clock_that_is_set_is_noticed_once() {
    let mut ledger = filled(30);
    facts(&mut ledger, &report(9, 0, |_| true), at(260));
    let leap = |largest: u64| Report::new(largest, Some(remote(largest * 20 + 9_000)), Some(0));
    assert!(facts(&mut ledger, &leap(14), at(360)).0.unwrap().jumped);
    assert!(!facts(&mut ledger, &leap(19), at(460)).0.unwrap().jumped);
    assert!(facts(&mut ledger, &report(24, 20, |_| true), at(560)).0.unwrap().jumped, "and back");
}

#[test]
fn marks_are_counted_modulo_256_and_never_exceed_what_came() {
    let mut ledger = filled(100);
    let marked = |largest: u64, lowest: u64, ce| {
        report(largest, lowest, |_| true).with(0, Some(crate::EcnCounts { ce, ..Default::default() }))
    };
    for (largest, lowest, ce, expected) in [(9, 0, 3, 3), (19, 10, 3, 0), (29, 20, 250, 10), (39, 30, 1, 7)] {
        let (news, _) = facts(&mut ledger, &marked(largest, lowest, ce), at(largest * 20 + 80));
        assert_eq!(news.unwrap().marked, expected, "{largest}");
    }
}

proptest! {
    #[test]
    fn facts_are_told_once_and_in_order(steps in proptest::collection::vec((0u64..40, 1u64..64, any::<u64>()), 1..60)) {
        let mut ledger = filled(400);
        let (mut came, mut decided, mut bytes) = (0u64, 0u64, 0u64);
        let mut largest = 0;
        for (up, reach, mask) in steps {
            largest = (largest + up).min(399);
            let lowest = largest.saturating_sub(reach);
            let told = report(largest, lowest, |n| mask >> (n % 64) & 1 == 1);
            let now = at(largest * 20 + 90);
            let mut last = i64::MIN;
            let news = ledger.read(&told, now, |fact| match fact {
                Fact::Came { sent, size, .. } => {
                    assert!(sent >= last);
                    (last, came, bytes) = (sent, came + 1, bytes + u64::from(size));
                }
                Fact::Decided { .. } => decided += 1,
            });
            bytes += news.map_or(0, |news| u64::from(news.untimed));
        }
        prop_assert!(came <= 400 && decided <= 400);
        prop_assert_eq!(bytes, ledger.stats.acked * 100);
    }
}
