//! The receiver over links that are late, lossy, out of order and worse.
#![allow(
    clippy::unwrap_used,
    clippy::unnecessary_wraps,
    clippy::allow_attributes,
    clippy::cast_precision_loss,
    reason = "a test"
)]

mod bench;

use bench::{Outcome, Plain, budget, call, exponential, gauss, mark};
use core::time::Duration;
use p2pvoip_core::{Bitrate, Instant, Seed};
use p2pvoip_media::payload::{Chunk, Span};
use std::collections::BTreeSet;

use p2pvoip_media::{Budget, FRAME, Frame, PlayedKind, Receiver, ReceiverConfig, Refused, STARVED};

const BASE: Duration = Duration::from_millis(40);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn report(name: &str, outcome: &Outcome) {
    println!(
        "{name}: {:.0} ms @ {:.2} % {:?}",
        outcome.mean_delay(),
        outcome.concealed() * 100.0,
        outcome.received
    );
}

#[test]
fn on_a_clean_link_every_frame_is_heard_as_it_was_said_within_40_ms() {
    for millis in [20, 40, 60] {
        let spend = |_| Budget { ptime: ms(millis), ..budget() };
        let outcome = call(1_000, 1, spend, &mut |_, now, _| vec![now + BASE]);
        report("clean", &outcome);
        assert!((0..950).all(|n| outcome.heard(n)));
        assert_eq!((outcome.received.concealed, outcome.received.lost_before_repair), (0, 0));
        assert!(outcome.mean_delay() <= 40.0);
    }
}

#[test]
fn gaussian_jitter_of_30_ms_costs_about_100_ms_and_under_one_percent() {
    let outcome = call(6_000, 2, |_| budget(), &mut |_, now, rng| vec![now + BASE + gauss(30.0, rng)]);
    report("gauss 30", &outcome);
    assert!(outcome.mean_delay() <= 105.0 && outcome.concealed() < 0.01);
}

#[test]
fn stalls_of_wifi_are_waited_for() {
    let mut free = Instant::default();
    let outcome = call(6_000, 3, |_| budget(), &mut |_, now, rng| {
        if rng.chance(0.01) {
            free = now + ms(60 + rng.below(140));
        }
        free = free.max(now + exponential(5.0, rng));
        vec![free + BASE]
    });
    report("wifi", &outcome);
    assert!(outcome.mean_delay() <= 170.0 && outcome.concealed() < 0.02);
    assert_eq!(outcome.received.late, 0, "a stall delays, it loses nothing");
}

#[test]
fn handovers_of_lte_do_not_lose_the_voice() {
    let mut free = Instant::default();
    let outcome = call(9_000, 4, |_| budget(), &mut |_, now, rng| {
        if rng.chance(0.004) {
            free = now + ms(200 + rng.below(200));
        }
        free = free.max(now + ms(8 * rng.below(3)));
        vec![free + BASE]
    });
    report("lte", &outcome);
    assert!(outcome.mean_delay() <= 340.0 && outcome.concealed() < 0.03);
}

#[test]
fn a_queue_that_fills_and_drains_is_followed() {
    let outcome = call(9_000, 5, |_| budget(), &mut |_, now, rng| {
        let phase = now.as_micros() / 1_000 % 5_000;
        let queue =
            if phase < 2_000 { phase * 3 / 20 } else { 300u64.saturating_sub((phase - 2_000) * 3 / 10) };
        vec![now + BASE + ms(queue) + exponential(3.0, rng)]
    });
    report("bloat", &outcome);
    assert!(outcome.mean_delay() <= 385.0 && outcome.concealed() < 0.02);
}

#[test]
fn a_longer_route_is_stepped_over() {
    let outcome = call(6_000, 6, |_| budget(), &mut |n, now, rng| {
        vec![now + BASE + ms(if n > 1_500 { 80 } else { 0 }) + exponential(4.0, rng)]
    });
    report("step", &outcome);
    assert!(outcome.mean_delay() <= 110.0 && outcome.concealed() < 0.01);
}

#[test]
fn everything_is_heard_but_what_was_lost() {
    let lost = |n: u64| n % 17 == 5;
    let outcome =
        call(2_000, 7, |_| budget(), &mut |n, now, _| if lost(n) { vec![] } else { vec![now + BASE] });
    report("loss", &outcome);
    assert!((0..1_900).all(|n| outcome.heard(n) != lost(n / 2)));
    assert!(outcome.received.lost_before_repair >= 56 && outcome.mean_delay() <= 40.0);
}

