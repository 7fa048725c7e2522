//! The rate that losses allow (draft-ietf-rmcat-gcc-02 section 6), with its floor, the rate of TCP (RFC 5348 section 3.1).

/// Losses are counted over at least so many microseconds, as receiver reports (RFC 3550) would tell them ...
const INTERVAL_MICROS: u64 = 1_000_000;
/// ... and so many packets (libwebrtc).
const LEAST_PACKETS: u32 = 20;
/// Below 2 % the rate rises, above 10 % it falls (section 6), in 65,536ths.
const LOW: u64 = 1_311;
const HIGH: u64 = 6_554;
/// By so many hundredths it rises at each count (section 6).
const RISE: u64 = 5;

/// Estimator: the rate that losses allow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    /// None while losses do not bind: the draft's estimate then grows past that of the delay.
    rate: Option<u64>,
    passed: u64,
    lost: u32,
    total: u32,
}

/// What the TCP equation asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// Bytes of a mean packet.
    pub(super) packet: u64,
    /// Microseconds.
    pub(super) rtt: u64,
}

impl Losses {
    /// The rate that losses allow, no more than `delay`, what the delay allows.
    pub(super) fn cap(&self, delay: u64) -> u64 {
        self.rate.map_or(delay, |rate| rate.min(delay))
    }

    /// So many packets were decided in so many microseconds.
    pub(super) fn update(&mut self, lost: u16, total: u16, passed: u64, delay: u64, flow: Flow) {
        self.lost = self.lost.saturating_add(u32::from(lost));
        self.total = self.total.saturating_add(u32::from(total));
        self.passed = self.passed.saturating_add(passed);
        if self.passed < INTERVAL_MICROS || self.total < LEAST_PACKETS {
            return;
        }
        let share = (u64::from(self.lost.min(self.total)) << 16) / u64::from(self.total);
        (self.passed, self.lost, self.total) = (0, 0, 0);
        let rate = self.cap(delay);
        if share > HIGH {
            let cut = rate - ((rate * share) >> 17);
            self.rate = Some(cut.max(tcp(share, flow)).min(rate));
        } else if share < LOW {
            self.rate = self.rate.map(|_| rate + rate * RISE / 100).filter(|risen| *risen < delay);
        }
    }
}

/// What TCP would take under that loss, in bits a second: the equation of RFC 5348 section 3.1 with `b = 1` and
/// `t_RTO = 4 R`.
fn tcp(share: u64, flow: Flow) -> u64 {
    let root = |numerator: u64, denominator: u64| ((share << 16) * numerator / denominator).isqrt();
    let squared = (share * share) >> 16;
    let timeouts = (((12 * root(3, 8) * share) >> 16) * ((1 << 16) + 32 * squared)) >> 16;
    let slowness = (root(2, 3) + timeouts) * flow.rtt.clamp(1_000, 60_000_000);
    (flow.packet.min(65_536) * 8_000_000 * (1 << 16)).checked_div(slowness).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: Flow = Flow { packet: 1_200, rtt: 100_000 };

    fn count(losses: &mut Losses, lost: u16, delay: u64) -> u64 {
        losses.update(lost, 100, INTERVAL_MICROS, delay, FLOW);
        losses.cap(delay)
    }

    #[test]
    fn few_losses_leave_the_rate_to_the_delay() {
        let mut losses = Losses::default();
        for lost in [0, 1, 5, 9, 10] {
            assert_eq!(count(&mut losses, lost, 1_000_000), 1_000_000);
        }
    }

    #[test]
    fn many_losses_cut_by_half_of_their_share_and_few_raise_again() {
        let mut losses = Losses::default();
        assert!(count(&mut losses, 20, 1_000_000).abs_diff(900_000) < 100);
        assert!(count(&mut losses, 5, 1_000_000).abs_diff(900_000) < 100);
        assert!(count(&mut losses, 1, 1_000_000).abs_diff(945_000) < 100);
        assert!(count(&mut losses, 0, 1_000_000).abs_diff(992_250) < 100);
        assert_eq!(count(&mut losses, 0, 1_000_000), 1_000_000);
        assert_eq!(losses.rate, None);
    }

    #[test]
    fn it_never_falls_below_what_tcp_would_take() {
        let mut losses = Losses::default();
        for _ in 0..200 {
            count(&mut losses, 11, 1_000_000);
        }
        let floor = tcp((11 << 16) / 100, FLOW);
        assert_eq!(losses.rate, Some(floor));
        for (share, expected) in [(0.01, 1_122_000.0), (0.11, 153_900.0), (0.5, 0.0)] {
            let p: f64 = share;
            let exact = 9_600.0
                / (0.1 * (2.0 * p / 3.0).sqrt()
                    + 0.4 * 3.0 * (3.0 * p / 8.0).sqrt() * p * (1.0 + 32.0 * p * p));
            let bits = u64::from(crate::Fixed::ratio((share * 1_000.0) as u64, 1_000).bits());
            let got = tcp(bits, FLOW) as f64;
            assert!((got / exact - 1.0).abs() < 0.02, "{share}: {got} {exact} {expected}");
        }
    }

    #[test]
    fn too_few_packets_say_nothing() {
        let mut losses = Losses::default();
        losses.update(19, 19, 9 * INTERVAL_MICROS, 1_000_000, FLOW);
        assert_eq!(losses.cap(1_000_000), 1_000_000);
    }
}
