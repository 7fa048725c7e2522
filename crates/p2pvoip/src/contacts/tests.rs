//! The laws of the contact book.

use proptest::prelude::*;

use p2pvoip_core::Seed;
use p2pvoip_crypto::{Identity, RosterPin};

use super::*;

pub(super) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

pub(super) fn identity(number: u64) -> Identity {
    Identity::generate(&Seed::from_u64(number))
}

pub(super) fn card(number: u64) -> ContactCard {
    identity(number).card("wss://example.org").unwrap()
}

pub(super) fn book(names: &[&str]) -> Book {
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
    assert_eq!(book.note_call(&peer(0, 1), 0x11, NOW), Ok(true));
    assert_eq!(book.note_call(&peer(7, 1), 0x11, NOW), Ok(false));
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

/// What a handshake proves of that identity, with the list of devices of that second.
pub(super) fn peer(number: u64, sequence: u64) -> PeerIdentity {
    let root = identity(number).root();
    let roster = RosterPin { sequence, least_version: 0x11, expires: NOW };
    PeerIdentity { fingerprint: root.fingerprint(), root: *root.as_bytes(), device: [9; 32], roster }
}

#[test]
fn trust_grows_from_the_first_call_to_a_scanned_code_and_falls_with_another_key() {
    let mut book = book(&["alice"]);
    let judge = |book: &Book, peer: &PeerIdentity| book.get("alice").unwrap().judge(peer);
    assert_eq!(judge(&book, &peer(0, 5)), Ok(Trust::FirstContact));
    assert_eq!(book.note_call(&peer(0, 5), 0x11, NOW), Ok(true));
    assert_eq!(judge(&book, &peer(0, 5)), Ok(Trust::KnownKey));
    assert_eq!(judge(&book, &peer(1, 5)), Ok(Trust::Changed));
    assert_eq!(judge(&book, &peer(0, 4)), Err(PinRefused::OlderDevices));
    assert_eq!(book.note_call(&peer(0, 4), 0x11, NOW), Err(PinRefused::OlderDevices.into()));
    let (right, wrong) = (*card(0).fingerprint(), *card(1).fingerprint());
    assert_eq!(
        book.verify("alice", &wrong, How::Qr).unwrap_err(),
        BookError::OtherFingerprint("alice".into())
    );
    book.verify("Alice", &right, How::Qr).unwrap();
    assert_eq!(judge(&book, &peer(0, 6)), Ok(Trust::Verified(How::Qr)));
    assert_eq!(book.get("alice").unwrap().trust(), Trust::Verified(How::Qr));
    book.unverify("alice").unwrap();
    assert_eq!(judge(&book, &peer(0, 6)), Ok(Trust::KnownKey));
}

#[test]
fn what_was_verified_before_the_first_call_is_pinned_by_it() {
    let mut book = book(&["alice"]);
    book.verify("alice", card(0).fingerprint(), How::Qr).unwrap();
    book.verify("alice", card(0).fingerprint(), How::Attested).unwrap();
    assert_eq!(book.get("alice").unwrap().judge(&peer(0, 5)), Ok(Trust::Verified(How::Qr)));
    book = Book::parse(&book.encode()).unwrap();
    book.note_call(&peer(0, 5), 0x11, NOW).unwrap();
    let pin = book.get("alice").unwrap().pin().unwrap();
    assert_eq!((pin.how(), pin.least_version()), (Some(How::Qr), 0x11));
    assert_eq!(Book::parse(&book.encode()), Ok(book));
}

#[test]
fn a_contact_who_was_verified_in_person_introduces_another() {
    let mut book = book(&["alice", "bob"]);
    let introduction = Introduction::new(&identity(0), &identity(1).root(), NOW);
    assert_eq!(book.accept(&introduction, NOW).unwrap_err(), BookError::NoKey("alice".into()));
    book.note_call(&peer(0, 5), 0x11, NOW).unwrap();
    assert_eq!(book.accept(&introduction, NOW).unwrap_err(), IntroductionError::NotVerified.into());
    book.verify("alice", card(0).fingerprint(), How::Sas).unwrap();
    let introduced = book.accept(&introduction, NOW).unwrap();
    let by = *card(0).fingerprint();
    assert_eq!((introduced.name(), introduced.trust()), ("bob", Trust::Verified(How::Introduced(by))));
    assert!(introduced.introductions() == [Introduced { by, at: NOW }]);
    let again = Book::parse(&book.encode()).unwrap();
    assert_eq!(again, book);
    // Who was introduced does not introduce.
    let chain = Introduction::new(&identity(1), &identity(0).root(), NOW);
    assert_eq!(book.accept(&chain, NOW).unwrap_err(), IntroductionError::NotVerified.into());
    let of_stranger = Introduction::new(&identity(0), &identity(8).root(), NOW);
    assert_eq!(book.accept(&of_stranger, NOW).unwrap_err(), BookError::NotInBook);
    let by_stranger = Introduction::new(&identity(8), &identity(1).root(), NOW);
    assert_eq!(book.accept(&by_stranger, NOW).unwrap_err(), BookError::NoIntroducer);
}

#[test]
fn the_last_introductions_are_remembered_each_introducer_once() {
    let mut book = Book::default();
    book.add("subject", card(100), NOW).unwrap();
    let mut introduce = |number: u64| {
        let name = format!("introducer {number}");
        if book.get(&name).is_none() {
            book.add(&name, card(number), NOW).unwrap();
            book.note_call(&peer(number, 5), 0x11, NOW).unwrap();
            book.verify(&name, card(number).fingerprint(), How::Qr).unwrap();
        }
        let introduction = Introduction::new(&identity(number), &identity(100).root(), NOW);
        let subject = book.accept(&introduction, NOW).unwrap();
        subject.introductions().iter().map(|note| note.by).collect::<Vec<_>>()
    };
    let by = |number| *card(number).fingerprint();
    let last = (10..=18).map(&mut introduce).last().unwrap();
    assert!(last == (11..=18).map(by).collect::<Vec<_>>());
    assert!(introduce(11) == (12..=18).chain([11]).map(by).collect::<Vec<_>>());
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
    let by = |number: usize| Fingerprint::new([u8::try_from(number).unwrap(); Fingerprint::LEN]);
    book.contacts[0].introductions =
        (0..MAX_INTRODUCTIONS).map(|number| Introduced { by: by(number), at: NOW }).collect();
    let bytes = book.encode();
    assert_eq!(Book::parse(&bytes), Ok(book));
    let more = MAX_CONTACTS * (MAX_INTRODUCTIONS * (Fingerprint::LEN + 8) + p2pvoip_crypto::MAX_PIN_LEN);
    assert!(bytes.len() + more < p2pvoip_crypto::keystore::MAX_CONTENT_LEN);
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
            if let (true, Some(called)) = (book.add(&name, card, NOW).is_ok(), called) {
                book.note_call(&peer(number.into(), 5), 0x11, UnixTime::from_secs(called)).unwrap();
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
