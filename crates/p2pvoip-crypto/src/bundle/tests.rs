//! Rules of the bundle: who can make one, for whom, and until when.

use core::time::Duration;

use p2pvoip_core::Seed;
use proptest::prelude::*;

use super::*;
use crate::interiors;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const DAY: u64 = 20_833;

fn alice() -> Identity {
    Identity::generate(&Seed::from_u64(1))
}

fn open_at(bytes: &[u8], now: UnixTime) -> Result<Prekeys, BundleError> {
    let alice = alice();
    alice.mailbox().open_bundle(bytes, 0, DAY, &alice.fingerprint(), now)
}

#[test]
fn a_bundle_says_who_and_until_when() {
    let alice = alice();
    let bundle = alice.prekey_bundle_for(VersionRange::CURRENT, 5, DAY, NOW);
    assert_eq!((bundle.len(), BUNDLE_LEN), (1_647, 1_647));
    let prekeys = open_at(&bundle, NOW).unwrap();
    let own = alice.prekeys(dates::period_of(NOW)).unwrap();
    assert_eq!(prekeys.fingerprint(), alice.fingerprint());
    assert_eq!(prekeys.peer().device, *alice.device_public());
    assert_eq!(prekeys.prekey, own.x25519_public());
    assert_eq!(&*prekeys.kem, own.kem.public());
    assert_eq!((prekeys.sequence(), prekeys.features(), prekeys.index()), (NOW.as_secs(), 5, 0));
    assert_eq!(prekeys.device_indices().collect::<Vec<_>>(), [0]);
    assert!(prekeys.expires() > NOW + dates::PREKEY_GRACE);
}

#[test]
fn every_flipped_bit_and_every_wrong_length_is_refused() {
    let alice = alice();
    let bundle = alice.prekey_bundle(DAY, NOW);
    let (mailbox, fingerprint) = (alice.mailbox(), alice.fingerprint());
    for bit in 0..bundle.len() * 8 {
        let mut wrong = bundle.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let opened = mailbox.open_bundle(&wrong, 0, DAY, &fingerprint, NOW);
        assert_eq!(opened, Err(BundleError::Sealed), "bit {bit}");
    }
    for len in (0..bundle.len()).chain([bundle.len() + 1]) {
        let mut other = bundle.clone();
        other.resize(len, 0);
        assert_eq!(open_at(&other, NOW), Err(BundleError::Length(len)));
    }
}

/// A bundle of that plaintext, as every card holder can seal one.
fn reseal(mailbox: &MailboxKey, plain: &[u8]) -> Vec<u8> {
    interiors::seal_bundle(mailbox, plain, 0, DAY)
}

#[test]
fn every_changed_byte_under_the_seal_is_refused_too() {
    // A card holder can open and seal again, but not sign.
    let alice = alice();
    let plain = interiors::open_bundle(alice.mailbox(), &alice.prekey_bundle(DAY, NOW), 0, DAY).unwrap();
    let (mailbox, fingerprint) = (alice.mailbox(), alice.fingerprint());
    let open = |plain: &[u8]| mailbox.open_bundle(&reseal(mailbox, plain), 0, DAY, &fingerprint, NOW);
    assert!(open(&plain).is_ok());
    for place in 0..plain.len() {
        let mut wrong = plain.clone();
        wrong[place] ^= 1 << (place % 8);
        assert!(open(&wrong).is_err(), "byte {place}");
    }
}

#[test]
fn a_bundle_opens_for_its_day_and_device_alone() {
    let alice = alice();
    let bundle = alice.prekey_bundle(DAY, NOW);
    let open = |index, day| alice.mailbox().open_bundle(&bundle, index, day, &alice.fingerprint(), NOW);
    assert!(open(0, DAY).is_ok());
    assert_eq!(open(0, DAY + 1), Err(BundleError::Sealed));
    assert_eq!(open(1, DAY), Err(BundleError::Sealed));
}

#[test]
fn a_card_holder_cannot_make_a_bundle_of_somebody_else() {
    let (alice, mallory) = (alice(), Identity::generate(&Seed::from_u64(2)));
    let forged = mallory.prekey_bundle(DAY, NOW);
    let opened = mallory.mailbox().open_bundle(&forged, 0, DAY, &alice.fingerprint(), NOW);
    assert_eq!(opened, Err(BundleError::WrongIdentity));
}

#[test]
fn a_bundle_below_the_least_version_of_its_root_is_refused() {
    let versions = VersionRange::new(0x10, 0x11).unwrap();
    let low = alice().prekey_bundle_for(versions, 0, DAY, NOW);
    assert_eq!(open_at(&low, NOW), Err(BundleError::Malformed(Malformed::Invalid("versions"))));
}

#[test]
fn dates_are_kept_to_the_second_of_the_skew() {
    let bundle = alice().prekey_bundle(DAY, NOW);
    let open = |now| open_at(&bundle, now);
    let second = Duration::from_secs(1);
    assert!(open(NOW - CLOCK_SKEW).is_ok());
    assert_eq!(open(NOW - CLOCK_SKEW - second), Err(BundleError::FromTheFuture));
    let end = open(NOW).unwrap().expires() + CLOCK_SKEW;
    assert!(open(end).is_ok());
    assert_eq!(open(end + second), Err(BundleError::Expired));
}

#[test]
fn two_bundles_share_no_nonce() {
    let alice = alice();
    let nonce = |bundle: Vec<u8>| bundle[..NONCE_LEN].to_vec();
    let first = nonce(alice.prekey_bundle(DAY, NOW));
    assert_ne!(first, nonce(alice.prekey_bundle(DAY, NOW + Duration::from_secs(1))));
    assert_ne!(first, nonce(alice.prekey_bundle(DAY + 1, NOW)));
    assert_eq!(alice.prekey_bundle(DAY, NOW), alice.prekey_bundle(DAY, NOW));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(open_at(&bytes, NOW).is_err());
        prop_assert!(open_at(&reseal(alice().mailbox(), &bytes), NOW).is_err());
    }

    #[test]
    fn any_fields_in_a_seal_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), BODY_LEN)) {
        let plain = [&[FORM][..], &bytes[1..], &[0; SIGNATURE_LEN]].concat();
        prop_assert!(open_at(&reseal(alice().mailbox(), &plain), NOW).is_err());
    }
}
