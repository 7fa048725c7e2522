//! The epochs that a sender may have stepped to, as far as its receiver follows: derived when they are asked for, once.
//!
//! A sender whose re-key secret is known here has mixed it into one of its next steps, or not yet. So there are two ways to be one
//! step ahead, three to be two, and four to be three; without such a secret there is one each.

use super::protection::{Epoch, PacketKeys};
use crate::rekey::MixSecret;
use crate::suite::Aead;

/// How many steps a receiver follows at once: the two bits of a header tell four epochs apart.
pub(super) const MOST_AHEAD: u8 = 3;
/// Ways to be 1, 2 and 3 steps ahead.
const WAYS: usize = 2 + 3 + 4;

/// One way to be ahead: the number of steps, and which of them is the mixed one, counted from 1; 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Way {
    pub(super) steps: u8,
    pub(super) mixed: u8,
}

impl Way {
    /// All ways to be so many steps ahead, those with the secret first: that step follows at once when both have it.
    pub(super) fn all(steps: u8, has_secret: bool) -> impl Iterator<Item = Self> {
        let from = if has_secret { 1 } else { steps + 1 };
        (from..=steps).chain([0]).map(move |mixed| Self { steps, mixed })
    }

    /// The way without its last step.
    pub(super) const fn without_last(self) -> Self {
        let steps = self.steps.saturating_sub(1);
        Self { steps, mixed: if self.mixed > steps { 0 } else { self.mixed } }
    }

    const fn place(self) -> usize {
        let before = match self.steps {
            1 => 0,
            2 => 2,
            _ => 5,
        };
        before + self.mixed as usize
    }

    fn derive(self, aead: Aead, present: &Epoch, mix: Option<&MixSecret>) -> Option<Epoch> {
        let mixed = match self.mixed {
            0 => None,
            step => Some((step, mix?)),
        };
        present.ahead(aead, self.steps, mixed)
    }
}

/// Stage: the epochs ahead of the present one that were asked for so far.
pub(super) struct Ahead {
    epochs: [Epoch; WAYS],
    known: [bool; WAYS],
}

impl Ahead {
    pub(super) fn new(aead: Aead) -> Self {
        Self { epochs: core::array::from_fn(|_| Epoch::blank(aead)), known: [false; WAYS] }
    }

    /// The epoch at the end of a way; `None` when it needs a secret that is not there, or no epoch is left.
    pub(super) fn get(
        &mut self,
        way: Way,
        aead: Aead,
        present: &Epoch,
        mix: Option<&MixSecret>,
    ) -> Option<&Epoch> {
        let (epoch, known) = (self.epochs.get_mut(way.place())?, self.known.get_mut(way.place())?);
        if !*known {
            *epoch = way.derive(aead, present, mix)?;
            *known = true;
        }
        Some(epoch)
    }

    /// Takes the keys at the end of a way, for packets that are late.
    pub(super) fn take_keys(
        &mut self,
        way: Way,
        aead: Aead,
        present: &Epoch,
        mix: Option<&MixSecret>,
    ) -> Option<PacketKeys> {
        self.get(way, aead, present, mix)?;
        let epoch = self.epochs.get_mut(way.place())?;
        Some(core::mem::replace(&mut epoch.keys, PacketKeys::blank(aead)))
    }

    /// Takes the epoch at the end of a way, for it to become the present one, and erases all others.
    pub(super) fn take(
        &mut self,
        way: Way,
        aead: Aead,
        present: &Epoch,
        mix: Option<&MixSecret>,
    ) -> Option<Epoch> {
        self.get(way, aead, present, mix)?;
        let taken = core::mem::replace(self.epochs.get_mut(way.place())?, Epoch::blank(aead));
        self.erase(aead);
        Some(taken)
    }

    /// Erases all: the present epoch or the secret is another one.
    pub(super) fn erase(&mut self, aead: Aead) {
        for (epoch, known) in self.epochs.iter_mut().zip(&mut self.known) {
            if core::mem::take(known) {
                *epoch = Epoch::blank(aead);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_has_a_place_of_its_own() {
        let all: Vec<_> = (1..=MOST_AHEAD).flat_map(|steps| Way::all(steps, true)).collect();
        let places: std::collections::BTreeSet<_> = all.iter().map(|way| way.place()).collect();
        assert_eq!((all.len(), places), (WAYS, (0..WAYS).collect()));
        assert_eq!(
            Way::all(1, true).collect::<Vec<_>>(),
            [Way { steps: 1, mixed: 1 }, Way { steps: 1, mixed: 0 }]
        );
        assert_eq!(Way::all(3, false).collect::<Vec<_>>(), [Way { steps: 3, mixed: 0 }]);
    }
}
