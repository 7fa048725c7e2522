//! How far the peer of a call is trusted: what is told, what is remembered, and when a call is refused.
#![expect(clippy::unwrap_used, reason = "a story that goes wrong fails its test")]

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::contacts::Book;
use p2pvoip::{CallState, ContactCard, EndReason, How, Trust};
use p2pvoip_core::Seed;
use p2pvoip_sim::{HostId, topology};
use story::{Counting, DATE, Story};

fn story() -> Story {
    let seed = Seed::from_u64(61);
    let codec = Arc::new(Counting) as Arc<dyn p2pvoip::Codec>;
    let sides = topology::two_sides(&seed, topology::Side::public(), topology::Side::public());
    Story::new(sides, &codec, &seed).untaped()
}

fn book(name: &str, card: &ContactCard) -> Book {
    let mut book = Book::default();
    book.add(name, card.clone(), DATE).unwrap();
    book
}

/// Two people who have each other's card.
fn acquainted() -> Story {
    let mut story = story();
    let (b, a) = (book("Bob", &story.card), book("Alice", &story.other_card));
    story.person_mut(story.a, |person, _| person.set_contacts(b));
    story.person_mut(story.b, |person, _| person.set_contacts(a));
    story
}

/// Calls, and lets a second pass, so that both have told each other everything.
fn call(story: &mut Story) {
    for host in [story.a, story.b] {
        story.person_mut(host, |person, _| {
            (person.state, person.trust, person.sas) = (None, Vec::new(), None);
        });
    }
    story.dial();
    story.settle();
    story.world.run_for(Duration::from_secs(1));
}

fn hang_up(story: &mut Story) {
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_secs(5));
}

fn trust(story: &Story, host: HostId) -> &[Trust] {
    &story.person(host).trust
}

#[test]
fn both_see_the_same_code_and_strangers_are_first_contacts() {
    let mut story = story();
    call(&mut story);
    let (a, b) = (story.person(story.a), story.person(story.b));
    assert_eq!((a.state, b.state), (Some(CallState::Connected), Some(CallState::Connected)));
    assert!(a.sas.is_some());
    assert_eq!(a.sas, b.sas);
    for host in [story.a, story.b] {
        assert_eq!(trust(&story, host), [Trust::FirstContact]);
        assert!(story.person(host).fell.is_empty());
    }
}

#[test]
fn the_key_of_a_contact_is_known_from_the_second_call_on_and_each_call_has_its_code() {
    let mut story = acquainted();
    call(&mut story);
    let first = story.person(story.a).sas;
    assert_eq!(trust(&story, story.a), [Trust::FirstContact]);
    hang_up(&mut story);
    call(&mut story);
    for host in [story.a, story.b] {
        assert_eq!(trust(&story, host), [Trust::KnownKey]);
    }
    assert_ne!(story.person(story.a).sas, first);
}

#[test]
fn who_compares_the_code_has_verified_the_peer_for_this_call_and_the_next() {
    let mut story = acquainted();
    call(&mut story);
    story.person_mut(story.a, |person, now| person.compare(true, now));
    story.world.run_for(Duration::from_millis(100));
    let verified = Trust::Verified(How::Sas);
    assert_eq!(trust(&story, story.a), [Trust::FirstContact, verified]);
    assert_eq!(trust(&story, story.b), [Trust::FirstContact], "each side confirms for itself");
    assert_eq!(story.person(story.a).contacts().get("bob").unwrap().verified(), Some(How::Sas));
    hang_up(&mut story);
    call(&mut story);
    assert_eq!(trust(&story, story.a), [verified]);
    assert!(story.person(story.a).fell.is_empty());
}

#[test]
fn codes_that_differ_end_the_call_and_trust_falls() {
    let mut story = acquainted();
    call(&mut story);
    story.person_mut(story.b, |person, now| person.compare(false, now));
    story.world.run_for(Duration::from_secs(1));
    let b = story.person(story.b);
    assert_eq!(b.end(), Some(EndReason::CodeDiffers));
    assert_eq!(b.fell, [(Trust::FirstContact, Trust::Changed)]);
    assert_eq!(trust(&story, story.b), [Trust::FirstContact], "nobody says that the key is another");
    assert_eq!(b.contacts().get("alice").unwrap().verified(), None);
    assert_eq!(story.person(story.a).end(), Some(EndReason::CodeDiffers), "the other side hears why");
}

