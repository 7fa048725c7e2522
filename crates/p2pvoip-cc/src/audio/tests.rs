//! The controller for voice against feedback that is honest, late, doubled, absent, or a lie.

use super::*;
use crate::collector::FeedbackCollector;
use crate::controller::Phase;
use crate::feedback::MAX_LEN;
use p2pvoip_core::Ecn;
use proptest::prelude::*;
extern crate std;
use std::boxed::Box;

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn bytes(n: u64) -> DataSize {
    DataSize::from_bytes(n)
}

/// A controller, the other end, and a clock: one packet of 150 bytes every 20 ms, one feedback for each.
struct Flow {
    controller: Box<AudioController>,
    collector: FeedbackCollector,
    number: u64,
    now: u64,
}

impl Flow {
    fn new() -> Self {
        let controller = Box::new(AudioController::new(AudioConfig::default()).unwrap());
        Self { controller, collector: FeedbackCollector::new(), number: 0, now: 1_000 }
    }

    /// Sends for `ms`; packets take `delay(number)` ms, or are lost, and feedback takes 40 ms.
    fn run(&mut self, ms: u64, path: u8, delay: impl Fn(u64) -> Option<u64>) {
        let end = self.now + ms;
        while self.now < end {
            let target = self.controller.target();
            let size = bytes((target.wire * Duration::from_millis(20)).as_bytes());
            self.controller.on_sent(Sent { number: self.number, size, path }, at(self.now));
            if let Some(delay) = delay(self.number) {
                self.collector.on_received(self.number, path, Ecn::NotEct, at(self.now + delay));
                self.report(self.now + delay, self.now + delay + 40);
            }
            self.number += 1;
            self.now += 20;
        }
    }

    fn report(&mut self, made: u64, heard: u64) -> Feedback {
        let mut buf = [0; MAX_LEN];
        let len = self.collector.emit(&mut buf, at(made)).unwrap();
        let feedback = Feedback::parse(&buf[..len]).unwrap();
        self.controller.on_feedback(&feedback, at(heard));
        feedback
    }

    fn wire(&self) -> u64 {
        self.controller.target().wire.as_bps()
    }
}

fn lie(number: u16, received: u32, age: u16) -> Feedback {
    Feedback { path: 0, largest: number, received, report_time: 0, age, told: 0, gaps: [0; 14], ecn: None }
}

#[test]
fn a_clean_path_reaches_the_most_and_measures_its_round_trip() {
    let mut flow = Flow::new();
    flow.run(20_000, 0, |_| Some(40));
    let (target, stats) = (flow.controller.target(), flow.controller.stats());
    assert_eq!(target.wire, AudioConfig::default().most());
    assert_eq!(target.ptime, Duration::from_millis(20));
    assert_eq!(
        (stats.rtt, stats.min_rtt),
        (Some(Duration::from_millis(80)), Some(Duration::from_millis(80)))
    );
    assert_eq!((stats.lost, stats.refused, stats.stale, stats.acked), (0, 0, 0, 1_000));
    assert_eq!((target.probe, target.breaker), (false, Breaker::Closed));
}

#[test]
fn loss_alone_never_cuts_the_wire_rate() {
    for (every, share) in [(3, 1.0 / 3.0), (5, 0.2), (10, 0.1)] {
        let mut flow = Flow::new();
        let mut before = flow.wire();
        for _ in 0..100 {
            flow.run(200, 0, |n| (n % every != 0).then_some(40));
            assert!(flow.wire() >= before, "one of {every}");
            before = flow.wire();
        }
        let target = flow.controller.target();
        assert_eq!(target.wire, AudioConfig::default().most());
        assert!((target.loss - share).abs() < 0.03 && target.burst < 1.1);
    }
}

#[test]
fn a_standing_queue_cuts_below_what_is_delivered_and_growth_returns() {
    let mut flow = Flow::new();
    flow.run(20_000, 0, |_| Some(40));
    let from = flow.number;
    // Each packet waits 10 ms longer than the one before: a third too much is sent.
    flow.run(400, 0, |n| Some(40 + 10 * (n - from)));
    assert_eq!(flow.controller.stats().phase, Phase::Draining);
    assert!(flow.wire() < AudioConfig::default().most().as_bps() * 2 / 3);
    let cut = flow.wire();
    flow.run(3_000, 0, |_| Some(45));
    assert!(flow.controller.stats().phase == Phase::Growing && flow.wire() > cut);
}

