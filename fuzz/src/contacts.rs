//! What is remembered of contacts as time goes on: the pin of one, and a book of them.

use core::time::Duration;
use std::sync::LazyLock;

use p2pvoip::contacts::{Book, Contact, MAX_INTRODUCTIONS, MAX_NAME_LEN};
use p2pvoip_core::Seed;
use p2pvoip_crypto::{
    ContactCard, How, Identity, Introduction, MAX_DEVICES, PeerIdentity, Pin, PinRefused, RosterPin, Secret,
    Succession, Trust,
};

use crate::fixture::{CALLEE, CALLER, UNIX};
use crate::identity::{GRANT, PENDING};
use crate::script::{number, steps};

/// Somebody whom both know.
pub(crate) static FRIEND: LazyLock<Identity> = LazyLock::new(|| Identity::generate(&Seed::from_u64(11)));
/// The caller's first device introduces the friend, and the callee's linked one does.
pub(crate) static INTRODUCTIONS: LazyLock<[Introduction; 2]> = LazyLock::new(|| {
    let linked = Secret::linked(&PENDING, &GRANT, UNIX).expect("the callee has granted it");
    [&*CALLER, &Identity::from_secret(&linked)].map(|by| Introduction::new(by, &FRIEND.root(), UNIX))
});
/// How the callee and the friend hand over to one another.
static SUCCESSIONS: LazyLock<[Succession; 2]> = LazyLock::new(|| {
    let makes = |old, new| Succession::make(old, new, UNIX).expect("both are home devices");
    [makes(&CALLEE, &FRIEND), makes(&FRIEND, &CALLEE)]
});

/// A script for a pin of the callee; the high bits choose among people, ways and devices.
///
/// 0: a peer is seen in a call. 1: it is verified. 2: that is taken back. 3: a change is confirmed. 4: a succession comes.
/// 5: an introduction comes. 6: a pin that was kept is taken in its place. Numbers of rosters and versions are the first bytes.
pub fn pin_script(script: &[u8]) {
    play_pin(script);
}

fn play_pin(script: &[u8]) -> Pin {
    let mut pin = Pin::of(CALLEE.root(), None, UNIX);
    for (step, bytes) in steps(script) {
        let before = pin.clone();
        let people = [&*CALLEE, &*FRIEND, &*CALLER];
        let person = people[usize::from(step >> 3 & 3) % people.len()];
        let peer = PeerIdentity {
            fingerprint: person.fingerprint(),
            root: *person.root().as_bytes(),
            device: [step >> 5; 32],
            roster: RosterPin { sequence: number(bytes) >> 60, least_version: 0x11, expires: UNIX },
        };
        let now = UNIX + Duration::from_secs(number(bytes) & 0xff);
        let version = bytes.last().copied().unwrap_or_default();
        let judged = pin.judge(&peer);
        let done = match step & 7 {
            0 => pin.seen(&peer, version, now),
            1 => pin.verify(&person.fingerprint(), how(step >> 5)),
            2 => {
                pin.unverify();
                Ok(())
            }
            3 => pin.confirm_change(&peer, version, now),
            4 => pin.succeed(&SUCCESSIONS[usize::from(step >> 3 & 1)], now),
            5 => {
                let by = Pin::of(CALLER.root(), Some(How::Qr), UNIX);
                INTRODUCTIONS[0].check(&by, UNIX).map_or(Ok(()), |vouched| pin.vouched(&vouched))
            }
            _ => {
                pin = Pin::decode(bytes).unwrap_or(pin);
                Ok(())
            }
        };
        assert!(done.is_ok() || pin == before, "what is refused changes nothing");
        assert!(step & 7 != 0 || done.is_ok() == matches!(judged, Ok(Trust::KnownKey | Trust::Verified(_))));
        assert!(step & 7 == 6 || follows(&before, &pin, step & 7));
        assert!(pin.devices().len() <= MAX_DEVICES);
        assert!(Pin::decode(&pin.encode()).as_ref() == Ok(&pin), "decode undoes encode");
    }
    pin
}

fn how(number: u8) -> How {
    [How::Sas, How::Qr, How::Attested, How::Introduced(CALLER.fingerprint())][usize::from(number & 3)]
}

