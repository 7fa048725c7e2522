//! The rules of pins: what rises, what is never replaced, and what is noticed.

use p2pvoip_core::{Seed, UnixTime};
use proptest::prelude::*;

use super::*;
use crate::identity::{Identity, RootKey};
use crate::introduction::Introduction;
use crate::roster::{MAX_DEVICES, RosterPin};
use crate::succession::Succession;
use crate::suite::{VERSION_1_0, VERSION_1_1};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const BY: Fingerprint = Fingerprint::new([9; 24]);

fn root(seed: u64) -> RootKey {
    Identity::generate(&Seed::from_u64(seed)).root()
}

fn peer(seed: u64, sequence: u64, device: u8) -> PeerIdentity {
    let root = root(seed);
    let roster = RosterPin { sequence, least_version: VERSION_1_0, expires: NOW };
    PeerIdentity { fingerprint: root.fingerprint(), root: *root.as_bytes(), device: [device; 32], roster }
}

fn pin(sequence: u64) -> Pin {
    Pin::first(&peer(1, sequence, 1), VERSION_1_1, NOW).unwrap()
}

#[test]
fn nobody_is_known_before_the_first_call_and_the_key_is_after_it() {
    assert_eq!(judge(None, &peer(1, 5, 1)), Ok(Trust::FirstContact));
    assert_eq!(judge(Some(&pin(5)), &peer(1, 5, 1)), Ok(Trust::KnownKey));
    assert_eq!(judge(Some(&pin(5)), &peer(2, 5, 1)), Ok(Trust::Changed));
}

#[test]
fn what_was_verified_is_verified_in_the_next_call_however_it_was() {
    for how in [How::Sas, How::Qr, How::Introduced(BY), How::Attested] {
        let mut pin = pin(5);
        pin.verify(&root(1).fingerprint(), how).unwrap();
        assert_eq!(pin.judge(&peer(1, 5, 2)), Ok(Trust::Verified(how)));
    }
}

#[test]
fn another_fingerprint_is_not_verified_and_changes_nothing() {
    let mut pin = pin(5);
    let before = pin.clone();
    assert_eq!(pin.verify(&root(2).fingerprint(), How::Sas), Err(PinRefused::OtherRoot));
    assert_eq!(pin, before);
}

#[test]
fn the_word_of_another_never_replaces_what_was_verified_in_person() {
    let fingerprint = root(1).fingerprint();
    for personal in [How::Sas, How::Qr] {
        for other in [How::Introduced(BY), How::Attested] {
            let mut pin = pin(5);
            pin.verify(&fingerprint, personal).unwrap();
            pin.verify(&fingerprint, other).unwrap();
            assert_eq!(pin.how(), Some(personal));
            pin.unverify();
            pin.verify(&fingerprint, other).unwrap();
            pin.verify(&fingerprint, personal).unwrap();
            assert_eq!(pin.how(), Some(personal));
        }
    }
}

#[test]
fn a_verified_pin_is_not_replaced_by_calls_with_another_root() {
    let mut pin = pin(5);
    pin.verify(&root(1).fingerprint(), How::Qr).unwrap();
    let before = pin.clone();
    for _ in 0..3 {
        assert_eq!(pin.judge(&peer(2, 9, 1)), Ok(Trust::Changed));
        assert_eq!(pin.seen(&peer(2, 9, 1), VERSION_1_1, NOW), Err(PinRefused::OtherRoot));
    }
    assert_eq!(pin, before);
}