#[test]
fn without_feedback_the_rate_decays_to_the_least_and_the_breaker_opens() {
    let mut flow = Flow::new();
    flow.run(20_000, 0, |_| Some(40));
    let most = flow.wire();
    flow.run(700, 0, |_| None);
    assert_eq!(flow.wire(), most);
    flow.run(2_000, 0, |_| None);
    assert!(flow.wire() < most / 2);
    flow.run(4_000, 0, |_| None);
    assert_eq!(flow.wire(), AudioConfig::default().least().as_bps());
    assert_eq!(flow.controller.target().breaker, Breaker::Closed);
    flow.run(9_000, 0, |_| None);
    assert_eq!(flow.controller.target().breaker, Breaker::Open);
    flow.controller.on_path(1, bytes(28), at(flow.now));
    assert_eq!(flow.controller.target().breaker, Breaker::Closed);
}

#[test]
fn a_new_path_starts_from_no_more_than_the_start_and_forgets_the_old_delay() {
    let mut flow = Flow::new();
    flow.run(20_000, 0, |_| Some(10));
    flow.controller.on_path(1, bytes(80), at(flow.now));
    let start = AudioConfig { overhead: bytes(80), ..AudioConfig::default() }.start();
    assert!(flow.controller.target().wire <= start);
    // A relay that is 200 ms longer is no queue.
    flow.run(2_000, 1, |_| Some(210));
    assert_eq!(flow.controller.stats().phase, Phase::Growing);
    assert_eq!(flow.controller.stats().queueing_delay, Some(Duration::ZERO));
}

#[test]
fn packets_of_the_old_path_leave_the_flight_and_measure_nothing() {
    let mut flow = Flow::new();
    flow.run(1_000, 0, |_| None);
    flow.controller.on_path(1, bytes(28), at(flow.now));
    for number in 0..50 {
        flow.collector.on_received(number, 0, Ecn::NotEct, at(flow.now));
    }
    flow.report(flow.now, flow.now + 40);
    let stats = flow.controller.stats();
    assert_eq!((stats.acked, stats.rtt, stats.queueing_delay), (33, None, None));
    assert_eq!(stats.in_flight, bytes(0));
}

#[test]
fn marks_of_the_network_cut_once_a_round() {
    let mut flow = Flow::new();
    flow.run(20_000, 0, |_| Some(40));
    let before = flow.wire();
    flow.controller.on_sent(Sent { number: flow.number, size: bytes(150), path: 0 }, at(flow.now));
    flow.collector.on_received(flow.number, 0, Ecn::Ce, at(flow.now + 40));
    flow.report(flow.now + 40, flow.now + 80);
    assert_eq!(flow.controller.stats().marked, 1);
    assert!(flow.wire() <= before * 9 / 10 && flow.wire() >= before * 8 / 10);
}

#[test]
fn feedback_on_packets_never_sent_is_refused_whole() {
    let mut flow = Flow::new();
    flow.controller.on_feedback(&lie(0, 0, 0), at(1_000));
    assert_eq!(flow.controller.stats().refused, 1);
    for number in [100, 102] {
        flow.controller.on_sent(Sent { number, size: bytes(150), path: 0 }, at(1_000));
    }
    // Above the largest, a hole in our numbers as the largest, and a hole among the received bits.
    for lie in [lie(103, 0, 0), lie(101, 0, 0), lie(102, 1, 0)] {
        flow.controller.on_feedback(&lie, at(1_100));
    }
    let stats = flow.controller.stats();
    assert_eq!((stats.refused, stats.stale, stats.acked, stats.in_flight), (4, 0, 0, bytes(300)));
}

#[test]
fn an_arrival_before_the_packet_was_sent_is_refused() {
    let mut flow = Flow::new();
    flow.controller.on_sent(Sent { number: 0, size: bytes(150), path: 0 }, at(1_000));
    flow.controller.on_feedback(&lie(0, 0, 1_000), at(1_050));
    let stats = flow.controller.stats();
    assert_eq!((stats.refused, stats.acked, stats.rtt), (1, 0, None));
}

