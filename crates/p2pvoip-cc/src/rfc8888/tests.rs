//! RFC 8888's figure in bytes, its limits, and laws.

use super::*;
use crate::FeedbackCollector;
use crate::slices;
use core::time::Duration;
use p2pvoip_core::Instant;
use proptest::prelude::*;
extern crate std;
use std::{vec, vec::Vec};

/// Figure 1 with two streams: four packets of one, three (and padding) of the other.
const FIGURE: [u8; 44] = [
    0x8b, 0xcd, 0, 10, 0, 0, 0, 1, // V=2, P=0, FMT=11, PT=205, length 10; SSRC of the sender
    0, 0, 0, 3, 0, 2, 0, 4, // SSRC 3, begin_seq 2, num_reports 4
    0x9f, 0xfd, 0x9f, 0xfc, 0, 0, 0xe2, 0x00, // 8189, 8188, not received, CE and 512
    0, 0, 0, 2, 0xff, 0xff, 0, 3, // SSRC 2, begin_seq 65535, num_reports 3
    0xbf, 0xff, 0, 0, 0xdf, 0xfe, 0, 0, // ECT(1) unknown, not received, ECT(0) over range; padding
    0x00, 0x0a, 0x80, 0x00, // Report Timestamp: 10.5 s
];

const fn metric(ecn: Ecn, offset: Offset) -> Metric {
    Metric { ecn, offset }
}

fn all(flow: &mut Flow, packet: &Packet<'_>, block: Block<'_>, sent: u64) -> Vec<Report> {
    flow.reports(block, packet.timestamp(), sent).unwrap().collect()
}

#[test]
fn the_figure_is_read_and_written() {
    let packet = Packet::parse(&FIGURE).unwrap();
    assert_eq!((packet.sender(), packet.timestamp()), (1, 0x000a_8000));
    let blocks: Vec<_> = packet.blocks().collect();
    assert_eq!(
        blocks.iter().map(|b| (b.ssrc(), b.begin(), b.len())).collect::<Vec<_>>(),
        [(3, 2, 4), (2, 65_535, 3)]
    );
    let units = |n| Some(metric(Ecn::NotEct, Offset::Units(n)));
    let first = [units(8_189), units(8_188), None, Some(metric(Ecn::Ce, Offset::Units(512)))];
    let second = [Some(metric(Ecn::Ect1, Offset::Unknown)), None, Some(metric(Ecn::Ect0, Offset::OverRange))];
    assert_eq!(blocks[0].metrics().collect::<Vec<_>>(), first);
    assert_eq!(blocks[1].metrics().collect::<Vec<_>>(), second);

    let mut buf = [0xaa; 44];
    let mut builder = Builder::new(&mut buf, 1).unwrap();
    builder.block(3, 2, first.into_iter()).unwrap();
    builder.block(2, 65_535, second.into_iter()).unwrap();
    assert_eq!(builder.finish(0x000a_8000), Ok(44));
    assert_eq!(buf, FIGURE);
}

#[test]
fn a_packet_without_blocks_and_a_block_without_packets_are_read() {
    let empty = [0x8b, 0xcd, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1];
    assert_eq!(Packet::parse(&empty).unwrap().blocks().count(), 0);
    let silent = [0x8b, 0xcd, 0, 4, 0, 0, 0, 1, 0, 0, 0, 9, 0, 7, 0, 0, 0, 0, 0, 1];
    let packet = Packet::parse(&silent).unwrap();
    let block = packet.blocks().next().unwrap();
    assert!(block.is_empty() && block.begin() == 7);
    assert_eq!(all(&mut Flow::new(), &packet, block, 3), []);
}

#[test]
fn padding_of_the_packet_is_taken_off() {
    let mut padded = FIGURE.to_vec();
    padded.extend([0, 0, 0, 0, 0, 0, 0, 8]);
    padded[0] |= PADDED;
    padded[3] += 2;
    assert_eq!(Packet::parse(&padded), Packet::parse(&FIGURE));
    for wrong in [0, 1, 3, 5, 252] {
        padded[51] = wrong;
        assert!(Packet::parse(&padded).is_err(), "{wrong}");
    }
}

