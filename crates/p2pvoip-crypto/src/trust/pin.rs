//! The pin: what is remembered of a contact's key, so that another key is noticed.
//!
//! Rules: the sequence of the roster and the least version only rise; another root is [`Trust::Changed`] until the person
//! confirms it, and what was verified of the old root is never carried over to a new one; a word of another (introduction,
//! attestation) never replaces what was verified in person.
//!
//! # Left out
//! - When to write it to disk: the contact book does.

use core::fmt;

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use thiserror::Error;

use super::{How, Trust};
use crate::identity::{Fingerprint, PUBLIC_LEN, PeerIdentity, RootKey};
use crate::introduction::Vouched;
use crate::roster::MAX_DEVICES;
use crate::succession::Succession;
use crate::suite::VERSION_1_1;

/// The most bytes of an encoded pin.
pub const MAX_PIN_LEN: usize = HEAD_LEN + MAX_DEVICES * PUBLIC_LEN;

const FORM: u8 = 1;
/// Form (1), how (1), introducer (24), root (32), sequence (8), least version (1), first and last seen (16), number of devices (1).
const HEAD_LEN: usize = 2 + Fingerprint::LEN + PUBLIC_LEN + 8 + 1 + 16 + 1;

type DeviceKey = [u8; PUBLIC_LEN];

/// What is remembered of a contact's key.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin {
    root: RootKey,
    how: Option<How>,
    roster_sequence: u64,
    least_version: u8,
    /// X25519 keys of the devices that were seen, the last seen one first.
    devices: Vec<DeviceKey>,
    first_seen: UnixTime,
    last_seen: UnixTime,
}

/// Why what a peer shows, or a person asks for, does not fit a pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum PinRefused {
    /// The list of devices is older than one that was seen: this device may have been revoked.
    #[error(
        "the contact's device shows an older list of devices than was seen before; it may have been revoked: do not trust it, and ask the contact"
    )]
    OlderDevices,
    /// The key is another one than is pinned.
    #[error(
        "this is not the key that the contact had; compare the codes with the contact before you confirm it"
    )]
    OtherRoot,
    /// The peer names a root key under which anybody could sign.
    #[error("the contact's key is of no use; do not call, and ask for a new card")]
    Key,
}

/// Why bytes are no pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum PinError {
    /// A newer version made it.
    #[error(
        "what is pinned of the contact has form {0}, which this version does not know; update the program"
    )]
    UnknownForm(u8),
    /// A field has a value that the format does not allow.
    #[error(
        "what is pinned of the contact is damaged: {0}; restore the contact book, or verify the contact anew"
    )]
    Malformed(#[from] Malformed),
}

impl Pin {
    /// What is remembered after the first call with a peer, in which `version` was spoken.
    ///
    /// # Errors
    /// [`PinRefused::Key`] when the root key is none that can be trusted.
    pub fn first(peer: &PeerIdentity, version: u8, now: UnixTime) -> Result<Self, PinRefused> {
        let root = RootKey::new(peer.root).ok_or(PinRefused::Key)?;
        let mut pin = Self::of(root, None, now);
        pin.note(peer, version, now);
        Ok(pin)
    }

    /// What is remembered of somebody for whom another vouches, before the first call.
    pub fn introduced(vouched: &Vouched, now: UnixTime) -> Self {
        Self::of(*vouched.root(), Some(How::Introduced(*vouched.by())), now)
    }

    /// A pin of a root key that was seen in no call yet. 1.1 is the least version, since 1.0 has no root keys.
    pub const fn of(root: RootKey, how: Option<How>, now: UnixTime) -> Self {
        Self {
            root,
            how,
            roster_sequence: 0,
            least_version: VERSION_1_1,
            devices: Vec::new(),
            first_seen: now,
            last_seen: now,
        }
    }

    /// How far a peer is trusted that has proven to be `peer`. Changes nothing.
    ///
    /// # Errors
    /// [`PinRefused::OlderDevices`] when it has the pinned root, and shows an older list of devices than was seen.
    pub fn judge(&self, peer: &PeerIdentity) -> Result<Trust, PinRefused> {
        if peer.root != *self.root.as_bytes() {
            return Ok(Trust::Changed);
        }
        if peer.roster.sequence < self.roster_sequence {
            return Err(PinRefused::OlderDevices);
        }
        Ok(self.how.map_or(Trust::KnownKey, Trust::Verified))
    }

    /// Remembers a call in which `version` was spoken with the pinned root. Sequence and least version only rise.
    ///
    /// # Errors
    /// [`PinRefused`] when it is another root, or an older list of devices; nothing is changed then.
    pub fn seen(&mut self, peer: &PeerIdentity, version: u8, now: UnixTime) -> Result<(), PinRefused> {
        if self.judge(peer)? == Trust::Changed {
            return Err(PinRefused::OtherRoot);
        }
        self.note(peer, version, now);
        Ok(())
    }

