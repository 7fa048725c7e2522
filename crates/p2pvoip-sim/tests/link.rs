//! The link, driven by itself as a test of a congestion controller does.

use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Instant, Seed};
use p2pvoip_sim::{Link, LinkConfig, Loss, Lost, Pushed, Queue, START};

const PACKETS: u32 = 100_000;
const MS: Duration = Duration::from_millis(1);

fn link(config: LinkConfig) -> Link {
    Link::new(config, &Seed::from_u64(7), START)
}

fn bytes(bytes: u64) -> DataSize {
    DataSize::from_bytes(bytes)
}

/// When it comes out, or why not.
fn out(pushed: Pushed) -> Result<Instant, Lost> {
    match pushed {
        Pushed::Delivered { at, .. } => Ok(at),
        Pushed::Dropped(lost) => Err(lost),
    }
}

/// What becomes of many small packets, one a millisecond; `None` is lost.
fn many(link: &mut Link) -> Vec<Option<Instant>> {
    (0..PACKETS).map(|i| out(link.push(bytes(100), START + MS * i)).ok()).collect()
}

/// `part / whole`, of counts.
fn share(part: usize, whole: usize) -> f64 {
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    count(part) / count(whole)
}

fn share_lost(outs: &[Option<Instant>]) -> f64 {
    share(outs.iter().filter(|out| out.is_none()).count(), outs.len())
}

/// The mean length of runs of lost packets.
fn mean_burst(outs: &[Option<Instant>]) -> f64 {
    let lost = outs.iter().filter(|out| out.is_none()).count();
    share(lost, outs.windows(2).filter(|two| two[0].is_some() && two[1].is_none()).count())
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} within {tolerance}");
}

#[test]
fn a_perfect_link_takes_no_time_and_loses_nothing() {
    let outs = many(&mut link(LinkConfig::default()));
    assert!(outs.iter().zip(0..).all(|(out, i)| *out == Some(START + MS * i)));
}

#[test]
fn independent_loss_has_its_mean_and_no_bursts() {
    let outs = many(&mut link(LinkConfig { loss: Loss::Independent(0.05), ..LinkConfig::default() }));
    near(share_lost(&outs), 0.05, 0.003);
    near(mean_burst(&outs), 1.0 / 0.95, 0.02);
}

#[test]
fn bursty_loss_has_its_mean_and_its_bursts() {
    for (mean, burst) in [(0.02, 3.0), (0.10, 8.0)] {
        let loss = Loss::bursts(mean, burst);
        near(loss.mean(), mean, 1e-9);
        let outs = many(&mut link(LinkConfig { loss, ..LinkConfig::default() }));
        near(share_lost(&outs), mean, mean * 0.15);
        near(mean_burst(&outs), burst, burst * 0.1);
    }
}

#[test]
fn gilbert_elliott_loses_in_both_states_as_told() {
    let loss = Loss::GilbertElliott { to_bad: 0.01, to_good: 0.03, in_good: 0.01, in_bad: 0.5 };
    near(loss.mean(), 0.01 * 0.75 + 0.5 * 0.25, 1e-9);
    let outs = many(&mut link(LinkConfig { loss, ..LinkConfig::default() }));
    near(share_lost(&outs), loss.mean(), 0.015);
}

#[test]
fn a_link_that_loses_everything_delivers_nothing() {
    for loss in [Loss::Independent(1.0), Loss::bursts(1.0, 1.0)] {
        let lost = share_lost(&many(&mut link(LinkConfig { loss, ..LinkConfig::default() })));
        near(lost, 1.0, if loss == Loss::Independent(1.0) { 0.0 } else { 0.51 });
    }
}

#[test]
fn jitter_is_even_and_keeps_the_order_unless_told() {
    let config = LinkConfig { delay: 10 * MS, jitter: 20 * MS, ..LinkConfig::default() };
    for reorders in [false, true] {
        let outs = many(&mut link(LinkConfig { reorders, ..config.clone() }));
        let late: Vec<_> =
            outs.iter().zip(0..).map(|(out, i)| out.unwrap().saturating_since(START + MS * i)).collect();
        assert!(late.iter().all(|late| (10 * MS..=30 * MS).contains(late)));
        let overtaken = outs.windows(2).filter(|two| two[0] > two[1]).count();
        if reorders {
            let mean = late.iter().sum::<Duration>().as_secs_f64() / f64::from(PACKETS);
            near(mean, 0.020, 0.0002);
            assert!(overtaken > 40_000, "{overtaken}");
        } else {
            assert_eq!(overtaken, 0);
        }
    }
}

