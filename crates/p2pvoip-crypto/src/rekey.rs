//! The hybrid re-key: fresh X25519 and ML-KEM-768 keys in mid-call, so that who has stolen the keys of today cannot read tomorrow.
//!
//! ```text
//! offer  = X25519 key (32) | ML-KEM-768 encapsulation key (1,184)
//! answer = X25519 key (32) | ML-KEM-768 ciphertext (1,088)
//! secret = Derive(Extract(re-key secret of the session, X25519 secret | ML-KEM secret), "rekey", H(offer) | H(answer))
//! ```
//! Both travel inside sealed packets, so that each comes from the peer. Both sides mix the secret into the next step of their
//! directions: the initiator when it has the answer, the responder when it has opened a packet of the initiator's mixed epoch.
//!
//! A stolen state heals by chance that was drawn after the theft: the owner [stirs](RekeyInitiator::stir) it in now and then.
//! The seed moves on with each use, so that past keys cannot be made again either.
//!
//! # Timers
//! - the initiator offers [`REKEY_EVERY`] after it began or offered last, and [`REKEY_SPACING`] after it was answered last at the
//!   earliest, so that a secret is in use before the next one is made; what is not answered by then is given up.
//! - the responder answers at most one offer in [`REKEY_SPACING`].

use core::fmt;
use core::time::Duration;

use p2pvoip_core::{Instant, Seed, Wake};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::kdf::{self, HASH_LEN, Key};
use crate::kem::{self, KEM_CIPHERTEXT_LEN, KEM_PUBLIC_LEN, KemPair};
use crate::x25519::{X25519_LEN, agree, public_key};

/// Bytes of an offer.
pub const REKEY_OFFER_LEN: usize = X25519_LEN + KEM_PUBLIC_LEN;
/// Bytes of an answer.
pub const REKEY_ANSWER_LEN: usize = X25519_LEN + KEM_CIPHERTEXT_LEN;
/// How often the initiator of the session offers a re-key.
pub const REKEY_EVERY: Duration = Duration::from_secs(120);
/// The least time from an answer to the next offer, and between two offers that are answered: what a hostile peer can make a
/// responder spend.
pub const REKEY_SPACING: Duration = Duration::from_secs(60);

/// What becomes of a seed once its keys are made: they cannot be made of it again.
const SPENT: &str = "spent";

/// What binds all re-keys to their session; overwritten when dropped.
pub struct RekeySecret(Key);

impl RekeySecret {
    /// The secret of these bytes: for benchmarks and vectors. A session makes its own.
    pub fn new(bytes: [u8; HASH_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes: for vectors. Secret.
    pub fn expose(&self) -> &[u8; HASH_LEN] {
        &self.0
    }
}

impl fmt::Debug for RekeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RekeySecret([redacted])")
    }
}

/// The outcome of a re-key: mixed into one step of each direction, and overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MixSecret(Key);

impl MixSecret {
    /// The secret of these bytes: for benchmarks and vectors. A re-key makes its own.
    pub fn new(bytes: [u8; HASH_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes: for vectors. Secret.
    pub fn expose(&self) -> &[u8; HASH_LEN] {
        &self.0
    }
}

impl fmt::Debug for MixSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MixSecret([redacted])")
    }
}

/// Why a re-key did not come about. The call goes on with the keys that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum RekeyError {
    /// The last offer was answered less than [`REKEY_SPACING`] ago.
    #[error("the peer offers new keys too often; drop the offer")]
    TooSoon,
    /// No offer waits for an answer.
    #[error("nothing was offered that this could answer; drop it")]
    NotOffered,
    /// A public key of the peer is none, or gives no secret.
    #[error("the peer sent a public key that gives no secret; drop it and keep the present keys")]
    WeakKey,
}

/// Stage: the side that offers, which is the initiator of the session.
pub struct RekeyInitiator {
    secret: RekeySecret,
    seed: Seed,
    /// How many were offered, so that each has chance of its own.
    count: u64,
    offered: Option<Box<Offered>>,
    next_at: Instant,
}

/// The private half of an offer.
struct Offered {
    x25519: Key,
    kem: KemPair,
    offer_hash: [u8; HASH_LEN],
}

