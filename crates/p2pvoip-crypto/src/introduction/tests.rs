//! Whose word counts: verified in person, in date, signed, and not of oneself.

use p2pvoip_core::Seed;
use proptest::prelude::*;

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn identity(seed: u64) -> Identity {
    Identity::generate(&Seed::from_u64(seed))
}

fn pin(how: Option<How>) -> Pin {
    Pin::of(identity(1).root(), how, NOW)
}

fn introduction() -> Introduction {
    Introduction::new(&identity(1), &identity(2).root(), NOW)
}

/// The same, as a linked device would make it: signed by its device key, with its credential.
fn by_device(by: &Identity) -> Introduction {
    let (made, expires, subject) = (NOW, NOW + INTRODUCTION_LIFE, identity(2).root());
    let who = By::Device { credential: Box::new(by.credential(NOW)), device: *by.device_public() };
    let signature = by.sign(DOMAIN, &[&body(&subject, made, expires, &who)]);
    Introduction { subject, made, expires, by: who, signature }
}

#[test]
fn a_contact_verified_in_person_vouches_and_no_other_does() {
    let text = introduction().to_string();
    let read: Introduction = text.parse().unwrap();
    assert_eq!((read.introducer(), read.subject()), (identity(1).fingerprint(), identity(2).fingerprint()));
    for how in [How::Sas, How::Qr] {
        let vouched = read.check(&pin(Some(how)), NOW).unwrap();
        assert_eq!((*vouched.root(), *vouched.by()), (identity(2).root(), identity(1).fingerprint()));
    }
    let another = How::Introduced(identity(3).fingerprint());
    for how in [None, Some(another), Some(How::Attested)] {
        assert_eq!(read.check(&pin(how), NOW), Err(IntroductionError::NotVerified), "{how:?}");
    }
}

#[test]
fn a_device_of_a_verified_contact_vouches_by_its_credential() {
    let introduction = by_device(&identity(1));
    let text = introduction.to_string();
    assert_eq!(text.len(), MAX_INTRODUCTION_LEN);
    assert_eq!(text.parse(), Ok(introduction.clone()));
    assert!(introduction.check(&pin(Some(How::Sas)), NOW).is_ok());
    // Signed by a device that the credential does not name.
    let mut stolen = by_device(&identity(3));
    stolen.by = introduction.by;
    assert_eq!(stolen.check(&pin(Some(How::Sas)), NOW), Err(IntroductionError::Signature));
}

#[test]
fn a_device_behind_an_older_list_than_was_seen_vouches_for_nobody() {
    let mut pin = pin(Some(How::Sas));
    let shown = by_device(&identity(1));
    let By::Device { credential, device } = &shown.by else { unreachable!("made by a device") };
    let mut peer = credential::verify(credential, device, NOW).unwrap();
    peer.roster.sequence += 1;
    pin.seen(&peer, 0x11, NOW).unwrap();
    assert_eq!(shown.check(&pin, NOW), Err(IntroductionError::OlderDevices));
}

#[test]
fn it_counts_for_fourteen_days_and_the_skew_of_a_clock() {
    let (introduction, pin) = (introduction(), pin(Some(How::Qr)));
    let second = Duration::from_secs(1);
    let last = NOW + INTRODUCTION_LIFE + CLOCK_SKEW;
    assert!(introduction.check(&pin, last).is_ok());
    assert_eq!(introduction.check(&pin, last + second), Err(IntroductionError::Expired));
    assert!(introduction.check(&pin, NOW - CLOCK_SKEW).is_ok());
    let early = introduction.check(&pin, NOW - CLOCK_SKEW - second);
    assert_eq!(early, Err(IntroductionError::FromTheFuture));
    let late = by_device(&identity(1)).check(&pin, last);
    assert_eq!(late, Err(IntroductionError::Credential(CredentialError::Expired)), "the roster ends first");
}

#[test]
fn nobody_gives_an_introduction_a_longer_life() {
    let by = identity(1);
    let (subject, who) = (identity(2).root(), By::Root(by.root()));
    let expires = NOW + INTRODUCTION_LIFE + Duration::from_secs(1);
    let signature = by.sign_as_root(DOMAIN, &[&body(&subject, NOW, expires, &who)]).unwrap();
    let long = Introduction { subject, made: NOW, expires, by: who, signature };
    assert_eq!(long.check(&pin(Some(How::Sas)), NOW), Err(IntroductionError::FromTheFuture));
}

#[test]
fn nobody_vouches_for_themselves_or_in_anothers_name() {
    let own = Introduction::new(&identity(1), &identity(1).root(), NOW);
    assert_eq!(own.check(&pin(Some(How::Sas)), NOW), Err(IntroductionError::Oneself));
    let others = Introduction::new(&identity(3), &identity(2).root(), NOW);
    assert_eq!(others.check(&pin(Some(How::Sas)), NOW), Err(IntroductionError::OtherIntroducer));
    let forged = Introduction { by: By::Root(identity(1).root()), ..others };
    assert_eq!(forged.check(&pin(Some(How::Sas)), NOW), Err(IntroductionError::Signature));
}

#[test]
fn every_flipped_bit_is_refused() {
    let pin = pin(Some(How::Sas));
    for good in [introduction().encode(), by_device(&identity(1)).encode()] {
        assert!(Introduction::decode(&good).unwrap().check(&pin, NOW).is_ok());
        for bit in 0..good.len() * 8 {
            let mut wrong = good.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let checked = Introduction::decode(&wrong).and_then(|read| read.check(&pin, NOW));
            assert!(checked.is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_typo_is_told_from_a_forgery() {
    let text = introduction().to_string();
    for place in SCHEME.len()..text.len() {
        let mut wrong = text.clone().into_bytes();
        wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
        let wrong = String::from_utf8(wrong).unwrap().parse::<Introduction>();
        assert_eq!(wrong, Err(IntroductionError::Mistyped), "{place}");
    }
    assert_eq!("p2pvoip:x".parse::<Introduction>(), Err(IntroductionError::NotAnIntroduction));
    assert_eq!(format!("{text}{text}").parse::<Introduction>(), Err(IntroductionError::Mistyped));
    assert_eq!(format!("{:?}", introduction()), "Introduction([redacted])");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_have_one_form(
        bytes in proptest::collection::vec(any::<u8>(), 0..MAX_BYTES), form in 0u8..4,
    ) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = form;
        }
        if let Ok(read) = Introduction::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "(p2pvoip-introduction:)?.{0,100}") {
        let _ = text.parse::<Introduction>();
    }
}
