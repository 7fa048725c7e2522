//! What happens to the keys of contacts: a new key and its confirmation, a newer list of devices, two books of the same people.
//!
//! A key that changed goes two ways: the owner takes the new card at once, and calls show [`Trust::Changed`] until the key is
//! confirmed; or calls by the card, and confirms what the call has proven.

use p2pvoip_core::UnixTime;
use p2pvoip_crypto::{ContactCard, Fingerprint, How, PeerIdentity, Pin, PinRefused, Succession, Trust};

use super::{Book, BookError, Contact};

impl Contact {
    /// How far the owner could rely on the key that is pinned, were it the one of the call.
    pub(crate) fn relied_on(&self) -> Trust {
        match &self.pin {
            Some(pin) => pin.how().map_or(Trust::KnownKey, Trust::Verified),
            None => self.trust(),
        }
    }

    /// Takes what is stricter of what another book knows of the same contact.
    fn keep_stricter(&mut self, known: &Self) {
        let taken_back = self.taken_back;
        self.last_call = self.last_call.max(known.last_call);
        let was_confirmed =
            self.is_changed() && known.verified().is_some_and(How::is_in_person) && !taken_back;
        match (&mut self.pin, &known.pin) {
            // Of two roots the one of the card is right once it was compared with them; else what is set stays.
            (Some(pin), Some(other)) => {
                if pin.keep_stricter(other).is_err() && was_confirmed {
                    *pin = other.clone();
                }
            }
            (Some(_), None) if was_confirmed => (self.pin, self.verified) = (None, known.verified),
            (Some(pin), None) => keep_how(pin, known.verified),
            (None, Some(other)) if !known.is_changed() => {
                let mut pin = other.clone();
                keep_how(&mut pin, self.verified.take());
                self.pin = Some(pin);
            }
            // What is set was verified, or never pinned the key before.
            (None, Some(_)) => {}
            (None, None) => {
                let in_person = |how: Option<How>| how.is_some_and(How::is_in_person);
                if self.verified.is_none() || (in_person(known.verified) && !in_person(self.verified)) {
                    self.verified = known.verified;
                }
            }
        }
        if taken_back {
            self.verified = None;
            if let Some(pin) = &mut self.pin {
                pin.unverify();
            }
        }
    }
}

/// Verifies a pin as well in that way, unless it is of another root than the card's.
fn keep_how(pin: &mut Pin, how: Option<How>) {
    if let Some(how) = how {
        // It is of the pin's own fingerprint.
        let _same = pin.verify(&pin.fingerprint(), how);
    }
}

impl Book {
    /// Gives somebody a card of another key, which they say is their new one. What was pinned and verified is kept to be compared
    /// with: calls show [`Trust::Changed`] until [`confirm_change`](Self::confirm_change), [`verify`](Self::verify) in person,
    /// or the card of the key that is pinned.
    ///
    /// # Errors
    /// [`BookError`] when nobody has the name, or the card's owner is in the book by another one.
    pub fn change_card(&mut self, name: &str, card: ContactCard) -> Result<&Contact, BookError> {
        self.check_free(name, card.fingerprint())?;
        let contact = self.contact_mut(name)?;
        if contact.pin.is_none() && contact.fingerprint() != card.fingerprint() {
            // There is no key to compare with, and what was verified was another one.
            contact.verified = None;
        }
        contact.card = card;
        Ok(contact)
    }

    /// The owner confirms that the contact has the key now that a call, made by this card, has proven. It is known, and not
    /// verified; [`verify`](Self::verify) says how it was, when it was. The least version stays at least what it was.
    ///
    /// # Errors
    /// [`BookError`] when nobody has the name, the card is not of who has proven to be `peer`, its owner is in the book by
    /// another name, or the key is of no use; nothing is changed then.
    pub fn confirm_change(
        &mut self,
        name: &str,
        card: ContactCard,
        peer: &PeerIdentity,
        version: u8,
        now: UnixTime,
    ) -> Result<&Contact, BookError> {
        self.check_free(name, card.fingerprint())?;
        let contact = self.contact_mut(name)?;
        if *card.fingerprint() != peer.fingerprint {
            return Err(BookError::OtherFingerprint(contact.name.clone()));
        }
        match &mut contact.pin {
            Some(pin) => pin.confirm_change(peer, version, now)?,
            None => contact.pin = Some(Pin::first(peer, version, now)?),
        }
        contact.has_new_key(card);
        contact.last_call = Some(now);
        Ok(contact)
    }

