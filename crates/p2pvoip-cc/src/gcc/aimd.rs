//! The rate that the delay allows (draft-ietf-rmcat-gcc-02 section 5.5): increase, hold, decrease.

use super::trend::Usage;
use crate::ledger::signed;

/// `beta`: what is left of the received rate after over-use, 0.85 (section 5.6), in hundredths.
const BETA: u64 = 85;
/// Additive increase: half a packet in the round trip and so many microseconds.
const RESPONSE_MICROS: u64 = 100_000;
/// Frames a second and bytes in a packet by which the packet size is guessed (section 5.5).
const FRAMES: u64 = 30;
const PACKET_BITS: u64 = 9_600;
/// The least additive increase, in bits a second each second (libwebrtc; the draft has 1,000 bits at each update).
const LEAST_INCREASE: u64 = 4_000;
/// The rate stays below 1.5 times what is received (section 5.5), and so many bits a second (libwebrtc).
const HEADROOM: u64 = 10_000;
/// After a decrease the next one waits for a round trip, within these bounds in microseconds (libwebrtc), but not while
/// less than half of the rate is received.
const REPEAT_MICROS: (u64, u64) = (10_000, 200_000);
/// `1 / (1 - 0.95)`: smoothing of the received rate at decreases (section 5.5).
const SMOOTHING_INVERSE: i64 = 20;
/// The variance over the mean, in bits a second: 400 to 2,500 (libwebrtc).
const VARIANCE: (i64, i64) = (400, 2_500);
/// Its first value (libwebrtc).
const FIRST_VARIANCE: i64 = 400;
/// Close is within three standard deviations (section 5.5).
const CLOSE: i64 = 3;
/// Longer than a second counts as a second (section 5.5).
const LONGEST_MICROS: u64 = 1_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Increase,
    Hold,
}

/// What received rates were when the path was over-used.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    mean: i64,
    /// Variance over the mean.
    variance: i64,
}

/// Estimator: the rate that the delay allows.
#[derive(Clone, Debug)]
pub(super) struct Aimd {
    pub(super) rate: u64,
    pub(super) state: State,
    capacity: Option<Capacity>,
    /// Microseconds since the last decrease.
    since_decrease: u64,
}

impl Aimd {
    pub(super) const fn new(rate: u64) -> Self {
        Self { rate, state: State::Increase, capacity: None, since_decrease: u64::MAX }
    }

    /// `received` is R_hat; `passed` the microseconds since the last update.
    pub(super) fn update(&mut self, usage: Usage, received: Option<u64>, rtt: u64, passed: u64) {
        self.since_decrease = self.since_decrease.saturating_add(passed);
        match usage {
            Usage::Over => self.decrease(received, rtt),
            Usage::Under => self.state = State::Hold,
            // Out of a decrease the path leads over one update of holding (section 5.5's table).
            Usage::Normal if self.state == State::Hold => self.state = State::Increase,
            Usage::Normal => self.increase(received, rtt, passed.min(LONGEST_MICROS)),
        }
    }

    fn decrease(&mut self, received: Option<u64>, rtt: u64) {
        let collapsed = received.is_some_and(|received| received < self.rate / 2);
        if self.since_decrease < rtt.clamp(REPEAT_MICROS.0, REPEAT_MICROS.1) && !collapsed {
            return;
        }
        let received = received.unwrap_or(self.rate);
        let mut rate = received * BETA / 100;
        if let Some(capacity) = self.capacity.filter(|_| rate > self.rate) {
            rate = capacity.mean.unsigned_abs() * BETA / 100;
        }
        self.rate = rate.min(self.rate);
        self.note(signed(received));
        (self.state, self.since_decrease) = (State::Hold, 0);
    }

    fn increase(&mut self, received: Option<u64>, rtt: u64, passed: u64) {
        let error = |capacity: &Capacity| received.map_or(0, |received| signed(received) - capacity.mean);
        self.capacity = self.capacity.filter(|capacity| error(capacity) <= capacity.close());
        let near = self.capacity.is_some_and(|capacity| error(&capacity) >= -capacity.close());
        let gain = if near { self.additive(rtt, passed) } else { self.eight_percent(passed) };
        let most = received.map_or(u64::MAX, |received| received * 3 / 2 + HEADROOM);
        self.rate = (self.rate + gain).min(most.max(self.rate));
    }

