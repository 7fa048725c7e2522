//! What each discipline promises to those that share it.

use p2pvoip_core::Ecn;
use p2pvoip_sim::bottleneck::{DualPi2Config, FqCoDelConfig, PieConfig};
use p2pvoip_sim::tcp::TcpConfig;
use p2pvoip_sim::{Discipline, Limit};
use std::time::Duration;

use crate::net::{MS, Net, Record, SECOND, Steady};

/// An audio stream of 40 kbit/s.
const VOICE: Steady = Steady { size: 100, every: Duration::from_millis(20), ecn: Ecn::NotEct };

/// How long it was in the queue and under transmission.
fn sojourn(out: &Record) -> Duration {
    out.left.saturating_since(out.entered)
}

/// The longest sojourn of a flow between two times.
fn longest(net: &Net, flow: u32, from: Duration, until: Duration) -> Duration {
    net.between(from, until).filter(|out| out.flow == flow).map(sojourn).max().unwrap_or_default()
}

/// The mean sojourn of all packets between two times, in milliseconds.
fn mean_ms(net: &Net, from: Duration, until: Duration) -> f64 {
    let all: Vec<_> = net.between(from, until).map(|out| sojourn(out).as_secs_f64() * 1e3).collect();
    all.iter().sum::<f64>() / f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX))
}

#[test]
fn drop_tail_lets_a_transfer_delay_a_voice() {
    let mut net = Net::new(&[(0, 2_000)], Discipline::DropTail { limit: Limit::Delay(MS * 300) }, MS * 20);
    net.tcp(TcpConfig::default());
    let voice = net.steady(VOICE);
    net.run(SECOND * 20);
    assert!(longest(&net, voice, SECOND, SECOND * 20) > MS * 250);
}

#[test]
fn fq_codel_keeps_a_voice_under_10_ms_beside_a_transfer() {
    // A transfer may send two full segments of its turn before the voice: 4.8 ms, and 12 ms on the slower link.
    for (kbps, most) in [(5_000, MS * 10), (2_000, MS * 13)] {
        let mut net = Net::new(&[(0, kbps)], Discipline::FqCoDel(FqCoDelConfig::default()), MS * 20);
        let transfer = net.tcp(TcpConfig::default());
        let voice = net.steady(VOICE);
        net.run(SECOND * 30);
        let found = longest(&net, voice, Duration::ZERO, SECOND * 30);
        assert!(found < most, "{found:?} at {kbps}");
        let rate = net.rate(transfer, SECOND * 5, SECOND * 30).as_bps();
        assert!(rate > kbps * 850, "the transfer has what is left: {rate} of {kbps}");
    }
}

#[test]
fn fq_codel_keeps_the_delay_of_the_transfer_itself_near_its_target() {
    let mut net = Net::new(&[(0, 10_000)], Discipline::FqCoDel(FqCoDelConfig::default()), MS * 20);
    net.tcp(TcpConfig::default());
    net.run(SECOND * 30);
    let mean = mean_ms(&net, SECOND * 10, SECOND * 30);
    assert!(mean < 10.0, "{mean}");
    assert!(net.stats().dropped > 0 && net.stats().refused == 0);
}

#[test]
fn fq_codel_marks_who_takes_part_in_place_of_dropping() {
    let mut net = Net::new(
        &[(0, 1_000)],
        Discipline::FqCoDel(FqCoDelConfig { ecn: true, ..FqCoDelConfig::default() }),
        MS,
    );
    net.steady(Steady { size: 1_250, every: MS * 9, ecn: Ecn::Ect0 });
    net.run(SECOND * 3);
    assert!(net.stats().marked > 5 && net.stats().dropped == 0, "{:?}", net.stats());
}

#[test]
fn fq_codel_at_its_limit_drops_from_the_longest_line() {
    let config = FqCoDelConfig { limit: 50, target: SECOND * 100, ..FqCoDelConfig::default() };
    let mut net = Net::new(&[(0, 100)], Discipline::FqCoDel(config), MS);
    let flood = net.steady(Steady { size: 1_000, every: MS, ecn: Ecn::NotEct });
    let voice = net.steady(VOICE);
    net.run(SECOND * 5);
    let voices = net.outs.iter().filter(|out| out.flow == voice).count();
    assert!(voices >= 240, "{voices} of 250 came, none for the flood's sake");
    assert!(net.rate(flood, SECOND, SECOND * 5).as_bps() < 70_000);
    assert!(net.stats().dropped > 4_000);
}

