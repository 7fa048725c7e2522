//! The roster: which devices speak for an identity, signed by its root, in 211 bytes.
//!
//! form 1 (1) | least version (1) | slots (1) | sequence (8) | expiry (8) | 4 x hash of a device (32) | signature (64). A device has
//! the slot of its index; bit i of the slots says whether there is one in slot i, and empty slots are zeros. The sequence
//! is the second in which the list of devices last changed, so that two rosters of one sequence list the same devices:
//! who has seen a newer list refuses an older one, and with it the devices that were revoked.
//!
//! # Timers
//! - A roster is valid until [`ROSTER_LIFE`] after the start of the day on which it was signed. All that are signed on one
//!   day are the same bytes, so that who has verified one need not verify it again.
//!
//! # Left out
//! - Device keys: their hashes keep the roster short, and a device shows its own keys beside it.

use core::fmt;
use core::time::Duration;

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};

use crate::identity::{self, PUBLIC_LEN, SIGNATURE_LEN};
use crate::kdf::{self, HASH_LEN};

/// The most devices of one identity, its home among them.
pub const MAX_DEVICES: usize = 4;
/// How long a roster is valid: 14 days, counted from the start of the day on which it was signed.
pub const ROSTER_LIFE: Duration = Duration::from_secs(LIFE_DAYS * DAY);

/// Bytes of a roster.
pub(crate) const ROSTER_LEN: usize = BODY_LEN + SIGNATURE_LEN;
/// Bytes that [`Devices::emit`] adds.
#[cfg(test)]
pub(crate) const DEVICES_LEN: usize = 1 + 8 + MAX_DEVICES * HASH_LEN;

const BODY_LEN: usize = 3 + 2 * 8 + MAX_DEVICES * HASH_LEN;
const FORM: u8 = 1;
const DOMAIN: &str = "roster";
const LIFE_DAYS: u64 = 14;
const DAY: u64 = 86_400;

/// The index of the home device, which holds the root.
pub(crate) const HOME: u8 = 0;

/// What is remembered of a roster that was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RosterPin {
    /// When the list of devices last changed, in seconds since 1970. One that is lower than one seen before is out of date.
    pub sequence: u64,
    /// The least version that may be spoken with its devices.
    pub least_version: u8,
    /// When it must be signed again.
    pub expires: UnixTime,
}

impl RosterPin {
    /// Whether the list of devices has changed since: then a device that shows this one may have been revoked, and a contact
    /// that has seen `known` refuses it.
    pub const fn is_older_than(&self, known: &Self) -> bool {
        self.sequence < known.sequence
    }
}

/// Stands for the keys of a device in a roster.
pub(crate) type DeviceHash = [u8; HASH_LEN];

/// What stands for a device of these keys.
pub(crate) fn device_hash(signing: &[u8; PUBLIC_LEN], device: &[u8; PUBLIC_LEN]) -> DeviceHash {
    kdf::sha256(&[b"p2pvoip device", signing, device])
}

/// The devices of an identity, each in the slot of its index, and when the list last changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Devices {
    slots: [Option<DeviceHash>; MAX_DEVICES],
    pub(crate) sequence: u64,
}

impl Devices {
    /// No devices, in a list that last changed then.
    pub(crate) const fn since(sequence: u64) -> Self {
        Self { slots: [None; MAX_DEVICES], sequence }
    }

    /// These, with that home.
    pub(crate) fn with_home(mut self, home: DeviceHash) -> Self {
        self.put(HOME, Some(home));
        self
    }

    /// The index of a device.
    pub(crate) fn index_of(&self, hash: &DeviceHash) -> Option<u8> {
        (0..).zip(&self.slots).find(|(_, slot)| slot.as_ref() == Some(hash)).map(|(index, _)| index)
    }

    /// The indices that are in use.
    pub(crate) fn indices(&self) -> impl Iterator<Item = u8> + use<> {
        self.listed().map(|(index, _)| index)
    }

    /// The devices and their indices.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (u8, DeviceHash)> + use<> {
        (0..).zip(self.slots).filter_map(|(index, slot)| Some((index, slot?)))
    }

    /// Notes that the list was changed: with a sequence that no list had before, even when the clock went back.
    pub(crate) fn changed(&mut self, now: UnixTime) {
        self.sequence = now.as_secs().max(self.sequence.saturating_add(1));
    }

    /// The first free index behind the home's.
    pub(crate) fn free(&self) -> Option<u8> {
        (0..).zip(&self.slots).skip(1).find(|(_, slot)| slot.is_none()).map(|(index, _)| index)
    }

    /// Puts a device into a slot, or takes it out.
    pub(crate) fn put(&mut self, index: u8, device: Option<DeviceHash>) {
        if let Some(slot) = self.slots.get_mut(usize::from(index)) {
            *slot = device;
        }
    }

    fn bits(&self) -> u8 {
        self.indices().fold(0, |bits, index| bits | 1 << index)
    }

    /// Slots (1) | sequence (8) | hashes (128), as an identity file has them.
    pub(crate) fn emit(&self) -> Vec<u8> {
        [&[self.bits()][..], &self.sequence.to_be_bytes(), &self.hashes()].concat()
    }

    fn hashes(&self) -> Vec<u8> {
        self.slots.map(Option::unwrap_or_default).concat()
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (bits, sequence) = (reader.u8()?, reader.u64()?);
        Self::parse_hashes(bits, sequence, reader)
    }

    fn parse_hashes(bits: u8, sequence: u64, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut devices = Self::since(sequence);
        if usize::from(bits) >= 1 << MAX_DEVICES {
            return Err(Malformed::Invalid("slots"));
        }
        for (index, slot) in (0..).zip(&mut devices.slots) {
            let hash: DeviceHash = reader.array()?;
            match (bits >> index & 1 == 1, hash != DeviceHash::default()) {
                (true, true) => *slot = Some(hash),
                (false, false) => {}
                (true, false) | (false, true) => return Err(Malformed::Invalid("slots")),
            }
        }
        Ok(devices)
    }
}

