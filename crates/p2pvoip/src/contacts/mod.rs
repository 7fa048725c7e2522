//! The contact book: names for contact cards, and what is known of those who are behind them.
//!
//! Names are the owner's own. They are unique whatever their case, so that a name means one contact. A book is a value
//! without IO; the module `store` keeps it sealed.
//!
//! ```
//! use p2pvoip::contacts::Book;
//! use p2pvoip::core::{Seed, UnixTime};
//!
//! let now = UnixTime::from_secs(1_800_000_000);
//! let alice = p2pvoip::Identity::generate(&Seed::from_u64(1));
//! let mut book = Book::default();
//! book.add("Alice", alice.card("wss://example.org")?, now)?;
//! assert_eq!(book.get("alice").map(|contact| contact.name()), Some("Alice"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Left out
//! - Unicode normalisation: two ways to write an accent are two names.
//! - Pictures, notes, groups: an app keeps them by fingerprint.

mod form;
mod keys;
#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod tests;

use core::fmt;

use p2pvoip_core::UnixTime;
use p2pvoip_crypto::{
    ContactCard, Fingerprint, How, Introduction, IntroductionError, PeerIdentity, Pin, PinRefused, Trust,
};
use thiserror::Error;

/// The most contacts in a book.
pub const MAX_CONTACTS: usize = 1_024;
/// The longest name in bytes.
pub const MAX_NAME_LEN: usize = 64;
/// The most introductions that are remembered of a contact; of more, the oldest is forgotten.
pub const MAX_INTRODUCTIONS: usize = 8;

/// Why a book cannot be changed or read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum BookError {
    /// The name is empty, too long, or one that would be confused with something else.
    #[error(
        "a name has 1 to {MAX_NAME_LEN} bytes, nothing that is not seen, no blanks at its ends, does not begin with \
         `-`, and is no card; choose another one"
    )]
    Name,
    /// Another contact has the name.
    #[error("the name `{0}` is taken; choose another one, or remove that contact first")]
    NameTaken(String),
    /// The card's owner is there already, by this name.
    #[error("whom this card names is there already, as `{0}`; rename that contact, or give it the new card")]
    Known(String),
    /// Nobody has the name.
    #[error("nobody is called `{0}` in the contact book; look at the names in it, or add the contact first")]
    Unknown(String),
    /// The card is of somebody else.
    #[error(
        "this card is of somebody else than `{0}`; add it by another name, and compare fingerprints if you expected \
         the same person"
    )]
    OtherPerson(String),
    /// There is no room.
    #[error("the contact book has {MAX_CONTACTS} contacts, which is the most; remove one first")]
    Full,
    /// The fingerprint is not that of the contact.
    #[error(
        "this is not the fingerprint of `{0}`; if it stood on their own screen, somebody else made the card: take a new one \
         from them"
    )]
    OtherFingerprint(String),
    /// What a peer shows does not fit what is pinned.
    #[error(transparent)]
    Pin(#[from] PinRefused),
    /// An introduction does not count.
    #[error(transparent)]
    Introduction(#[from] IntroductionError),
    /// Nobody in the book made the introduction.
    #[error("nobody in the contact book made this introduction; add whoever made it, and verify them first")]
    NoIntroducer,
    /// Nobody in the book is who is introduced.
    #[error(
        "whom this introduction is of is not in the contact book; add their card first, then accept it again"
    )]
    NotInBook,
    /// Nothing was learnt of the contact's key yet.
    #[error("nothing but the card of `{0}` is known yet; call them once, so that their key is learnt")]
    NoKey(String),
    /// A newer version wrote it.
    #[error("the contact book has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// The bytes are no book.
    #[error("the contact book is damaged; restore it from a backup")]
    Damaged,
}