#[test]
fn a_packet_told_twice_counts_once() {
    let mut flow = Flow::new();
    flow.run(1_000, 0, |_| Some(40));
    let before = flow.controller.stats();
    for _ in 0..10 {
        flow.report(flow.now + 20, flow.now + 60);
    }
    let after = flow.controller.stats();
    assert_eq!((after.acked, after.delivered, after.rtt), (before.acked, before.delivered, before.rtt));
}

#[test]
fn feedback_older_than_the_memory_is_stale() {
    let mut flow = Flow::new();
    flow.run(30_000, 0, |_| None);
    flow.controller.on_feedback(&lie(5, 0, 0), at(flow.now));
    assert_eq!((flow.controller.stats().stale, flow.controller.stats().refused), (1, 0));
}

#[test]
fn configurations_that_cannot_be_used_are_refused() {
    let with = |least, start, most| AudioConfig {
        least_payload: Bitrate::from_kbps(least),
        start_payload: Bitrate::from_kbps(start),
        most_payload: Bitrate::from_kbps(most),
        ..AudioConfig::default()
    };
    let refused = |config| AudioController::new(config).err();
    assert_eq!(refused(with(0, 1, 2)), Some(ConfigError::Zero));
    assert_eq!(refused(with(3, 2, 4)), Some(ConfigError::Unordered));
    assert_eq!(refused(with(1, 3, 2)), Some(ConfigError::Unordered));
    assert_eq!(refused(AudioConfig { header: bytes(1 << 20), ..with(1, 2, 3) }), Some(ConfigError::Header));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is told, the rate stays within its limits and never above what sending earned.
    #[test]
    fn no_lie_panics_or_inflates_the_rate(
        lies in proptest::collection::vec((any::<[u8; 19]>(), 12usize..=19, 0u64..300, 0u64..3), 1..300),
    ) {
        let mut controller = Box::new(AudioController::new(AudioConfig::default()).unwrap());
        let config = AudioConfig::default();
        let (mut now, mut number) = (at(1_000), 0);
        for (mut lie, len, wait, skip) in lies {
            now += Duration::from_millis(wait);
            number += 1 + skip / 2;
            controller.on_sent(Sent { number, size: bytes(150), path: 0 }, now);
            // Mostly plausible: n fits the length, and the number is near.
            lie[0] = (lie[0] & 0xe0) | u8::try_from((len - 12) / 2 + 1).unwrap();
            lie[1] = 0;
            lie[2] = u8::try_from(number.saturating_sub(u64::from(lie[2] % 8)) & 0xff).unwrap();
            if let Ok(feedback) = Feedback::parse(&lie[..12 + (len - 12) / 2 * 2]) {
                controller.on_feedback(&feedback, now);
            }
            let (target, stats) = (controller.target(), controller.stats());
            prop_assert!(target.wire >= config.least() && target.wire <= config.most());
            prop_assert!(stats.acked <= number && stats.in_flight.as_bytes() <= 150 * (number + 1));
            prop_assert!((0.0..=1.0).contains(&target.loss) && target.burst >= 1.0);
            prop_assert!(target.pacing >= target.wire && target.window.as_bytes() > 0);
        }
    }
}

#[test]
fn a_controller_stays_below_eighteen_kilobytes() {
    assert!(size_of::<AudioController>() < 18_000, "{}", size_of::<AudioController>());
}

#[test]
fn the_ends_of_all_ranges_do_not_panic() {
    let mut flow = Flow::new();
    let end = Instant::from_micros(u64::MAX);
    for (number, now) in [(0, at(0)), (u64::MAX - 1, at(1)), (u64::MAX, end), (u64::MAX, at(0))] {
        flow.controller.on_sent(Sent { number, size: bytes(u64::MAX), path: 255 }, now);
        flow.collector.on_received(number, 255, Ecn::Ce, now);
        flow.report(u64::MAX / 1_000, 0);
        flow.report(0, u64::MAX / 1_000);
        flow.controller.on_path(255, bytes(u64::MAX), now);
    }
    let target = flow.controller.target();
    assert!(target.window.as_bytes() > 0 && flow.controller.stats().misnumbered == 1);
}
