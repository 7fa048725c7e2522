//! What becomes of keys that change, of newer lists of devices, and of two books that know the same people.

use p2pvoip_crypto::Succession;

use super::tests::{NOW, book, card, identity, peer};
use super::*;

const LATER: UnixTime = UnixTime::from_secs(1_800_000_060);

/// Alice was called, and her words were compared.
fn verified() -> Book {
    let mut book = book(&["alice", "bob"]);
    book.note_call(&peer(0, 5), 0x11, NOW).unwrap();
    book.verify("alice", card(0).fingerprint(), How::Sas).unwrap();
    book
}

fn alice(book: &Book) -> &Contact {
    book.get("alice").unwrap()
}

/// A book has one form, whatever happened to its contacts.
fn reads_again(book: &Book) {
    assert_eq!(Book::parse(&book.encode()).as_ref(), Ok(book));
}

#[test]
fn a_card_of_a_new_key_shows_a_change_until_the_words_are_compared() {
    let mut book = verified();
    book.change_card("alice", card(7)).unwrap();
    reads_again(&book);
    assert_eq!((alice(&book).trust(), alice(&book).verified()), (Trust::Changed, None));
    for _ in 0..2 {
        assert_eq!(alice(&book).judge(&peer(7, 9)), Ok(Trust::Changed), "calls alone confirm nothing");
        assert_eq!(book.note_call(&peer(7, 9), 0x11, LATER), Ok(true));
    }
    assert_eq!(book.note_devices(&peer(7, 10)), Ok(false));
    assert_eq!(alice(&book).last_call(), Some(LATER));
    assert_eq!(book.note_same_code(&peer(7, 9), None, 0x11, LATER), Ok(true));
    assert_eq!(alice(&book).judge(&peer(7, 9)), Ok(Trust::Verified(How::Sas)));
    assert_eq!(alice(&book).judge(&peer(0, 9)), Ok(Trust::Changed));
    reads_again(&book);
}

#[test]
fn a_call_to_the_name_of_a_contact_by_another_card_is_confirmed_by_its_words() {
    let mut book = verified();
    let card = card(7);
    assert_eq!(book.note_same_code(&peer(7, 9), None, 0x11, LATER), Ok(false), "nobody was meant");
    assert_eq!(book.note_same_code(&peer(7, 9), Some(("alice", &card)), 0x11, LATER), Ok(true));
    assert_eq!((alice(&book).card(), alice(&book).trust()), (&card, Trust::Verified(How::Sas)));
    assert_eq!(alice(&book).pin().unwrap().roster_sequence(), 9);
}

#[test]
fn a_fingerprint_that_was_compared_in_person_confirms_a_new_key_and_another_s_word_does_not() {
    let mut book = verified();
    book.change_card("alice", card(7)).unwrap();
    let new = *card(7).fingerprint();
    assert_eq!(book.verify("alice", &new, How::Attested).unwrap_err(), PinRefused::OtherRoot.into());
    assert_eq!(alice(&book).trust(), Trust::Changed);
    book.verify("alice", &new, How::Qr).unwrap();
    assert_eq!(alice(&book).judge(&peer(7, 9)), Ok(Trust::Verified(How::Qr)));
    // The card of the key that is pinned takes a change back.
    let mut book = verified();
    book.change_card("alice", card(7)).unwrap();
    book.change_card("alice", card(0)).unwrap();
    assert_eq!(book, verified());
}

#[test]
fn a_change_is_of_one_contact_and_refused_ones_change_nothing() {
    let mut book = verified();
    let before = book.clone();
    let taken = BookError::Known("bob".into());
    assert_eq!(book.change_card("alice", card(1)).unwrap_err(), taken);
    assert_eq!(book.confirm_change("alice", card(1), &peer(1, 9), 0x11, NOW).unwrap_err(), taken);
    let other = BookError::OtherFingerprint("alice".into());
    assert_eq!(book.confirm_change("alice", card(7), &peer(8, 9), 0x11, NOW).unwrap_err(), other);
    let weak = PeerIdentity { root: [0; 32], ..peer(7, 9) };
    assert_eq!(book.confirm_change("alice", card(7), &weak, 0x11, NOW).unwrap_err(), PinRefused::Key.into());
    assert_eq!(
        book.confirm_change("carol", card(7), &peer(7, 9), 0x11, NOW).unwrap_err(),
        BookError::Unknown("carol".into())
    );
    assert_eq!(book, before);
    let known = book.confirm_change("alice", card(7), &peer(7, 9), 0x11, LATER).unwrap();
    assert_eq!(known.trust(), Trust::KnownKey, "confirmed is not verified");
}

