//! What an identity has computed and will need again: the prekeys of the accepted periods, and the credential of the day.
//!
//! It holds no more than derives from the identity's secret at any time, so that who forgets that (by moving the chain of
//! prekeys on and making the identity anew) forgets this too.
//!
//! # Limits
//! - [`MAX_PERIODS`] periods: those that a responder accepts at one moment. A third one takes the place of the oldest.

use std::sync::{Arc, Mutex, PoisonError};

use crate::chain::PrekeyPair;
use crate::credential::CREDENTIAL_LEN;

/// The most periods whose prekeys are kept.
pub(crate) const MAX_PERIODS: usize = 2;

/// A day, and the credential that was signed on it.
type OfDay = Option<(u64, [u8; CREDENTIAL_LEN])>;

/// The memory of one identity.
#[derive(Default)]
pub(crate) struct Ready {
    prekeys: Mutex<Vec<(u64, Arc<PrekeyPair>)>>,
    credential: Mutex<OfDay>,
}

impl Ready {
    /// The prekeys of a period, made by `make` when they are not there.
    pub(crate) fn prekeys(
        &self,
        period: u64,
        make: impl FnOnce() -> Option<PrekeyPair>,
    ) -> Option<Arc<PrekeyPair>> {
        let mut kept = self.prekeys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pair)) = kept.iter().find(|(of, _)| *of == period) {
            return Some(Arc::clone(pair));
        }
        let pair = Arc::new(make()?);
        kept.push((period, Arc::clone(&pair)));
        kept.sort_unstable_by_key(|(of, _)| *of);
        if kept.len() > MAX_PERIODS {
            kept.remove(0);
        }
        Some(pair)
    }

    /// The credential of a day, made by `make` when it is not there.
    pub(crate) fn credential(
        &self,
        day: u64,
        make: impl FnOnce() -> [u8; CREDENTIAL_LEN],
    ) -> [u8; CREDENTIAL_LEN] {
        let mut kept = self.credential.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, bytes)) = *kept
            && of == day
        {
            return bytes;
        }
        let bytes = make();
        *kept = Some((day, bytes));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;
    use crate::kdf::Key;

    #[test]
    fn what_is_there_is_not_made_again_and_the_oldest_goes() {
        let (ready, chain) = (Ready::default(), Chain::new(Key::new([1; 32])));
        let made = |period| {
            let mut made = false;
            let pair = ready.prekeys(period, || {
                made = true;
                chain.prekeys(period)
            });
            assert_eq!(pair.unwrap().kem.public(), chain.prekeys(period).unwrap().kem.public());
            made
        };
        let periods = [2_950, 2_951, 2_950, 2_951, 2_952, 2_952, 2_951, 2_950];
        assert_eq!(periods.map(made), [true, true, false, false, true, false, false, true]);
        assert!(ready.prekeys(1, || chain.prekeys(1)).is_none());
    }

    #[test]
    fn a_credential_is_made_once_a_day() {
        let ready = Ready::default();
        let of = |day, byte| ready.credential(day, || [byte; CREDENTIAL_LEN])[0];
        assert_eq!([of(1, 1), of(1, 2), of(2, 3), of(2, 4), of(1, 5)], [1, 1, 3, 3, 5]);
    }
}
