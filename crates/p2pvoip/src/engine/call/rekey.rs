//! The re-key of a call on its way: offers and answers in fragments beside the voice, and when its secret is used.
//!
//! That a message is whole is never told: the first fragment of an answer says that the offer is, and a packet of the initiator's
//! mixed epoch says that the answer is.
//!
//! # Timers
//! - the initiator offers every [`REKEY_EVERY`]; what is not done by then is given up on both sides.
//! - the responder begins to take an offer at most once in [`REKEY_SPACING`].

use core::time::Duration;

use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Instant, Seed};
use p2pvoip_crypto::{
    MixSecret, REKEY_ANSWER_LEN, REKEY_EVERY, REKEY_OFFER_LEN, REKEY_SPACING, RekeyInitiator, RekeyResponder,
    RekeySecret,
};

use crate::engine::control::{Control, Fragment};
use crate::engine::fragments::{Incoming, Outgoing};

/// After this time an exchange of the same parity is another one: the initiator has begun the one between, of which nothing came.
const FORGOTTEN: Duration = Duration::from_secs(180);

/// Stage: the re-keys of one call, on one side.
pub(crate) struct Rekey {
    side: Side,
    outgoing: Option<Outgoing>,
    incoming: Option<Incoming>,
}

enum Side {
    Offers {
        keys: RekeyInitiator,
        odd: bool,
    },
    Answers {
        keys: RekeyResponder,
        /// The parity of the last exchange that began, and when it did.
        last: Option<(bool, Instant)>,
        /// The secret of the last answer, until the initiator is seen to use it.
        answered: Option<MixSecret>,
    },
}

/// What a fragment led to.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// More is to come.
    Nothing,
    /// The initiator has the answer: this is for its sealer and its opener.
    Both(MixSecret),
    /// The responder has answered: this is for its opener, and for its sealer when that has seen it used.
    Opener(MixSecret),
}

impl Rekey {
    /// The initiator of the session offers, and its responder answers.
    pub(crate) fn new(is_initiator: bool, secret: RekeySecret, seed: Seed, now: Instant) -> Self {
        let side = if is_initiator {
            Side::Offers { keys: RekeyInitiator::new(secret, seed, now), odd: true }
        } else {
            Side::Answers { keys: RekeyResponder::new(secret, seed), last: None, answered: None }
        };
        Self { side, outgoing: None, incoming: None }
    }

    /// Mixes fresh chance of the system into that of all keys to come.
    pub(super) fn stir(&mut self, chance: &[u8; 32]) {
        match &mut self.side {
            Side::Offers { keys, .. } => keys.stir(chance),
            Side::Answers { keys, .. } => keys.stir(chance),
        }
    }

    /// What is to be sent next, if anything: an offer begins when it is due.
    pub(super) fn next(&mut self, now: Instant) -> Option<Control> {
        self.begin_or_give_up(now);
        let told = self.incoming.as_mut().and_then(|incoming| incoming.tell(now));
        told.or_else(|| self.outgoing.as_mut()?.next(now).map(Control::Fragment))
    }

    /// The other side has these fragments.
    pub(super) fn on_arrived(&mut self, odd: bool, bits: u128) {
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.on_arrived(odd, bits);
        }
    }

    /// A fragment of the other side came.
    ///
    /// # Errors
    /// It is no part of the message that is due from the other side: a bug of the peer.
    pub(super) fn on_fragment(&mut self, fragment: &Fragment, now: Instant) -> Result<Outcome, Malformed> {
        if let Side::Answers { keys, last, answered } = &mut self.side {
            let is_same = |(odd, at): (bool, Instant)| odd == fragment.odd && now < at + FORGOTTEN;
            let is_soon = |(_, at): (bool, Instant)| now < at + REKEY_SPACING;
            if !last.is_some_and(is_same) {
                if last.is_some_and(is_soon) || !keys.is_ready(now) {
                    return Ok(Outcome::Nothing);
                }
                (*last, *answered, self.outgoing) = (Some((fragment.odd, now)), None, None);
                self.incoming = Some(Incoming::new(REKEY_OFFER_LEN, fragment.odd));
            }
        }
        // What is whole, or was given up, may come again.
        let Some(incoming) = self.incoming.as_mut().filter(|incoming| incoming.is_odd() == fragment.odd)
        else {
            return Ok(Outcome::Nothing);
        };
        incoming.push(fragment, now)?;
        Ok(self.finish(now))
    }

    /// The other side's packets have its secret mixed in; gives what is for our sealer, where that waited for this.
    pub(super) fn on_followed(&mut self) -> Option<MixSecret> {
        match &mut self.side {
            Side::Offers { .. } => None,
            Side::Answers { answered, .. } => {
                self.outgoing = None;
                answered.take()
            }
        }
    }

    fn begin_or_give_up(&mut self, now: Instant) {
        match &mut self.side {
            Side::Offers { keys, odd } => {
                if let Some(offer) = keys.offer(now) {
                    *odd = !*odd;
                    self.outgoing = Some(Outgoing::new(&offer, *odd));
                    self.incoming = Some(Incoming::new(REKEY_ANSWER_LEN, *odd));
                }
            }
            Side::Answers { last, .. } => {
                if last.is_some_and(|(_, at)| at + REKEY_EVERY <= now) {
                    (self.outgoing, self.incoming) = (None, None);
                }
            }
        }
    }

    /// Goes on when the message that was due is whole. A key of the peer's that is none ends the exchange.
    fn finish(&mut self, now: Instant) -> Outcome {
        let Some(incoming) = &self.incoming else { return Outcome::Nothing };
        match &mut self.side {
            Side::Offers { keys, .. } => {
                self.outgoing = None;
                let Some(answer) = incoming.message::<REKEY_ANSWER_LEN>() else { return Outcome::Nothing };
                let finished = keys.finish(answer, now);
                self.incoming = None;
                finished.map_or(Outcome::Nothing, Outcome::Both)
            }
            Side::Answers { keys, answered, .. } => {
                let Some(offer) = incoming.message::<REKEY_OFFER_LEN>() else { return Outcome::Nothing };
                let (odd, made) = (incoming.is_odd(), keys.answer(offer, now));
                self.incoming = None;
                let Ok((answer, secret)) = made else { return Outcome::Nothing };
                self.outgoing = Some(Outgoing::new(&answer, odd));
                *answered = Some(secret.clone());
                Outcome::Opener(secret)
            }
        }
    }
}

#[cfg(test)]
mod tests;