impl RekeyInitiator {
    /// Offers for the first time [`REKEY_EVERY`] from now. The seed comes from the system and is used for nothing else.
    pub fn new(secret: RekeySecret, seed: Seed, now: Instant) -> Self {
        Self { secret, seed, count: 0, offered: None, next_at: now + REKEY_EVERY }
    }

    /// The next offer, when it is due. One that was not answered is given up.
    pub fn offer(&mut self, now: Instant) -> Option<[u8; REKEY_OFFER_LEN]> {
        if now < self.next_at {
            return None;
        }
        self.next_at = now + REKEY_EVERY;
        let seed = self.seed.derive_index("offer", self.count);
        self.count += 1;
        let x25519 = kdf::derive(seed.expose(), "x25519", b"");
        let kem = KemPair::from_seed(&kdf::derive(seed.expose(), "ml-kem", b""));
        self.seed = self.seed.derive(SPENT);
        let offer = join(&public_key(&x25519), kem.public());
        let offer_hash = kdf::sha256(&[&offer]);
        self.offered = Some(Box::new(Offered { x25519, kem, offer_hash }));
        Some(offer)
    }

    /// Mixes fresh chance of the system into that of all offers to come: who has stolen what this side knew cannot make them.
    pub fn stir(&mut self, chance: &[u8; 32]) {
        self.seed = kdf::stir(&self.seed, chance);
    }

    /// When the next offer is due.
    pub const fn next_at(&self) -> Wake {
        Wake { at: self.next_at, why: "re-key" }
    }

    /// Reads the answer to the last offer: its secret is for this side's sealer and opener.
    ///
    /// # Errors
    /// [`RekeyError`]; an offer has one answer, so that after one which is of no use the next offer has to be waited for.
    pub fn finish(&mut self, answer: &[u8; REKEY_ANSWER_LEN], now: Instant) -> Result<MixSecret, RekeyError> {
        let Offered { x25519, kem, offer_hash } = *self.offered.take().ok_or(RekeyError::NotOffered)?;
        self.next_at = self.next_at.max(now + REKEY_SPACING);
        let (theirs, ciphertext) = split(answer);
        let shared = [agree(&x25519, &theirs).ok_or(RekeyError::WeakKey)?, kem.decapsulate(&ciphertext)];
        Ok(outcome(&self.secret, &shared, &offer_hash, answer))
    }
}

/// Stage: the side that answers, which is the responder of the session.
pub struct RekeyResponder {
    secret: RekeySecret,
    seed: Seed,
    last: Option<Instant>,
}

impl RekeyResponder {
    /// Nothing was offered yet. The seed comes from the system and is used for nothing else.
    pub const fn new(secret: RekeySecret, seed: Seed) -> Self {
        Self { secret, seed, last: None }
    }

    /// Mixes fresh chance of the system into that of all answers to come: who has stolen what this side knew cannot make them.
    pub fn stir(&mut self, chance: &[u8; 32]) {
        self.seed = kdf::stir(&self.seed, chance);
    }

    /// Whether an offer that comes now would be answered.
    pub fn is_ready(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| now >= last + REKEY_SPACING)
    }

    /// Answers an offer. The secret is for this side's opener at once, and for its sealer when the opener has
    /// [seen it used](crate::Opener::awaits_mix).
    ///
    /// # Errors
    /// [`RekeyError`]: nothing has changed when it came too soon.
    pub fn answer(
        &mut self,
        offer: &[u8; REKEY_OFFER_LEN],
        now: Instant,
    ) -> Result<([u8; REKEY_ANSWER_LEN], MixSecret), RekeyError> {
        if !self.is_ready(now) {
            return Err(RekeyError::TooSoon);
        }
        self.last = Some(now);
        let offer_hash = kdf::sha256(&[offer]);
        let chance: Key = kdf::derive(self.seed.expose(), "answer", &offer_hash);
        self.seed = self.seed.derive(SPENT);
        let x25519 = kdf::derive(&chance, "x25519", b"");
        let (theirs, encapsulation_key) = split(offer);
        let agreed = agree(&x25519, &theirs).ok_or(RekeyError::WeakKey)?;
        let (ciphertext, carried) =
            kem::encapsulate(&encapsulation_key, &kdf::derive(&chance, "ml-kem", b""))
                .ok_or(RekeyError::WeakKey)?;
        let answer = join(&public_key(&x25519), &ciphertext);
        let secret = outcome(&self.secret, &[agreed, carried], &offer_hash, &answer);
        Ok((answer, secret))
    }
}

