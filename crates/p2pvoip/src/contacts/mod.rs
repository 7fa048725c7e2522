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
#[cfg(test)]
mod tests;

use core::fmt;

use p2pvoip_core::UnixTime;
use p2pvoip_crypto::{ContactCard, Fingerprint};
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

    /// When a call with them last began.
    pub const fn last_call(&self) -> Option<UnixTime> {
        self.last_call
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
        let (name, introductions) = (name.to_owned(), Vec::new());
        self.insert(Contact { name, card, added: now, last_call: None, introductions })
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

    /// Gives somebody a new card of theirs, with another server, say.
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

    /// Notes that a call with somebody began; whether they are in the book.
    pub fn note_call(&mut self, with: &Fingerprint, now: UnixTime) -> bool {
        let contact = self.contacts.iter_mut().find(|contact| contact.fingerprint() == with);
        contact.map(|contact| contact.last_call = Some(now)).is_some()
    }

    /// Notes that somebody was introduced.
    ///
    /// # Errors
    /// [`BookError::Unknown`].
    pub fn note_introduction(&mut self, name: &str, by: Fingerprint, now: UnixTime) -> Result<(), BookError> {
        let notes = &mut self.contact_mut(name)?.introductions;
        notes.retain(|note| note.by != by);
        if notes.len() >= MAX_INTRODUCTIONS {
            notes.remove(0);
        }
        notes.push(Introduced { by, at: now });
        Ok(())
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
