//! Known packets of other implementations, limits, and laws.

use super::*;
use crate::FeedbackCollector;
use core::time::Duration;
use p2pvoip_core::{Ecn, Instant};
use proptest::prelude::*;
extern crate std;
use std::{vec, vec::Vec};

/// The packet, its first number, reference time and count of feedbacks, and for each packet: -1 missing, -2 untimed, else the
/// distance in units. These are packets that browsers sent and a Go implementation was tested with.
type Known = (&'static [u8], u16, u32, u8, &'static [i32]);
const KNOWN: [Known; 7] = [
    (
        &[
            0xaf, 0xcd, 0, 5, 0xfa, 0x17, 0xfa, 0x17, 0x43, 3, 0x2f, 0xa0, 0, 0x99, 0, 1, 0x3d, 0xe8, 2,
            0x17, 0x20, 1, 0x94, 1,
        ],
        153,
        4_057_090,
        23,
        &[148],
    ),
    (
        &[
            0xaf, 0xcd, 0, 6, 0xfa, 0x17, 0xfa, 0x17, 0x19, 0x3d, 0xd8, 0xbb, 1, 0x74, 0, 14, 0x45, 0xb1,
            0x5a, 0x40, 0xd8, 0, 0xf0, 0xff, 0xd0, 0, 0, 3,
        ],
        372,
        4_567_386,
        64,
        &[208, 0, -1, -1, -1, -1, -1, -2, -1, -1, -2, -2, -2, -2],
    ),
    (
        &[
            0xaf, 0xcd, 0, 7, 0xfa, 0x17, 0xfa, 0x17, 0x19, 0x3d, 0xd8, 0xbb, 1, 0x74, 0, 6, 0x45, 0xb1,
            0x5a, 0x40, 0x40, 2, 0x20, 4, 0x1f, 0xfe, 0x1f, 0x9a, 0xd0, 0, 0xd0, 0,
        ],
        372,
        4_567_386,
        64,
        &[8_190, 8_090, 208, 0, 208, 0],
    ),
    (
        &[
            0xaf, 0xcd, 0, 7, 0xfa, 0x17, 0xfa, 0x17, 0x19, 0x3d, 0xd8, 0xbb, 0, 4, 0, 7, 0x10, 0x63, 0x6e,
            1, 0x20, 7, 0x4c, 0x24, 0x24, 0x10, 0xc, 0xc, 0x10, 0, 0, 3,
        ],
        4,
        1_074_030,
        1,
        &[76, 36, 36, 16, 12, 12, 16],
    ),
    (
        // Its padding is counted as three bytes and is two.
        &[
            0xaf, 0xcd, 0, 6, 0xfa, 0x17, 0xfa, 0x17, 0x19, 0x3d, 0xd8, 0xbb, 0, 1, 0, 14, 0x10, 0x63, 0x6d,
            0, 0xba, 0, 0x10, 0xc, 0xc, 0x10, 0, 3,
        ],
        1,
        1_074_029,
        0,
        &[16, 12, 12, -1, 16, -1, -1, -1, -1, -1, -1, -1, -1, -1],
    ),
    (
        // The last run is longer than what is left.
        &[
            0xaf, 0xcd, 0, 7, 0x9b, 0x74, 0xf6, 0x1f, 0x93, 0x71, 0xdc, 0xbc, 0x85, 0x3c, 0, 9, 0x63, 0xf9,
            0x16, 0xb3, 0xd5, 0x52, 0, 0x30, 0x9b, 0xaa, 0x6a, 0xaa, 0x7b, 1, 9, 1,
        ],
        34_108,
        6_551_830,
        179,
        &[155, 170, 106, 170, 123, -1, 265, -1, -1],
    ),
    (&[0x8f, 0xcd, 0, 4, 0x9a, 0xcb, 4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, 0, &[]),
];

fn statuses(reference: u32, deltas: &[i32]) -> Vec<Status> {
    let mut units = reference.wrapping_mul(256);
    let one = |delta: &i32| match *delta {
        -1 => Status::Missing,
        -2 => Status::Untimed,
        delta => {
            units = units.wrapping_add_signed(delta);
            Status::At(units)
        }
    };
    deltas.iter().map(one).collect()
}

#[test]
fn packets_of_others_are_read() {
    for (bytes, base, reference, feedback, deltas) in KNOWN {
        let packet = Packet::parse(bytes).unwrap();
        assert_eq!(
            (packet.head().base, packet.reference, packet.head().feedback),
            (base, reference, feedback)
        );
        assert_eq!((packet.len(), packet.is_empty()), (deltas.len(), deltas.is_empty()));
        assert_eq!(packet.statuses().collect::<Vec<_>>(), statuses(reference, deltas));
        let reports: Vec<_> = packet.reports(0x5_0000).unwrap().collect();
        let told = reports.iter().map(|report| report.received().count_ones() as usize).sum::<usize>();
        assert_eq!(told, deltas.iter().filter(|delta| **delta != -1).count());
    }
}

#[test]
fn packets_of_others_are_written_the_same() {
    for (bytes, base, reference, feedback, deltas) in [KNOWN[0], KNOWN[3]] {
        let head = Packet::parse(bytes).unwrap().head();
        assert_eq!((head.base, head.feedback), (base, feedback));
        let at = |status| match status {
            Status::At(units) => Some(Instant::from_micros(u64::from(units) * 250)),
            Status::Missing | Status::Untimed => None,
        };
        let arrivals: Vec<_> = statuses(reference, deltas).into_iter().map(at).collect();
        let mut buf = [0xaa; 64];
        let len = emit(&mut buf, head, &arrivals).unwrap();
        assert_eq!(&buf[..len], bytes);
    }
}

#[test]
fn packets_without_all_states_or_times_are_refused() {
    let mut states = KNOWN[0].0.to_vec();
    (states[15], states[21]) = (3, 3);
    assert_eq!(Packet::parse(&states), Err(Malformed::Truncated), "two times are missing");
    (states[15], states[20], states[21]) = (2, 0x40, 2);
    assert_eq!(Packet::parse(&states), Err(Malformed::Truncated), "two large times do not fit");
    (states[15], states[20], states[21]) = (9, 0, 1);
    assert_eq!(Packet::parse(&states), Err(Malformed::Truncated), "two chunks hold too few states");
    for (at, to) in [(0, 0x8b), (0, 0x4f), (1, 206), (3, 4), (3, 6)] {
        let mut bytes = KNOWN[0].0.to_vec();
        bytes[at] = to;
        assert!(Packet::parse(&bytes).is_err(), "byte {at}");
    }
    for len in 0..24 {
        assert!(Packet::parse(&KNOWN[0].0[..len]).is_err());
    }
}

#[test]
fn more_padding_than_a_word_needs_its_count() {
    let mut bytes = KNOWN[0].0.to_vec();
    bytes[3] = 6;
    bytes.extend([0, 0, 0, 5]);
    assert_eq!(Packet::parse(&bytes).map(|packet| packet.len()), Ok(1));
    bytes[27] = 4;
    assert_eq!(Packet::parse(&bytes), Err(Malformed::Trailing));
}

#[test]
fn limits_of_the_form_are_refused() {
    let (head, mut buf) = (Head::default(), vec![0; 70_000]);
    let near = Some(Instant::from_millis(1_000));
    assert_eq!(emit(&mut buf, head, &[]), Err(Malformed::Invalid("number of packets")));
    assert_eq!(emit(&mut buf, head, &vec![near; 65_536]), Err(Malformed::Invalid("number of packets")));
    let len = emit(&mut buf, head, &vec![near; 65_535]).unwrap();
    assert_eq!(Packet::parse(&buf[..len]).unwrap().statuses().count(), 65_535);
    assert_eq!(
        Packet::parse(&buf[..len]).unwrap().reports(65_534).unwrap().count(),
        65_535usize.div_ceil(32)
    );
    let apart = |micros: u64| [near, Some(Instant::from_micros(1_000_000 + micros))];
    assert!(emit(&mut buf, head, &apart(250 * 32_767)).is_ok());
    assert_eq!(emit(&mut buf, head, &apart(250 * 32_768)), Err(Malformed::Invalid("distance of arrivals")));
    assert_eq!(emit(&mut buf[..23], head, &[near]), Err(Malformed::Truncated));
    assert_eq!(emit(&mut buf[..24], head, &[near]), Ok(24));
}

#[test]
fn a_collector_tells_what_came_since_its_clock_was_forgotten() {
    let mut collector = FeedbackCollector::new();
    let mut buf = [0; 256];
    assert_eq!(emit_collected(&mut buf, Head::default(), &collector, 64), None);
    let day = Duration::from_secs(86_400);
    for (number, ms) in [(65_530, 0), (65_535, 10), (65_538, 30), (65_537, 45)] {
        let late = if number > 65_535 { day } else { Duration::ZERO };
        collector.on_received(number, 0, Ecn::NotEct, Instant::from_millis(ms) + late);
    }
    let len = emit_collected(&mut buf, Head::default(), &collector, 64).unwrap().unwrap();
    let packet = Packet::parse(&buf[..len]).unwrap();
    assert_eq!((packet.head().base, packet.len()), (0, 3));
    let reports: Vec<_> = packet.reports(65_540).unwrap().collect();
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].largest(), reports[0].received(), reports[0].held()), (65_538, 0b11, None));
    assert_eq!(reports[0].times()[0].since(reports[0].times()[1]), -235, "15 ms in 250 us, then in 64 us");
}