    /// Remembers what the pinned root has signed, outside of a call: a newer list of devices, a higher least version. Of the
    /// devices that were seen before a newer list only the peer's is kept. Whether anything rose.
    ///
    /// # Errors
    /// [`PinRefused`] when it is another root, or an older list of devices; nothing is changed then.
    pub fn heard(&mut self, peer: &PeerIdentity) -> Result<bool, PinRefused> {
        if self.judge(peer)? == Trust::Changed {
            return Err(PinRefused::OtherRoot);
        }
        let before = (self.roster_sequence, self.least_version);
        if peer.roster.sequence > self.roster_sequence {
            self.devices.retain(|device| *device == peer.device);
            self.roster_sequence = peer.roster.sequence;
        }
        self.least_version = self.least_version.max(peer.roster.least_version);
        Ok(before != (self.roster_sequence, self.least_version))
    }

    /// Takes from another pin of the same root what is stricter or newer there: sequence (with the devices that were seen since),
    /// least version, dates, and how it was verified where that was not in person here.
    ///
    /// # Errors
    /// [`PinRefused::OtherRoot`] when it is of another root; nothing is changed then.
    pub fn keep_stricter(&mut self, other: &Self) -> Result<(), PinRefused> {
        if other.root != self.root {
            return Err(PinRefused::OtherRoot);
        }
        if other.roster_sequence > self.roster_sequence {
            self.devices.clone_from(&other.devices);
            self.roster_sequence = other.roster_sequence;
        } else if other.roster_sequence == self.roster_sequence {
            for device in &other.devices {
                if self.devices.len() < MAX_DEVICES && !self.devices.contains(device) {
                    self.devices.push(*device);
                }
            }
        }
        let in_person = |how: &Option<How>| how.is_some_and(How::is_in_person);
        if self.how.is_none() || (in_person(&other.how) && !in_person(&self.how)) {
            self.how = other.how;
        }
        self.least_version = self.least_version.max(other.least_version);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        Ok(())
    }

    /// The person has verified that `fingerprint` is the contact's: face to face, by the code of a call, or by an attestation.
    ///
    /// # Errors
    /// [`PinRefused::OtherRoot`] when it is not the pinned one; nothing is changed then.
    pub fn verify(&mut self, fingerprint: &Fingerprint, how: How) -> Result<(), PinRefused> {
        if self.root.fingerprint() != *fingerprint {
            return Err(PinRefused::OtherRoot);
        }
        let in_person = self.how.is_some_and(How::is_in_person);
        if how.is_in_person() || !in_person {
            self.how = Some(how);
        }
        Ok(())
    }

    /// Another contact vouches for the pinned root.
    ///
    /// # Errors
    /// [`PinRefused::OtherRoot`] when it vouches for another one: warn, since one of the two is wrong.
    pub fn vouched(&mut self, vouched: &Vouched) -> Result<(), PinRefused> {
        self.verify(&vouched.root().fingerprint(), How::Introduced(*vouched.by()))
    }

    /// The person takes back what was verified; the key stays pinned.
    pub const fn unverify(&mut self) {
        self.how = None;
    }

    /// The person confirms that the contact has a new root: what was verified of the old one is gone.
    ///
    /// # Errors
    /// [`PinRefused::Key`] when the root key is none that can be trusted; nothing is changed then.
    pub fn confirm_change(
        &mut self,
        peer: &PeerIdentity,
        version: u8,
        now: UnixTime,
    ) -> Result<(), PinRefused> {
        let least = self.least_version;
        let changed = Self::first(peer, version, now)?;
        *self = Self { least_version: changed.least_version.max(least), ..changed };
        Ok(())
    }

    /// The pinned root has signed that another takes its place, and that one agrees. It is pinned then, and known, and not
    /// verified: who stole the old root could have signed as well.
    ///
    /// # Errors
    /// [`PinRefused::OtherRoot`] when the pinned root is not the one that is given up; nothing is changed then.
    pub fn succeed(&mut self, succession: &Succession, now: UnixTime) -> Result<(), PinRefused> {
        if *succession.old() != self.root {
            return Err(PinRefused::OtherRoot);
        }
        let new = Self::of(*succession.new_root(), None, now);
        *self = Self { least_version: self.least_version.max(new.least_version), ..new };
        Ok(())
    }

    /// The pinned root.
    pub const fn root(&self) -> &RootKey {
        &self.root
    }

    /// The hash of the pinned root.
    pub fn fingerprint(&self) -> Fingerprint {
        self.root.fingerprint()
    }