#[test]
fn duplicates_come_as_often_as_told_and_not_before_the_first() {
    let config = LinkConfig { delay: MS, jitter: MS, duplication: 0.1, ..LinkConfig::default() };
    let mut link = link(config);
    let mut again = 0u32;
    for i in 0..PACKETS {
        if let Pushed::Delivered { at, again: Some(second), .. } = link.push(bytes(100), START + MS * i) {
            assert!(second >= at);
            again += 1;
        }
    }
    near(f64::from(again) / f64::from(PACKETS), 0.1, 0.004);
    assert_eq!(link.stats().duplicated, u64::from(again));
}

#[test]
fn packets_leave_the_bottleneck_one_after_the_other_at_its_rate() {
    // 100 bytes at 80 kbit/s take 10 ms.
    let mut link =
        link(LinkConfig { delay: 5 * MS, rate: Some(Bitrate::from_kbps(80)), ..LinkConfig::default() });
    let outs = [0, 0, 0].map(|_| out(link.push(bytes(100), START)));
    assert_eq!(outs, [15, 25, 35].map(|ms| Ok(START + MS * ms)));
    assert_eq!(link.backlog(START), 30 * MS);
    assert_eq!(
        out(link.push(bytes(100), START + 100 * MS)),
        Ok(START + 115 * MS),
        "an idle link has no memory"
    );
}

#[test]
fn the_rate_is_exact_over_many_packets() {
    // 91 bytes at 1.7 Mbit/s are no whole number of microseconds.
    let queue = Queue::Delay(Duration::from_secs(3_600));
    let mut link = link(LinkConfig { rate: Some(Bitrate::from_kbps(1_700)), queue, ..LinkConfig::default() });
    let last = (0..PACKETS).map(|_| out(link.push(bytes(91), START)).unwrap()).last().unwrap();
    let exact = f64::from(PACKETS) * 91.0 * 8.0 / 1_700_000.0;
    near(last.saturating_since(START).as_secs_f64(), exact, 0.000_2);
}

#[test]
fn a_queue_in_time_drops_what_would_wait_longer() {
    let queue = Queue::Delay(30 * MS);
    let mut link = link(LinkConfig { rate: Some(Bitrate::from_kbps(80)), queue, ..LinkConfig::default() });
    let outs: Vec<_> = (0..6).map(|_| out(link.push(bytes(100), START))).collect();
    assert_eq!(outs[..4], [10, 20, 30, 40].map(|ms| Ok(START + MS * ms)));
    assert_eq!(outs[4..], [Err(Lost::Queue); 2]);
    assert_eq!(link.stats().longest_wait, 30 * MS);
    assert!(out(link.push(bytes(100), START + 10 * MS)).is_ok(), "one has left");
}

#[test]
fn a_queue_in_bytes_drops_what_does_not_fit() {
    let queue = Queue::Size(bytes(250));
    let mut link = link(LinkConfig { rate: Some(Bitrate::from_kbps(80)), queue, ..LinkConfig::default() });
    assert!(out(link.push(bytes(100), START)).is_ok());
    assert!(out(link.push(bytes(100), START)).is_ok());
    assert_eq!(out(link.push(bytes(100), START)), Err(Lost::Queue));
    assert!(out(link.push(bytes(50), START)).is_ok(), "a smaller one fits");
    assert!(out(link.push(bytes(100), START + 10 * MS)).is_ok(), "the first has left");
}

#[test]
fn the_schedule_of_rates_changes_a_packet_on_its_way() {
    let config = LinkConfig {
        rate: Some(Bitrate::from_kbps(80)),
        rates: vec![
            (5 * MS, Some(Bitrate::from_kbps(40))),
            (105 * MS, Some(Bitrate::from_bps(0))),
            (205 * MS, None),
        ],
        ..LinkConfig::default()
    };
    let mut link = link(config);
    // Half of the 800 bits in 5 ms, the other half in 10 ms.
    assert_eq!(out(link.push(bytes(100), START)), Ok(START + 15 * MS));
    assert_eq!(out(link.push(bytes(100), START + 20 * MS)), Ok(START + 40 * MS));
    // 200 of 800 bits until the rate is zero; the rest when there is no limit any more.
    assert_eq!(out(link.push(bytes(100), START + 100 * MS)), Ok(START + 205 * MS));
    assert_eq!(link.rate(START + 106 * MS), Some(Bitrate::from_bps(0)));
    assert_eq!(out(link.push(bytes(100), START + 300 * MS)), Ok(START + 300 * MS));
}