#[test]
fn other_packets_and_lengths_that_do_not_fit_are_refused() {
    for (at, to) in [(0, 0x8f), (0, 0x4b), (1, 206), (3, 9), (3, 11), (15, 5), (15, 0), (14, 0x40)] {
        let mut bytes = FIGURE;
        bytes[at] = to;
        assert!(Packet::parse(&bytes).is_err(), "byte {at}");
    }
    for len in 0..FIGURE.len() {
        assert_eq!(Packet::parse(&FIGURE[..len]), Err(Malformed::Truncated));
    }
}

#[test]
fn a_block_tells_of_no_more_than_a_quarter_of_the_numbers() {
    let mut buf = vec![0; 100_000];
    let mut builder = Builder::new(&mut buf, 1).unwrap();
    let many = |n| core::iter::repeat_n(None, n);
    assert_eq!(builder.block(2, 0, many(16_385)), Err(Malformed::Invalid("number of packet metric blocks")));
    builder.block(2, 0, many(16_384)).unwrap();
    let len = builder.finish(0).unwrap();
    assert_eq!(len, 8 + 8 + 2 * 16_384 + 4);
    assert_eq!(Packet::parse(&buf[..len]).unwrap().blocks().next().unwrap().len(), MAX_METRICS);
    buf[15] = 1;
    assert!(Packet::parse(&buf[..len]).is_err());
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    assert!(Builder::new(&mut [0; 11], 1).is_err());
    let mut buf = [0; 28];
    let mut builder = Builder::new(&mut buf, 1).unwrap();
    builder.block(2, 0, [None; 1].into_iter()).unwrap();
    assert_eq!(builder.block(3, 0, [None; 0].into_iter()), Err(Malformed::Truncated));
    assert_eq!(builder.finish(5), Ok(24));
    assert_eq!(Packet::parse(&buf[..24]).unwrap().blocks().count(), 1);
}

#[test]
fn a_block_becomes_a_report_with_times_and_marks() {
    let packet = Packet::parse(&FIGURE).unwrap();
    let blocks: Vec<_> = packet.blocks().collect();
    let mut flow = Flow::new();
    let reports = all(&mut flow, &packet, blocks[0], 0x1_0006);
    assert_eq!(reports.len(), 1);
    let report = reports[0];
    assert_eq!((report.largest(), report.lowest(), report.received()), (0x1_0005, 0x1_0002, 0b1101));
    assert_eq!(report.held(), Some(Duration::from_micros(499_968)), "512/1024 s in whole ticks of 64 us");
    let times = report.times();
    // 8188 - 512 units of 1/1024 s are 117,126.5 ticks.
    assert!((117_126..=117_127).contains(&times[0].since(times[1])));
    assert_eq!(report.ecn(), Some(EcnCounts { ce: 1, ..EcnCounts::default() }));
    assert_eq!(all(&mut flow, &packet, blocks[0], 0x1_0006), reports, "a mark told again is counted once");

    // Across the wrap of sequence numbers, all times unknown.
    let report = all(&mut Flow::new(), &packet, blocks[1], 0x2_0001)[0];
    assert_eq!((report.largest(), report.received(), report.times().len()), (0x2_0001, 0b101, 0));
    assert_eq!(report.ecn(), Some(EcnCounts { ect0: 1, ect1: 1, ce: 0 }));
    assert!(Flow::new().reports(blocks[1], 0, 1).is_err(), "its first number is below zero");
}