#[test]
fn a_confirmed_change_is_a_known_key_that_nobody_has_verified() {
    let mut pin = pin(5);
    pin.verify(&root(1).fingerprint(), How::Sas).unwrap();
    pin.confirm_change(&peer(2, 3, 1), VERSION_1_0, NOW).unwrap();
    assert_eq!(pin.judge(&peer(2, 3, 1)), Ok(Trust::KnownKey));
    assert_eq!(pin.judge(&peer(1, 5, 1)), Ok(Trust::Changed));
    assert_eq!(pin.least_version(), VERSION_1_1, "a change is no way down");
    let weak = PeerIdentity { root: [0; 32], ..peer(3, 3, 1) };
    assert_eq!(pin.confirm_change(&weak, VERSION_1_1, NOW), Err(PinRefused::Key));
    assert_eq!(pin.fingerprint(), root(2).fingerprint());
}

#[test]
fn a_succession_makes_the_new_root_known_and_no_more_than_that() {
    let (old, new) = (Identity::generate(&Seed::from_u64(1)), Identity::generate(&Seed::from_u64(2)));
    let succession = Succession::make(&old, &new, NOW).unwrap();
    let mut pin = pin(5);
    pin.verify(&old.fingerprint(), How::Qr).unwrap();
    pin.succeed(&succession, NOW).unwrap();
    assert_eq!(pin.judge(&peer(2, 3, 1)), Ok(Trust::KnownKey));
    assert_eq!(pin.judge(&peer(1, 5, 1)), Ok(Trust::Changed));
    let before = pin.clone();
    assert_eq!(pin.succeed(&succession, NOW), Err(PinRefused::OtherRoot), "once");
    assert_eq!(pin, before);
}

#[test]
fn an_older_list_of_devices_is_refused_and_the_sequence_only_rises() {
    let mut pin = pin(5);
    assert_eq!(pin.judge(&peer(1, 4, 1)), Err(PinRefused::OlderDevices));
    assert_eq!(pin.seen(&peer(1, 4, 1), VERSION_1_1, NOW), Err(PinRefused::OlderDevices));
    pin.seen(&peer(1, 7, 1), VERSION_1_1, NOW).unwrap();
    assert_eq!(pin.roster_sequence(), 7);
    assert_eq!(pin.judge(&peer(1, 6, 1)), Err(PinRefused::OlderDevices));
    assert_eq!(pin.roster_sequence(), 7);
}

#[test]
fn a_newer_list_is_remembered_as_soon_as_it_is_heard_of() {
    let mut pin = pin(5);
    pin.seen(&peer(1, 5, 2), VERSION_1_1, NOW).unwrap();
    assert_eq!(pin.heard(&peer(1, 5, 3)), Ok(false), "who was not spoken with is no seen device");
    assert_eq!(pin.devices(), [[2; 32], [1; 32]]);
    assert_eq!(pin.heard(&peer(1, 7, 1)), Ok(true));
    assert_eq!((pin.roster_sequence(), pin.devices(), pin.last_seen()), (7, &[[1; 32]][..], NOW));
    let before = pin.clone();
    assert_eq!(pin.heard(&peer(1, 6, 1)), Err(PinRefused::OlderDevices));
    assert_eq!(pin.heard(&peer(2, 9, 1)), Err(PinRefused::OtherRoot));
    assert_eq!(pin, before);
}

#[test]
fn of_two_pins_of_a_root_the_stricter_is_kept() {
    let (mut old, mut new) = (pin(5), pin(5));
    new.seen(&peer(1, 7, 3), VERSION_1_1, UnixTime::from_secs(1_900_000_000)).unwrap();
    new.verify(&root(1).fingerprint(), How::Sas).unwrap();
    old.verify(&root(1).fingerprint(), How::Introduced(BY)).unwrap();
    let mut kept = new.clone();
    kept.keep_stricter(&old).unwrap();
    assert_eq!(kept, new);
    old.keep_stricter(&new).unwrap();
    assert_eq!(old, new);
    let before = old.clone();
    assert_eq!(old.keep_stricter(&Pin::of(root(2), None, NOW)), Err(PinRefused::OtherRoot));
    assert_eq!(old, before);
    let (mut one, mut other) = (pin(5), pin(5));
    for device in 2..=4 {
        other.seen(&peer(1, 5, device), VERSION_1_1, NOW).unwrap();
    }
    one.seen(&peer(1, 5, 9), VERSION_1_1, NOW).unwrap();
    one.keep_stricter(&other).unwrap();
    assert_eq!(
        one.devices().iter().map(|d| d[0]).collect::<Vec<_>>(),
        [9, 1, 4, 3],
        "own ones first, four at most"
    );
}

