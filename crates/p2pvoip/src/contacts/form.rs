//! The bytes of a contact book (`docs/spec/store.md`).
//!
//! Form (1) | number (2) | for each contact, with its length (2): name (length 1) | card (length 1) | added (8) | last call (8), 0
//! for none | verified (1): 0 no, 1 by words, 2 by a code, 4 attested, 5 taken back | pin (length 1), empty for none | number of introductions
//! (1) | for each: by (24), at (8). What is pinned is verified in the pin alone.

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use p2pvoip_crypto::{ContactCard, Fingerprint, How, MAX_PIN_LEN, Pin};
use zeroize::Zeroizing;

use super::{Book, BookError, Contact, Introduced, MAX_CONTACTS, MAX_INTRODUCTIONS, check_name};

const FORM: u8 = 1;
/// In place of how somebody was verified: the owner has taken that back.
const TAKEN_BACK: u8 = 5;

impl From<Malformed> for BookError {
    fn from(_: Malformed) -> Self {
        Self::Damaged
    }
}

impl Book {
    /// Its bytes. Secret: who has a card can ring.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![FORM]);
        out.extend(u16::try_from(self.contacts.len()).unwrap_or(u16::MAX).to_be_bytes());
        for contact in &self.contacts {
            let bytes = contact.encode();
            out.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend_from_slice(&bytes);
        }
        out
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`BookError::UnknownForm`]; [`BookError::Damaged`] when the bytes are no book, or no orderly one.
    pub fn parse(bytes: &[u8]) -> Result<Self, BookError> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            FORM => {}
            other => return Err(BookError::UnknownForm(other)),
        }
        let count = usize::from(reader.u16()?);
        if count > MAX_CONTACTS {
            return Err(BookError::Damaged);
        }
        let mut book = Self::default();
        for at in 0..count {
            let contact = Contact::parse(reader.block16()?)?;
            // Each name comes behind those before it, and nobody comes twice: a book has one form.
            if book.find(contact.fingerprint()).is_some() || book.place(&contact.name) != Err(at) {
                return Err(BookError::Damaged);
            }
            book.contacts.push(contact);
        }
        reader.finish()?;
        Ok(book)
    }
}

impl Contact {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::new());
        block8(&mut out, self.name.as_bytes());
        block8(&mut out, Zeroizing::new(self.card.to_string()).as_bytes());
        for date in [Some(self.added), self.last_call] {
            out.extend(date.map_or(0, UnixTime::as_secs).to_be_bytes());
        }
        out.push(match self.verified {
            None if self.taken_back => TAKEN_BACK,
            // An introduction tells the root key, and is pinned with it.
            None | Some(How::Introduced(_)) => 0,
            Some(How::Sas) => 1,
            Some(How::Qr) => 2,
            Some(How::Attested) => 4,
        });
        block8(&mut out, &self.pin.as_ref().map(Pin::encode).unwrap_or_default());
        out.extend(u8::try_from(self.introductions.len()));
        for note in &self.introductions {
            out.extend(note.by.as_bytes());
            out.extend(note.at.as_secs().to_be_bytes());
        }
        out
    }

    fn parse(bytes: &[u8]) -> Result<Self, BookError> {
        let mut reader = Reader::new(bytes);
        let name = text(reader.block8()?)?;
        check_name(name).map_err(|_| BookError::Damaged)?;
        let written = text(reader.block8()?)?;
        let card: ContactCard = written.parse().map_err(|_| BookError::Damaged)?;
        // Cards may be typed in several ways and are written in one.
        if *Zeroizing::new(card.to_string()) != written {
            return Err(BookError::Damaged);
        }
        let added = UnixTime::from_secs(reader.u64()?);
        let last_call = Some(reader.u64()?).filter(|date| *date != 0).map(UnixTime::from_secs);
        let written = reader.u8()?;
        let taken_back = written == TAKEN_BACK;
        let verified = match written {
            0 | TAKEN_BACK => None,
            1 => Some(How::Sas),
            2 => Some(How::Qr),
            4 => Some(How::Attested),
            _ => return Err(BookError::Damaged),
        };
        let pin = Some(reader.block8()?).filter(|bytes| !bytes.is_empty()).map(Pin::decode);
        let pin = pin.transpose().map_err(|_| BookError::Damaged)?;
        let is_twice =
            pin.as_ref().is_some_and(|pin| verified.is_some() || (taken_back && pin.how().is_some()));
        if is_twice {
            return Err(BookError::Damaged);
        }
        let introductions = introductions(&mut reader)?;
        reader.finish()?;
        Ok(Self { name: name.to_owned(), card, added, last_call, introductions, pin, verified, taken_back })
    }
}

fn introductions(reader: &mut Reader<'_>) -> Result<Vec<Introduced>, BookError> {
    let count = usize::from(reader.u8()?);
    if count > MAX_INTRODUCTIONS {
        return Err(BookError::Damaged);
    }
    let mut notes: Vec<Introduced> = Vec::with_capacity(count);
    for _ in 0..count {
        let by = Fingerprint::new(reader.array()?);
        if notes.iter().any(|note| note.by == by) {
            return Err(BookError::Damaged);
        }
        notes.push(Introduced { by, at: UnixTime::from_secs(reader.u64()?) });
    }
    Ok(notes)
}

fn text(bytes: &[u8]) -> Result<&str, BookError> {
    core::str::from_utf8(bytes).map_err(|_| BookError::Damaged)
}

// A pin is preceded by a length of one byte.
const _: () = assert!(MAX_PIN_LEN <= u8::MAX as usize);

/// A length of one byte, then the bytes: names, cards and pins are shorter than 256.
fn block8(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}