#[test]
fn the_report_timestamp_wraps_unseen() {
    let mut flow = Flow::new();
    let bytes = |timestamp: u32| {
        let mut buf = [0; 24];
        let mut builder = Builder::new(&mut buf, 1).unwrap();
        builder.block(2, 0, [Some(metric(Ecn::NotEct, Offset::Units(0)))].into_iter()).unwrap();
        builder.finish(timestamp).unwrap();
        buf
    };
    let mut arrival = |timestamp: u32| {
        let bytes = bytes(timestamp);
        let packet = Packet::parse(&bytes).unwrap();
        all(&mut flow, &packet, packet.blocks().next().unwrap(), 0)[0].times()[0]
    };
    let before = arrival(u32::MAX - 65_535);
    let after = arrival(65_536);
    assert!((31_249..=31_251).contains(&after.since(before)), "2 s are 31,250 ticks");
    assert_eq!(arrival(u32::MAX - 65_535), before, "feedback that was overtaken");
}

#[test]
fn a_collector_tells_all_that_it_knows() {
    let (mut collector, start) = (FeedbackCollector::new(), Instant::from_millis(5_000));
    for number in (65_500..65_600).filter(|n| n % 10 != 0) {
        let ecn = if number % 7 == 0 { Ecn::Ce } else { Ecn::Ect1 };
        collector.on_received(number, 0, ecn, start + Duration::from_millis(number - 65_500));
    }
    let mut buf = [0; 200];
    let mut builder = Builder::new(&mut buf, 1).unwrap();
    builder.collector(9, &FeedbackCollector::new(), 64, start).unwrap();
    builder.collector(9, &collector, 1_000, start + Duration::from_millis(99)).unwrap();
    let len = builder.finish(0).unwrap();
    let packet = Packet::parse(&buf[..len]).unwrap();
    let block = packet.blocks().next().unwrap();
    assert_eq!((packet.blocks().count(), block.len(), block.begin()), (1, 64, 0));
    let numbers: Vec<u64> = (65_536..65_600).filter(|n| n % 10 != 0).collect();
    let metrics: Vec<_> = block.metrics().collect();
    for (number, metric) in (65_536..65_600).zip(metrics) {
        assert_eq!(metric.is_some(), numbers.contains(&number));
        let ms = 65_599 - number;
        let late = |m: Metric| m.offset == Offset::Units(u16::try_from(ms * 1_024 / 1_000).unwrap());
        // What is kept are ticks of 64 us, so an offset may be the next higher one.
        let near = |m: Metric| {
            m.offset == Offset::Units(u16::try_from((ms * 1_000 + 64) * 1_024 / 1_000_000).unwrap())
        };
        assert!(metric.is_none_or(|m| (late(m) || near(m)) && (m.ecn == Ecn::Ce) == (number % 7 == 0)));
    }
    let mut flow = Flow::new();
    let reports = all(&mut flow, &packet, block, 65_700);
    let told: Vec<u64> = reports
        .iter()
        .flat_map(|r| r.arrivals().collect::<Vec<_>>().into_iter().rev())
        .map(|a| a.0)
        .collect();
    assert_eq!(told, numbers);
    assert!(reports.iter().all(|r| r.times().len() == r.received().count_ones() as usize), "no time is lost");
}

fn any_metric() -> impl Strategy<Value = Option<Metric>> {
    let offset = prop_oneof![
        4 => (0..=MAX_OFFSET).prop_map(Offset::Units), 1 => Just(Offset::OverRange), 1 => Just(Offset::Unknown)
    ];
    proptest::option::of(
        (0u8..4, offset).prop_map(|(ecn, offset)| Metric { ecn: Ecn::from_bits(ecn), offset }),
    )
}

type AnyBlock = (u32, u16, Vec<Option<Metric>>);

fn any_blocks() -> impl Strategy<Value = Vec<AnyBlock>> {
    let metrics = proptest::collection::vec(any_metric(), 0..150);
    proptest::collection::vec((any::<u32>(), any::<u16>(), metrics), 0..4)
}