fn outcome(
    session: &RekeySecret,
    shared: &[Key; 2],
    offer_hash: &[u8; HASH_LEN],
    answer: &[u8; REKEY_ANSWER_LEN],
) -> MixSecret {
    let [agreed, carried] = shared;
    let material: Zeroizing<[u8; 2 * HASH_LEN]> = Zeroizing::new(join(agreed, &**carried));
    let context: [u8; 2 * HASH_LEN] = join(offer_hash, &kdf::sha256(&[answer]));
    MixSecret(kdf::derive(&kdf::extract(&*session.0, &*material), "rekey", &context))
}

/// 32 bytes and what follows them: `N` is the length of both.
fn join<const N: usize>(first: &[u8; 32], second: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(first.iter().chain(second)) {
        *to = *from;
    }
    out
}

/// The first 32 bytes and the `M` behind them.
fn split<const N: usize, const M: usize>(bytes: &[u8; N]) -> ([u8; X25519_LEN], [u8; M]) {
    let (first, second) = bytes.split_at_checked(X25519_LEN).unwrap_or_default();
    (kdf::array(first), kdf::array(second))
}

impl fmt::Debug for RekeyInitiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RekeyInitiator").field("count", &self.count).finish_non_exhaustive()
    }
}

impl fmt::Debug for RekeyResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RekeyResponder").field("last", &self.last).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_millis(1_000);

    fn initiator(session: u8) -> RekeyInitiator {
        RekeyInitiator::new(RekeySecret::new([session; 32]), Seed::from_u64(1), START)
    }

    fn responder(session: u8) -> RekeyResponder {
        RekeyResponder::new(RekeySecret::new([session; 32]), Seed::from_u64(2))
    }

    fn offer(initiator: &mut RekeyInitiator) -> [u8; REKEY_OFFER_LEN] {
        let due = initiator.next_at().at;
        initiator.offer(due).unwrap()
    }

    #[test]
    fn both_sides_have_the_same_secret_and_another_one_each_time() {
        let (mut alice, mut bob) = (initiator(7), responder(7));
        let mut outcomes = std::collections::BTreeSet::new();
        for round in 1..=3 {
            let offer = offer(&mut alice);
            let (answer, theirs) = bob.answer(&offer, START + round * REKEY_SPACING).unwrap();
            let ours = alice.finish(&answer, START).unwrap();
            assert_eq!(ours, theirs);
            outcomes.insert(*ours.expose());
            assert_eq!(alice.finish(&answer, START), Err(RekeyError::NotOffered), "an offer has one answer");
        }
        assert_eq!(outcomes.len(), 3);
    }

    #[test]
    fn another_session_or_one_changed_bit_gives_another_secret() {
        let outcome = |session, flipped_offer: Option<usize>, flipped_answer: Option<usize>| {
            let (mut alice, mut bob) = (initiator(7), responder(session));
            let mut offer = offer(&mut alice);
            if let Some(byte) = flipped_offer {
                offer[byte] ^= 1;
            }
            let (mut answer, theirs) = bob.answer(&offer, START).ok()?;
            if let Some(byte) = flipped_answer {
                answer[byte] ^= 1;
            }
            Some(alice.finish(&answer, START).ok()? == theirs)
        };
        assert_eq!(outcome(7, None, None), Some(true));
        assert_eq!(outcome(8, None, None), Some(false));
        for byte in [0, 31, 32, 33, 600, REKEY_ANSWER_LEN - 1] {
            assert_ne!(outcome(7, None, Some(byte)), Some(true), "byte {byte} of the answer");
            assert_ne!(outcome(7, Some(byte), None), Some(true), "byte {byte} of the offer");
        }
    }

    #[test]
    fn offers_come_every_120_seconds_and_one_that_is_not_answered_is_given_up() {
        let (mut alice, mut bob) = (initiator(7), responder(7));
        assert_eq!(alice.offer(START + REKEY_EVERY.saturating_sub(Duration::from_micros(1))), None);
        let first = alice.offer(START + REKEY_EVERY).unwrap();
        assert_eq!(alice.offer(START + REKEY_EVERY), None);
        let second = alice.offer(START + 2 * REKEY_EVERY).unwrap();
        assert_ne!(first, second);
        let (late, _) = bob.answer(&first, START).unwrap();
        let (answer, theirs) = bob.answer(&second, START + REKEY_SPACING).unwrap();
        assert_eq!(alice.finish(&answer, START).unwrap(), theirs);
        assert_eq!(alice.finish(&late, START), Err(RekeyError::NotOffered));
    }

    #[test]
    fn after_a_late_answer_the_next_offer_waits_until_its_secret_is_in_use() {
        let (mut alice, mut bob) = (initiator(7), responder(7));
        let offer = offer(&mut alice);
        let late = START + 2 * REKEY_EVERY.saturating_sub(Duration::from_secs(1));
        let (answer, _) = bob.answer(&offer, late).unwrap();
        assert!(alice.finish(&answer, late).is_ok());
        assert_eq!(alice.next_at().at, late + REKEY_SPACING);
        assert!(alice.offer(late + REKEY_SPACING).is_some());
    }

    #[test]
    fn who_stole_a_state_before_fresh_chance_was_stirred_in_makes_neither_the_next_offer_nor_its_answer() {
        let (mut alice, mut thief) = (initiator(7), initiator(7));
        alice.stir(&[9; 32]);
        let asked = offer(&mut alice);
        let guessed = offer(&mut thief);
        assert!(asked[..X25519_LEN] != guessed[..X25519_LEN] && asked[X25519_LEN..] != guessed[X25519_LEN..]);
        let (mut bob, mut thief) = (responder(7), responder(7));
        bob.stir(&[9; 32]);
        let (answer, secret) = bob.answer(&asked, START).unwrap();
        let (guessed, stolen) = thief.answer(&asked, START).unwrap();
        assert!(
            answer[..X25519_LEN] != guessed[..X25519_LEN] && answer[X25519_LEN..] != guessed[X25519_LEN..]
        );
        assert_ne!(secret, stolen);
        assert_eq!(alice.finish(&answer, START), Ok(secret), "the two still agree");
    }

    #[test]
    fn stirred_chance_alone_does_not_tell_what_comes_of_it() {
        let (mut alice, mut other) = (initiator(7), responder(7).seed);
        alice.stir(&[0; 32]);
        other = kdf::stir(&other, &[0; 32]);
        assert_ne!(alice.seed.expose(), other.expose());
    }

    #[test]
    fn who_steals_a_state_later_cannot_make_the_keys_of_past_rekeys() {
        let (mut alice, mut bob) = (initiator(7), responder(7));
        let key = |seed: &Seed, count| kdf::derive(seed.derive_index("offer", count).expose(), "x25519", b"");
        let first = offer(&mut alice);
        assert_ne!(public_key(&key(&alice.seed, 0)), first[..X25519_LEN]);
        let (answer, _) = bob.answer(&first, START).unwrap();
        let (again, _) = bob.answer(&first, START + REKEY_SPACING).unwrap();
        assert!(answer[..X25519_LEN] != again[..X25519_LEN], "an answer is not made twice");
    }

    #[test]
    fn one_offer_in_60_seconds_is_answered() {
        let (mut alice, mut bob) = (initiator(7), responder(7));
        let offer = offer(&mut alice);
        assert!(bob.answer(&offer, START).is_ok());
        let soon = START + REKEY_SPACING.saturating_sub(Duration::from_micros(1));
        assert_eq!(bob.answer(&offer, soon), Err(RekeyError::TooSoon));
        assert!(bob.is_ready(START + REKEY_SPACING) && bob.answer(&offer, START + REKEY_SPACING).is_ok());
    }

    #[test]
    fn keys_that_give_no_secret_are_refused_on_both_sides() {
        let (mut alice, mut bob) = (initiator(7), responder(7));
        let mut zero = offer(&mut alice);
        zero[..32].fill(0);
        assert_eq!(bob.answer(&zero, START), Err(RekeyError::WeakKey));
        assert_eq!(responder(7).answer(&[0xff; REKEY_OFFER_LEN], START), Err(RekeyError::WeakKey));
        let mut answer = [3; REKEY_ANSWER_LEN];
        answer[..32].fill(0);
        assert_eq!(alice.finish(&answer, START), Err(RekeyError::WeakKey));
    }
}