    /// How it was verified, when it was.
    pub const fn how(&self) -> Option<How> {
        self.how
    }

    /// The highest sequence of a roster that was seen.
    pub const fn roster_sequence(&self) -> u64 {
        self.roster_sequence
    }

    /// The least version that may be spoken with the contact from now on.
    pub const fn least_version(&self) -> u8 {
        self.least_version
    }

    /// The X25519 keys of the devices that were seen since the list of devices last changed, the last seen one first.
    pub fn devices(&self) -> &[[u8; 32]] {
        &self.devices
    }

    /// When the root was pinned.
    pub const fn first_seen(&self) -> UnixTime {
        self.first_seen
    }

    /// When the root was last seen in a call.
    pub const fn last_seen(&self) -> UnixTime {
        self.last_seen
    }

    fn note(&mut self, peer: &PeerIdentity, version: u8, now: UnixTime) {
        if peer.roster.sequence > self.roster_sequence {
            // The list has changed: which of the seen devices are still on it shows when they are seen again.
            self.devices.clear();
            self.roster_sequence = peer.roster.sequence;
        }
        // Later versions than 1.1 are not forced: another device of the contact may not speak them yet.
        let spoken = version.min(VERSION_1_1);
        self.least_version = self.least_version.max(spoken).max(peer.roster.least_version);
        self.devices.retain(|device| *device != peer.device);
        self.devices.insert(0, peer.device);
        self.devices.truncate(MAX_DEVICES);
        self.last_seen = self.last_seen.max(now);
    }

    /// Its bytes, at most [`MAX_PIN_LEN`].
    pub fn encode(&self) -> Vec<u8> {
        let (how, by) = match self.how {
            None => (0, None),
            Some(How::Sas) => (1, None),
            Some(How::Qr) => (2, None),
            Some(How::Introduced(by)) => (3, Some(by)),
            Some(How::Attested) => (4, None),
        };
        let mut out = vec![FORM, how];
        out.extend(by.map_or([0; Fingerprint::LEN], |by| *by.as_bytes()));
        out.extend(self.root.as_bytes());
        out.extend(self.roster_sequence.to_be_bytes());
        out.push(self.least_version);
        out.extend(self.first_seen.as_secs().to_be_bytes());
        out.extend(self.last_seen.as_secs().to_be_bytes());
        out.push(u8::try_from(self.devices.len()).unwrap_or(u8::MAX));
        out.extend(self.devices.iter().flatten());
        out
    }

    /// Reads what [`encode`](Self::encode) wrote; there is one form of each pin.
    ///
    /// # Errors
    /// [`PinError`] when the bytes are no pin.
    pub fn decode(bytes: &[u8]) -> Result<Self, PinError> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            FORM => {}
            other => return Err(PinError::UnknownForm(other)),
        }
        let how = parse_how(&mut reader)?;
        let root = RootKey::new(reader.array()?).ok_or(Malformed::Invalid("root key"))?;
        let roster_sequence = reader.u64()?;
        let least_version = reader.u8()?;
        let (first_seen, last_seen) =
            (UnixTime::from_secs(reader.u64()?), UnixTime::from_secs(reader.u64()?));
        if least_version == 0 {
            return Err(Malformed::Invalid("least version").into());
        }
        if last_seen < first_seen {
            return Err(Malformed::Invalid("dates").into());
        }
        let devices = parse_devices(&mut reader)?;
        reader.finish()?;
        Ok(Self { root, how, roster_sequence, least_version, devices, first_seen, last_seen })
    }
}

fn parse_how(reader: &mut Reader<'_>) -> Result<Option<How>, Malformed> {
    let (how, by) = (reader.u8()?, reader.array::<{ Fingerprint::LEN }>()?);
    match (how, by == [0; Fingerprint::LEN]) {
        (0, true) => Ok(None),
        (1, true) => Ok(Some(How::Sas)),
        (2, true) => Ok(Some(How::Qr)),
        (3, false) => Ok(Some(How::Introduced(Fingerprint::new(by)))),
        (4, true) => Ok(Some(How::Attested)),
        _ => Err(Malformed::Invalid("how it was verified")),
    }
}

fn parse_devices(reader: &mut Reader<'_>) -> Result<Vec<DeviceKey>, Malformed> {
    let count = usize::from(reader.u8()?);
    if count > MAX_DEVICES {
        return Err(Malformed::Invalid("number of devices"));
    }
    let mut devices = Vec::with_capacity(count);
    for _ in 0..count {
        let device = reader.array()?;
        if devices.contains(&device) {
            return Err(Malformed::Invalid("device"));
        }
        devices.push(device);
    }
    Ok(devices)
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin([redacted])")
    }
}
