//! The command `contacts`: names for contact cards, what is known of those behind them, and introductions.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use p2pvoip::ContactCard;
use p2pvoip::contacts::{Book, BookError, Contact, MAX_CONTACTS};
use p2pvoip::crypto::{CardError, How, Introduction};
use p2pvoip::store::Opened;
use serde_json::{Value, json};

use crate::args::{self, ContactsCommand as Command, ShowQr, Who};
use crate::clock;
use crate::date;
use crate::events::{self, Printer};
use crate::exit::Failure;
use crate::identity_file::{self, failure};
use crate::qr;
use crate::view::trust::verified;

/// Bytes read of an exported book at most: a full one has a third of it.
const LONGEST_IMPORT: u64 = 1 << 20;

/// Does what is asked for with the contacts.
pub(crate) fn run(common: &args::Common, contacts: &args::Contacts) -> Result<(), Failure> {
    let printer = Printer::new(common.json, false);
    match &contacts.what {
        None => list(&printer, &contacts.who),
        Some(Command::List { who }) => list(&printer, who),
        Some(Command::Add { who, name, card }) => add(&printer, who, name, card),
        Some(Command::Remove { who, name }) => remove(&printer, who, name),
        Some(Command::Rename { who, name, new_name }) => rename(&printer, who, name, new_name),
        Some(Command::Card { who, name, card, new_key }) => replace_card(&printer, who, name, card, *new_key),
        Some(Command::Show { who, name, qr }) => show(&printer, who, name, *qr),
        Some(Command::Introduce { who, name, qr }) => introduce(&printer, who, name, *qr),
        Some(Command::Accept { who, introduction }) => accept(&printer, who, introduction),
        Some(Command::Export { who }) => export(who),
        Some(Command::Import { who, file }) => import(&printer, who, file),
    }
}

