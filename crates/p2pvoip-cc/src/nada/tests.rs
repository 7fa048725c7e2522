//! Claims about NADA as a whole: the equations of RFC 8698 with its own numbers, and the limits.

use super::law::{Law, Signal};
use super::*;
use crate::RemoteTime;
use crate::ledger::Sums;
use p2pvoip_core::Bitrate;
use proptest::prelude::*;
extern crate std;
use std::boxed::Box;

const CONFIG: NadaConfig = NadaConfig {
    least: Bitrate::from_kbps(150),
    start: Bitrate::from_kbps(500),
    most: Bitrate::from_kbps(1_500),
    priority: Fixed::ONE,
    ecn: false,
};

fn calm() -> Signal {
    let sums = Sums { bytes: 25_000, came: 20, decided: 20, rate: Some(400_000), ..Sums::default() };
    Signal { queue: 0, warp: 0, sums, rtt: 100_000, passed: 100_000 }
}

fn rate(law: &Law) -> u64 {
    law.rates(Some(DataSize::from_bytes(0))).0.as_bps()
}

#[test]
fn ramping_up_multiplies_what_is_received() {
    // gamma = min(0.5, 50 / (100 + 100 + 120)) = 0.15625 (equation 3).
    let mut law = Law::new(&CONFIG);
    law.update(&Signal { sums: Sums { rate: Some(640_000), ..calm().sums }, ..calm() });
    assert_eq!(rate(&law), 740_000);
    // What is received says less than what was reached (equation 4).
    law.update(&calm());
    assert_eq!(rate(&law), 740_000);
}

#[test]
fn the_rate_rests_where_the_signal_is_the_reference() {
    // x = PRIO XREF RMAX / r: 30 ms at 500 kbit/s.
    let mut law = Law::new(&CONFIG);
    let told = Signal { queue: 30_000, sums: Sums { worst: 30_000, ..calm().sums }, ..calm() };
    law.update(&told);
    // The change from 0 to 30 ms: 500 (1 - 0.5 * 2 * 30 / 500) = 470 (equation 7).
    assert_eq!(rate(&law), 470_000);
    for _ in 0..600 {
        law.update(&told);
    }
    assert!(rate(&law).abs_diff(500_000) < 1_000, "{}", rate(&law));
}

#[test]
fn twice_the_priority_rests_at_twice_the_rate() {
    let mut law = Law::new(&NadaConfig { priority: Fixed::from_bits(2 << 16), ..CONFIG });
    for _ in 0..2_000 {
        law.update(&Signal { queue: 30_000, sums: Sums { worst: 30_000, ..calm().sums }, ..calm() });
    }
    assert!(rate(&law).abs_diff(1_000_000) < 2_000, "{}", rate(&law));
}

#[test]
fn loss_and_marks_are_worth_delay_by_the_square_of_their_ratio() {
    // 5 % loss: 25 * 10 ms = 250 ms; the rate rests at 10 ms * 1500 / 250 = 60, so at the least.
    let mut law = Law::new(&CONFIG);
    let sums = Sums { lost: 1, ..calm().sums };
    for _ in 0..600 {
        law.update(&Signal { sums, ..calm() });
    }
    assert_eq!(rate(&law), 150_000);
    // 5 % marks: 25 * 2 ms = 50 ms: 300 kbit/s.
    let mut law = Law::new(&CONFIG);
    let sums = Sums { came: 20, marked: 1, worst: 10_000, ..calm().sums };
    for _ in 0..600 {
        law.update(&Signal { sums, ..calm() });
    }
    assert!(rate(&law).abs_diff(300_000) < 3_000, "{}", rate(&law));
}

#[test]
fn the_buffer_lowers_the_media_and_raises_the_sending_rate() {
    // RFC 8698 section 5.2.2: 2000 bytes are 48 kbit/s, at most 5 %.
    let law = Law::new(&NadaConfig { start: Bitrate::from_kbps(1_000), ..CONFIG });
    let rates = |bytes| {
        let (media, sending) = law.rates(Some(DataSize::from_bytes(bytes)));
        (media.as_bps(), sending.as_bps())
    };
    assert_eq!(rates(0), (1_000_000, 1_000_000));
    assert_eq!(rates(2_000), (952_000, 1_048_000));
    assert_eq!(rates(u64::MAX), (950_000, 1_050_000));
    assert_eq!(law.rates(None).1.as_bps(), 1_050_000);
}