    /// The pinned key of the contact has signed that the one of this card takes its place. It is known then, and not verified:
    /// who stole the old key could have signed as well.
    ///
    /// # Errors
    /// [`BookError`] when nobody has the name, nothing is pinned, or the succession is of other keys; nothing is changed then.
    pub fn succeed(
        &mut self,
        name: &str,
        card: ContactCard,
        succession: &Succession,
        now: UnixTime,
    ) -> Result<&Contact, BookError> {
        self.check_free(name, card.fingerprint())?;
        let contact = self.contact_mut(name)?;
        if *card.fingerprint() != succession.new_root().fingerprint() {
            return Err(BookError::OtherFingerprint(contact.name.clone()));
        }
        let pin = contact.pin.as_mut().ok_or_else(|| BookError::NoKey(contact.name.clone()))?;
        pin.succeed(succession, now)?;
        contact.has_new_key(card);
        Ok(contact)
    }

    /// Notes that the code of a call with who has proven to be `peer` was compared and is the same. `dialled` is by what name and
    /// card that was called, where it was: so a key that changed is confirmed. Whether they are in the book.
    ///
    /// # Errors
    /// [`BookError`] when what the peer shows does not fit; nothing is changed then.
    pub fn note_same_code(
        &mut self,
        peer: &PeerIdentity,
        dialled: Option<(&str, &ContactCard)>,
        version: u8,
        now: UnixTime,
    ) -> Result<bool, BookError> {
        let found = self.find(&peer.fingerprint);
        let (name, changed) = match (found, dialled) {
            (Some(known), _) => (known.name.clone(), known.is_changed().then(|| known.card.clone())),
            (None, Some((name, card)))
                if *card.fingerprint() == peer.fingerprint && self.get(name).is_some() =>
            {
                (name.to_owned(), Some(card.clone()))
            }
            (None, _) => return Ok(false),
        };
        if let Some(card) = changed {
            self.confirm_change(&name, card, peer, version, now)?;
        }
        self.verify(&name, &peer.fingerprint, How::Sas)?;
        Ok(true)
    }

    /// Notes what the key of who has proven to be `peer` has signed, before or without a call: a newer list of devices, so that one
    /// that was struck off is refused from now on. Whether that is more than was pinned; nothing is where nobody was called yet.
    ///
    /// # Errors
    /// [`BookError::Pin`] when it is an older list; nothing is changed then.
    pub fn note_devices(&mut self, peer: &PeerIdentity) -> Result<bool, BookError> {
        let known = self.contacts.iter_mut().find(|contact| *contact.fingerprint() == peer.fingerprint);
        match known.and_then(|contact| contact.pin.as_mut()).map(|pin| pin.heard(peer)) {
            Some(Ok(rose)) => Ok(rose),
            Some(Err(PinRefused::OtherRoot)) | None => Ok(false),
            Some(Err(refused)) => Err(refused.into()),
        }
    }

    /// Takes from another book what is stricter there of the contacts of this one, found by fingerprint: the newer list of devices,
    /// the higher least version, and how they were verified, unless that was [taken back](Self::unverify) here. Who is in the
    /// other alone is not taken.
    pub fn keep_stricter(&mut self, known: &Self) {
        for contact in &mut self.contacts {
            if let Some(known) = known.find(contact.fingerprint()) {
                contact.keep_stricter(known);
            }
        }
    }

    /// That the owner of that fingerprint is in the book by no other name than this one.
    fn check_free(&self, name: &str, fingerprint: &Fingerprint) -> Result<(), BookError> {
        let named = self.named(name)?;
        match self.find(fingerprint) {
            Some(other) if other.name != named.name => Err(BookError::Known(other.name.clone())),
            _ => Ok(()),
        }
    }
}

impl Contact {
    /// Nothing that was said of the key before is true of the new one.
    fn has_new_key(&mut self, card: ContactCard) {
        (self.verified, self.taken_back) = (None, false);
        self.introductions.clear();
        self.card = card;
    }
}