#[test]
fn codes_that_differ_take_back_what_either_side_had_verified() {
    let mut story = acquainted();
    call(&mut story);
    for who in [story.a, story.b] {
        story.person_mut(who, |person, now| person.compare(true, now));
    }
    hang_up(&mut story);
    call(&mut story);
    assert!(story.person(story.b).contacts().get("alice").unwrap().verified().is_some());
    story.person_mut(story.b, |person, now| person.compare(false, now));
    story.world.run_for(Duration::from_secs(1));
    for (who, name) in [(story.a, "bob"), (story.b, "alice")] {
        let contact = story.person(who).contacts().get(name).unwrap();
        assert_eq!(contact.verified(), None, "{name}");
        assert!(contact.pin().is_some(), "the key of {name} stays known");
    }
}

#[test]
fn a_new_card_of_another_key_is_a_change_that_is_told_and_noted_nowhere() {
    let mut story = acquainted();
    call(&mut story);
    story.person_mut(story.a, |person, now| person.compare(true, now));
    hang_up(&mut story);
    // What a knows as Bob from here on is somebody else's key.
    let other = story.other_card.clone();
    let mut book = book("Bob", &other);
    book.verify("Bob", other.fingerprint(), How::Qr).unwrap();
    story.person_mut(story.a, |person, _| {
        person.set_contacts(book.clone());
        (person.state, person.trust) = (None, Vec::new());
    });
    let card = story.card.clone();
    story.person_mut(story.a, |person, now| person.dial_as("bob", &card, now));
    story.settle();
    story.world.run_for(Duration::from_secs(1));
    let a = story.person(story.a);
    assert_eq!(a.state, Some(CallState::Connected));
    assert_eq!(a.trust, [Trust::Changed]);
    assert_eq!(a.fell, [(Trust::Verified(How::Qr), Trust::Changed)]);
    assert_eq!(*a.contacts(), book);
}

#[test]
fn a_device_that_shows_an_older_list_than_was_seen_is_not_spoken_with() {
    let mut story = acquainted();
    call(&mut story);
    hang_up(&mut story);
    // Each has seen a newer list of the other's devices.
    for (host, name) in [(story.a, "Bob"), (story.b, "Alice")] {
        let mut book = story.person(host).contacts().clone();
        let mut peer = story.person(host).identity.unwrap();
        peer.roster.sequence += 1;
        assert_eq!(book.get(name).unwrap().fingerprint(), &peer.fingerprint);
        assert!(book.note_call(&peer, p2pvoip::crypto::VERSION_1_1, DATE).unwrap());
        story.person_mut(host, |person, _| person.set_contacts(book));
    }
    call(&mut story);
    let a = story.person(story.a);
    assert!(a.end().is_some(), "it was never connected: {:?}", a.state);
    assert_eq!(a.trust, []);
    assert_eq!(story.person(story.b).state, None, "nothing rang");
}

#[test]
fn a_book_that_is_set_again_takes_nothing_away_that_calls_have_taught() {
    let mut story = acquainted();
    // As an application has loaded it.
    let mut loaded = story.person(story.a).contacts().clone();
    call(&mut story);
    story.person_mut(story.a, |person, now| person.compare(true, now));
    hang_up(&mut story);
    loaded.add("Carol", story.other_card.clone(), DATE).unwrap();
    story.person_mut(story.a, |person, _| person.set_contacts(loaded.clone()));
    call(&mut story);
    let verified = Trust::Verified(How::Sas);
    assert_eq!(trust(&story, story.a), [verified]);
    assert_eq!(story.person(story.a).contacts().len(), 2);
    hang_up(&mut story);
    loaded.unverify("bob").unwrap();
    story.person_mut(story.a, |person, _| person.set_contacts(loaded.clone()));
    call(&mut story);
    assert_eq!(trust(&story, story.a), [Trust::KnownKey], "the owner has taken it back");
    hang_up(&mut story);
    loaded.remove("bob").unwrap();
    story.person_mut(story.a, |person, _| person.set_contacts(loaded));
    call(&mut story);
    assert_eq!(trust(&story, story.a), [Trust::FirstContact], "who was taken out is not known");
}