#[test]
fn a_warped_delay_weighs_less() {
    let reached = |warp| {
        let mut law = Law::new(&NadaConfig { start: CONFIG.most, ..CONFIG });
        for _ in 0..100 {
            law.update(&Signal {
                queue: 150_000,
                warp,
                sums: Sums { worst: 150_000, ..calm().sums },
                ..calm()
            });
        }
        rate(&law)
    };
    // 150 ms are worth 50 / e = 18.4 ms: 815 kbit/s instead of 150.
    assert_eq!(reached(0), 150_000);
    assert!(reached(1 << 16) > 780_000, "{}", reached(1 << 16));
    assert!((150_000..reached(1 << 16)).contains(&reached(1 << 15)));
}

#[test]
fn silence_halves_the_rate_down_to_the_least_and_news_ends_it() {
    let mut nada = Nada::new(CONFIG).unwrap();
    let mut now = Instant::from_millis(1_000);
    for number in 0..100 {
        nada.on_sent(Sent { number, size: DataSize::from_bytes(1_000), path: 0 }, now);
        nada.on_time(now);
        now += Duration::from_millis(100);
    }
    assert_eq!((nada.target().wire, nada.stats().phase), (CONFIG.least, crate::Phase::Silent));
    nada.on_feedback(&Report::new(99, Some(RemoteTime::from_micros(0)), Some(0)), now);
    assert!(nada.stats().phase != crate::Phase::Silent && nada.next_at().is_none());
}

#[test]
fn a_new_path_begins_at_the_start() {
    let mut nada = Nada::new(NadaConfig { start: CONFIG.least, ..CONFIG }).unwrap();
    nada.law.update(&Signal { sums: Sums { rate: Some(900_000), ..calm().sums }, ..calm() });
    assert!(nada.target().wire > Bitrate::from_kbps(900));
    nada.on_path(Path::ipv4(0), Instant::default());
    assert!(nada.target().wire > Bitrate::from_kbps(900), "the same path");
    nada.on_path(Path::ipv4(1), Instant::default());
    assert_eq!(nada.target().wire, CONFIG.least);
}

#[test]
fn a_configuration_without_sense_is_refused() {
    let kbps = Bitrate::from_kbps;
    for (min, start, max) in [(0, 1, 2), (2, 1, 3), (1, 3, 2), (1, 2, 10_000_001)] {
        let config = NadaConfig::default().rates(kbps(min), kbps(start), kbps(max));
        assert_eq!(config.build().err(), Some(NadaConfigError::Rates));
    }
    let config = NadaConfig::default().priority(Fixed::ZERO);
    assert_eq!(config.build().err(), Some(NadaConfigError::Priority));
}

#[test]
fn a_flow_takes_at_most_six_kilobytes() {
    assert!(size_of::<Nada>() <= 6_144, "{}", size_of::<Nada>());
}

proptest! {
    #[test]
    fn no_signal_takes_the_rate_out_of_its_range(
        steps in proptest::collection::vec(
            (0u64..5_000_000, 0u64..70_000, 0u64..100, 0u64..100, proptest::option::of(0u64..20_000_000_000), 0u64..9_000_000),
            1..60,
        ),
        start in 150u64..1_500,
    ) {
        let mut law = Law::new(&NadaConfig { start: Bitrate::from_kbps(start), ..CONFIG });
        for (queue, warp, lost, came, rate, time) in steps {
            let worst = u32::try_from(queue).unwrap();
            let sums = Sums { bytes: came * 100, came, lost, decided: lost + came, marked: came / 2, worst, rate };
            law.update(&Signal { queue, warp, sums, rtt: time, passed: time });
            let (media, sending) = law.rates(None);
            prop_assert!(media >= CONFIG.least && sending <= CONFIG.most.max(media) && media <= CONFIG.most);
        }
    }
}

#[test]
fn the_same_calls_give_the_same_target() {
    let mut one = Box::new(Nada::new(CONFIG).unwrap());
    let mut two = one.clone();
    for number in 0..500u64 {
        let now = Instant::from_millis(1_000 + number * 20);
        for nada in [&mut one, &mut two] {
            nada.on_sent(Sent { number, size: DataSize::from_bytes(700), path: 0 }, now);
            let came = RemoteTime::from_micros(number * 20_000 + number % 7 * 3_000);
            nada.on_feedback(&Report::new(number, Some(came), Some(0)), now + Duration::from_millis(50));
        }
        assert_eq!(one.target(), two.target());
    }
}