#[test]
fn a_rate_of_zero_for_ever_drops() {
    let mut link = link(LinkConfig::default());
    link.set_rate(Some(Bitrate::from_bps(0)), START + MS);
    assert_eq!(out(link.push(bytes(100), START)), Ok(START));
    assert_eq!(out(link.push(bytes(100), START + MS)), Err(Lost::Queue));
    link.set_rate(Some(Bitrate::from_kbps(80)), START + 2 * MS);
    assert_eq!(out(link.push(bytes(100), START + 2 * MS)), Ok(START + 12 * MS));
}

#[test]
fn a_rate_that_is_set_replaces_the_rest_of_the_schedule() {
    let rates = vec![(10 * MS, Some(Bitrate::from_kbps(1)))];
    let mut link = link(LinkConfig { rate: Some(Bitrate::from_kbps(80)), rates, ..LinkConfig::default() });
    link.set_rate(Some(Bitrate::from_kbps(40)), START + MS);
    assert_eq!(out(link.push(bytes(100), START + 50 * MS)), Ok(START + 70 * MS));
}

#[test]
fn a_packet_longer_than_the_mtu_vanishes() {
    let mut link = link(LinkConfig { mtu: bytes(1_280), ..LinkConfig::default() });
    assert!(out(link.push(bytes(1_280), START)).is_ok());
    assert_eq!(out(link.push(bytes(1_281), START)), Err(Lost::TooBig));
}

#[test]
fn an_outage_loses_what_comes_in_it_and_not_what_is_under_way() {
    let mut link =
        link(LinkConfig { delay: 50 * MS, outages: vec![(10 * MS, 20 * MS)], ..LinkConfig::default() });
    let outs = [9, 10, 19, 20].map(|ms| out(link.push(bytes(100), START + MS * ms)));
    assert_eq!(outs, [Ok(START + 59 * MS), Err(Lost::Outage), Err(Lost::Outage), Ok(START + 70 * MS)]);
    link.set_up(false);
    assert_eq!(out(link.push(bytes(100), START + 30 * MS)), Err(Lost::Outage));
    link.set_up(true);
    assert!(out(link.push(bytes(100), START + 31 * MS)).is_ok());
    assert_eq!(link.stats().lost_in_outage, 3);
}

#[test]
fn a_packet_that_waited_long_is_marked() {
    let config =
        LinkConfig { rate: Some(Bitrate::from_kbps(80)), mark_above: Some(10 * MS), ..LinkConfig::default() };
    let mut link = link(config);
    let marks =
        [0; 4].map(|_| matches!(link.push(bytes(100), START), Pushed::Delivered { marked: true, .. }));
    assert_eq!(marks, [false, false, true, true]);
}

#[test]
fn changed_delay_and_loss_hold_for_what_comes_after() {
    let mut link = link(LinkConfig::delay(50 * MS));
    link.set_delay(10 * MS);
    assert_eq!(out(link.push(bytes(1), START)), Ok(START + 10 * MS));
    link.set_loss(Loss::Independent(1.0));
    assert_eq!(out(link.push(bytes(1), START)), Err(Lost::Chance));
}

#[test]
fn every_packet_is_counted_once() {
    let mut link = link(LinkConfig {
        loss: Loss::bursts(0.1, 2.0),
        rate: Some(Bitrate::from_kbps(700)),
        outages: vec![(MS * 500, MS * 700)],
        ..LinkConfig::default()
    });
    many(&mut link);
    let stats = link.stats();
    let lost = stats.lost_in_outage + stats.too_big + stats.lost_in_queue + stats.lost_by_chance;
    assert_eq!(stats.pushed, u64::from(PACKETS));
    assert_eq!(stats.delivered + lost, stats.pushed);
    assert_eq!(stats.lost_in_outage, 200);
    assert!(stats.lost_in_queue > 0);
}
