//! Loss by chance: independent, or in bursts by the model of Gilbert and Elliott.

use p2pvoip_core::Rng;

/// How packets are lost by chance.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Loss {
    /// None is.
    #[default]
    None,
    /// Each with this probability.
    Independent(f64),
    /// By a chain of two states (Gilbert 1960, Elliott 1963): before each packet the state may change, then the
    /// packet is lost with the probability of the state.
    GilbertElliott {
        /// The probability of leaving the good state.
        to_bad: f64,
        /// The probability of leaving the bad state.
        to_good: f64,
        /// The probability of loss in the good state.
        in_good: f64,
        /// The probability of loss in the bad state.
        in_bad: f64,
    },
}

impl Loss {
    /// Loses the share `mean` of all packets (below 1), in bursts of `burst` packets on average (at least 1).
    ///
    /// The good state loses nothing, the bad one everything. A mean that would need a good state shorter than one
    /// packet is cut to what one packet gives.
    #[must_use]
    pub fn bursts(mean: f64, burst: f64) -> Self {
        let to_good = 1.0 / burst.max(1.0);
        let to_bad = if mean < 1.0 { (mean * to_good / (1.0 - mean)).clamp(0.0, 1.0) } else { 1.0 };
        Self::GilbertElliott { to_bad, to_good, in_good: 0.0, in_bad: 1.0 }
    }

    /// The share of packets that it loses in the long run.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::None => 0.0,
            Self::Independent(loss) => loss,
            Self::GilbertElliott { in_good, in_bad, .. } => {
                let bad = self.share_of_bad();
                in_good * (1.0 - bad) + in_bad * bad
            }
        }
    }

    fn share_of_bad(&self) -> f64 {
        match *self {
            Self::GilbertElliott { to_bad, to_good, .. } if to_bad + to_good > 0.0 => {
                to_bad / (to_bad + to_good)
            }
            Self::None | Self::Independent(_) | Self::GilbertElliott { .. } => 0.0,
        }
    }
}

/// The model while it runs.
#[derive(Debug)]
pub(super) struct LossState {
    loss: Loss,
    is_bad: bool,
}

impl LossState {
    /// Begins in a state drawn from the share that each has in the long run.
    pub(super) fn new(loss: Loss, rng: &mut Rng) -> Self {
        let share = loss.share_of_bad();
        Self { loss, is_bad: share > 0.0 && rng.chance(share) }
    }

    /// Whether the next packet is lost.
    pub(super) fn loses(&mut self, rng: &mut Rng) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Independent(loss) => rng.chance(loss),
            Loss::GilbertElliott { to_bad, to_good, in_good, in_bad } => {
                let change = if self.is_bad { to_good } else { to_bad };
                self.is_bad ^= rng.chance(change);
                let loss = if self.is_bad { in_bad } else { in_good };
                loss > 0.0 && rng.chance(loss)
            }
        }
    }
}
