//! The laws of the compact form.

use super::*;
use crate::report::REACH;
use proptest::prelude::*;
extern crate std;
use std::vec::Vec;

/// More than any number that the strategy makes.
const SENT: u64 = 1 << 40;

/// Reports that the compact form can say in full: it reaches 33 or 64 numbers, and gaps are told as far as they fit.
pub(super) fn any_report() -> impl Strategy<Value = Report> {
    let gaps = proptest::collection::vec(prop_oneof![0i32..=191, -8_192i32..=8_191], 0..64);
    let ecn = proptest::option::of(any::<[u8; 3]>());
    let received = prop_oneof![any::<u64>(), any::<u32>().prop_map(u64::from), Just(0), Just(u64::MAX)];
    (0u8..8, 100..=SENT, any::<u32>(), proptest::option::of(0u32..65_535), received, gaps, ecn).prop_map(
        |(path, largest, ticks, held, received, gaps, ecn)| {
            let mut time = RemoteTime::from_ticks(ticks);
            let mut report = Report::new(largest, Some(time), held);
            let mut gaps = gaps.into_iter();
            let wide = received & !(u64::MAX << 63) > u64::from(u32::MAX);
            for bit in 0..if wide { 63 } else { 32 } {
                if (received >> bit) & 1 == 0 {
                    report.push_missing();
                    continue;
                }
                let arrival = gaps.next().map(|gap| time.back(gap));
                time = arrival.unwrap_or(time);
                report.push(arrival);
            }
            report.with(path, ecn.map(|[ect0, ect1, ce]| EcnCounts { ect0, ect1, ce }))
        },
    )
}

proptest! {
    #[test]
    fn what_is_emitted_is_parsed(report in any_report(), later in 0u64..65_536) {
        let mut buf = [0xaa; MAX_LEN];
        let len = report.emit(&mut buf).unwrap();
        prop_assert_eq!(Report::parse(&buf[..len], report.largest() + later), Ok(report));
    }

    #[test]
    fn any_bytes_are_refused_or_have_one_form(bytes in proptest::collection::vec(any::<u8>(), 0..100), sent: u64) {
        if let Ok(report) = Report::parse(&bytes, sent) {
            prop_assert!(report.largest() <= sent && report.lowest() <= report.largest());
            let mut buf = [0; MAX_LEN];
            let len = report.emit(&mut buf).unwrap();
            prop_assert_eq!(&buf[..len], &bytes[..]);
        }
    }

    /// Most bytes are refused at once; these are close to what is valid.
    #[test]
    fn a_changed_byte_is_refused_or_has_one_form(report in any_report(), at in 0..MAX_LEN, to: u8) {
        let mut buf = [0; MAX_LEN];
        let len = report.emit(&mut buf).unwrap();
        buf[at % len] = to;
        if let Ok(changed) = Report::parse(&buf[..len], SENT) {
            let mut again = [0; MAX_LEN];
            prop_assert_eq!(changed.emit(&mut again), Some(len));
            prop_assert_eq!(&again[..len], &buf[..len]);
        }
    }

    #[test]
    fn a_shorter_buffer_costs_times_and_nothing_else(report in any_report(), room in 0..MAX_LEN) {
        let mut buf = [0; MAX_LEN];
        let Some(len) = report.emit(&mut buf[..room]) else {
            prop_assert!(room < MIN_LEN + WIDER + ECN_LEN);
            return Ok(());
        };
        prop_assert!(len <= room);
        let less = Report::parse(&buf[..len], report.largest()).unwrap();
        prop_assert_eq!((less.received(), less.held(), less.ecn()), (report.received(), report.held(), report.ecn()));
        prop_assert!(report.times().starts_with(less.times()));
    }

    #[test]
    fn bytes_after_the_last_time_are_refused(report in any_report()) {
        let mut buf = [0; MAX_LEN + 1];
        let len = report.emit(&mut buf).unwrap();
        let received = report.received().count_ones() as usize;
        let parsed = Report::parse(&buf[..=len], SENT);
        if report.times().len() == received.min(MAX_TIMES) {
            prop_assert_eq!(parsed, Err(Malformed::Invalid("number of arrival times")));
        } else {
            prop_assert_eq!(parsed.unwrap().times().len(), report.times().len() + 1);
        }
    }
}

/// The vectors of docs/spec/cc.md.
const NARROW_VECTOR: [u8; 18] =
    [0x50, 0x12, 0x34, 0, 0, 0, 0b0000_0110, 0xab, 0xcd, 0xef, 0, 0x10, 1, 2, 3, 0xc2, 0x71, 0x10];
