//! Which offers were seen: an offer that comes twice, or out of its time, does not ring again.

use crate::{CallId, OfferBody};
use p2pvoip_core::UnixTime;
use std::time::Duration;

/// How far the clocks of two peers may differ, the offer's travel included.
pub const OFFER_SKEW: Duration = Duration::from_secs(300);
/// How many offers are remembered; more within twice [`OFFER_SKEW`] are refused.
pub const RECENT_OFFERS: usize = 128;

/// Why an offer does not ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OfferRefused {
    /// It came before.
    #[error("this offer came before; it is answered once")]
    Duplicate,
    /// Its time is further from this side's clock than [`OFFER_SKEW`].
    #[error("the offer is older or newer than the clocks of two devices may differ; check the clocks")]
    OutOfTime,
    /// More than [`RECENT_OFFERS`] came lately.
    #[error("too many offers came within a few minutes; later ones are refused for a while")]
    TooMany,
}

/// Stage: the offers of the last minutes.
#[derive(Clone, Debug, Default)]
pub struct RecentOffers {
    seen: Vec<(CallId, UnixTime)>,
}

impl RecentOffers {
    /// None seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { seen: Vec::new() }
    }

    /// Lets an offer in, once.
    ///
    /// # Errors
    /// [`OfferRefused`] when it should not ring; nothing is remembered of it then.
    pub fn admit(&mut self, offer: &OfferBody, now: UnixTime) -> Result<(), OfferRefused> {
        if offer.at + OFFER_SKEW < now || offer.at > now + OFFER_SKEW {
            return Err(OfferRefused::OutOfTime);
        }
        if self.seen.iter().any(|(id, _)| *id == offer.call_id) {
            return Err(OfferRefused::Duplicate);
        }
        // What would be refused for its time alone need not be remembered.
        self.seen.retain(|(_, at)| *at + OFFER_SKEW >= now);
        if self.seen.len() >= RECENT_OFFERS {
            return Err(OfferRefused::TooMany);
        }
        self.seen.push((offer.call_id, offer.at));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MailboxId;

    fn offer(number: u8, at: u64) -> OfferBody {
        let (call_id, reply_to) = (CallId::new([number; 16]), MailboxId::new([0; 16]));
        OfferBody { call_id, reply_to, at: UnixTime::from_secs(at), ice: vec![], media: vec![] }
    }

    #[test]
    fn an_offer_is_let_in_once() {
        let mut recent = RecentOffers::new();
        let now = UnixTime::from_secs(10_000);
        assert_eq!(recent.admit(&offer(1, 10_000), now), Ok(()));
        assert_eq!(recent.admit(&offer(1, 10_000), now), Err(OfferRefused::Duplicate));
        assert_eq!(recent.admit(&offer(2, 9_700), now), Ok(()));
        assert_eq!(recent.admit(&offer(3, 9_699), now), Err(OfferRefused::OutOfTime));
        assert_eq!(recent.admit(&offer(3, 10_301), now), Err(OfferRefused::OutOfTime));
    }

    #[test]
    fn an_offer_from_a_fast_clock_is_remembered_as_long_as_it_could_be_replayed() {
        let mut recent = RecentOffers::new();
        assert_eq!(recent.admit(&offer(1, 10_300), UnixTime::from_secs(10_000)), Ok(()));
        for later in [10_301, 10_600] {
            assert_eq!(recent.admit(&offer(2, later), UnixTime::from_secs(later)).is_ok(), later == 10_301);
            let replay = recent.admit(&offer(1, 10_300), UnixTime::from_secs(later));
            assert_eq!(replay, Err(OfferRefused::Duplicate));
        }
    }

    #[test]
    fn the_table_is_bounded_and_empties_with_time() {
        let mut recent = RecentOffers::new();
        let now = UnixTime::from_secs(10_000);
        for number in 0..RECENT_OFFERS {
            assert_eq!(recent.admit(&offer(u8::try_from(number).unwrap(), 10_000), now), Ok(()));
        }
        assert_eq!(recent.admit(&offer(200, 10_000), now), Err(OfferRefused::TooMany));
        assert_eq!(recent.admit(&offer(200, 10_301), UnixTime::from_secs(10_301)), Ok(()));
    }
}
