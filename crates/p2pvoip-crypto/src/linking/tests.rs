//! The story of linked devices: linked, called, revoked, out of date.

use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::credential::{self, CREDENTIAL_LEN};
use crate::dates::CLOCK_SKEW;
use crate::roster::ROSTER_LIFE;
use crate::{BundleError, Fingerprint, Identity, SecretError};

/// Eight hours into a day.
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn home() -> Secret {
    Secret::generate(&Seed::from_u64(1))
}

fn pending(number: u64) -> PendingDevice {
    PendingDevice::generate(&Seed::from_u64(100 + number))
}

fn link(home: &mut Secret, number: u64, now: UnixTime) -> Secret {
    let pending = pending(number);
    let request: DeviceRequest = pending.request().to_string().parse().unwrap();
    let grant = home.link(&request, Seed::from_u64(9), now).unwrap();
    Secret::linked(&pending, &grant.to_string().parse().unwrap(), now).unwrap()
}

/// What a contact with the card of `of` learns from the bundle of one of its devices.
fn bundle(of: &Identity, fingerprint: &Fingerprint, now: UnixTime) -> Result<Prekeys, BundleError> {
    let sealed = of.prekey_bundle(now.day(), now);
    of.mailbox().open_bundle(&sealed, of.index(), now.day(), fingerprint, now)
}

fn shown(by: &Identity, now: UnixTime) -> Result<crate::PeerIdentity, CredentialError> {
    credential::verify(&by.credential(now), by.device_public(), now)
}

