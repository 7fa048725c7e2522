//! Which pair is chosen, and when the controlling agent chooses (RFC 8445 section 8.1.1, regular nomination).
//!
//! The first pair that works is not chosen at once: a better one may follow within a short wait, during which media
//! flows already. A pair of higher priority that comes to work after that is nominated in turn, so that a call moves
//! from a relay to a direct path; the latest nomination counts for both sides.
//!
//! # Timers
//! - The wait for a better pair.

use core::time::Duration;

use p2pvoip_core::Instant;

use crate::checklist::CheckList;
use crate::pair::PairId;

/// How far the choice is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// No pair has worked yet.
    Unspent,
    /// A better pair may come until then.
    Until(Instant),
    /// The best that works is chosen at once.
    Spent,
}

/// Stage: the choice of the pair.
#[derive(Clone)]
pub(crate) struct Nomination {
    wait: Duration,
    patience: Patience,
    selected: Option<PairId>,
}

impl Nomination {
    pub(crate) fn new(wait: Duration) -> Self {
        Self { wait, patience: Patience::Unspent, selected: None }
    }

    /// The pair that was nominated last.
    pub(crate) fn selected(&self) -> Option<PairId> {
        self.selected
    }

    /// A nomination is complete.
    pub(crate) fn select(&mut self, id: PairId) {
        self.selected = Some(id);
        self.patience = Patience::Spent;
    }

    /// When [`Nomination::choose`] may have a new answer without anything else happening.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        match self.patience {
            Patience::Until(at) => Some(at),
            Patience::Unspent | Patience::Spent => None,
        }
    }

    /// The pair that the controlling agent nominates now. `complete`: no further candidates will come.
    pub(crate) fn choose(&mut self, list: &CheckList, complete: bool, now: Instant) -> Option<PairId> {
        if self.next_at().is_some_and(|at| at <= now) {
            self.patience = Patience::Spent;
        }
        let best = list.best_valid()?;
        if self.patience == Patience::Unspent {
            self.patience = Patience::Until(now + self.wait);
        }
        if complete && !list.hopes_above(best.priority) {
            self.patience = Patience::Spent;
        }
        let pending = list.iter().any(|pair| pair.nominate);
        let held = self.selected.and_then(|id| list.get(id)).filter(|pair| pair.valid.is_some());
        let better = held.is_none_or(|held| best.priority > held.priority);
        (self.patience == Patience::Spent && !pending && better).then_some(best.id)
    }
}
