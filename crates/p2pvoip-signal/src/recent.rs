//! Which offers were seen: an offer that comes twice, or out of its time, does not ring again.

use crate::{CallId, OfferBody};
use p2pvoip_core::{Redacted, UnixTime};
use std::time::Duration;

/// How far the clocks of two peers may differ, the offer's travel included.
pub const OFFER_SKEW: Duration = Duration::from_secs(300);
/// How many offers are remembered; more within twice [`OFFER_SKEW`] are refused.
pub const RECENT_OFFERS: usize = 128;
/// How many of them may come from one caller, so that no caller alone uses up the others' places.
pub const RECENT_OFFERS_PER_CALLER: usize = 8;

/// Why an offer does not ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OfferRefused {
    /// It came before.
    #[error("this offer came before; it is answered once")]
    Duplicate,
    /// Its time is further from this side's clock than [`OFFER_SKEW`].
    #[error("the offer is older or newer than the clocks of two devices may differ; check the clocks")]
    OutOfTime,
    /// More than [`RECENT_OFFERS`] came lately, or more than [`RECENT_OFFERS_PER_CALLER`] from this caller.
    #[error("too many offers came within a few minutes; later ones are refused for a while")]
    TooMany,
}

/// Stage: the offers of the last minutes.
#[derive(Clone, Debug, Default)]
pub struct RecentOffers {
    seen: Vec<Seen>,
}

#[derive(Clone)]
struct Seen {
    call_id: CallId,
    from: [u8; 32],
    at: UnixTime,
}

impl core::fmt::Debug for Seen {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Seen")
            .field("call_id", &self.call_id)
            .field("from", &Redacted(&self.from))
            .field("at", &self.at)
            .finish()
    }
}

impl RecentOffers {
    /// None seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { seen: Vec::new() }
    }

    /// Lets an offer in, once. `from` tells callers apart, for example by their identity keys; it is read as mere bytes.
    ///
    /// # Errors
    /// [`OfferRefused`] when it should not ring; nothing is remembered of it then.
    pub fn admit(&mut self, offer: &OfferBody, from: &[u8; 32], now: UnixTime) -> Result<(), OfferRefused> {
        if offer.at + OFFER_SKEW < now || offer.at > now + OFFER_SKEW {
            return Err(OfferRefused::OutOfTime);
        }
        if self.seen.iter().any(|seen| seen.call_id == offer.call_id) {
            return Err(OfferRefused::Duplicate);
        }
        // What would be refused for its time alone need not be remembered.
        self.seen.retain(|seen| seen.at + OFFER_SKEW >= now);
        let of_caller = self.seen.iter().filter(|seen| seen.from == *from).count();
        if self.seen.len() >= RECENT_OFFERS || of_caller >= RECENT_OFFERS_PER_CALLER {
            return Err(OfferRefused::TooMany);
        }
        self.seen.push(Seen { call_id: offer.call_id, from: *from, at: offer.at });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MailboxId;

    const CALLER: [u8; 32] = [255; 32];

    fn offer(number: u8, at: u64) -> OfferBody {
        let (call_id, reply_to) = (CallId::new([number; 16]), MailboxId::new([0; 16]));
        OfferBody { call_id, reply_to, at: UnixTime::from_secs(at), ice: vec![], media: vec![] }
    }

    #[test]
    fn an_offer_is_let_in_once() {
        let mut recent = RecentOffers::new();
        let now = UnixTime::from_secs(10_000);
        assert_eq!(recent.admit(&offer(1, 10_000), &CALLER, now), Ok(()));
        assert_eq!(recent.admit(&offer(1, 10_000), &CALLER, now), Err(OfferRefused::Duplicate));
        assert_eq!(recent.admit(&offer(2, 9_700), &CALLER, now), Ok(()));
        assert_eq!(recent.admit(&offer(3, 9_699), &CALLER, now), Err(OfferRefused::OutOfTime));
        assert_eq!(recent.admit(&offer(3, 10_301), &CALLER, now), Err(OfferRefused::OutOfTime));
    }

    #[test]
    fn an_offer_from_a_fast_clock_is_remembered_as_long_as_it_could_be_replayed() {
        let mut recent = RecentOffers::new();
        assert_eq!(recent.admit(&offer(1, 10_300), &CALLER, UnixTime::from_secs(10_000)), Ok(()));
        for later in [10_301, 10_600] {
            assert_eq!(
                recent.admit(&offer(2, later), &CALLER, UnixTime::from_secs(later)).is_ok(),
                later == 10_301
            );
            let replay = recent.admit(&offer(1, 10_300), &CALLER, UnixTime::from_secs(later));
            assert_eq!(replay, Err(OfferRefused::Duplicate));
        }
    }

    #[test]
    fn the_table_is_bounded_and_empties_with_time() {
        let mut recent = RecentOffers::new();
        let now = UnixTime::from_secs(10_000);
        for number in 0..RECENT_OFFERS {
            let number = u8::try_from(number).unwrap();
            assert_eq!(recent.admit(&offer(number, 10_000), &[number; 32], now), Ok(()));
        }
        assert_eq!(recent.admit(&offer(200, 10_000), &CALLER, now), Err(OfferRefused::TooMany));
        assert_eq!(recent.admit(&offer(200, 10_301), &CALLER, UnixTime::from_secs(10_301)), Ok(()));
    }

    #[test]
    fn one_caller_has_a_few_places_and_leaves_the_rest_to_others() {
        let mut recent = RecentOffers::new();
        let now = UnixTime::from_secs(10_000);
        for number in 0..RECENT_OFFERS_PER_CALLER {
            assert_eq!(recent.admit(&offer(u8::try_from(number).unwrap(), 10_000), &CALLER, now), Ok(()));
        }
        assert_eq!(recent.admit(&offer(100, 10_000), &CALLER, now), Err(OfferRefused::TooMany));
        assert_eq!(recent.admit(&offer(1, 10_000), &CALLER, now), Err(OfferRefused::Duplicate));
        assert_eq!(recent.admit(&offer(100, 10_000), &[1; 32], now), Ok(()), "another has its own");
        // Remembered until the last moment at which they could be repeated.
        let last = UnixTime::from_secs(10_300);
        assert_eq!(recent.admit(&offer(101, 10_300), &CALLER, last), Err(OfferRefused::TooMany));
        assert_eq!(recent.admit(&offer(101, 10_301), &CALLER, UnixTime::from_secs(10_301)), Ok(()));
    }

    #[test]
    fn who_called_is_not_shown() {
        let mut recent = RecentOffers::new();
        assert_eq!(recent.admit(&offer(1, 10_000), &[0xab; 32], UnixTime::from_secs(10_000)), Ok(()));
        assert!(!format!("{recent:?}").contains("171"));
    }
}