#[test]
fn a_newer_list_of_devices_is_pinned_and_told_though_the_call_is_not_taken() {
    let mut story = acquainted();
    call(&mut story);
    let bob = story.person(story.a).identity.unwrap();
    // The same people, of whom a has seen an older list.
    let mut story = acquainted();
    let mut older = bob;
    older.roster.sequence -= 1;
    let mut book = book("Bob", &story.card);
    assert!(book.note_call(&older, p2pvoip::crypto::VERSION_1_1, DATE).unwrap());
    story.person_mut(story.a, |person, _| person.set_contacts(book));
    story.person_mut(story.b, |person, _| person.answers = false);
    story.dial();
    story.world.run_for(Duration::from_secs(2));
    hang_up(&mut story);
    let a = story.person(story.a);
    assert_eq!(a.newer, [bob]);
    let contact = a.contacts().get("bob").unwrap();
    assert_eq!(contact.pin().unwrap().roster_sequence(), bob.roster.sequence);
    assert!(contact.judge(&older).is_err(), "a device of the older list is refused from now on");
}

#[test]
fn a_changed_key_whose_words_were_compared_is_the_contacts_from_then_on() {
    let mut story = story();
    // What a knows as Bob is a key that was lost.
    let lost = p2pvoip::Identity::generate(&Seed::from_u64(99)).card("wss://example.org").unwrap();
    let mut book = book("Bob", &lost);
    book.verify("Bob", lost.fingerprint(), How::Qr).unwrap();
    story.person_mut(story.a, |person, _| person.set_contacts(book));
    let card = story.card.clone();
    story.person_mut(story.a, |person, now| person.dial_as("bob", &card, now));
    story.settle();
    story.world.run_for(Duration::from_secs(1));
    assert_eq!(trust(&story, story.a), [Trust::Changed]);
    story.person_mut(story.a, |person, now| person.compare(true, now));
    hang_up(&mut story);
    let verified = Trust::Verified(How::Sas);
    assert_eq!(trust(&story, story.a), [Trust::Changed, verified]);
    let contact = story.person(story.a).contacts().get("bob").unwrap().clone();
    assert_eq!((contact.card(), contact.trust()), (&card, verified));
    call(&mut story);
    assert_eq!(trust(&story, story.a), [verified]);
}

#[test]
fn a_card_of_a_new_key_in_the_book_warns_until_the_words_are_compared() {
    let mut story = acquainted();
    call(&mut story);
    let bob = story.person(story.a).identity.unwrap();
    hang_up(&mut story);
    // The same people; what a has pinned of Bob is another key, and Bob's new card is in the book.
    let mut story = acquainted();
    let lost = p2pvoip::Identity::generate(&Seed::from_u64(99));
    let mut pinned = bob;
    (pinned.fingerprint, pinned.root) = (lost.fingerprint(), *lost.root().as_bytes());
    let mut book = book("Bob", &lost.card("wss://example.org").unwrap());
    assert!(book.note_call(&pinned, p2pvoip::crypto::VERSION_1_1, DATE).unwrap());
    book.change_card("Bob", story.card.clone()).unwrap();
    story.person_mut(story.a, |person, _| person.set_contacts(book));
    for _ in 0..2 {
        call(&mut story);
        assert_eq!(trust(&story, story.a), [Trust::Changed]);
        assert_eq!(story.person(story.a).fell.last(), Some(&(Trust::KnownKey, Trust::Changed)));
        hang_up(&mut story);
    }
    call(&mut story);
    story.person_mut(story.a, |person, now| person.compare(true, now));
    hang_up(&mut story);
    call(&mut story);
    assert_eq!(trust(&story, story.a), [Trust::Verified(How::Sas)]);
}
