//! The rates and limits of a bottleneck, to the byte, and the disciplines that need no time to settle.

use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Ecn, Instant, Seed};
use p2pvoip_sim::bottleneck::MAX_HELD;
use p2pvoip_sim::{Bottleneck, BottleneckConfig, Discipline, Limit, Out, START};

const MS: Duration = Duration::from_millis(1);
const ENDLESS: Limit = Limit::Size(DataSize::from_bytes(u64::MAX));

fn bytes(bytes: u64) -> DataSize {
    DataSize::from_bytes(bytes)
}

fn steady(kbps: u64, queue: Discipline) -> Bottleneck<u32> {
    changing(&[(0, kbps)], queue)
}

/// Rates in kbit/s, from so many milliseconds after the start.
fn changing(rates: &[(u32, u64)], queue: Discipline) -> Bottleneck<u32> {
    let rates = rates.iter().map(|&(ms, kbps)| (MS * ms, Bitrate::from_kbps(kbps))).collect();
    Bottleneck::new(BottleneckConfig { rates, queue }, &Seed::from_u64(3), START)
}

/// All that leaves by `until`, and by then alone.
fn all(bottleneck: &mut Bottleneck<u32>, until: Instant) -> Vec<Out<u32>> {
    let mut outs = Vec::new();
    while let Some(at) = bottleneck.next_at().filter(|at| *at <= until) {
        assert!(bottleneck.pull(at - Duration::from_micros(1)).is_none(), "nothing before its moment");
        outs.extend(bottleneck.pull(at));
    }
    outs
}

#[test]
fn a_packet_takes_its_size_over_the_rate() {
    let mut link = steady(80, Discipline::DropTail { limit: ENDLESS });
    for name in 0..3 {
        assert_eq!(link.push(1, bytes(100), Ecn::Ect0, name, START + MS), Ok(()));
    }
    let outs = all(&mut link, START + MS * 100);
    let lefts: Vec<_> = outs.iter().map(|out| out.left.saturating_since(START)).collect();
    assert_eq!(lefts, [MS * 11, MS * 21, MS * 31]);
    assert_eq!((outs[2].entered, outs[2].began, outs[2].ecn), (START + MS, START + MS * 21, Ecn::Ect0));
    assert_eq!(link.next_at(), None);
}

#[test]
fn drop_tail_takes_the_limit_and_not_a_byte_more() {
    for limit in [Limit::Size(bytes(3_000)), Limit::Delay(MS * 300)] {
        // 80 kbit/s for 300 ms are 3,000 bytes.
        let mut link = steady(80, Discipline::DropTail { limit });
        assert_eq!(link.push(1, bytes(1_000), Ecn::NotEct, 0, START), Ok(()));
        assert_eq!(link.push(1, bytes(2_001), Ecn::NotEct, 1, START), Err(1));
        assert_eq!(link.push(1, bytes(2_000), Ecn::NotEct, 2, START), Ok(()));
        assert_eq!(link.push(1, bytes(1), Ecn::NotEct, 3, START), Err(3));
        assert_eq!(link.backlog(), bytes(3_000));
        let sent = START + MS * 100;
        assert_eq!(link.push(1, bytes(1_001), Ecn::NotEct, 4, sent), Err(4));
        assert_eq!(link.push(1, bytes(1_000), Ecn::NotEct, 5, sent), Ok(()));
        assert_eq!((link.stats().pushed, link.stats().refused), (6, 3));
    }
}

#[test]
fn an_idle_server_takes_a_packet_above_the_limit() {
    let mut link = steady(80, Discipline::DropTail { limit: Limit::Size(bytes(10)) });
    assert_eq!(link.push(1, bytes(100), Ecn::NotEct, 0, START), Ok(()));
    assert_eq!(link.push(1, bytes(1), Ecn::NotEct, 1, START), Err(1));
}

#[test]
fn a_limit_of_delay_follows_the_rate_and_keeps_the_last_one_in_a_gap() {
    let queue = Discipline::DropTail { limit: Limit::Delay(MS * 100) };
    let mut link = changing(&[(0, 0), (10, 800), (20, 0), (30, 80)], queue);
    // 10,000 bytes at 800 kbit/s, also while it is yet to come and after it ended; 1,000 bytes at 80.
    assert_eq!(link.push(1, bytes(5_000), Ecn::NotEct, 0, START), Ok(()));
    assert_eq!(link.push(1, bytes(4_000), Ecn::NotEct, 1, START + MS * 25), Ok(()));
    assert_eq!(link.push(1, bytes(1_001), Ecn::NotEct, 2, START + MS * 25), Err(2));
    assert_eq!(link.push(1, bytes(1_000), Ecn::NotEct, 3, START + MS * 25), Ok(()));
    assert_eq!(link.push(1, bytes(1), Ecn::NotEct, 4, START + MS * 30), Err(4));
}