/// The rules of a pin: numbers only rise, what was verified stays with its root, another's word replaces no own one.
fn follows(before: &Pin, after: &Pin, step: u8) -> bool {
    let in_person = |pin: &Pin| pin.how().is_some_and(How::is_in_person);
    let rises = after.least_version() >= before.least_version();
    if before.root() != after.root() {
        return rises && matches!(step, 3 | 4) && after.how().is_none();
    }
    let kept = !in_person(before) || in_person(after) || matches!(step, 2..=4);
    rises && kept && (after.roster_sequence() >= before.roster_sequence() || matches!(step, 3 | 4))
}

fn orderly(contact: &Contact) {
    assert!((1..=MAX_NAME_LEN).contains(&contact.name().len()));
    assert!(!contact.name().chars().any(char::is_control), "a name cannot steer a terminal");
    assert!(contact.introductions().len() <= MAX_INTRODUCTIONS);
    let pinned = contact.pin().is_none_or(|pin| pin.fingerprint() == *contact.fingerprint());
    assert!(
        pinned || contact.trust() == Trust::Changed,
        "a pin is of who is on the card, or the key has changed"
    );
}

/// A script for a contact book; the bytes of a step are a name, and the high bits choose one of four people.
///
/// 0: somebody is added. 1: taken out. 2: renamed. 3: given another card. 4: called. 5: verified. 6: introduced. 7: not verified.
pub fn book_script(script: &[u8]) {
    play_book(script);
}

fn play_book(script: &[u8]) -> Book {
    let mut book = Book::default();
    let stranger = Identity::generate(&Seed::from_u64(12));
    let people = [&*CALLEE, &*FRIEND, &*CALLER, &stranger];
    for (step, bytes) in steps(script) {
        let before = book.clone();
        let person = people[usize::from(step >> 3 & 3)];
        let card = |server| -> ContactCard { person.card(server).expect("the address is short") };
        let fingerprint = person.fingerprint();
        let held = book.find(&fingerprint).map(|contact| contact.name().to_owned());
        let text = String::from_utf8_lossy(bytes);
        let name = held.as_deref().filter(|_| step & 0x20 == 0).unwrap_or(&text);
        let peer = PeerIdentity {
            fingerprint,
            root: *person.root().as_bytes(),
            device: [step >> 6; 32],
            roster: RosterPin { sequence: number(bytes) >> 60, least_version: 0x11, expires: UNIX },
        };
        let done = match step & 7 {
            0 => book.add(&text, card("a:1"), UNIX).map(drop),
            1 => book.remove(name).map(drop),
            2 => book.rename(name, &text).map(drop),
            3 => book.replace_card(name, card("b:2")).map(drop),
            4 => book.note_call(&peer, 0x11, UNIX).map(drop),
            5 => book.verify(name, &fingerprint, how(step >> 6)).map(drop),
            6 => book.accept(&INTRODUCTIONS[usize::from(step >> 6 & 1)], UNIX).map(drop),
            _ => book.unverify(name).map(drop),
        };
        assert!(done.is_ok() || book == before, "what is refused changes nothing");
        book.iter().for_each(orderly);
        assert!(book.len() <= people.len());
        assert!(Book::parse(&book.encode()).as_ref() == Ok(&book), "parse undoes encode");
        let judged = book.find(&fingerprint).map(|contact| contact.judge(&peer));
        assert!(judged != Some(Ok(Trust::Changed)) && judged != Some(Err(PinRefused::OtherRoot)));
    }
    book
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    fn script(target: &str, name: &str) -> Vec<u8> {
        seeds::of(target).into_iter().find(|(seed, _)| seed == name).unwrap().1
    }

    #[test]
    fn the_scripts_of_a_pin_see_devices_verify_and_change_roots() {
        let pin = play_pin(&script("crypto-pin-script", "valid-calls"));
        assert_eq!((pin.roster_sequence(), pin.devices().len()), (5, 1));
        let pin = play_pin(&script("crypto-pin-script", "valid-changes"));
        assert!(*pin.root() == CALLEE.root() && pin.how() == Some(How::Qr));
    }

    #[test]
    fn the_script_of_a_book_adds_calls_verifies_and_introduces() {
        let book = play_book(&script("engine-contacts-script", "valid-all"));
        let names: Vec<_> = book.iter().map(Contact::name).collect();
        assert_eq!(names, ["Bea", "zo"]);
        let friend = book.get("ZO").unwrap();
        assert_eq!((friend.introductions().len(), friend.last_call()), (1, Some(UNIX)));
    }
}
