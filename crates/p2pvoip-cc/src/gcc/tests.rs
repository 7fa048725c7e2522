//! Claims about the flow as a whole; the two laws have theirs beside them.

use super::*;
use crate::{Phase, RemoteTime};
use core::time::Duration;
use p2pvoip_core::DataSize;
use proptest::prelude::*;
extern crate std;
use std::boxed::Box;

fn flow() -> Box<Gcc> {
    Box::new(GccConfig::default().build().unwrap())
}

/// A packet every 10 ms, each told 50 ms after it left, `delay` microseconds late.
fn run(gcc: &mut Gcc, numbers: core::ops::Range<u64>, size: u64, delay: impl Fn(u64) -> u64) {
    for number in numbers {
        let now = Instant::from_millis(1_000 + number * 10);
        gcc.on_sent(Sent { number, size: DataSize::from_bytes(size), path: 0 }, now);
        let came = RemoteTime::from_micros(number * 10_000 + delay(number));
        gcc.on_feedback(&Report::new(number, Some(came), Some(0)), now + Duration::from_millis(50));
    }
}

#[test]
fn a_calm_path_raises_the_rate_by_eight_percent_a_second() {
    let mut gcc = flow();
    run(&mut gcc, 0..500, 1_000, |_| 30_000);
    let wire = gcc.target().wire.as_bps();
    assert!(wire.abs_diff(440_000) < 8_000, "{wire}");
    assert_eq!(gcc.target().pacing.as_bps(), wire * 5 / 2);
}

#[test]
fn a_delay_that_keeps_growing_cuts_it() {
    let mut gcc = flow();
    run(&mut gcc, 0..200, 400, |_| 30_000);
    let before = gcc.target().wire;
    run(&mut gcc, 200..300, 400, |n| 30_000 + (n - 200) * 2_000);
    assert!(gcc.target().wire < before.scaled(9, 10), "{:?} {before:?}", gcc.target().wire);
}

#[test]
fn silence_halves_the_rate_down_to_the_least_and_news_ends_it() {
    let mut gcc = flow();
    let mut now = Instant::from_millis(1_000);
    for number in 0..100 {
        gcc.on_sent(Sent { number, size: DataSize::from_bytes(1_000), path: 0 }, now);
        gcc.on_time(now);
        now += Duration::from_millis(100);
    }
    assert_eq!((gcc.target().wire, gcc.stats().phase), (GccConfig::default().least, Phase::Silent));
    gcc.on_feedback(&Report::new(99, Some(RemoteTime::from_micros(0)), Some(0)), now);
    assert!(gcc.stats().phase != Phase::Silent && gcc.next_at().is_none());
}

#[test]
fn a_new_path_begins_at_the_start() {
    let mut gcc = flow();
    run(&mut gcc, 0..500, 1_000, |_| 30_000);
    assert!(gcc.target().wire > GccConfig::default().start);
    gcc.on_path(Path::ipv4(1), Instant::from_millis(7_000));
    assert_eq!((gcc.target().wire, gcc.stats().delivered), (GccConfig::default().start, None));
}

#[test]
fn a_configuration_without_sense_is_refused() {
    let kbps = Bitrate::from_kbps;
    for (min, start, max) in [(0, 1, 2), (2, 1, 3), (1, 3, 2), (1, 2, 10_000_001)] {
        let config = GccConfig::default().rates(kbps(min), kbps(start), kbps(max));
        assert_eq!(config.build().err(), Some(GccConfigError::Rates));
    }
    for pacing in [Fixed::ratio(99, 100), Fixed::ratio(401, 100)] {
        assert_eq!(GccConfig::default().pacing(pacing).build().err(), Some(GccConfigError::Pacing));
    }
}

#[test]
fn a_flow_takes_at_most_six_kilobytes() {
    assert!(size_of::<Gcc>() <= 6_144, "{}", size_of::<Gcc>());
}

proptest! {
    #[test]
    fn no_law_leaves_its_range(
        steps in proptest::collection::vec((0u8..3, proptest::option::of(0u64..20_000_000_000), 0u64..9_000_000, 0u16..70, 0u16..70), 1..100),
    ) {
        let (mut aimd, mut losses) = (Aimd::new(300_000), Losses::default());
        for (usage, received, micros, lost, decided) in steps {
            let usage = [trend::Usage::Normal, trend::Usage::Over, trend::Usage::Under][usize::from(usage)];
            aimd.update(usage, received, micros, micros);
            aimd.rate = aimd.rate.clamp(150_000, 1_500_000);
            losses.update(lost, decided, micros, aimd.rate, Flow { packet: micros, rtt: micros });
            prop_assert!(losses.cap(aimd.rate) <= aimd.rate);
        }
    }
}