#[test]
fn the_bytes_out_are_the_integral_of_the_rate() {
    let mut link = changing(
        &[(0, 1_000), (40, 2_500), (60, 0), (75, 600), (1_000, 333)],
        Discipline::DropTail { limit: ENDLESS },
    );
    // 3 x 7 bytes are not a whole number of nanoseconds at these rates; the parts of them must not be lost.
    for name in 0..30_000 {
        assert_eq!(link.push(1, bytes(7), Ecn::NotEct, name, START), Ok(()));
    }
    let out = |until: Duration, link: &mut Bottleneck<u32>| all(link, START + until).len() as u64 * 7;
    let expected = [(40, 40_000), (60, 40_000 + 50_000), (75, 90_000), (1_000, 645_000), (4_000, 1_644_000)];
    let mut total = 0;
    for (ms, bits) in expected {
        total += out(MS * ms, &mut link);
        assert_eq!(total, bits / 8 / 7 * 7, "after {ms} ms");
    }
}

#[test]
fn a_packet_that_meets_a_gap_goes_on_after_it_at_the_new_rate() {
    let mut link = changing(&[(0, 80), (5, 0), (505, 800)], Discipline::DropTail { limit: ENDLESS });
    assert_eq!(link.push(1, bytes(100), Ecn::NotEct, 0, START), Ok(()));
    assert_eq!(link.next_at(), Some(START + Duration::from_micros(505_500)));
}

#[test]
fn a_rate_of_zero_without_end_keeps_packets_for_ever() {
    let mut link = changing(&[(0, 80), (5, 0)], Discipline::DropTail { limit: ENDLESS });
    assert_eq!(link.push(1, bytes(100), Ecn::NotEct, 0, START), Ok(()));
    assert_eq!(link.next_at(), None);
    assert!(link.pull(START + MS * 1_000_000).is_none());
    assert_eq!(link.backlog(), bytes(100));
}

#[test]
fn without_rates_sending_takes_no_time() {
    let mut link = changing(&[], Discipline::DropTail { limit: Limit::Delay(MS) });
    for name in 0..100 {
        assert_eq!(link.push(1, bytes(1_000), Ecn::NotEct, name, START), Ok(()));
    }
    assert_eq!(all(&mut link, START).len(), 100);
}

#[test]
fn it_holds_so_many_packets_and_no_more() {
    let mut link = steady(1, Discipline::DropTail { limit: ENDLESS });
    for name in 0..u32::try_from(MAX_HELD).unwrap() {
        assert_eq!(link.push(1, bytes(1), Ecn::NotEct, name, START), Ok(()));
    }
    // What is out and was not pulled is held as well.
    let later = START + MS * 1_000;
    assert_eq!(link.push(1, bytes(1), Ecn::NotEct, 1, later), Err(1));
    assert!(link.pull(later).is_some());
    assert_eq!(link.push(1, bytes(1), Ecn::NotEct, 2, later), Ok(()));
}

#[test]
fn a_step_marks_what_waited_for_longer_and_only_who_takes_part() {
    let mut link = steady(800, Discipline::Step { mark_above: MS * 20, limit: ENDLESS });
    for (name, ecn) in [(0, Ecn::Ect1), (1, Ecn::Ect1), (2, Ecn::Ect1), (3, Ecn::NotEct), (4, Ecn::Ect0)] {
        assert_eq!(link.push(1, bytes(1_000), ecn, name, START), Ok(()));
    }
    let marks: Vec<_> = all(&mut link, START + MS * 100).iter().map(|out| out.ecn).collect();
    assert_eq!(marks, [Ecn::Ect1, Ecn::Ect1, Ecn::Ect1, Ecn::NotEct, Ecn::Ce]);
    assert_eq!(link.stats().marked, 1);
}

#[test]
fn a_policer_lets_the_burst_and_then_the_rate_pass_without_delay() {
    let queue = Discipline::Policer { rate: Bitrate::from_kbps(80), burst: bytes(500) };
    let mut link = changing(&[], queue);
    let mut passed = |ms: u32, size: u64| link.push(1, bytes(size), Ecn::NotEct, 0, START + MS * ms).is_ok();
    assert!((0..5).all(|_| passed(0, 100)) && !passed(0, 1));
    assert!(!passed(9, 91) && passed(9, 90), "10 bytes a millisecond");
    assert!(!passed(1_000, 501) && passed(1_000, 500), "no more tokens than the burst");
}
