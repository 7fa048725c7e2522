//! A bulk transfer behaves as its kind does in a network.

use std::collections::VecDeque;
use std::time::Duration;

use p2pvoip_core::{DataSize, Instant};
use p2pvoip_sim::tcp::{Ack, Algorithm, MAX_WINDOW, TcpConfig, TcpReceiver, TcpSender};
use p2pvoip_sim::{Discipline, Limit, START};

use crate::net::{MS, Net, SECOND};

const BOTH: [Algorithm; 2] = [Algorithm::NewReno, Algorithm::Cubic];
const MSS: u64 = 1_448;

fn kind(algorithm: Algorithm) -> TcpConfig {
    TcpConfig { algorithm, ..TcpConfig::default() }
}

fn drop_tail(ms: u32) -> Discipline {
    Discipline::DropTail { limit: Limit::Delay(MS * ms) }
}

#[test]
fn alone_it_fills_the_link() {
    for algorithm in BOTH {
        for (kbps, queue) in [(2_000, 300), (1_000, 300), (256, 300), (128, 2_000)] {
            let mut net = Net::new(&[(0, kbps)], drop_tail(queue), MS * 50);
            let flow = net.tcp(kind(algorithm));
            net.run(SECOND * 60);
            let rate = net.rate(flow, SECOND * 5, SECOND * 60).as_bps();
            assert!(rate >= kbps * 900, "{algorithm:?} alone on {kbps}: {rate}, {:?}", net.sender(flow));
            assert_eq!(net.sender(flow).timeouts, 0, "{algorithm:?} {kbps} {:?}", net.sender(flow));
        }
    }
}

#[test]
fn two_of_a_kind_share_within_a_factor_of_two() {
    for algorithm in BOTH {
        let mut net = Net::new(&[(0, 2_000)], drop_tail(300), MS * 50);
        let first = net.tcp(kind(algorithm));
        net.run(SECOND * 5);
        let second = net.tcp(kind(algorithm));
        net.run(SECOND * 115);
        let rate = |flow| net.rate(flow, SECOND * 30, SECOND * 120).as_bps();
        let (first, second) = (rate(first), rate(second));
        assert!(first < second * 2 && second < first * 2, "{algorithm:?}: {first} and {second}");
        assert!(first + second > 1_900_000, "{algorithm:?}: {first} and {second}");
    }
}

/// Segments that a sender gives at one moment.
fn give(sender: &mut TcpSender, now: Instant) -> Vec<p2pvoip_sim::tcp::Segment> {
    std::iter::from_fn(|| sender.poll_transmit(now)).collect()
}

/// All come but the `lost`-th of the first window; what the sender's window is after the acknowledgements of it.
fn window_after_loss(algorithm: Algorithm) -> (u64, TcpSender) {
    let mut sender = TcpSender::new(kind(algorithm), START);
    let mut receiver = TcpReceiver::new();
    for (place, segment) in give(&mut sender, START).into_iter().enumerate() {
        if place != 0
            && let Some(ack) = receiver.on_segment(segment, START + MS * 50)
        {
            sender.on_ack(ack, START + MS * 100);
        }
    }
    (sender.stats().window.as_bytes(), sender)
}

#[test]
fn the_first_window_has_ten_segments_of_1500_bytes() {
    let mut sender = TcpSender::new(TcpConfig::default(), START);
    let segments = give(&mut sender, START);
    assert_eq!(segments.len(), 10);
    assert!(segments.iter().all(|segment| segment.size() == DataSize::from_bytes(1_500)));
}

#[test]
fn a_loss_halves_the_window_of_newreno_and_leaves_seven_tenths_to_cubic() {
    for (algorithm, left) in [(Algorithm::NewReno, 5 * MSS), (Algorithm::Cubic, 7 * MSS)] {
        let (window, mut sender) = window_after_loss(algorithm);
        assert_eq!(window, left, "{algorithm:?}");
        assert_eq!(sender.stats().recoveries, 1, "one cut for one loss");
        let again = give(&mut sender, START + MS * 100);
        assert_eq!((again[0].seq, sender.stats().retransmitted), (0, 1));
    }
}

#[test]
fn three_segments_that_came_later_tell_of_a_loss_and_two_do_not() {
    let mut sender = TcpSender::new(TcpConfig::default(), START);
    assert_eq!(give(&mut sender, START).len(), 10);
    let told = |until: u64| Ack { next: 0, ranges: [Some((MSS, MSS * until)), None, None], echo: START };
    sender.on_ack(told(3), START + MS * 100);
    assert_eq!(sender.stats().recoveries, 0);
    sender.on_ack(told(4), START + MS * 101);
    assert_eq!(sender.stats().recoveries, 1);
}

#[test]
fn a_burst_of_losses_costs_one_cut_and_no_timeout() {
    for algorithm in BOTH {
        // The first slow start ends in a burst of losses, as it overshoots the queue by a half.
        let mut net = Net::new(&[(0, 2_000)], drop_tail(100), MS * 50);
        let flow = net.tcp(kind(algorithm));
        net.run(SECOND * 3);
        let stats = net.sender(flow);
        assert!(net.stats().refused >= 10, "{algorithm:?}: {:?}", net.stats());
        assert!(stats.timeouts == 0 && stats.recoveries <= 2, "{algorithm:?}: {stats:?}");
        assert_eq!(stats.retransmitted, net.stats().refused, "what is lost is sent again, and nothing else");
    }
}