#[test]
fn concealment_is_counted_in_events_and_in_frames_missed() {
    // Of every 40 packets two in a row are lost, and one alone.
    let lost = |n: u64| matches!(n % 40, 10 | 11 | 30);
    let outcome =
        call(4_000, 12, |_| budget(), &mut |n, now, _| if lost(n) { vec![] } else { vec![now + BASE] });
    report("events", &outcome);
    let stats = outcome.received;
    let kinds: Vec<_> =
        outcome.pulls.iter().map(|(_, played)| played.kind == PlayedKind::Concealed).collect();
    let begun = kinds.windows(2).filter(|pair| !pair[0] && pair[1]).count() as u64;
    assert_eq!((stats.concealment_events, stats.missed), (begun, stats.lost_before_repair));
    assert!(begun >= 98 && stats.missed * 2 >= begun * 3 - 2, "{begun} events, {} missed", stats.missed);
    // A packet of 20 ms is two pulls; stretching may take a part of them away.
    assert!(stats.concealed <= 2 * stats.missed && stats.concealed * 10 >= 2 * stats.missed * 9, "{stats:?}");
    assert_eq!(stats.decoded_time, ms(20) * u32::try_from(stats.decoded).unwrap());
    assert!(stats.decoded + stats.missed + 4 >= outcome.sent.packets && stats.decoded_bytes > stats.decoded);
}

#[test]
fn in_band_repair_brings_back_single_losses() {
    let spend = |_| Budget { wire: Bitrate::from_kbps(56), loss: 0.05, ..budget() };
    let outcome = call(6_000, 8, spend, &mut |_, now, rng| {
        if rng.chance(0.05) { vec![] } else { vec![now + BASE + gauss(5.0, rng)] }
    });
    report("fec", &outcome);
    let stats = outcome.received;
    assert!(stats.recovered_fec * 10 >= stats.lost_before_repair * 9, "only bursts stay");
    assert!(outcome.concealed() < 0.01 && outcome.mean_delay() <= 60.0);
}

#[test]
fn copies_bring_back_bursts_shorter_than_their_distance() {
    let spend = |_| Budget { loss: 0.1, burst: 2.0, ..budget() };
    let outcome = call(6_000, 9, spend, &mut |n, now, rng| {
        if n % 20 < 2 { vec![] } else { vec![now + BASE + gauss(5.0, rng)] }
    });
    report("copies", &outcome);
    let stats = outcome.received;
    assert!(stats.recovered_copy * 20 >= stats.lost_before_repair * 19);
    assert!(outcome.concealed() < 0.01 && outcome.mean_delay() <= 85.0);
    assert!(outcome.sent.copies + 4 >= outcome.sent.packets);
}

#[test]
fn duplicates_and_disorder_change_nothing_that_is_heard() {
    let outcome = call(2_000, 10, |_| budget(), &mut |n, now, rng| {
        let at = now + BASE + ms(if n % 5 == 0 { 25 } else { 0 });
        vec![at, at + ms(rng.below(200))]
    });
    report("disorder", &outcome);
    assert!((100..1_900).all(|n| outcome.heard(n)));
    assert!(outcome.received.duplicate > 900 && outcome.received.received >= 995);
}

#[test]
fn a_change_of_rung_is_seamless() {
    let spend = |n: u64| match n / 300 % 3 {
        0 => budget(),
        1 => Budget { wire: Bitrate::from_kbps(35), ..budget() },
        _ => Budget { wire: Bitrate::from_kbps(14), ..budget() },
    };
    let outcome = call(3_000, 11, spend, &mut |_, now, _| vec![now + BASE]);
    report("rungs", &outcome);
    // Longer packets arrive later, so that the sound is stretched once: frames move, but none is missing.
    let heard: BTreeSet<i16> = outcome.pulls.iter().flat_map(|pull| pull.0.0).collect();
    assert!((0..2_900).all(|n| heard.contains(&mark(n))));
    assert!(outcome.concealed() < 0.01 && outcome.received.lost_before_repair == 0);
}

#[test]
fn a_long_silence_of_the_link_ends_playing_and_the_next_frame_begins_it_anew() {
    let outcome = call(2_000, 12, |_| budget(), &mut |n, now, _| {
        if (200..500).contains(&n) { vec![] } else { vec![now + BASE] }
    });
    report("outage", &outcome);
    let silent = outcome.pulls[600..990].iter().filter(|pull| pull.1.kind == PlayedKind::Silence).count();
    assert!(silent > 350, "{silent}");
    assert!((1_010..1_900).all(|n| outcome.heard(n)));
    assert!(outcome.mean_delay() <= 40.0);
    let concealed = ms(10) * u32::try_from(outcome.received.concealed).unwrap();
    assert!(concealed <= STARVED + ms(20));
}