#[test]
fn a_succession_makes_the_new_card_s_key_known_and_no_more() {
    let mut book = verified();
    let succession = Succession::make(&identity(0), &identity(7), NOW).unwrap();
    let other = BookError::OtherFingerprint("alice".into());
    assert_eq!(book.succeed("alice", card(8), &succession, NOW).unwrap_err(), other);
    assert_eq!(book.succeed("bob", card(7), &succession, NOW).unwrap_err(), BookError::NoKey("bob".into()));
    assert_eq!(book, verified());
    assert_eq!(book.succeed("alice", card(7), &succession, NOW).unwrap().trust(), Trust::KnownKey);
    assert_eq!(alice(&book).judge(&peer(7, 9)), Ok(Trust::KnownKey));
    reads_again(&book);
}

#[test]
fn a_newer_list_of_devices_is_pinned_before_any_call() {
    let mut book = verified();
    assert_eq!(book.note_devices(&peer(0, 7)), Ok(true));
    assert_eq!(book.note_devices(&peer(0, 7)), Ok(false));
    assert_eq!(book.note_devices(&peer(0, 6)), Err(PinRefused::OlderDevices.into()));
    assert_eq!(alice(&book).judge(&peer(0, 6)), Err(PinRefused::OlderDevices));
    let before = book.clone();
    assert_eq!(book.note_devices(&peer(1, 7)), Ok(false), "who was never called stays a first contact");
    assert_eq!(book.note_devices(&peer(9, 7)), Ok(false));
    assert_eq!(book, before);
}

#[test]
fn an_older_book_of_the_same_people_takes_nothing_away() {
    let mut known = verified();
    known.note_devices(&peer(0, 7)).unwrap();
    known.verify("bob", card(1).fingerprint(), How::Qr).unwrap();
    let mut stale = book(&["alice", "bob"]);
    stale.rename("alice", "Alice L.").unwrap();
    stale.add("carol", card(7), LATER).unwrap();
    stale.remove("bob").unwrap();
    stale.keep_stricter(&known);
    let alice = stale.get("Alice L.").unwrap();
    assert_eq!(alice.judge(&peer(0, 6)), Err(PinRefused::OlderDevices));
    assert_eq!(alice.judge(&peer(0, 7)), Ok(Trust::Verified(How::Sas)));
    assert_eq!(alice.last_call(), Some(NOW));
    assert_eq!((stale.len(), stale.get("bob")), (2, None), "who was taken out stays out");
    let mut stale = book(&["bob"]);
    assert!(stale.find(card(1).fingerprint()).is_none(), "numbers are of names");
    stale.add("Bob B.", card(1), NOW).unwrap();
    stale.keep_stricter(&known);
    assert_eq!(stale.get("Bob B.").unwrap().trust(), Trust::Verified(How::Qr));
    reads_again(&stale);
}

#[test]
fn what_the_owner_takes_back_is_not_kept_by_who_knew_it_verified() {
    let known = verified();
    let mut stale = book(&["alice"]);
    stale.keep_stricter(&known);
    assert_eq!(alice(&stale).verified(), Some(How::Sas), "not to be verified yet takes nothing back");
    for mut book in [verified(), book(&["alice"])] {
        book.unverify("alice").unwrap();
        let mut book = Book::parse(&book.encode()).unwrap();
        book.keep_stricter(&known);
        assert_eq!(alice(&book).trust(), Trust::KnownKey);
        reads_again(&book);
        book.verify("alice", card(0).fingerprint(), How::Qr).unwrap();
        let mut again = book.clone();
        again.keep_stricter(&book);
        assert_eq!(alice(&again).verified(), Some(How::Qr), "and verified anew is verified");
    }
}

#[test]
fn of_two_keys_the_one_that_was_confirmed_in_person_is_kept() {
    let mut changed = verified();
    changed.change_card("alice", card(7)).unwrap();
    for how in [How::Sas, How::Qr] {
        let mut confirmed = changed.clone();
        if how == How::Sas {
            confirmed.note_same_code(&peer(7, 9), None, 0x11, LATER).unwrap();
        } else {
            confirmed.verify("alice", card(7).fingerprint(), how).unwrap();
        }
        for (mut book, other) in [(changed.clone(), &confirmed), (confirmed.clone(), &changed)] {
            book.keep_stricter(other);
            assert_eq!(alice(&book).judge(&peer(7, 9)), Ok(Trust::Verified(how)));
            reads_again(&book);
        }
    }
    let mut known = changed.clone();
    known.confirm_change("alice", card(7), &peer(7, 9), 0x11, LATER).unwrap();
    changed.keep_stricter(&known);
    assert_eq!(alice(&changed).trust(), Trust::Changed, "what nobody verified is no reason to trust it");
}