/// Somebody who can be called.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    name: String,
    card: ContactCard,
    added: UnixTime,
    last_call: Option<UnixTime>,
    introductions: Vec<Introduced>,
    /// What a call has shown, or an introduction told, of their key. It is of another key than the card's while the owner has
    /// taken a card of a new key, and has not confirmed that one.
    pin: Option<Pin>,
    /// How the fingerprint on the card was verified before anything was pinned.
    verified: Option<How>,
    /// The owner has taken back that they are verified. Nothing is verified then.
    taken_back: bool,
}

/// That somebody introduced a contact, and when that was noted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Introduced {
    /// Who did it.
    pub by: Fingerprint,
    /// When.
    pub at: UnixTime,
}

impl Contact {
    /// The name that the owner of the book gave.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to call them.
    pub const fn card(&self) -> &ContactCard {
        &self.card
    }

    /// Who they are.
    pub const fn fingerprint(&self) -> &Fingerprint {
        self.card.fingerprint()
    }

    /// When they were added.
    pub const fn added(&self) -> UnixTime {
        self.added
    }

    /// When they were last called, or called.
    pub const fn last_call(&self) -> Option<UnixTime> {
        self.last_call
    }

    /// What is pinned of them, since a call or an introduction.
    pub const fn pin(&self) -> Option<&Pin> {
        self.pin.as_ref()
    }

    /// How their key was verified, when it was; not when that was a key before that on the card.
    pub fn verified(&self) -> Option<How> {
        if self.is_changed() { None } else { self.pin.as_ref().map_or(self.verified, Pin::how) }
    }

    /// Whether the card is of another key than is pinned, and nobody has confirmed that it is theirs.
    pub fn is_changed(&self) -> bool {
        self.pin.as_ref().is_some_and(|pin| pin.fingerprint() != *self.fingerprint())
    }

    /// How far a call with them would be trusted, if the key is the one that is known.
    pub fn trust(&self) -> Trust {
        match (self.verified(), &self.pin) {
            _ if self.is_changed() => Trust::Changed,
            (Some(how), _) => Trust::Verified(how),
            (None, Some(_)) => Trust::KnownKey,
            (None, None) => Trust::FirstContact,
        }
    }

    /// How far a peer is trusted that has proven to be `peer` where this contact should be. Changes nothing.
    ///
    /// # Errors
    /// [`PinRefused`] when it shows an older list of devices than was seen: end the call.
    pub fn judge(&self, peer: &PeerIdentity) -> Result<Trust, PinRefused> {
        if peer.fingerprint != *self.fingerprint() {
            return Ok(Trust::Changed);
        }
        self.pin.as_ref().map_or_else(|| Ok(self.trust()), |pin| pin.judge(peer))
    }

    /// Who introduced them, the oldest first.
    pub fn introductions(&self) -> &[Introduced] {
        &self.introductions
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact([redacted])")
    }
}

impl fmt::Debug for Introduced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Introduced([redacted])")
    }
}

/// The contacts, by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// In the order of their names, whatever their case.
    contacts: Vec<Contact>,
}