#[test]
fn the_least_version_only_rises_and_is_1_1_once_that_was_spoken() {
    let mut pin = Pin::first(&peer(1, 5, 1), VERSION_1_0, NOW).unwrap();
    assert_eq!(pin.least_version(), VERSION_1_1, "a root key was seen: that is 1.1");
    pin.seen(&peer(1, 5, 1), 0x12, NOW).unwrap();
    assert_eq!(pin.least_version(), VERSION_1_1, "other devices may not speak 1.2 yet");
    let mut strict = peer(1, 5, 1);
    strict.roster.least_version = 0x12;
    pin.seen(&strict, 0x12, NOW).unwrap();
    pin.seen(&peer(1, 5, 1), VERSION_1_1, NOW).unwrap();
    assert_eq!(pin.least_version(), 0x12, "what the root once demanded stays");
}

#[test]
fn at_most_four_devices_are_remembered_the_last_seen_ones() {
    let mut pin = pin(5);
    for device in 1..=6 {
        pin.seen(&peer(1, 5, device), VERSION_1_1, NOW).unwrap();
    }
    pin.seen(&peer(1, 5, 4), VERSION_1_1, NOW).unwrap();
    assert_eq!(pin.devices().iter().map(|d| d[0]).collect::<Vec<_>>(), [4, 6, 5, 3]);
    assert_eq!(pin.devices().len(), MAX_DEVICES);
    assert_eq!(pin.encode().len(), MAX_PIN_LEN);
    pin.seen(&peer(1, 6, 5), VERSION_1_1, NOW).unwrap();
    assert_eq!(pin.devices(), [[5; 32]], "a newer list forgets those that may be gone");
}

#[test]
fn dates_are_of_the_first_and_the_last_call_and_never_go_back() {
    let mut pin = pin(5);
    pin.seen(&peer(1, 5, 1), VERSION_1_1, UnixTime::from_secs(1_900_000_000)).unwrap();
    pin.seen(&peer(1, 5, 1), VERSION_1_1, UnixTime::from_secs(5)).unwrap();
    assert_eq!((pin.first_seen(), pin.last_seen()), (NOW, UnixTime::from_secs(1_900_000_000)));
}

#[test]
fn somebody_introduced_is_verified_in_the_first_call_and_by_whom_is_known() {
    let (alice, bob) = (Identity::generate(&Seed::from_u64(1)), root(2));
    let mut introducer = Pin::of(alice.root(), Some(How::Sas), NOW);
    let vouched = Introduction::new(&alice, &bob, NOW).check(&introducer, NOW).unwrap();
    let pin = Pin::introduced(&vouched, NOW);
    assert_eq!(pin.judge(&peer(2, 5, 1)), Ok(Trust::Verified(How::Introduced(alice.fingerprint()))));
    assert_eq!(pin.judge(&peer(3, 5, 1)), Ok(Trust::Changed));
    assert_eq!(introducer.vouched(&vouched), Err(PinRefused::OtherRoot));
}

#[test]
fn levels_fall_in_their_order_and_ways_of_verifying_are_equal() {
    let levels =
        [Trust::Verified(How::Sas), Trust::KnownKey, Trust::FirstContact, Trust::Changed, Trust::Unencrypted];
    for (i, above) in levels.iter().enumerate() {
        for (j, below) in levels.iter().enumerate() {
            assert_eq!(below.is_below(*above), i < j, "{above} to {below}");
        }
    }
    assert!(!Trust::Verified(How::Attested).is_below(Trust::Verified(How::Sas)));
    let words: Vec<_> = levels.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["verified", "known-key", "first-contact", "changed", "unencrypted"]);
    assert_eq!(levels.map(Trust::needs_warning), [false, false, false, true, true]);
    assert_eq!(levels.map(Trust::is_encrypted), [true, true, true, true, false]);
}

