//! The chain of prekeys: a secret for each period, from which the next one derives and never the one before.
//!
//! C(p + 1) = `Derive(C(p), "next prekeys")`; the X25519 prekey of a period is `Derive(C, "x25519")`, and the ML-KEM-768 pair comes
//! from the seed `Derive(C, "ml-kem", 64)`. Who moves the chain on and writes it to its file anew cannot be made to give up the
//! prekeys of the past.
//!
//! # Left out
//! - One-time prekeys: the server would have to hand out each once, and could tell callers apart.

use core::fmt;

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use zeroize::Zeroizing;

use crate::dates;
use crate::handshake::resolver;
use crate::identity::PUBLIC_LEN;
use crate::kdf::{self, Key};
use crate::kem::KemPair;

/// The period of 2026-01-01, in which every new chain starts; nothing was published before.
pub(crate) const FIRST_PERIOD: u64 = 2_922;
/// The most steps that are walked at once: ten years of weeks, about half a millisecond.
pub(crate) const MAX_STEPS: u64 = 520;
/// Bytes of a chain in an identity file.
pub(crate) const CHAIN_LEN: usize = 8 + 32;

/// The private prekeys of a period; overwritten when dropped.
pub(crate) struct PrekeyPair {
    pub(crate) x25519: Key,
    pub(crate) kem: KemPair,
    public: [u8; PUBLIC_LEN],
}

impl PrekeyPair {
    /// The X25519 public key.
    pub(crate) const fn x25519_public(&self) -> [u8; PUBLIC_LEN] {
        self.public
    }
}

impl fmt::Debug for PrekeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrekeyPair([redacted])")
    }
}

/// The secret of the earliest period that can still be derived.
#[derive(Clone)]
pub(crate) struct Chain {
    period: u64,
    secret: Key,
}

impl Chain {
    /// A new chain. The secret comes from the system and is used for nothing else.
    pub(crate) const fn new(secret: Key) -> Self {
        Self { period: FIRST_PERIOD, secret }
    }

    /// The chain as it stands in a later period; `None` for one that is past, or too far away.
    fn at(&self, period: u64) -> Option<Self> {
        let steps = period.checked_sub(self.period).filter(|steps| *steps <= MAX_STEPS)?;
        let mut chain = self.clone();
        for _ in 0..steps {
            chain.secret = kdf::derive(&chain.secret, "next prekeys", b"");
        }
        chain.period = period;
        Some(chain)
    }

    /// The prekeys of a period; `None` for one that is past, or too far away.
    pub(crate) fn prekeys(&self, period: u64) -> Option<PrekeyPair> {
        let chain = self.at(period)?;
        let seed: Zeroizing<[u8; 64]> = kdf::derive(&chain.secret, "ml-kem", b"");
        let x25519 = kdf::derive(&chain.secret, "x25519", b"");
        Some(PrekeyPair { public: resolver::public_key(&x25519), x25519, kem: KemPair::from_seed(&seed) })
    }

    /// Forgets the periods that no responder accepts at `now`; says whether there were any.
    pub(crate) fn advance(&mut self, now: UnixTime) -> bool {
        let next = earliest(now).filter(|period| *period > self.period).and_then(|period| self.at(period));
        let moved = next.is_some();
        if let Some(next) = next {
            *self = next;
        }
        moved
    }

    /// Whether it gives the prekeys of the period that `now` is in, which are those of a bundle.
    ///
    /// Not those of the period before, which may still be accepted: a chain that lacks them alone is better kept, since a new
    /// one would have other prekeys for the present too.
    pub(crate) fn covers(&self, now: UnixTime) -> bool {
        dates::period_of(now).checked_sub(self.period).is_some_and(|steps| steps <= MAX_STEPS)
    }

    /// Period (8) | secret (32).
    pub(crate) fn emit(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&self.period.to_be_bytes()[..], &*self.secret].concat())
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { period: reader.u64()?, secret: Zeroizing::new(reader.array()?) })
    }
}

/// The earliest period whose prekey is accepted at `now`.
fn earliest(now: UnixTime) -> Option<u64> {
    dates::accepted_periods(now).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn chain() -> Chain {
        Chain::new(Key::new([7; 32]))
    }

    fn public(chain: &Chain, period: u64) -> Option<[u8; 32]> {
        chain.prekeys(period).map(|pair| pair.x25519_public())
    }

    #[test]
    fn new_chains_start_on_the_first_of_january_2026() {
        assert_eq!(dates::start_of(FIRST_PERIOD), UnixTime::from_secs(1_767_225_600));
        assert!(public(&chain(), FIRST_PERIOD - 1).is_none());
        assert!(public(&chain(), FIRST_PERIOD).is_some());
    }

    #[test]
    fn a_chain_that_moved_on_gives_the_same_prekeys_and_none_of_the_past() {
        let mut moved = chain();
        let now = dates::start_of(3_000) + Duration::from_secs(3 * 86_400);
        assert!(moved.advance(now));
        assert!(!moved.advance(now), "it has moved already");
        assert!(public(&moved, 2_999).is_none());
        for period in [3_000, 3_001, 3_100] {
            assert_eq!(public(&moved, period), public(&chain(), period));
            assert_eq!(
                moved.prekeys(period).unwrap().kem.public(),
                chain().prekeys(period).unwrap().kem.public()
            );
        }
    }

    #[test]
    fn what_is_still_accepted_is_kept() {
        let mut moved = chain();
        let start = dates::start_of(3_000);
        assert!(moved.advance(start + dates::PREKEY_GRACE));
        assert_eq!(public(&moved, 2_999), public(&chain(), 2_999));
        assert!(moved.advance(
            start + dates::PREKEY_GRACE + dates::CLOCK_SKEW + dates::CLOCK_SKEW + Duration::from_secs(1)
        ));
        assert!(public(&moved, 2_999).is_none());
    }

    #[test]
    fn five_hundred_and_twenty_steps_are_walked_and_no_more() {
        assert!(public(&chain(), FIRST_PERIOD + MAX_STEPS).is_some());
        assert!(public(&chain(), FIRST_PERIOD + MAX_STEPS + 1).is_none());
        assert!(public(&chain(), u64::MAX).is_none());
        let mut stuck = chain();
        let far = dates::start_of(FIRST_PERIOD + MAX_STEPS + 9);
        assert!(!stuck.advance(far) && !stuck.covers(far));
        assert!(!stuck.covers(UnixTime::from_secs(0)));
        assert!(stuck.covers(dates::start_of(3_000)));
    }

    #[test]
    fn a_chain_that_begins_with_the_next_period_does_not_cover_the_present_even_when_the_next_is_accepted() {
        let start = dates::start_of(3_000);
        let before = start - Duration::from_secs(3_600);
        let ahead = Chain { period: 3_000, secret: Key::new([7; 32]) };
        assert!(dates::accepted_periods(before).any(|period| period == 3_000));
        assert!(!ahead.covers(before), "a bundle of that hour would be empty");
        assert!(ahead.covers(start), "what is still accepted of the period before is not asked for");
    }

    #[test]
    fn a_chain_reads_as_it_was_written() {
        let mut moved = chain();
        moved.advance(dates::start_of(3_000));
        let bytes = moved.emit();
        assert_eq!(bytes.len(), CHAIN_LEN);
        let read = Chain::parse(&mut Reader::new(&bytes)).unwrap();
        assert_eq!((read.period, &read.secret), (moved.period, &moved.secret));
    }
}