impl Book {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.contacts.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.contacts.is_empty()
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> core::slice::Iter<'_, Contact> {
        self.contacts.iter()
    }

    /// Who has that name, in any case.
    pub fn get(&self, name: &str) -> Option<&Contact> {
        self.place(name).ok().and_then(|at| self.contacts.get(at))
    }

    /// The same, with an error that says what to do.
    ///
    /// # Errors
    /// [`BookError::Unknown`].
    pub fn named(&self, name: &str) -> Result<&Contact, BookError> {
        self.get(name).ok_or_else(|| BookError::Unknown(name.to_owned()))
    }

    /// Who has that fingerprint.
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.fingerprint() == fingerprint)
    }

    /// Adds somebody.
    ///
    /// # Errors
    /// [`BookError`] when the name is unusable or taken, the person is there already, or the book is full.
    pub fn add(&mut self, name: &str, card: ContactCard, now: UnixTime) -> Result<&Contact, BookError> {
        check_name(name)?;
        if let Some(known) = self.find(card.fingerprint()) {
            return Err(BookError::Known(known.name.clone()));
        }
        if self.contacts.len() >= MAX_CONTACTS {
            return Err(BookError::Full);
        }
        self.insert(Contact {
            name: name.to_owned(),
            card,
            added: now,
            last_call: None,
            introductions: Vec::new(),
            pin: None,
            verified: None,
            taken_back: false,
        })
    }

    /// Takes somebody out.
    ///
    /// # Errors
    /// [`BookError::Unknown`].
    pub fn remove(&mut self, name: &str) -> Result<Contact, BookError> {
        let at = self.place(name).map_err(|_| BookError::Unknown(name.to_owned()))?;
        Ok(self.contacts.remove(at))
    }

    /// Gives somebody another name.
    ///
    /// # Errors
    /// [`BookError`] when nobody has the old name, or the new one is unusable or another's.
    pub fn rename(&mut self, name: &str, new: &str) -> Result<&Contact, BookError> {
        check_name(new)?;
        let from = self.place(name).map_err(|_| BookError::Unknown(name.to_owned()))?;
        match self.place(new) {
            Ok(at) if at != from => return Err(self.taken(at)),
            _ => {}
        }
        let contact = self.contacts.remove(from);
        self.insert(Contact { name: new.to_owned(), ..contact })
    }

    /// Gives somebody a new card of theirs, with another server, say. For one of another key there is [`change_card`](Self::change_card).
    ///
    /// # Errors
    /// [`BookError`] when nobody has the name, or the card is of somebody else.
    pub fn replace_card(&mut self, name: &str, card: ContactCard) -> Result<&Contact, BookError> {
        let contact = self.contact_mut(name)?;
        if contact.card.fingerprint() != card.fingerprint() {
            return Err(BookError::OtherPerson(contact.name.clone()));
        }
        contact.card = card;
        Ok(contact)
    }

    /// Notes a call in which `version` was spoken with who has proven to be `peer`; whether they are in the book. Of a key that
    /// nobody has confirmed nothing is noted but the date.
    ///
    /// # Errors
    /// [`BookError::Pin`] when what the peer shows does not fit what is pinned; nothing is changed then.
    pub fn note_call(&mut self, peer: &PeerIdentity, version: u8, now: UnixTime) -> Result<bool, BookError> {
        let known = self.contacts.iter_mut().find(|contact| *contact.fingerprint() == peer.fingerprint);
        let Some(contact) = known else { return Ok(false) };
        if contact.is_changed() {
            // What is pinned stays until the owner confirms the new key.
        } else if let Some(pin) = &mut contact.pin {
            pin.seen(peer, version, now)?;
        } else {
            let mut pin = Pin::first(peer, version, now)?;
            if let Some(how) = contact.verified.take() {
                pin.verify(&peer.fingerprint, how)?;
            }
            contact.pin = Some(pin);
        }
        contact.last_call = Some(now);
        Ok(true)
    }

    /// Notes that the owner of the book has verified that this is the fingerprint of that contact. In person that confirms a
    /// [changed](Contact::is_changed) key as well: what was pinned of the one before is gone.
    ///
    /// # Errors
    /// [`BookError::OtherFingerprint`] when the card names another one, [`BookError::Unknown`].
    pub fn verify(&mut self, name: &str, fingerprint: &Fingerprint, how: How) -> Result<&Contact, BookError> {
        let contact = self.contact_mut(name)?;
        if contact.fingerprint() != fingerprint {
            return Err(BookError::OtherFingerprint(contact.name.clone()));
        }
        if how.is_in_person() && contact.is_changed() {
            (contact.pin, contact.verified) = (None, None);
            contact.introductions.clear();
        }
        match &mut contact.pin {
            Some(pin) => pin.verify(fingerprint, how)?,
            None if contact.verified.is_some_and(How::is_in_person) && !how.is_in_person() => {}
            None => contact.verified = Some(how),
        }
        contact.taken_back = false;
        Ok(contact)
    }

    /// Takes back what was verified of a contact; the key stays pinned. The book remembers that, so that a running endpoint which
    /// is given it does not keep what it had verified.
    ///
    /// # Errors
    /// [`BookError::Unknown`].
    pub fn unverify(&mut self, name: &str) -> Result<&Contact, BookError> {
        let contact = self.contact_mut(name)?;
        (contact.verified, contact.taken_back) = (None, true);
        if let Some(pin) = &mut contact.pin {
            pin.unverify();
        }
        Ok(contact)
    }

    /// Checks an introduction by somebody in the book, of somebody in the book, and notes what it says. Gives who was introduced.
    ///
    /// # Errors
    /// [`BookError`] when the introducer is not there or not verified in person, nobody in the book is who is introduced, or the
    /// introduction does not count.
    pub fn accept(&mut self, introduction: &Introduction, now: UnixTime) -> Result<&Contact, BookError> {
        let introducer = self.find(&introduction.introducer()).ok_or(BookError::NoIntroducer)?;
        let pin = introducer.pin().ok_or_else(|| BookError::NoKey(introducer.name.clone()))?;
        let vouched = introduction.check(pin, now)?;
        let who = introduction.subject();
        let subject = self.contacts.iter_mut().find(|contact| *contact.fingerprint() == who);
        let subject = subject.ok_or(BookError::NotInBook)?;
        if let Some(pin) = &mut subject.pin {
            pin.vouched(&vouched)?;
        } else {
            let mut pin = Pin::introduced(&vouched, now);
            if let Some(how) = subject.verified.take() {
                pin.verify(&who, how)?;
            }
            subject.pin = Some(pin);
        }
        subject.taken_back = false;
        let notes = &mut subject.introductions;
        notes.retain(|note| note.by != *vouched.by());
        if notes.len() >= MAX_INTRODUCTIONS {
            notes.remove(0);
        }
        notes.push(Introduced { by: *vouched.by(), at: now });
        Ok(subject)
    }

    fn contact_mut(&mut self, name: &str) -> Result<&mut Contact, BookError> {
        let unknown = || BookError::Unknown(name.to_owned());
        let at = self.place(name).map_err(|_| unknown())?;
        self.contacts.get_mut(at).ok_or_else(unknown)
    }

    /// Where the name is, or where it would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        let folded = fold(name);
        self.contacts.binary_search_by(|contact| fold(&contact.name).cmp(&folded))
    }

    fn taken(&self, at: usize) -> BookError {
        BookError::NameTaken(self.contacts.get(at).map(|contact| contact.name.clone()).unwrap_or_default())
    }

    fn insert(&mut self, contact: Contact) -> Result<&Contact, BookError> {
        match self.place(&contact.name) {
            Ok(at) => Err(self.taken(at)),
            Err(at) => {
                self.contacts.insert(at, contact);
                self.contacts.get(at).ok_or(BookError::Full)
            }
        }
    }
}

impl<'a> IntoIterator for &'a Book {
    type Item = &'a Contact;
    type IntoIter = core::slice::Iter<'a, Contact>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("contacts", &self.contacts.len()).finish()
    }
}

/// What two names have in common that differ by case alone.
fn fold(name: &str) -> String {
    // Upper case first: what has several small letters (as sigma has) folds to one.
    name.to_uppercase().to_lowercase()
}

fn check_name(name: &str) -> Result<(), BookError> {
    let is_card = name.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("p2pvoip:"));
    let is_usable = (1..=MAX_NAME_LEN).contains(&name.len())
        && name.trim() == name
        && !name.starts_with('-')
        && !is_card
        && !name.chars().any(is_hidden);
    is_usable.then_some(()).ok_or(BookError::Name)
}

/// Characters that steer a terminal, turn the direction of what follows, or are not seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}