#[test]
fn pie_keeps_an_overload_of_120_percent_within_twice_its_target() {
    let mut net = Net::new(&[(0, 1_000)], Discipline::Pie(PieConfig::default()), MS);
    let flow = net.steady(Steady { size: 500, every: Duration::from_micros(3_333), ecn: Ecn::NotEct });
    net.run(SECOND * 60);
    let mean = mean_ms(&net, SECOND * 20, SECOND * 60);
    assert!((5.0..30.0).contains(&mean), "{mean} ms");
    assert!(net.rate(flow, SECOND * 20, SECOND * 60).as_bps() > 980_000, "and the link busy");
    assert!(net.stats().refused > 2_000);
}

#[test]
fn pie_lets_a_short_burst_pass() {
    let mut net = Net::new(&[(0, 1_000)], Discipline::Pie(PieConfig::default()), MS);
    net.tcp(TcpConfig { total: Some(14_480), ..TcpConfig::default() });
    net.run(SECOND);
    assert_eq!((net.stats().left, net.stats().refused), (10, 0));
}

#[test]
fn pie_keeps_a_transfer_near_its_target() {
    let mut net = Net::new(&[(0, 10_000)], Discipline::Pie(PieConfig::default()), MS * 20);
    let flow = net.tcp(TcpConfig::default());
    net.run(SECOND * 60);
    let mean = mean_ms(&net, SECOND * 20, SECOND * 60);
    assert!((3.0..30.0).contains(&mean), "{mean} ms");
    assert!(net.rate(flow, SECOND * 20, SECOND * 60).as_bps() > 8_500_000);
}

#[test]
fn dual_pi2_marks_l4s_packets_that_waited_for_a_millisecond() {
    let mut net = Net::new(&[(0, 10_000)], Discipline::DualPi2(DualPi2Config::default()), MS);
    // 102 % of the link: the queue grows by 1 ms in 50 ms.
    net.steady(Steady { size: 1_275, every: MS, ecn: Ecn::Ect1 });
    net.run(MS * 500);
    for out in net.between(Duration::ZERO, MS * 500) {
        // Who waited for nobody but the one under transmission, 1.02 ms at most, is spared.
        let (waited, is_marked) = (out.began.saturating_since(out.entered), out.ecn == Ecn::Ce);
        assert!(waited >= MS || !is_marked, "{out:?}");
        assert!(waited <= Duration::from_micros(1_020) || is_marked, "{out:?}");
    }
    assert!(net.stats().marked > 300, "{:?}", net.stats());
    assert_eq!(net.stats().dropped, 0);
}

#[test]
fn dual_pi2_keeps_l4s_short_beside_a_classic_transfer_and_marks_it_by_the_coupling() {
    let mut net = Net::new(&[(0, 10_000)], Discipline::DualPi2(DualPi2Config::default()), MS * 10);
    let transfer = net.tcp(TcpConfig::default());
    let voice = net.steady(Steady { ecn: Ecn::Ect1, ..VOICE });
    net.run(SECOND * 60);
    let (from, until) = (SECOND * 10, SECOND * 60);
    assert!(longest(&net, voice, from, until) < MS * 3);
    assert!(net.rate(transfer, from, until).as_bps() > 8_500_000);
    let mean = mean_ms(&net, from, until);
    assert!((5.0..25.0).contains(&mean), "classic near 15 ms: {mean}");
    let marks = net.between(from, until).filter(|out| out.flow == voice && out.ecn == Ecn::Ce).count();
    assert!((25..1_250).contains(&marks), "{marks} of 2,500 by the coupling alone");
}

#[test]
fn dual_pi2_sheds_an_l4s_overload_by_drops() {
    let mut net = Net::new(&[(0, 10_000)], Discipline::DualPi2(DualPi2Config::default()), MS);
    let flow = net.steady(Steady { size: 1_500, every: MS, ecn: Ecn::Ect1 });
    net.run(SECOND * 30);
    let mean = mean_ms(&net, SECOND * 10, SECOND * 30);
    assert!(mean < 30.0, "{mean}");
    assert!(net.rate(flow, SECOND * 10, SECOND * 30).as_bps() > 9_800_000);
    assert!(net.stats().dropped > 3_000, "{:?}", net.stats());
}
