//! The average loss interval of RFC 5348 section 5.4, and how much of the warped delay counts (RFC 8698 section 4.2).

/// Loss intervals that are averaged (RFC 5348 section 5.4).
const INTERVALS: usize = 8;
/// Their weights in tenths, the newest first.
const WEIGHTS: [u64; INTERVALS] = [10, 10, 10, 10, 8, 6, 4, 2];
/// `MULTILOSS`: a loss is remembered for so many average intervals (RFC 8698 section 4.1).
const MULTILOSS: u64 = 7;

/// Estimator: packets between losses.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    /// Packets between the loss events, the newest first.
    closed: [u32; INTERVALS],
    known: usize,
    /// Packets since the last loss event began.
    since_event: u32,
    /// Packets since the last loss; none before the first.
    since_loss: Option<u32>,
    /// When the packet left whose loss began the event.
    event: i64,
}

impl Losses {
    /// A packet's fate; losses within one round trip are one event (RFC 5348 section 5.2).
    pub(super) fn decided(&mut self, sent: i64, lost: bool, rtt_micros: i64) {
        self.since_event = self.since_event.saturating_add(1);
        self.since_loss = self.since_loss.map(|since| since.saturating_add(1));
        if !lost {
            return;
        }
        let apart = self.since_loss.is_none() || sent.saturating_sub(self.event) > rtt_micros;
        self.since_loss = Some(0);
        if apart {
            self.closed.rotate_right(1);
            if let Some(newest) = self.closed.first_mut() {
                *newest = self.since_event;
            }
            self.known = (self.known + 1).min(INTERVALS);
            (self.since_event, self.event) = (0, sent);
        }
    }

    /// The average loss interval in packets (`loss_int`), of closed intervals. RFC 5348 counts the open one as well where
    /// that makes the average larger; a sixth of it times `MULTILOSS` would outgrow any count, and no loss would expire.
    fn interval(&self) -> u64 {
        let intervals = self.closed.iter().copied().map(u64::from).take(self.known).zip(WEIGHTS);
        let (sum, weight) =
            intervals.fold((0, 0), |(sum, all), (length, weight)| (sum + length * weight, all + weight));
        (sum / weight.max(1)).max(1)
    }

    /// How much of the warped delay counts, in 65,536ths: all until `loss_exp` packets after the last loss, then less
    /// and less for one more `loss_int`.
    pub(super) fn warp(&self) -> u64 {
        let Some(since) = self.since_loss.map(u64::from) else { return 0 };
        let interval = self.interval();
        let past = since.saturating_sub(MULTILOSS * interval).min(interval);
        ((interval - past) << 16) / interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(losses: &mut Losses, good: u32, rtt: i64) {
        for n in 0..good {
            losses.decided(i64::from(n), false, rtt);
        }
    }

    #[test]
    fn nothing_is_warped_before_a_loss_and_all_is_after_it() {
        let mut losses = Losses::default();
        after(&mut losses, 50, 0);
        assert_eq!(losses.warp(), 0);
        losses.decided(50, true, 0);
        assert_eq!(losses.warp(), 1 << 16);
    }

    #[test]
    fn warping_ends_step_by_step_after_seven_loss_intervals() {
        let mut losses = Losses::default();
        for event in 0..9 {
            after(&mut losses, 99, 0);
            losses.decided(1_000_000 * (event + 1), true, 0);
        }
        assert_eq!(losses.interval(), 100);
        let mut last = losses.warp();
        let mut began = None;
        for n in 1..2_000 {
            losses.decided(0, false, 0);
            assert!(losses.warp() <= last);
            last = losses.warp();
            began = began.or((last < 1 << 16).then_some(n));
        }
        assert_eq!((began, last), (Some(701), 0));
    }

    #[test]
    fn losses_within_a_round_trip_are_one_event() {
        let mut losses = Losses::default();
        after(&mut losses, 9, 0);
        for sent in [0, 10, 20, 30] {
            losses.decided(sent, true, 100);
        }
        assert_eq!(losses.known, 1);
        losses.decided(101, true, 100);
        assert_eq!((losses.known, losses.closed[0]), (2, 4));
    }
}