/// A roster without its signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roster {
    pub(crate) least_version: u8,
    pub(crate) devices: Devices,
    pub(crate) expires: UnixTime,
}

impl Roster {
    /// The roster of the day of `now`.
    pub(crate) const fn of_day(least_version: u8, devices: Devices, now: UnixTime) -> Self {
        let expires = UnixTime::from_secs(now.day().saturating_add(LIFE_DAYS).saturating_mul(DAY));
        Self { least_version, devices, expires }
    }

    /// What is remembered of it.
    pub(crate) const fn pin(&self) -> RosterPin {
        RosterPin {
            sequence: self.devices.sequence,
            least_version: self.least_version,
            expires: self.expires,
        }
    }

    /// Its bytes, signed by `sign` for a purpose.
    pub(crate) fn emit(&self, sign: impl FnOnce(&str, &[&[u8]]) -> [u8; SIGNATURE_LEN]) -> [u8; ROSTER_LEN] {
        let mut bytes = vec![FORM, self.least_version, self.devices.bits()];
        bytes.extend(self.devices.sequence.to_be_bytes());
        bytes.extend(self.expires.as_secs().to_be_bytes());
        bytes.extend(self.devices.hashes());
        let signature = sign(DOMAIN, &[&bytes]);
        bytes.extend(signature);
        kdf::array(&bytes)
    }

    /// Reads one; its signature is another question.
    pub(crate) fn parse(bytes: &[u8; ROSTER_LEN]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORM {
            return Err(Malformed::Invalid("form of the roster"));
        }
        let (least_version, bits) = (reader.u8()?, reader.u8()?);
        if least_version == 0 {
            return Err(Malformed::Invalid("least version"));
        }
        if bits & 1 << HOME == 0 {
            return Err(Malformed::Invalid("slots"));
        }
        let (sequence, expires) = (reader.u64()?, UnixTime::from_secs(reader.u64()?));
        let devices = Devices::parse_hashes(bits, sequence, &mut reader)?;
        Ok(Self { least_version, devices, expires })
    }
}

/// Whether that root has signed a roster: one Ed25519 operation.
pub(crate) fn is_signed(bytes: &[u8; ROSTER_LEN], root: &[u8; PUBLIC_LEN]) -> bool {
    let (body, signature) = bytes.split_at(BODY_LEN);
    identity::verify(root, DOMAIN, &[body], signature)
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Devices([redacted])")
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roster([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn devices(bits: u8) -> Devices {
        let mut devices = Devices::since(5);
        for index in 0..4 {
            devices.put(index, (bits >> index & 1 == 1).then_some([index + 1; 32]));
        }
        devices
    }

    fn emit(devices: Devices, day: u64) -> [u8; ROSTER_LEN] {
        Roster::of_day(0x11, devices, UnixTime::from_secs(day * DAY)).emit(|_, _| [9; 64])
    }

    #[test]
    fn a_roster_has_211_bytes_and_a_place_for_four_devices() {
        assert_eq!(ROSTER_LEN, 211);
        let full = devices(0b1111);
        assert_eq!(full.free(), None);
        assert_eq!(full.indices().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(devices(0b1011).free(), Some(2));
        assert_eq!(full.index_of(&[4; 32]), Some(3));
        assert_eq!(full.index_of(&[5; 32]), None);
    }

    #[test]
    fn all_rosters_of_a_day_are_the_same_and_end_fourteen_days_after_its_start() {
        let at = |secs| Roster::of_day(0x11, devices(1), UnixTime::from_secs(secs));
        assert_eq!(at(100 * DAY), at(101 * DAY - 1));
        assert_eq!(at(100 * DAY).expires, UnixTime::from_secs(100 * DAY) + ROSTER_LIFE);
        assert_ne!(at(100 * DAY), at(101 * DAY));
    }

    #[test]
    fn slots_that_are_not_what_their_bits_say_are_refused() {
        let good = emit(devices(0b0101), 7);
        assert!(Roster::parse(&good).is_ok());
        for (place, value) in [(0, 2), (1, 0), (2, 0b0100), (2, 0b0001), (2, 0b0111), (2, 0b1_0101)] {
            let mut wrong = good;
            wrong[place] = value;
            assert!(Roster::parse(&wrong).is_err(), "{place} {value}");
        }
    }

    proptest! {
        #[test]
        fn a_roster_reads_as_it_was_written(bits in 0u8..8, day in 0u64..1 << 40, sequence: u64, least in 1u8..) {
            let list = Devices { sequence, ..devices(bits << 1 | 1) };
            let roster = Roster::of_day(least, list, UnixTime::from_secs(day));
            let bytes = roster.emit(|_, _| [9; 64]);
            prop_assert_eq!(Roster::parse(&bytes), Ok(roster));
            prop_assert_eq!(bytes[BODY_LEN..].to_vec(), vec![9; 64]);
            let file = list.emit();
            prop_assert_eq!(file.len(), DEVICES_LEN);
            prop_assert_eq!(Devices::parse(&mut Reader::new(&file)).ok(), Some(list));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), ROSTER_LEN)) {
            let _ = Roster::parse(&kdf::array(&bytes));
            let _ = Devices::parse(&mut Reader::new(&bytes));
        }
    }
}