fn chunk(media_time: u16, payload: &[u8]) -> Vec<u8> {
    let span = Span::of(ms(20)).unwrap();
    let mut out = vec![0; payload.len() + 5];
    Chunk { marker: false, span, distance: 0, media_time, payload }.emit(&mut out).unwrap();
    out.split_off(2)
}

#[test]
fn a_flood_stays_within_the_buffer_and_the_freshest_is_played() {
    let mut receiver = Receiver::new(Plain::default(), &ReceiverConfig::default());
    let now = Instant::from_millis(1_000);
    for n in 0..2_000u16 {
        let [low, high] = mark(u64::from(n)).to_le_bytes();
        receiver.push(&chunk(n * 8, &[4, low, high, low, high]), now).unwrap();
    }
    let stats = receiver.stats();
    assert_eq!((stats.received, stats.dropped), (2_000, 2_000 - 64));
    let mut frame = Frame::SILENCE;
    for n in 0..20 {
        receiver.pull(&mut frame, now + ms(10 * n));
    }
    assert!(frame.0[0] >= mark(2_000 - 64), "{}", frame.0[0]);
}

#[test]
fn one_stray_packet_is_refused_and_a_new_clock_is_followed() {
    let mut receiver = Receiver::new(Plain::default(), &ReceiverConfig::default());
    let mut frame = Frame::SILENCE;
    let at = |n: u64| Instant::from_millis(1_000 + 20 * n);
    let payload = |n: u64| {
        let [a, b] = mark(n).to_le_bytes();
        [4, a, b, a, b]
    };
    let low = |n: u64| u16::try_from(n * 8 % 65_536).unwrap();
    for n in 0..300u64 {
        let time = if n < 100 { low(n) } else { low(n).wrapping_add(30_000) };
        let pushed = receiver.push(&chunk(time, &payload(n)), at(n));
        assert_eq!(pushed.is_err(), n == 100, "{n}: {pushed:?}");
        if n == 50 {
            assert_eq!(receiver.push(&chunk(20_000, &payload(9)), at(n)), Err(Refused::Stray));
        }
        receiver.pull(&mut frame, at(n));
        receiver.pull(&mut frame, at(n) + ms(10));
    }
    assert!(frame.0[0] >= mark(297), "{}", frame.0[0]);
    let stats = receiver.stats();
    assert_eq!((stats.resyncs, stats.refused), (1, 2));
}

#[test]
fn late_pulls_and_pulls_in_pairs_do_not_disturb() {
    let mut receiver = Receiver::new(Plain::default(), &ReceiverConfig::default());
    let mut frame = Frame::SILENCE;
    for n in 0..1_000u64 {
        let now = Instant::from_millis(1_000 + 20 * n);
        let [a, b] = mark(n).to_le_bytes();
        receiver.push(&chunk(u16::try_from(n * 8 % 65_536).unwrap(), &[4, a, b, a, b]), now).unwrap();
        receiver.pull(&mut frame, now + ms(3));
        receiver.pull(&mut frame, now + ms(3));
    }
    let stats = receiver.stats();
    assert!(stats.concealed * 100 <= stats.played && stats.playout_delay <= ms(60), "{stats:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn hostile_chunks_and_times_never_panic_and_every_pull_gives_a_frame(seed: u64) {
        let mut rng = Seed::from_u64(seed).rng();
        let mut receiver = Receiver::new(Plain::default(), &ReceiverConfig::default());
        let mut now = Instant::from_micros(rng.below(1_000_000_000));
        for _ in 0..300 {
            let mut bytes = vec![0; usize::try_from(rng.below(1_300)).unwrap()];
            rng.fill(&mut bytes);
            let wild = [0, 1, 5_000, 10_000, 3_000_000, u64::MAX][usize::try_from(rng.below(6)).unwrap()];
            now = if rng.chance(0.02) { Instant::from_micros(rng.next_u64()) } else { now + Duration::from_micros(wild.min(5_000_000)) };
            if rng.chance(0.5) && bytes.len() > 3 {
                // Near the timeline, so that it is taken.
                bytes[1] = 0;
                bytes[3] = 4;
            }
            let _ = receiver.push(&bytes, now);
            let mut frame = Frame([1; FRAME]);
            let played = receiver.pull(&mut frame, now);
            proptest::prop_assert!(played.kind != PlayedKind::Silence || frame == Frame::SILENCE);
            proptest::prop_assert!(played.target <= ms(600) && played.target >= ms(10));
        }
    }
}