const WIDE_VECTOR: [u8; 18] = [0x08, 0x00, 0x40, 0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xf0];

fn told(report: &Report) -> Vec<(u64, Option<u32>)> {
    report.arrivals().map(|(number, at)| (number, at.map(RemoteTime::ticks))).collect()
}

#[test]
fn the_vectors_of_the_specification_mean_what_they_say() {
    let report = Report::parse(&NARROW_VECTOR, 0x1_1240).unwrap();
    assert_eq!((report.path(), report.reach(), report.held_ticks()), (2, 33, Some(16)));
    assert_eq!(report.ecn(), Some(EcnCounts { ect0: 1, ect1: 2, ce: 3 }));
    let times = [0x00ab_cdef, 0x00ab_cdef - 625, 0x00ab_cdef - 625 - 16].map(Some);
    assert_eq!(told(&report), [(0x1_1234, times[0]), (0x1_1232, times[1]), (0x1_1231, times[2])]);
    assert_eq!(Report::parse(&NARROW_VECTOR, 0x1233), Err(Malformed::Invalid("number never sent")));

    let report = Report::parse(&WIDE_VECTOR, 0x40).unwrap();
    assert_eq!((report.path(), report.reach(), report.held(), report.ecn()), (0, 64, None, None));
    assert_eq!(told(&report), [(0x40, Some(5)), (0x40 - 32, Some(21)), (0x40 - 33, None)]);
    for (vector, sent) in [(&NARROW_VECTOR, 0x1_1240), (&WIDE_VECTOR, 0x40)] {
        let mut buf = [0; MAX_LEN];
        let len = Report::parse(vector, sent).unwrap().emit(&mut buf).unwrap();
        assert_eq!(&buf[..len], vector);
    }
}

#[test]
fn what_has_a_shorter_form_is_refused() {
    let mut bytes = NARROW_VECTOR;
    bytes[15..17].copy_from_slice(&[0xc0, 191]);
    assert!(Report::parse(&bytes, SENT).is_err());
    bytes[15..17].copy_from_slice(&[0xc0, 192]);
    assert!(Report::parse(&bytes, SENT).is_ok());
    let mut wide = WIDE_VECTOR;
    wide[6] = 0;
    assert!(Report::parse(&wide, SENT).is_err());
}

#[test]
fn reserved_bits_and_numbers_below_zero_are_refused() {
    for bit in [1, 2, 4] {
        let mut bytes = NARROW_VECTOR;
        bytes[0] |= bit;
        assert_eq!(Report::parse(&bytes, SENT), Err(Malformed::Invalid("reserved bits")));
    }
    let mut wide = WIDE_VECTOR;
    wide[3] = 0x80;
    assert_eq!(Report::parse(&wide, SENT), Err(Malformed::Invalid("reserved bits")));
    let mut low = WIDE_VECTOR;
    low[2] = 33;
    assert!(Report::parse(&low, 33).is_ok());
    low[2] = 32;
    assert_eq!(Report::parse(&low, 32), Err(Malformed::Invalid("number never sent")));
}

#[test]
fn a_gap_beyond_its_bits_ends_the_times() {
    let newest = RemoteTime::from_ticks(100_000);
    for (gap, len) in [(8_191, 14), (8_192, 12), (-8_192, 14), (-8_193, 12), (192, 14), (191, 13), (0, 13)] {
        let mut report = Report::new(9, Some(newest), None);
        report.push(Some(newest.back(gap)));
        assert_eq!(report.emit(&mut [0; MAX_LEN]), Some(len), "{gap}");
    }
}

#[test]
fn the_longest_feedback_is_as_long_as_named_and_tells_no_more_times() {
    let newest = RemoteTime::from_ticks(5);
    let mut report = Report::new(1_000, Some(newest), Some(0)).with(7, Some(EcnCounts::default()));
    for back in 1..100 {
        report.push(Some(newest.back(back * 200)));
    }
    assert_eq!((report.reach(), report.times().len()), (REACH, MAX_TIMES));
    let mut buf = [0; MAX_LEN + 1];
    assert_eq!(report.emit(&mut buf), Some(MAX_LEN));
    assert_eq!(Report::parse(&buf[..MAX_LEN], 1_000), Ok(report));
    assert!(Report::parse(&buf, 1_000).is_err());
    assert_eq!(report.emit(&mut buf[..MIN_LEN + WIDER + ECN_LEN - 1]), None);
}