#[test]
fn every_field_out_of_its_bounds_is_refused() {
    let good = pin(5).encode();
    assert_eq!(Pin::decode(&good), Ok(pin(5)));
    let put = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] = value;
        Pin::decode(&bytes)
    };
    assert_eq!(put(0, 2), Err(PinError::UnknownForm(2)));
    for (place, value) in [(1, 5), (1, 3), (2, 1), (66, 0), (79, 0), (83, 2), (83, 0), (83, 5)] {
        assert!(matches!(put(place, value), Err(PinError::Malformed(_))), "{place} {value}");
    }
    for len in 0..good.len() {
        assert!(Pin::decode(&good[..len]).is_err(), "{len}");
    }
    let twice = [&good[..83], &[2], &[1; 64]].concat();
    assert!(Pin::decode(&twice).is_err(), "a device is listed once");
}

#[test]
fn a_pin_is_not_shown_in_a_log() {
    assert_eq!(format!("{:?}", pin(5)), "Pin([redacted])");
}

fn hows() -> impl Strategy<Value = Option<How>> {
    prop_oneof![
        Just(None),
        Just(Some(How::Sas)),
        Just(Some(How::Qr)),
        any::<[u8; 24]>().prop_map(|by| Some(How::Introduced(Fingerprint::new(by)))),
        Just(Some(How::Attested)),
    ]
}

proptest! {
    #[test]
    fn a_pin_reads_as_it_was_written(
        how in hows(), sequence: u64, least in 1u8.., first in 0u64..1 << 40, later in 0u64..1 << 40, seen in 0u8..6,
    ) {
        let mut pin = Pin::of(root(1), how, UnixTime::from_secs(first));
        for device in 0..seen {
            let mut peer = peer(1, sequence, device);
            peer.roster.least_version = least;
            pin.seen(&peer, VERSION_1_1, UnixTime::from_secs(first + later)).unwrap();
        }
        let bytes = pin.encode();
        prop_assert!(bytes.len() <= MAX_PIN_LEN);
        prop_assert_eq!(Pin::decode(&bytes), Ok(pin));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic_and_what_is_read_has_one_form(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..MAX_PIN_LEN + 8), near: bool, byte: u8,
    ) {
        if near {
            let good = pin(5).encode();
            let place = bytes.len() % good.len();
            bytes = good.iter().enumerate().map(|(i, b)| if i == place { byte } else { *b }).collect();
        }
        if let Ok(pin) = Pin::decode(&bytes) {
            prop_assert_eq!(pin.encode(), bytes);
        }
    }

    #[test]
    fn no_story_lowers_a_pin_or_moves_its_root(
        story in proptest::collection::vec((1u64..4, 0u64..6, 0u8..6, 0x10u8..0x13), 0..20),
    ) {
        let mut pin = pin(2);
        pin.verify(&root(1).fingerprint(), How::Sas).unwrap();
        for (seed, sequence, device, version) in story {
            let before = pin.clone();
            let peer = peer(seed, sequence, device);
            let seen = pin.seen(&peer, version, NOW);
            prop_assert_eq!(seen.is_ok(), seed == 1 && sequence >= before.roster_sequence());
            prop_assert!(seen.is_ok() || pin == before, "a refused call changes nothing");
            prop_assert!(pin.roster_sequence() >= before.roster_sequence());
            prop_assert!(pin.least_version() >= before.least_version());
            prop_assert_eq!((pin.root(), pin.how()), (before.root(), Some(How::Sas)));
            prop_assert!(pin.devices().len() <= MAX_DEVICES);
        }
    }
}