fn list(printer: &Printer, who: &Who) -> Result<(), Failure> {
    let book = identity_file::contacts(&identity_file::opened(who)?)?;
    let listed: Vec<Value> = book.iter().map(|contact| fields(contact, &book)).collect();
    printer.tell("contacts", json!({ "contacts": listed }), || {
        if book.is_empty() {
            return "No contacts yet; `p2pvoip contacts add NAME CARD` adds one.".to_owned();
        }
        let width = book.iter().map(|contact| contact.name().chars().count()).max().unwrap_or_default();
        let line = |contact: &Contact| {
            let called = contact.last_call().map_or_else(|| "never called".to_owned(), date::of);
            format!("{:width$}  {:24}  {called}", contact.name(), trust(contact, &book))
        };
        book.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(())
}

fn add(printer: &Printer, who: &Who, name: &str, card: &str) -> Result<(), Failure> {
    let card = parse(card)?;
    let opened = identity_file::opened(who)?;
    if *card.fingerprint() == opened.identity().fingerprint() {
        return Err(Failure::Usage("this is the own contact card; add those of others".into()));
    }
    let fingerprint = card.fingerprint().to_string();
    opened.update_contacts(|book| book.add(name, card, clock::unix()).map(|_| ())).map_err(failure)?;
    printer.tell("contact-added", json!({ "name": name, "fingerprint": fingerprint }), || {
        format!(
            "{name} is in the contact book: `p2pvoip call {}` calls them.\nFingerprint: {fingerprint}\n\
             `p2pvoip verify {}` tells how to make sure that it is theirs.",
            quoted(name),
            quoted(name)
        )
    });
    Ok(())
}

fn remove(printer: &Printer, who: &Who, name: &str) -> Result<(), Failure> {
    let opened = identity_file::opened(who)?;
    let gone = opened.update_contacts(|book| book.remove(name)).map_err(failure)?;
    printer.tell("contact-removed", json!({ "name": gone.name() }), || {
        format!("{} is no longer in the contact book.", gone.name())
    });
    Ok(())
}

fn rename(printer: &Printer, who: &Who, name: &str, new: &str) -> Result<(), Failure> {
    let opened = identity_file::opened(who)?;
    opened.update_contacts(|book| book.rename(name, new).map(|_| ())).map_err(failure)?;
    printer.tell("contact-renamed", json!({ "name": new, "was": name }), || {
        format!("{name} is called {new} from now on.")
    });
    Ok(())
}

fn replace_card(printer: &Printer, who: &Who, name: &str, card: &str, new_key: bool) -> Result<(), Failure> {
    let card = parse(card)?;
    let opened = identity_file::opened(who)?;
    if *card.fingerprint() == opened.identity().fingerprint() {
        return Err(Failure::Usage("this is the own contact card; give those of others".into()));
    }
    let book = identity_file::contacts(&opened)?;
    let contact = named(&book, name)?;
    if !new_key && contact.fingerprint() != card.fingerprint() && book.find(card.fingerprint()).is_none() {
        return Err(Failure::Card(format!(
            "this card is of somebody else than {}, or of a new key of theirs; if they have told you of one, add `--new-key`, \
             and compare the words of the first call",
            contact.name()
        )));
    }
    let change = |book: &mut Book| {
        let changed = if new_key { book.change_card(name, card) } else { book.replace_card(name, card) };
        changed.cloned()
    };
    let changed = opened.update_contacts(change).map_err(failure)?;
    let body = json!({ "name": changed.name(), "trust": changed.trust().word() });
    printer.tell("contact-card", body, || {
        let (name, server) = (changed.name(), changed.card().server());
        let called = format!("{name} is called at {server} from now on.");
        if changed.is_changed() {
            let shell = quoted(name);
            return format!(
                "{called}\nThe key is another one than before: calls warn until you have compared the words of one, or \
                 `p2pvoip verify {shell}`."
            );
        }
        if new_key && changed.verified().is_none() {
            return format!("{called}\nThey do not count as verified: compare the words of the first call.");
        }
        called
    });
    Ok(())
}

fn show(printer: &Printer, who: &Who, name: &str, with_code: bool) -> Result<(), Failure> {
    let book = identity_file::contacts(&identity_file::opened(who)?)?;
    let contact = named(&book, name)?;
    printer.tell("contact", fields(contact, &book), || {
        let called = contact.last_call().map_or_else(|| "never".to_owned(), date::of);
        let mut text = format!(
            "Name:        {}\nFingerprint: {}\nTrust:       {}\nServer:      {}\nAdded:       {}\nLast call:   {called}",
            contact.name(),
            contact.fingerprint(),
            trust(contact, &book),
            contact.card().server(),
            date::of(contact.added()),
        );
        for note in contact.introductions() {
            let by = introducer(&note.by, &book);
            // Writing to a string does not fail.
            let _ = write!(text, "\nIntroduced:  by {by}, {}", date::of(note.at));
        }
        text
    });
    qr::show(&contact.card().to_string(), if with_code { ShowQr::Always } else { ShowQr::Never });
    Ok(())
}

fn introduce(printer: &Printer, who: &Who, name: &str, with_code: bool) -> Result<(), Failure> {
    let opened = identity_file::opened(who)?;
    let book = identity_file::contacts(&opened)?;
    let contact = named(&book, name)?;
    if !contact.verified().is_some_and(How::is_in_person) {
        return Err(Failure::Usage(format!(
            "you vouch for {} when you introduce them, and have not verified them yourself; `p2pvoip verify {}` tells how",
            contact.name(),
            quoted(contact.name())
        )));
    }
    let pin = contact
        .pin()
        .ok_or_else(|| Failure::Usage(BookError::NoKey(contact.name().to_owned()).to_string()))?;
    let introduction = Introduction::new(&opened.identity(), pin.root(), clock::unix());
    let text = introduction.to_string();
    let expires = introduction.expires();
    let body = json!({ "introduction": text, "of": contact.name(), "expires": expires.as_secs() });
    printer.tell("introduction", body, || {
        format!(
            "{text}\n\nWho trusts you takes it by `p2pvoip contacts accept`, until {}. They need the card of {} as well.",
            date::of(expires),
            contact.name()
        )
    });
    qr::show(&text, if with_code { ShowQr::Always } else { ShowQr::Never });
    Ok(())
}

fn accept(printer: &Printer, who: &Who, introduction: &str) -> Result<(), Failure> {
    let read = introduction.parse::<Introduction>();
    let introduction = read.map_err(|error| Failure::Card(error.to_string()))?;
    let opened = identity_file::opened(who)?;
    let accepted = |book: &mut Book| book.accept(&introduction, clock::unix()).cloned();
    let contact = opened.update_contacts(accepted).map_err(failure)?;
    let book = identity_file::contacts(&opened)?;
    printer.tell("contact", fields(&contact, &book), || {
        format!("{}: {}", contact.name(), trust(&contact, &book))
    });
    Ok(())
}

fn export(who: &Who) -> Result<(), Failure> {
    let book = identity_file::contacts(&identity_file::opened(who)?)?;
    let contacts: Vec<Value> = book
        .iter()
        .map(|contact| json!({ "name": contact.name(), "card": contact.card().to_string() }))
        .collect();
    events::line(&json!({ "contacts": contacts }));
    Ok(())
}

fn import(printer: &Printer, who: &Who, file: &Path) -> Result<(), Failure> {
    let wanted = exported(file)?;
    let opened = identity_file::opened(who)?;
    let now = clock::unix();
    let import = |book: &mut Book| {
        let (mut added, mut known) = (Vec::new(), 0_usize);
        for (name, card) in wanted {
            match book.add(&name, card, now) {
                Ok(_) => added.push(name),
                // Who is there already keeps name, card and trust.
                Err(BookError::Known(_)) => known += 1,
                Err(error) => return Err(error),
            }
        }
        Ok((added, known))
    };
    let (added, known) = opened.update_contacts(import).map_err(failure)?;
    printer.tell("contacts-imported", json!({ "added": added, "known": known }), || {
        format!("Added {}; {known} were there already.", added.len())
    });
    Ok(())
}

/// Names and cards of an exported book; all of them are right, or none is taken.
fn exported(file: &Path) -> Result<Vec<(String, ContactCard)>, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(LONGEST_IMPORT).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(LONGEST_IMPORT).read_to_string(&mut text))
    };
    read.map_err(|error| {
        Failure::file(file, &format!("cannot be read ({error}); name the exported contacts"))
    })?;
    let wrong =
        |why: &str| Failure::file(file, &format!("is not what `p2pvoip contacts export` writes ({why})"));
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    let contacts = value.get("contacts").and_then(Value::as_array);
    let contacts = contacts.ok_or_else(|| wrong("there is no list `contacts`"))?;
    if contacts.len() > MAX_CONTACTS {
        return Err(wrong("there are too many"));
    }
    let one = |contact: &Value| {
        let text =
            |key| contact.get(key).and_then(Value::as_str).ok_or_else(|| wrong("a name or card is missing"));
        let card = text("card")?.parse().map_err(|error: CardError| wrong(&error.to_string()))?;
        Ok((text("name")?.to_owned(), card))
    };
    contacts.iter().map(one).collect()
}

