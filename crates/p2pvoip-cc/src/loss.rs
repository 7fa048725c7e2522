//! How much is lost, and in what runs: the two numbers by which media chooses redundancy.
//!
//! Per packet, not per time: a share of packets has the same noise at every ptime. The mean run is the share lost
//! divided by the share of losses that begin a run, both smoothed alike.
//!
//! # Left out
//! - Recovery by the media: what counts here is the network's loss.

/// Packets over which loss is smoothed: 2.5 s at 20 ms; its noise is 2 % at 10 % independent loss.
const MEMORY: f32 = 128.0;
/// The longest mean run told: a silence of 32 packets is an outage, which redundancy does not repair.
const LONGEST_BURST: f32 = 32.0;

/// Estimator: the share of packets lost and the mean length of a run of losses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossEstimator {
    share: f32,
    starts: f32,
    previous_lost: bool,
    packets: f32,
}

impl LossEstimator {
    /// The fate of the next packet in the order of numbers.
    pub(crate) fn on_decided(&mut self, lost: bool) {
        // The first packets weigh as much as there are, so that the estimate does not start from a guess.
        self.packets = (self.packets + 1.0).min(MEMORY);
        let gain = 1.0 / self.packets.max(MEMORY / 4.0);
        let sample = |happened: bool| if happened { 1.0 } else { 0.0 };
        self.share += gain * (sample(lost) - self.share);
        self.starts += gain * (sample(lost && !self.previous_lost) - self.starts);
        self.previous_lost = lost;
    }

    /// A packet that was decided as lost came after all.
    pub(crate) fn on_late(&mut self) {
        self.share = (self.share - 1.0 / MEMORY).max(0.0);
        self.starts = (self.starts - 1.0 / MEMORY).max(0.0);
    }

    /// The share of packets lost, 0 to 1.
    pub(crate) fn loss(&self) -> f32 {
        self.share.clamp(0.0, 1.0)
    }

    /// The mean number of packets lost in a row, at least 1.
    pub(crate) fn burst(&self) -> f32 {
        // Below one loss in the memory there is no run to speak of.
        if self.starts < 0.5 / MEMORY { 1.0 } else { (self.share / self.starts).clamp(1.0, LONGEST_BURST) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;

    fn after(packets: u32, mut lost: impl FnMut(u32) -> bool) -> LossEstimator {
        let mut loss = LossEstimator::default();
        (0..packets).for_each(|i| loss.on_decided(lost(i)));
        loss
    }

    #[test]
    fn independent_loss_is_found_within_a_few_percent_and_is_not_bursty() {
        for (seed, share) in [(1, 0.1), (2, 0.2), (3, 0.3)] {
            let mut rng = Seed::from_u64(seed).rng();
            let loss = after(1_000, |_| rng.chance(share));
            assert!((f64::from(loss.loss()) - share).abs() < 0.1, "{share} found as {}", loss.loss());
            assert!(loss.burst() < 2.0, "{}", loss.burst());
        }
    }

    #[test]
    fn runs_of_four_are_found() {
        let loss = after(1_000, |i| i % 40 < 4);
        assert!((loss.loss() - 0.1).abs() < 0.03 && (loss.burst() - 4.0).abs() < 1.0, "{loss:?}");
    }

    #[test]
    fn one_early_loss_is_not_read_as_total_loss() {
        assert!(after(1, |_| true).loss() < 0.05);
    }

    #[test]
    fn clean_paths_have_no_loss_and_single_runs() {
        let loss = after(1_000, |i| i < 4);
        assert!(loss.loss() < 0.001 && loss.burst().to_bits() == 1f32.to_bits());
    }

    #[test]
    fn late_packets_are_taken_off_again() {
        let mut loss = after(500, |i| i % 10 == 0);
        (0..500).for_each(|_| loss.on_late());
        assert!(loss.loss() == 0.0 && loss.burst() >= 1.0);
    }

    #[test]
    fn an_outage_is_bounded() {
        let loss = after(10_000, |_| true);
        assert!(loss.loss() <= 1.0 && loss.burst() <= LONGEST_BURST);
    }
}
