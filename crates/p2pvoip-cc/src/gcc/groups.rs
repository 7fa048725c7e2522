//! Packets that left together, and how much later each group came than the one before (draft-ietf-rmcat-gcc-02
//! sections 5.1 and 5.2).
//!
//! # Left out
//! - Packets out of order: they are ignored, as the draft says.

/// `burst_time`: packets that leave within it are one group (section 5.6).
const BURST_MICROS: i64 = 5_000;
/// A group that arrives as a burst grows no longer than this (libwebrtc's arrival model).
const LONGEST_MICROS: i64 = 100_000;

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: i64,
    first_at: i64,
    sent: i64,
    at: i64,
}

/// Two neighbouring groups, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Variation {
    /// Between their departures, `T(i) - T(i-1)`.
    pub(super) departure: i64,
    /// Between their arrivals, `t(i) - t(i-1)`.
    pub(super) arrival: i64,
    /// When the later one had come whole.
    pub(super) at: i64,
}

/// Estimator: inter-group delay variation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Groups {
    open: Option<Group>,
    whole: Option<Group>,
}

impl Groups {
    /// A packet left and came; what a group it closes says.
    pub(super) fn push(&mut self, sent: i64, at: i64) -> Option<Variation> {
        let Some(open) = self.open.as_mut() else {
            self.open = Some(Group::of(sent, at));
            return None;
        };
        if sent < open.sent {
            return None;
        }
        if open.takes(sent, at) {
            (open.sent, open.at) = (sent, at.max(open.at));
            return None;
        }
        let closed = *open;
        self.open = Some(Group::of(sent, at));
        let before = self.whole.replace(closed)?;
        let variation =
            Variation { departure: closed.sent - before.sent, arrival: closed.at - before.at, at: closed.at };
        (variation.arrival >= 0).then_some(variation)
    }
}

impl Group {
    const fn of(sent: i64, at: i64) -> Self {
        Self { first_sent: sent, first_at: at, sent, at }
    }

    fn takes(&self, sent: i64, at: i64) -> bool {
        let (departure, arrival) = (sent - self.sent, at - self.at);
        let burst = arrival < BURST_MICROS && arrival < departure && at - self.first_at < LONGEST_MICROS;
        sent - self.first_sent <= BURST_MICROS || burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_five_milliseconds_are_one_group() {
        let mut groups = Groups::default();
        for (sent, at) in [(0, 40_000), (2_000, 42_000), (5_000, 45_000), (20_000, 61_000)] {
            assert_eq!(groups.push(sent, at), None);
        }
        let variation = groups.push(40_000, 80_000);
        assert_eq!(variation, Some(Variation { departure: 15_000, arrival: 16_000, at: 61_000 }));
    }

    #[test]
    fn what_an_outage_releases_at_once_is_one_group() {
        let mut groups = Groups::default();
        groups.push(0, 10_000);
        groups.push(20_000, 200_000);
        for n in 2..10 {
            assert_eq!(groups.push(n * 20_000, 200_000 + n * 100), None);
        }
        let variation = groups.push(200_000, 210_000);
        assert_eq!(variation, Some(Variation { departure: 180_000, arrival: 190_900, at: 200_900 }));
    }

    #[test]
    fn a_packet_that_left_earlier_is_ignored() {
        let mut groups = Groups::default();
        groups.push(100_000, 1_000_000);
        assert_eq!(groups.push(50_000, 2_000_000), None);
        groups.push(120_000, 1_020_000);
        let variation = groups.push(140_000, 1_040_000);
        assert_eq!(variation.map(|v| (v.departure, v.arrival)), Some((20_000, 20_000)));
    }
}