/// What `--json` tells of a contact.
fn fields(contact: &Contact, book: &Book) -> Value {
    let how = contact.verified();
    let by = match how {
        Some(How::Introduced(by)) => Some(introducer(&by, book)),
        _ => None,
    };
    let introductions: Vec<Value> = contact
        .introductions()
        .iter()
        .map(|note| json!({ "by": introducer(&note.by, book), "at": note.at.as_secs() }))
        .collect();
    json!({
        "name": contact.name(),
        "fingerprint": contact.fingerprint().to_string(),
        "card": contact.card().to_string(),
        "trust": contact.trust().word(),
        "how": how.map(How::word),
        "introduced_by": by,
        "added": contact.added().as_secs(),
        "last_call": contact.last_call().map(p2pvoip::core::UnixTime::as_secs),
        "introductions": introductions,
    })
}

/// Trust as people read it.
fn trust(contact: &Contact, book: &Book) -> String {
    match contact.verified() {
        Some(How::Introduced(by)) => format!("introduced by {}", introducer(&by, book)),
        Some(how) => verified(how).to_owned(),
        None if contact.is_changed() => "KEY CHANGED, not verified".to_owned(),
        None if contact.pin().is_some() => "same key as before".to_owned(),
        None => "not verified".to_owned(),
    }
}

/// The name of who introduced somebody, or the fingerprint of who is gone.
fn introducer(by: &p2pvoip::Fingerprint, book: &Book) -> String {
    book.find(by).map_or_else(|| by.to_string(), |contact| contact.name().to_owned())
}

/// The contact of that name.
pub(crate) fn named<'a>(book: &'a Book, name: &str) -> Result<&'a Contact, Failure> {
    book.named(name).map_err(|error| Failure::Usage(error.to_string()))
}

/// Whom `call` shall call: a card as it is, or a name from the book.
pub(crate) fn resolve(contact: &str, store: Option<&Opened>) -> Result<ContactCard, Failure> {
    let error = match contact.parse() {
        Ok(card) => return Ok(card),
        Err(CardError::NotACard) => CardError::NotACard,
        Err(error) => return Err(Failure::Card(error.to_string())),
    };
    let Some(store) = store else { return Err(Failure::Card(error.to_string())) };
    let book = identity_file::contacts(store)?;
    let found = book.get(contact).ok_or_else(|| {
        Failure::Card(format!(
            "nobody is called `{contact}` in the contact book, and it is no contact card (`p2pvoip:...`); \
             `p2pvoip contacts` lists all names"
        ))
    })?;
    Ok(found.card().clone())
}

fn parse(card: &str) -> Result<ContactCard, Failure> {
    card.parse().map_err(|error: CardError| Failure::Card(error.to_string()))
}

/// A name as a shell takes it for one word.
pub(crate) fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if is_plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_words_is_quoted() {
        assert_eq!(quoted("alice"), "alice");
        assert_eq!(quoted("Dr. No"), "'Dr. No'");
        assert_eq!(quoted("O'Brien"), "'O'\\''Brien'");
    }
}
