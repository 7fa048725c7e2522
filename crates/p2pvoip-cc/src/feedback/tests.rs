//! The laws of the feedback body.

use super::*;
use proptest::prelude::*;
extern crate std;
use std::vec::Vec;

fn any_feedback() -> impl Strategy<Value = Feedback> {
    let ecn = proptest::option::of(any::<[u8; 3]>());
    (0u8..8, any::<(u16, u32, u32, u16)>(), 0usize..=14, any::<[i16; 14]>(), ecn).prop_map(
        |(path, (largest, received, report_time, age), told, mut gaps, ecn)| {
            let told = told.min(received.count_ones() as usize);
            gaps[told..].fill(0);
            let ecn = ecn.map(|[ect0, ect1, ce]| EcnCounts { ect0, ect1, ce });
            let report_time = report_time & 0x00ff_ffff;
            Feedback { path, largest, received, report_time, age, told, gaps, ecn }
        },
    )
}

proptest! {
    #[test]
    fn what_is_emitted_is_parsed(feedback in any_feedback()) {
        let mut buf = [0xaa; MAX_LEN];
        let len = feedback.emit(&mut buf).unwrap();
        prop_assert_eq!(len, feedback.len());
        prop_assert_eq!(Feedback::parse(&buf[..len]), Ok(feedback));
        prop_assert_eq!(feedback.emit(&mut buf[..len - 1]), Err(Malformed::Truncated));
    }

    #[test]
    fn any_bytes_are_refused_or_have_one_form(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(feedback) = Feedback::parse(&bytes) {
            let mut buf = [0; MAX_LEN];
            let len = feedback.emit(&mut buf).unwrap();
            prop_assert_eq!(&buf[..len], &bytes[..]);
        }
    }

    #[test]
    fn one_byte_more_or_less_is_refused(feedback in any_feedback()) {
        let mut buf = [0; MAX_LEN + 1];
        let len = feedback.emit(&mut buf).unwrap();
        prop_assert_eq!(Feedback::parse(&buf[..len - 1]), Err(Malformed::Truncated));
        prop_assert_eq!(Feedback::parse(&buf[..=len]), Err(Malformed::Trailing));
    }

    #[test]
    fn the_largest_number_is_never_above_what_was_sent(feedback in any_feedback(), sent: u64) {
        if let Some(largest) = feedback.largest(sent) {
            prop_assert!(largest <= sent && sent - largest <= 0xffff);
            prop_assert_eq!(largest & 0xffff, u64::from(feedback.largest));
        } else {
            prop_assert!(sent < u64::from(feedback.largest));
        }
    }

    #[test]
    fn reports_walk_down_from_the_largest_and_end(feedback in any_feedback(), sent in 0u64..(1 << 48)) {
        let reports: Vec<_> = feedback.reports(sent).into_iter().flatten().collect();
        prop_assert!(reports.len() <= 33);
        prop_assert!(reports.is_sorted_by(|a, b| a.number == b.number + 1));
        prop_assert!(reports.iter().all(|r| r.received || r.age.is_none()));
        prop_assert!(reports.iter().filter(|r| r.age.is_some()).count() <= feedback.told + 1);
    }

    #[test]
    fn a_report_time_is_found_again_within_half_its_range(
        micros in (1u64 << 40)..(1 << 50), ahead in -536_000_000i64..536_000_000,
    ) {
        let at = micros.saturating_add_signed(ahead) / 64 * 64;
        let feedback = Feedback { report_time: Feedback::clock_bits(at), ..plain() };
        prop_assert_eq!(feedback.report_micros(micros), at);
    }
}

fn plain() -> Feedback {
    Feedback {
        path: 0,
        largest: 9,
        received: 0,
        report_time: 0,
        age: 0,
        told: 0,
        gaps: [0; MAX_GAPS],
        ecn: None,
    }
}

/// The vector of docs/spec/cc.md.
const VECTOR: [u8; 19] =
    [0x53, 0x12, 0x34, 0, 0, 0, 0b0000_0110, 0xab, 0xcd, 0xef, 0, 0x10, 0x02, 0x71, 0xff, 0xf0, 1, 2, 3];

#[test]
fn the_vector_of_the_specification_means_what_it_says() {
    let feedback = Feedback::parse(&VECTOR).unwrap();
    assert_eq!((feedback.path(), feedback.report_time), (2, 0x00ab_cdef));
    assert_eq!(feedback.ecn(), Some(EcnCounts { ect0: 1, ect1: 2, ce: 3 }));
    let micros = |n: u64| Some(Duration::from_micros(n * 64));
    let told: Vec<_> =
        feedback.reports(0x1_1240).unwrap().filter(|r| r.received).map(|r| (r.number, r.age)).collect();
    assert_eq!(
        told,
        [(0x1_1234, micros(16)), (0x1_1232, micros(16 + 625)), (0x1_1231, micros(16 + 625 - 16))]
    );
    assert_eq!(feedback.reports(0x1233).map(|_| ()), None);
}

#[test]
fn no_arrival_time_and_more_times_than_packets_are_refused() {
    let mut bytes = VECTOR;
    bytes[0] = 0x50;
    assert!(matches!(Feedback::parse(&bytes), Err(Malformed::Invalid(_))));
    bytes[0] = 0x54;
    assert!(matches!(Feedback::parse(&bytes), Err(Malformed::Invalid(_))));
}

#[test]
fn a_received_bit_below_zero_is_refused() {
    assert!(Feedback { received: 1 << 9, ..plain() }.reports(9).is_none());
    assert!(Feedback { received: 1 << 8, ..plain() }.reports(9).is_some());
}

#[test]
fn saturated_times_are_unknown_and_so_is_what_hangs_on_them() {
    let old = Feedback { age: u16::MAX, ..plain() };
    assert_eq!(old.reports(9).unwrap().next().unwrap().age, None);
    let mut gaps = [0; MAX_GAPS];
    gaps[..2].copy_from_slice(&[i16::MAX, 5]);
    let broken = Feedback { age: 7, received: 3, told: 2, gaps, ..plain() };
    let ages: Vec<_> = broken.reports(9).unwrap().take(3).map(|r| r.age.is_some()).collect();
    assert_eq!(ages, [true, false, false]);
}