#[test]
fn the_clock_wraps_without_a_jump() {
    assert_eq!(remote(0).since(remote(u32::MAX)), 4);
    assert!(
        (1_562..=1_563).contains(&remote(200).since(remote(u32::MAX - 199))),
        "400 units are 1,562.5 ticks"
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        steps in proptest::collection::vec((0u8..5, -300i64..300, -9_000i64..9_000), 1..120),
        start in 1u64 << 30..1 << 40, base: u16, feedback: u8, regular: bool,
    ) {
        let mut units = start;
        let arrivals: Vec<Option<u64>> = steps.into_iter().map(|(kind, near, far)| {
            if kind == 0 { return None; }
            units = units.checked_add_signed(if regular { 80 } else if kind == 1 { far } else { near }).unwrap();
            Some(units)
        }).collect();
        let instants: Vec<_> = arrivals.iter().map(|at| at.map(|units| Instant::from_micros(units * 250))).collect();
        let head = Head { sender: 1, media: 2, base, feedback };
        let mut buf = [0; 600];
        let len = emit(&mut buf, head, &instants).unwrap();
        let packet = Packet::parse(&buf[..len]).unwrap();
        prop_assert_eq!(packet.head(), head);
        let expected: Vec<_> = arrivals.iter().map(|at| at.map_or(Status::Missing, |units| Status::At(low_u32(units)))).collect();
        prop_assert_eq!(packet.statuses().collect::<Vec<_>>(), expected);

        let sent = (7 << 16) + u64::from(base) + arrivals.len() as u64;
        let mut told = Vec::new();
        for report in packet.reports(sent).unwrap() {
            let mut of_it: Vec<_> = report.arrivals().collect();
            of_it.reverse();
            told.extend(of_it);
        }
        let first = (7 << 16) + u64::from(base);
        let expected: Vec<_> = arrivals.iter().zip(first..).filter_map(|(at, n)| Some((n, Some(remote(low_u32((*at)?)))))).collect();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn any_bytes_are_refused_or_read(mut bytes in proptest::collection::vec(any::<u8>(), 20..90), count in 0u8..40, sent: u64) {
        let _any = Packet::parse(&bytes);
        bytes.truncate(bytes.len() / 4 * 4);
        let words = u8::try_from(bytes.len() / 4 - 1).unwrap();
        bytes[..4].copy_from_slice(&[0xaf, 0xcd, 0, words]);
        bytes[14..16].copy_from_slice(&[0, count]);
        if let Ok(packet) = Packet::parse(&bytes) {
            prop_assert_eq!(packet.statuses().count(), usize::from(count));
            for report in packet.reports(sent).into_iter().flatten() {
                prop_assert!(report.largest() <= sent);
            }
        }
    }
}