    /// At most half a packet each response time.
    fn additive(&self, rtt: u64, passed: u64) -> u64 {
        let frame = self.rate / FRAMES;
        let packet = frame / frame.div_ceil(PACKET_BITS).max(1);
        let response = RESPONSE_MICROS + rtt;
        (packet * passed / (2 * response)).max(LEAST_INCREASE * passed / 1_000_000)
    }

    /// `1.08^t - 1` of the rate, by the series of the exponential.
    fn eight_percent(&self, passed: u64) -> u64 {
        let ms = passed / 1_000;
        let millionths = 76_961 * ms / 1_000 + 2_961 * ms * ms / 1_000_000 + 76 * ms * ms / 1_000_000;
        (self.rate * millionths / 1_000_000).max(LEAST_INCREASE * passed / 1_000_000)
    }

    /// Received rates at decreases: mean and variance.
    fn note(&mut self, received: i64) {
        let fresh = Capacity { mean: received, variance: FIRST_VARIANCE };
        let below = |capacity: &Capacity| received < capacity.mean - capacity.close();
        let old = self.capacity.filter(|capacity| !below(capacity));
        self.capacity = Some(old.map_or(fresh, |old| {
            let error = received - old.mean;
            let mean = old.mean + error / SMOOTHING_INVERSE;
            let spread = error.saturating_mul(error) / mean.max(1);
            let variance = old.variance + (spread - old.variance) / SMOOTHING_INVERSE;
            Capacity { mean, variance: variance.clamp(VARIANCE.0, VARIANCE.1) }
        }));
    }
}

impl Capacity {
    /// Three standard deviations.
    fn close(&self) -> i64 {
        CLOSE * self.variance.saturating_mul(self.mean).max(0).isqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rate: &mut Aimd, usage: Usage, received: u64, updates: u32) {
        for _ in 0..updates {
            rate.update(usage, Some(received), 100_000, 100_000);
        }
    }

    #[test]
    fn far_from_convergence_it_grows_by_eight_percent_a_second() {
        let mut rate = Aimd::new(500_000);
        after(&mut rate, Usage::Normal, 1_000_000, 10);
        assert!(rate.rate.abs_diff(540_000) < 600, "{}", rate.rate);
    }

    #[test]
    fn overuse_leaves_85_percent_of_what_is_received_and_then_it_grows_by_half_packets() {
        let mut rate = Aimd::new(1_000_000);
        after(&mut rate, Usage::Over, 900_000, 1);
        assert_eq!((rate.rate, rate.state), (765_000, State::Hold));
        after(&mut rate, Usage::Normal, 900_000, 1);
        assert_eq!((rate.rate, rate.state), (765_000, State::Increase));
        after(&mut rate, Usage::Normal, 880_000, 10);
        // A packet of 8,500 bits in 200 ms, halved: 21 kbit/s in a second.
        assert!((19_000..24_000).contains(&(rate.rate - 765_000)), "{}", rate.rate);
    }

    #[test]
    fn far_below_what_the_path_bore_it_grows_by_eight_percent_again() {
        let mut rate = Aimd::new(1_000_000);
        after(&mut rate, Usage::Over, 900_000, 1);
        after(&mut rate, Usage::Normal, 600_000, 11);
        assert!(rate.rate.abs_diff(826_200) < 1_000 && rate.capacity.is_some(), "{}", rate.rate);
    }

    #[test]
    fn a_rate_beyond_what_the_path_bore_before_forgets_it() {
        let mut rate = Aimd::new(1_000_000);
        after(&mut rate, Usage::Over, 900_000, 1);
        after(&mut rate, Usage::Normal, 1_500_000, 2);
        assert!(rate.capacity.is_none());
    }

    #[test]
    fn it_stays_near_what_is_really_sent() {
        let mut rate = Aimd::new(300_000);
        after(&mut rate, Usage::Normal, 220_000, 1_000);
        assert_eq!(rate.rate, 340_000);
        after(&mut rate, Usage::Normal, 100_000, 1_000);
        assert_eq!(rate.rate, 340_000);
    }

    #[test]
    fn decreases_are_a_round_trip_apart() {
        let mut rate = Aimd::new(1_000_000);
        rate.update(Usage::Over, Some(900_000), 100_000, 100_000);
        rate.update(Usage::Over, Some(700_000), 100_000, 50_000);
        assert_eq!(rate.rate, 765_000);
        rate.update(Usage::Over, Some(700_000), 100_000, 50_000);
        assert_eq!(rate.rate, 595_000);
    }
}
