//! The laws of the contact book.

use proptest::prelude::*;

use p2pvoip_core::Seed;
use p2pvoip_crypto::Identity;

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn identity(number: u64) -> Identity {
    Identity::generate(&Seed::from_u64(number))
}

fn card(number: u64) -> ContactCard {
    identity(number).card("wss://example.org").unwrap()
}

fn book(names: &[&str]) -> Book {
    let mut book = Book::default();
    for (number, name) in (0..).zip(names) {
        book.add(name, card(number), NOW).unwrap();
    }
    book
}

fn names(book: &Book) -> Vec<&str> {
    book.iter().map(Contact::name).collect()
}

#[test]
fn a_name_means_one_contact_whatever_its_case() {
    let mut book = book(&["Zoë", "alice", "ΣΊΣΥΦΟΣ", "Bob"]);
    assert_eq!(names(&book), ["alice", "Bob", "Zoë", "ΣΊΣΥΦΟΣ"]);
    assert_eq!(book.get("ZOË").unwrap().name(), "Zoë");
    assert_eq!(book.get("σίσυφος").unwrap().name(), "ΣΊΣΥΦΟΣ");
    assert_eq!(book.add("ALICE", card(9), NOW).unwrap_err(), BookError::NameTaken("alice".into()));
    assert_eq!(book.named("carol").unwrap_err(), BookError::Unknown("carol".into()));
}

#[test]
fn nobody_is_there_twice() {
    let mut book = book(&["alice"]);
    assert_eq!(book.add("Alice at work", card(0), NOW).unwrap_err(), BookError::Known("alice".into()));
    assert_eq!(book.find(card(0).fingerprint()).unwrap().name(), "alice");
}

#[test]
fn names_that_would_be_confused_are_refused() {
    let (longest, longer) = ("x".repeat(MAX_NAME_LEN), "x".repeat(MAX_NAME_LEN + 1));
    let bad =
        ["", " a", "a ", "-v", "p2pvoip:x", "P2PVOIP:x", "a\tb", "a\u{1b}[2J", "a\u{202e}b", "a\u{200b}b"];
    for bad in bad.into_iter().chain([longer.as_str()]) {
        assert_eq!(Book::default().add(bad, card(1), NOW).unwrap_err(), BookError::Name, "{bad:?}");
    }
    for good in ["a", "Zoë", "Dr. No (work)", "李", longest.as_str()] {
        assert!(Book::default().add(good, card(1), NOW).is_ok(), "{good:?}");
    }
}

#[test]
fn a_contact_is_renamed_and_keeps_everything_else() {
    let mut book = book(&["alice", "bob"]);
    assert!(book.note_call(card(0).fingerprint(), NOW) && !book.note_call(card(7).fingerprint(), NOW));
    assert_eq!(book.rename("alice", "BOB").unwrap_err(), BookError::NameTaken("bob".into()));
    book.rename("alice", "Alice").unwrap();
    book.rename("alice", "Zoë").unwrap();
    assert_eq!(names(&book), ["bob", "Zoë"]);
    assert_eq!(book.get("Zoë").unwrap().last_call(), Some(NOW));
    assert_eq!(book.rename("alice", "x").unwrap_err(), BookError::Unknown("alice".into()));
    assert_eq!(book.remove("ZOË").unwrap().fingerprint(), card(0).fingerprint());
    assert_eq!(names(&book), ["bob"]);
}

#[test]
fn a_new_card_is_of_the_same_person_or_refused() {
    let mut book = book(&["alice"]);
    let moved = identity(0).card("wss://elsewhere.example").unwrap();
    book.replace_card("Alice", moved.clone()).unwrap();
    assert_eq!(book.get("alice").unwrap().card(), &moved);
    assert_eq!(book.replace_card("alice", card(1)).unwrap_err(), BookError::OtherPerson("alice".into()));
}