fn written(blocks: &[AnyBlock], timestamp: u32) -> Vec<u8> {
    let mut buf = vec![0; 4_000];
    let mut builder = Builder::new(&mut buf, 7).unwrap();
    for (ssrc, begin, metrics) in blocks {
        builder.block(*ssrc, *begin, metrics.iter().copied()).unwrap();
    }
    let len = builder.finish(timestamp).unwrap();
    buf.truncate(len);
    buf
}

proptest! {
    #[test]
    fn what_is_written_is_read(blocks in any_blocks(), timestamp: u32) {
        let bytes = written(&blocks, timestamp);
        let packet = Packet::parse(&bytes).unwrap();
        prop_assert_eq!((packet.sender(), packet.timestamp()), (7, timestamp));
        let read: Vec<_> = packet.blocks().map(|b| (b.ssrc(), b.begin(), b.metrics().collect::<Vec<_>>())).collect();
        prop_assert_eq!(read, blocks);
    }

    #[test]
    fn any_change_is_refused_or_means_something(
        blocks in any_blocks(), at: usize, to: u8, timestamp: u32, sent: u64,
    ) {
        let mut bytes = written(&blocks, timestamp);
        let at = at % bytes.len();
        bytes[at] = to;
        let Ok(packet) = Packet::parse(&bytes) else { return Ok(()) };
        for block in packet.blocks() {
            let Ok(reports) = Flow::new().reports(block, timestamp, sent).map(Iterator::collect::<Vec<_>>) else { continue };
            prop_assert!(reports.iter().all(|report| report.largest() <= sent));
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(mut bytes in proptest::collection::vec(any::<u8>(), 12..80)) {
        let _any = Packet::parse(&bytes);
        bytes[..4].copy_from_slice(&[0x8b, 0xcd, 0, 0]);
        bytes.truncate(bytes.len() / 4 * 4);
        bytes[3] = u8::try_from(bytes.len() / 4 - 1).unwrap();
        let Ok(packet) = Packet::parse(&bytes) else { return Ok(()) };
        prop_assert!(packet.blocks().map(|block| 8 + 2 * block.len().next_multiple_of(2)).sum::<usize>() + 12 == bytes.len());
    }

    /// Each number once, rising, and every time but those that the form does not have.
    #[test]
    fn reports_lose_no_packet_and_no_time(metrics in proptest::collection::vec(any_metric(), 1..400), sent in 1_000u64..70_000) {
        let last = metrics.iter().rposition(Option::is_some);
        let begin = sent - 500;
        let bytes = written(&[(1, u16::try_from(begin & 0xffff).unwrap(), metrics.clone())], 10 << 16);
        let packet = Packet::parse(&bytes).unwrap();
        let mut flow = Flow::new();
        let reports = all(&mut flow, &packet, packet.blocks().next().unwrap(), sent);
        let mut told = Vec::new();
        for report in &reports {
            let mut of_it: Vec<_> = report.arrivals().collect();
            of_it.reverse();
            told.extend(of_it);
        }
        let expected: Vec<_> = metrics.iter().zip(begin..).filter_map(|(m, n)| Some((n, (*m)?))).collect();
        prop_assert_eq!(told.len(), expected.len());
        for ((number, at), (expected, metric)) in told.into_iter().zip(expected) {
            prop_assert_eq!(number, expected);
            prop_assert_eq!(at.is_some(), matches!(metric.offset, Offset::Units(_)));
        }
        prop_assert_eq!(reports.last().map(Report::largest), last.map(|last| begin + last as u64));
    }
}

#[test]
fn numbers_are_expanded_to_the_highest_that_was_sent() {
    for (low, sent, number) in [
        (0, 0, Some(0)),
        (1, 0, None),
        (0xffff, 0x1_0000, Some(0xffff)),
        (1, 0x1_0001, Some(0x1_0001)),
        (2, 0x1_0001, Some(2)),
    ] {
        assert_eq!(slices::expand(low, sent), number);
    }
}