#[test]
fn a_linked_device_speaks_for_the_same_identity_with_keys_of_its_own() {
    let mut home = home();
    let linked = Identity::from_secret(&link(&mut home, 1, NOW));
    let home = Identity::from_secret(&home);
    assert_eq!((linked.index(), home.index()), (1, 0));
    assert_eq!(linked.fingerprint(), home.fingerprint());
    assert_eq!(linked.mailbox(), home.mailbox());
    assert_eq!(linked.card("a.example"), home.card("a.example"));
    assert_ne!(linked.device_public(), home.device_public());
    assert!(linked.sign_as_root("anything", &[]).is_none());
    let prekeys = bundle(&linked, &home.fingerprint(), NOW).unwrap();
    assert_eq!((prekeys.index(), prekeys.fingerprint()), (1, home.fingerprint()));
    assert_eq!(prekeys.device_indices().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(shown(&linked, NOW).unwrap().roster, shown(&home, NOW).unwrap().roster);
}

#[test]
fn each_device_owns_its_address_and_the_presence_is_the_same() {
    let mut home = home();
    let linked = Identity::from_secret(&link(&mut home, 1, NOW));
    let home = Identity::from_secret(&home);
    let card = home.card("a.example").unwrap();
    for device in [&home, &linked] {
        let owner = device.owner_key(7, "a.example").public();
        assert_eq!(crate::owned_address(&owner), card.address(7, device.index()));
    }
    assert_ne!(card.address(7, 0), card.address(7, 1));
    assert_eq!(home.blinded_key(7).public(), linked.blinded_key(7).public());
}

#[test]
fn a_linked_secret_reads_as_it_was_written() {
    let linked = link(&mut home(), 1, NOW);
    let file = linked.encode();
    assert_eq!(file.len(), Secret::MAX_ENCODED_LEN);
    let read = Secret::decode(&file).unwrap();
    assert_eq!(read.encode(), file);
    assert!(!read.is_home());
    for bit in 0..file.len() * 8 {
        let mut damaged = file.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Secret::decode(&damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn a_waiting_device_is_kept_in_a_file_and_is_no_identity_yet() {
    let file = pending(1).encode();
    let read = PendingDevice::decode(&file).unwrap();
    assert_eq!(read.request(), pending(1).request());
    assert_eq!(Secret::decode(&file).unwrap_err(), SecretError::NotLinked);
    assert_eq!(PendingDevice::decode(&home().encode()).unwrap_err(), SecretError::NotPending);
    for bit in 0..file.len() * 8 {
        let mut damaged = file.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(PendingDevice::decode(&damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn the_code_of_a_request_is_that_of_the_listed_device() {
    let mut home = home();
    let linked = link(&mut home, 1, NOW);
    let code = pending(1).request().code();
    assert_eq!(home.linked_devices().collect::<Vec<_>>(), [(1, code)]);
    assert_eq!(Identity::from_secret(&linked).device_code(), code);
    assert_eq!(linked.linked_devices().count(), 0, "home alone lists them");
    assert_eq!(code.to_string().len(), 19);
}

#[test]
fn four_devices_are_listed_and_no_fifth() {
    let mut home = home();
    for number in 1..=3 {
        let linked = link(&mut home, number, NOW);
        assert_eq!(Identity::from_secret(&linked).index(), u8::try_from(number).unwrap());
    }
    let before = home.encode();
    let fifth = home.link(&pending(4).request(), Seed::from_u64(9), NOW).map(|_| ());
    assert_eq!(fifth, Err(LinkError::Full));
    assert_eq!(home.encode(), before);
    home.revoke(2, NOW).unwrap();
    assert_eq!(Identity::from_secret(&link(&mut home, 4, NOW)).index(), 2);
}

#[test]
fn a_device_that_is_listed_is_given_its_place_again() {
    let mut home = home();
    link(&mut home, 1, NOW);
    let before = home.encode();
    assert_eq!(Identity::from_secret(&link(&mut home, 1, NOW + DAY)).index(), 1);
    assert_eq!(home.encode(), before);
}

#[test]
fn a_revoked_device_shows_an_older_list_than_the_one_that_contacts_know() {
    let mut secret = home();
    let linked = Identity::from_secret(&link(&mut secret, 1, NOW));
    let pinned = shown(&Identity::from_secret(&secret), NOW).unwrap().roster;
    assert!(!shown(&linked, NOW).unwrap().roster.is_older_than(&pinned));

    secret.revoke(1, NOW).unwrap();
    let home = Identity::from_secret(&secret);
    let newer = shown(&home, NOW).unwrap().roster;
    assert!(newer.sequence > pinned.sequence, "in the same second too");
    assert!(shown(&linked, NOW).unwrap().roster.is_older_than(&newer));
    assert_eq!(bundle(&home, &home.fingerprint(), NOW).unwrap().device_indices().collect::<Vec<_>>(), [0]);
    // With the newer roster the device is not listed.
    let mut wrong = home.credential(NOW);
    wrong[CREDENTIAL_LEN - 32..].copy_from_slice(&linked.credential(NOW)[CREDENTIAL_LEN - 32..]);
    let refused = credential::verify(&wrong, linked.device_public(), NOW);
    assert_eq!(refused, Err(CredentialError::NotListed));
}

#[test]
fn what_home_signs_each_day_does_not_outdate_its_linked_devices() {
    let mut secret = home();
    let linked = Identity::from_secret(&link(&mut secret, 1, NOW));
    let home = Identity::from_secret(&secret);
    for days in 1..13 {
        let now = NOW + DAY * days;
        let pinned = shown(&home, now).unwrap().roster;
        assert!(!shown(&linked, now).unwrap().roster.is_older_than(&pinned), "day {days}");
    }
}

#[test]
fn a_linked_device_is_out_of_date_after_fourteen_days_unless_it_takes_the_newest_list() {
    let mut secret = home();
    let mut linked = link(&mut secret, 1, NOW);
    let home = Identity::from_secret(&secret);
    let end = UnixTime::from_secs(NOW.day() * 86_400) + ROSTER_LIFE + CLOCK_SKEW;
    let at = |linked: &Secret, now| shown(&Identity::from_secret(linked), now).map(|_| ());
    assert_eq!(at(&linked, end), Ok(()));
    assert_eq!(at(&linked, end + Duration::from_secs(1)), Err(CredentialError::Expired));

    let now = NOW + DAY * 10;
    let prekeys = bundle(&home, &home.fingerprint(), now).unwrap();
    assert_eq!(linked.refresh_roster(&prekeys), Ok(true));
    assert_eq!(linked.refresh_roster(&prekeys), Ok(false), "it has it");
    assert_eq!(at(&linked, end + DAY * 9), Ok(()));
    assert_eq!(linked.roster().unwrap().expires, prekeys.peer().roster.expires);
    let older = bundle(&home, &home.fingerprint(), NOW).unwrap();
    assert_eq!(linked.refresh_roster(&older), Ok(false), "and keeps the newer one");
}

#[test]
fn a_linked_device_learns_that_it_was_revoked() {
    let mut secret = home();
    let mut linked = link(&mut secret, 1, NOW);
    secret.revoke(1, NOW).unwrap();
    let home = Identity::from_secret(&secret);
    let prekeys = bundle(&home, &home.fingerprint(), NOW).unwrap();
    assert_eq!(linked.refresh_roster(&prekeys), Err(LinkError::Revoked));
    let stranger = Identity::generate(&Seed::from_u64(5));
    let other = bundle(&stranger, &stranger.fingerprint(), NOW).unwrap();
    assert_eq!(linked.refresh_roster(&other), Err(LinkError::OtherIdentity));
    assert_eq!(secret.refresh_roster(&prekeys), Err(LinkError::Home));
}

#[test]
fn only_home_links_and_revokes_and_never_itself() {
    let mut secret = home();
    let mut linked = link(&mut secret, 1, NOW);
    let request = pending(2).request();
    assert_eq!(linked.link(&request, Seed::from_u64(9), NOW), Err(LinkError::NotHome));
    assert_eq!(linked.revoke(1, NOW), Err(LinkError::NotHome));
    assert_eq!(secret.revoke(0, NOW), Err(LinkError::Home));
    assert_eq!(secret.revoke(2, NOW), Err(LinkError::NoDevice(2)));
    assert_eq!(secret.revoke(200, NOW), Err(LinkError::NoDevice(200)));
}

#[test]
fn a_linked_device_cannot_list_others_or_speak_in_their_place() {
    let mut secret = home();
    let linked = Identity::from_secret(&link(&mut secret, 1, NOW));
    let home = Identity::from_secret(&secret);
    // Its own signing key beside home's X25519 key, and the other way around.
    let mine = linked.credential(NOW);
    assert_eq!(credential::verify(&mine, home.device_public(), NOW), Err(CredentialError::NotListed));
    let theirs = home.credential(NOW);
    assert_eq!(credential::verify(&theirs, linked.device_public(), NOW), Err(CredentialError::NotListed));
    // A bundle that it seals for the place of home is not home's.
    let sealed = linked.prekey_bundle(7, NOW);
    let opened = home.mailbox().open_bundle(&sealed, 0, 7, &home.fingerprint(), NOW);
    assert_eq!(opened, Err(BundleError::Sealed));
}

#[test]
fn every_flipped_bit_of_a_credential_is_refused() {
    let identity = Identity::from_secret(&home());
    let good = identity.credential(NOW);
    for bit in 0..CREDENTIAL_LEN * 8 {
        let mut wrong = good;
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert!(credential::verify(&wrong, identity.device_public(), NOW).is_err(), "bit {bit}");
    }
}

#[test]
fn a_roster_from_the_future_asks_for_the_clock() {
    let identity = Identity::from_secret(&home());
    let made = UnixTime::from_secs(NOW.day() * 86_400);
    let early =
        |now| credential::verify(&identity.credential(NOW), identity.device_public(), now).map(|_| ());
    assert_eq!(early(made - CLOCK_SKEW), Ok(()));
    assert_eq!(early(made - CLOCK_SKEW - Duration::from_secs(1)), Err(CredentialError::FromTheFuture));
}

#[test]
fn every_flipped_bit_of_a_grant_is_refused_and_it_opens_for_its_device_alone() {
    let grant = home().link(&pending(1).request(), Seed::from_u64(9), NOW).unwrap();
    assert_eq!(grant.as_bytes().len(), GRANT_LEN);
    let open = |device: &PendingDevice, grant: &DeviceGrant| Secret::linked(device, grant, NOW).map(|_| ());
    assert_eq!(open(&pending(1), &grant), Ok(()));
    assert_eq!(open(&pending(2), &grant), Err(LinkError::NotForThisDevice));
    let keys = pending(1).keys();
    for bit in 0..GRANT_LEN * 8 {
        let mut wrong = *grant.as_bytes();
        wrong[bit / 8] ^= 1 << (bit % 8);
        // The top bit of an X25519 key is not part of it (RFC 7748 section 5), but it is of the seal.
        assert!(grant::open(&grant::of_bytes(&wrong), &keys).is_err(), "bit {bit}");
    }
}

#[test]
fn a_request_of_weak_keys_is_refused_and_changes_nothing() {
    let mut secret = home();
    let before = secret.encode();
    let weak = DeviceRequest { device: [0; 32], ..pending(1).request() };
    assert!(matches!(weak.to_string().parse::<DeviceRequest>(), Err(LinkError::Malformed(_))));
    assert!(matches!(secret.link(&weak, Seed::from_u64(9), NOW), Err(LinkError::Malformed(_))));
    let weak = DeviceRequest { signing: [0; 32], ..pending(1).request() };
    assert!(matches!(weak.to_string().parse::<DeviceRequest>(), Err(LinkError::Malformed(_))));
    assert_eq!(secret.encode(), before);
}

#[test]
fn every_wrong_character_of_a_request_is_noticed() {
    let text = pending(1).request().to_string();
    for place in 0..text.len() {
        let mut wrong = text.clone().into_bytes();
        wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
        let wrong = String::from_utf8(wrong).unwrap().parse::<DeviceRequest>();
        assert!(matches!(wrong, Err(LinkError::NotAText | LinkError::Mistyped)), "{place}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let grant = home().link(&pending(1).request(), Seed::from_u64(9), NOW).unwrap();
    let shown =
        format!("{:?} {:?} {:?} {grant:?}", pending(1), pending(1).request(), pending(1).request().code());
    let expected =
        "PendingDevice([redacted]) DeviceRequest([redacted]) DeviceCode([redacted]) DeviceGrant([redacted])";
    assert_eq!(shown, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_read_without_a_panic(text in "(p2pvoip-(device|grant):)?.{0,130}") {
        let _ = (text.parse::<DeviceRequest>(), text.parse::<DeviceGrant>());
    }

    #[test]
    fn any_bytes_are_no_grant_and_no_waiting_device(bytes in proptest::collection::vec(any::<u8>(), GRANT_LEN)) {
        let grant = grant::of_bytes(&crate::kdf::array(&bytes));
        prop_assert!(Secret::linked(&pending(1), &grant, NOW).is_err());
        prop_assert!(PendingDevice::decode(&bytes).is_err());
    }

    #[test]
    fn any_bytes_under_the_seal_of_a_grant_are_refused(bytes in proptest::collection::vec(any::<u8>(), GRANT_LEN - 49)) {
        let grant = forge_grant(&pending(1).request(), &bytes, &Seed::from_u64(9)).unwrap();
        prop_assert!(Secret::linked(&pending(1), &grant, NOW).is_err());
        prop_assert!(forge_grant(&pending(1).request(), &bytes[1..], &Seed::from_u64(9)).is_none());
    }
}