#[test]
fn the_last_introductions_are_remembered_each_introducer_once() {
    let mut book = book(&["alice"]);
    let by = |number| *card(number).fingerprint();
    for number in 10..=18 {
        book.note_introduction("alice", by(number), NOW).unwrap();
    }
    let notes = |book: &Book| -> Vec<Fingerprint> {
        book.get("alice").unwrap().introductions().iter().map(|note| note.by).collect()
    };
    assert!(notes(&book) == (11..=18).map(by).collect::<Vec<_>>());
    book.note_introduction("alice", by(11), NOW).unwrap();
    assert!(notes(&book) == (12..=18).chain([11]).map(by).collect::<Vec<_>>());
}

#[test]
fn a_full_book_takes_nobody_and_fits_a_sealed_file() {
    let server = "x".repeat(p2pvoip_crypto::MAX_SERVER_LEN);
    let mut book = Book::default();
    for number in 0..MAX_CONTACTS {
        let card = identity(number as u64).card(&server).unwrap();
        book.add(&format!("{number:064}"), card, NOW).unwrap();
    }
    assert_eq!(book.add("one more", card(5_000), NOW).unwrap_err(), BookError::Full);
    for by in 0..MAX_INTRODUCTIONS {
        let by = Fingerprint::new([u8::try_from(by).unwrap(); Fingerprint::LEN]);
        book.note_introduction(&format!("{:064}", 0), by, NOW).unwrap();
    }
    let bytes = book.encode();
    assert_eq!(Book::parse(&bytes), Ok(book));
    let introductions = MAX_CONTACTS * MAX_INTRODUCTIONS * (Fingerprint::LEN + 8);
    assert!(bytes.len() + introductions < p2pvoip_crypto::keystore::MAX_CONTENT_LEN);
    let mut more = bytes.to_vec();
    more[1..3].copy_from_slice(&1_025_u16.to_be_bytes());
    assert_eq!(Book::parse(&more), Err(BookError::Damaged));
}

#[test]
fn books_that_are_not_orderly_are_refused() {
    let bytes = book(&["alice", "bob"]).encode();
    let parsed = Book::parse(&bytes).unwrap();
    let [alice, bob] = [0, 1].map(|at| parsed.contacts[at].clone());
    let impostor = Contact { card: alice.card.clone(), ..bob.clone() };
    for contacts in [vec![bob, alice.clone()], vec![alice.clone(), alice.clone()], vec![alice, impostor]] {
        assert_eq!(Book::parse(&Book { contacts }.encode()), Err(BookError::Damaged));
    }
    let mut newer = bytes.to_vec();
    newer[0] = 9;
    assert_eq!(Book::parse(&newer), Err(BookError::UnknownForm(9)));
    assert_eq!(Book::parse(&[&bytes[..], &[0]].concat()), Err(BookError::Damaged));
    for len in 0..bytes.len() {
        assert!(Book::parse(&bytes[..len]).is_err());
    }
}

#[test]
fn neither_names_nor_cards_are_shown_in_a_log() {
    let book = book(&["alice"]);
    let shown = format!("{book:?} {:?}", book.get("alice"));
    assert_eq!(shown, "Book { contacts: 1 } Some(Contact([redacted]))");
}

proptest! {
    #[test]
    fn a_book_reads_as_it_was_written(
        wanted in prop::collection::vec(("\\PC{1,20}", any::<u32>(), prop::option::of(1..u64::MAX)), 0..6),
    ) {
        let mut book = Book::default();
        for (name, number, called) in wanted {
            let card = card(number.into());
            let who = *card.fingerprint();
            if let (true, Some(called)) = (book.add(&name, card, NOW).is_ok(), called) {
                book.note_call(&who, UnixTime::from_secs(called));
            }
        }
        prop_assert_eq!(Book::parse(&book.encode()), Ok(book));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        at in 0..300_usize, byte: u8, bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let _ = Book::parse(&bytes);
        let mut changed = book(&["alice"]).encode().to_vec();
        if let Some(place) = changed.get_mut(at) {
            *place = byte;
        }
        if let Ok(read) = Book::parse(&changed) {
            prop_assert_eq!(read.encode().to_vec(), changed);
        }
    }
}
