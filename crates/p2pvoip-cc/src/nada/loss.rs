//! The average loss interval of RFC 5348 section 5.4, and how much of the warped delay counts (RFC 8698 section 4.2).
//!
//! A run of lost packets is one loss: RFC 8698 counts in packets and takes from RFC 5348 the average alone, not the loss
//! events of section 5.2. What came before the first loss is no interval; RFC 5348 section 6.3.1 does not believe it
//! either.

/// Loss intervals that are averaged (RFC 5348 section 5.4).
const INTERVALS: usize = 8;
/// Their weights in tenths, the newest first.
const WEIGHTS: [u64; INTERVALS] = [10, 10, 10, 10, 8, 6, 4, 2];
/// `MULTILOSS`: a loss is remembered for so many average intervals (RFC 8698 section 4.1).
const MULTILOSS: u64 = 7;

/// Estimator: packets between losses.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    /// Packets from the beginning of a loss to that of the next, the newest first.
    closed: [u32; INTERVALS],
    known: usize,
    /// Packets since the last loss began, and since it ended; none before the first.
    since: Option<(u32, u32)>,
}

impl Losses {
    /// The fate of the next packet.
    pub(super) fn decided(&mut self, lost: bool) {
        let since = self.since.map(|(begin, end)| (begin.saturating_add(1), end.saturating_add(1)));
        self.since = match since {
            Some((begin, 1)) if lost => Some((begin, 0)),
            Some((begin, _)) if lost => {
                self.closed.rotate_right(1);
                if let Some(newest) = self.closed.first_mut() {
                    *newest = begin;
                }
                self.known = (self.known + 1).min(INTERVALS);
                Some((0, 0))
            }
            None if lost => Some((0, 0)),
            unchanged => unchanged,
        };
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
        let Some((_, since)) = self.since else { return 0 };
        let interval = self.interval();
        let past = u64::from(since).saturating_sub(MULTILOSS * interval).min(interval);
        ((interval - past) << 16) / interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(losses: &mut Losses, good: u32) {
        for _ in 0..good {
            losses.decided(false);
        }
    }

    #[test]
    fn nothing_is_warped_before_a_loss_and_all_is_after_it() {
        let mut losses = Losses::default();
        after(&mut losses, 50);
        assert_eq!(losses.warp(), 0);
        losses.decided(true);
        assert_eq!((losses.warp(), losses.interval()), (1 << 16, 1));
    }

    #[test]
    fn warping_ends_step_by_step_after_seven_loss_intervals() {
        let mut losses = Losses::default();
        for _ in 0..9 {
            after(&mut losses, 99);
            losses.decided(true);
        }
        assert_eq!(losses.interval(), 100);
        let mut last = losses.warp();
        let mut began = None;
        for n in 1..2_000 {
            losses.decided(false);
            assert!(losses.warp() <= last);
            last = losses.warp();
            began = began.or((last < 1 << 16).then_some(n));
        }
        assert_eq!((began, last), (Some(701), 0));
    }

    #[test]
    fn a_run_of_losses_is_one() {
        let mut losses = Losses::default();
        losses.decided(true);
        after(&mut losses, 9);
        (0..5).for_each(|_| losses.decided(true));
        assert_eq!((losses.known, losses.closed[0]), (1, 10));
        after(&mut losses, 4);
        losses.decided(true);
        assert_eq!((losses.known, losses.closed[0]), (2, 9));
    }

    #[test]
    fn the_weights_are_those_of_rfc_5348() {
        let mut losses = Losses::default();
        for length in [80, 70, 60, 50, 40, 30, 20, 10, 10] {
            losses.decided(true);
            after(&mut losses, length - 1);
        }
        // The newest eight closed: 10 20 30 40 | 50 60 70 80 with 0.8 0.6 0.4 0.2, over 6.
        let exact = (100 + 40 + 36 + 28 + 16) / 6;
        assert_eq!(losses.interval(), exact);
    }
}