#[test]
fn a_gap_of_half_a_second_is_survived() {
    for algorithm in BOTH {
        let mut net = Net::new(&[(0, 2_000), (10_000, 0), (10_500, 2_000)], drop_tail(300), MS * 50);
        let flow = net.tcp(kind(algorithm));
        net.run(SECOND * 20);
        let rate = net.rate(flow, SECOND * 11, SECOND * 20).as_bps();
        assert!(rate >= 1_800_000, "{algorithm:?}: {rate}, {:?}", net.sender(flow));
    }
}

#[test]
fn a_link_that_is_down_for_long_is_tried_by_the_timer_and_used_again() {
    for algorithm in BOTH {
        let mut net = Net::new(&[(0, 2_000), (10_000, 0), (16_000, 2_000)], drop_tail(300), MS * 50);
        let flow = net.tcp(kind(algorithm));
        net.run(SECOND * 40);
        let stats = net.sender(flow);
        assert!((1..=4).contains(&stats.timeouts), "{algorithm:?}: {stats:?}");
        let rate = net.rate(flow, SECOND * 25, SECOND * 40).as_bps();
        assert!(rate >= 1_800_000, "{algorithm:?}: {rate}, {stats:?}");
    }
}

#[test]
fn the_window_grows_to_its_limit_and_not_beyond() {
    for algorithm in BOTH {
        let mut sender = TcpSender::new(kind(algorithm), START);
        let mut receiver = TcpReceiver::new();
        let mut flight = VecDeque::from(give(&mut sender, START));
        let mut most = 0;
        for step in 0..100_000 {
            let now = START + Duration::from_micros(100) * step;
            if let Some(ack) = flight.pop_front().and_then(|segment| receiver.on_segment(segment, now)) {
                sender.on_ack(ack, now);
            }
            flight.extend(give(&mut sender, now));
            most = most.max(flight.len() as u64 * MSS);
        }
        assert!(most <= MAX_WINDOW && most > MAX_WINDOW - 3 * MSS, "{most}");
        assert_eq!(sender.stats().window.as_bytes(), MAX_WINDOW, "{algorithm:?}");
    }
}

#[test]
fn a_short_transfer_ends_and_its_last_segment_is_short() {
    let mut net = Net::new(&[(0, 2_000)], drop_tail(300), MS * 50);
    let flow = net.tcp(TcpConfig { total: Some(30_000), ..TcpConfig::default() });
    net.run(SECOND);
    assert!(net.is_done(flow));
    assert_eq!(net.sender(flow).delivered, 30_000);
    let last = net.outs.last().map(|out| out.size.as_bytes());
    assert_eq!(last, Some(30_000 % MSS + 52));
}

#[test]
fn every_second_segment_is_acknowledged_at_once_and_a_single_one_after_40_ms() {
    let mut sender = TcpSender::new(TcpConfig::default(), START);
    let segments = give(&mut sender, START);
    let mut receiver = TcpReceiver::new();
    assert_eq!(receiver.on_segment(segments[0], START), None);
    assert_eq!(receiver.on_segment(segments[1], START).map(|ack| ack.next), Some(2 * MSS));
    assert_eq!(receiver.on_segment(segments[2], START), None);
    assert_eq!(receiver.next_at(), Some(START + MS * 40));
    assert_eq!(receiver.on_time(START + Duration::from_micros(39_999)), None);
    assert_eq!(receiver.on_time(START + MS * 40).map(|ack| ack.next), Some(3 * MSS));
    assert_eq!(receiver.next_at(), None);
}

#[test]
fn gaps_are_told_the_newest_first_and_close_when_filled() {
    let mut sender = TcpSender::new(TcpConfig::default(), START);
    let segments = give(&mut sender, START);
    let mut receiver = TcpReceiver::new();
    let mut come = |place: usize| receiver.on_segment(segments[place], START);
    let range = |from: u64, until: u64| Some((from * MSS, until * MSS));
    assert_eq!(come(1).map(|ack| ack.ranges), Some([range(1, 2), None, None]));
    assert_eq!(come(3).map(|ack| ack.ranges), Some([range(3, 4), range(1, 2), None]));
    assert_eq!(come(5).map(|ack| ack.ranges), Some([range(5, 6), range(3, 4), range(1, 2)]));
    assert_eq!(come(7).map(|ack| ack.ranges), Some([range(7, 8), range(5, 6), range(3, 4)]));
    assert_eq!(come(2).map(|ack| ack.ranges), Some([range(1, 4), range(7, 8), range(5, 6)]));
    let last = come(0).unwrap();
    assert_eq!((last.next, last.ranges), (4 * MSS, [range(7, 8), range(5, 6), None]));
    assert_eq!(last.size(), DataSize::from_bytes(52 + 4 + 16));
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_changes_nothing() {
    let mut sender = TcpSender::new(TcpConfig::default(), START);
    assert_eq!(give(&mut sender, START).len(), 10);
    let before = sender.stats();
    sender.on_ack(Ack { next: u64::MAX, ranges: [None; 3], echo: START }, START + MS);
    assert_eq!(sender.stats(), before);
}
