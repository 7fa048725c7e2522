//! The secret of an identity on one device, and the form in which it is kept in a file.
//!
//! A file is `p2pvoip` (7) | form (1) | fields | checksum (4). The checksum tells a damaged file from another one; it protects
//! nothing, and the file must be readable by its owner alone.
//!
//! | form | who | fields |
//! |---|---|---|
//! | 1 | home, as written before prekeys had a chain | secret S (32) |
//! | 2 | home | S (32), period (8), prekey chain (32), slots (1), sequence (8), 4 hashes of linked devices (128) |
//! | 3 | linked | device secret D (32), owner key w (32), root public key (32), index (1), period (8), prekey chain (32), roster (211) |
//! | 4 | a device that waits for its grant ([`PendingDevice`](crate::PendingDevice)) | D (32), period (8), prekey chain (32) |
//!
//! # Timers
//! - A secret is moved on and written anew at least weekly, so that past prekeys are gone ([`Secret::advance`]).
//!
//! # Left out
//! - A passphrase: the key store seals the file.

use core::fmt;

use p2pvoip_core::wire::{Malformed, Reader};
use p2pvoip_core::{Seed, UnixTime};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::chain::{CHAIN_LEN, Chain, FIRST_PERIOD};
use crate::dates;
use crate::identity::{PUBLIC_LEN, RootKey};
use crate::kdf::{self, Key};
use crate::keystore::KEY_FORM;
use crate::roster::{Devices, HOME, MAX_DEVICES, ROSTER_LEN, Roster};

const MAGIC: &[u8; 7] = b"p2pvoip";
const CHECKSUM_LEN: usize = 4;
const FORM_1: u8 = 1;
const FORM_HOME: u8 = 2;
const FORM_LINKED: u8 = 3;
/// The form of a device that waits for its grant.
pub(crate) const FORM_PENDING: u8 = 4;

/// What a device holds of its identity; overwritten when dropped.
#[derive(Clone)]
pub struct Secret {
    pub(crate) holder: Holder,
    /// `None` in a file that was written before prekeys had a chain.
    pub(crate) chain: Option<Chain>,
}

#[derive(Clone)]
pub(crate) enum Holder {
    Home {
        secret: Key,
        /// The linked devices; the home's own slot is empty.
        linked: Devices,
    },
    Linked {
        device: Key,
        owner: Key,
        root: [u8; PUBLIC_LEN],
        index: u8,
        roster: Box<[u8; ROSTER_LEN]>,
    },
}

/// Why bytes are not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It does not start as an identity file does.
    #[error("this is not an identity file; give the file that was written when the identity was made")]
    NotASecret,
    /// It is a key file.
    #[error("this is a key file, which seals an identity; name the file of the identity itself")]
    KeyFile,
    /// A newer version wrote it.
    #[error("the identity file has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// It is of a device that was not linked yet.
    #[error("this device waits to be linked; give it the grant that the first device made")]
    NotLinked,
    /// It is of an identity, and a device that waits to be linked was expected.
    #[error("this is the file of an identity, not of a device that waits to be linked")]
    NotPending,
    /// Its length or checksum is wrong.
    #[error("the identity file is damaged; restore it from a backup")]
    Damaged,
}

impl From<Malformed> for SecretError {
    fn from(_: Malformed) -> Self {
        Self::Damaged
    }
}

impl Secret {
    /// The longest form for a file, in bytes.
    pub const MAX_ENCODED_LEN: usize = Self::LINKED_LEN;

    #[cfg(test)]
    const HOME_LEN: usize = 8 + 32 + CHAIN_LEN + crate::roster::DEVICES_LEN + CHECKSUM_LEN;
    const LINKED_LEN: usize = 8 + 32 + 32 + PUBLIC_LEN + 1 + CHAIN_LEN + ROSTER_LEN + CHECKSUM_LEN;

    /// A new secret, of a home device. The seed comes from the system and is used for nothing else.
    pub fn generate(seed: &Seed) -> Self {
        let secret = kdf::derive(seed.expose(), "identity", b"");
        Self { holder: Holder::Home { secret, linked: no_devices() }, chain: Some(first_chain(seed)) }
    }

    /// Whether this is the home device, which holds the root and lists the others.
    pub const fn is_home(&self) -> bool {
        matches!(self.holder, Holder::Home { .. })
    }

    /// Forgets the prekeys that no caller can use any more at `now`. When it says that there were any, write the file
    /// anew: a thief of the new file cannot read the first messages of past calls.
    pub fn advance(&mut self, now: UnixTime) -> bool {
        self.chain.as_mut().is_some_and(|chain| chain.advance(now))
    }

    /// Whether there are no prekeys for the period of `now`, so that nobody could call: in a file of an older version, in one that was not
    /// used for ten years, or after a clock that was wrong by weeks moved the prekeys on. Then [`renew`](Self::renew).
    pub fn needs_renewal(&self, now: UnixTime) -> bool {
        !self.chain.as_ref().is_some_and(|chain| chain.covers(now))
    }

    /// Draws new prekeys. The seed comes from the system and is used for nothing else. [Advance](Self::advance), then write
    /// the file anew.
    pub fn renew(&mut self, seed: &Seed) {
        self.chain = Some(first_chain(seed));
    }

    /// The form for a file.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut fields = Zeroizing::new(Vec::with_capacity(Self::MAX_ENCODED_LEN));
        let form = match &self.holder {
            Holder::Home { secret, linked } => {
                fields.extend(secret.iter());
                match &self.chain {
                    Some(chain) => {
                        fields.extend(chain.emit().iter());
                        fields.extend(linked.emit());
                        FORM_HOME
                    }
                    None => FORM_1,
                }
            }
            Holder::Linked { device, owner, root, index, roster } => {
                fields.extend(device.iter().chain(owner.iter()).chain(root));
                fields.push(*index);
                fields.extend(self.chain.iter().flat_map(|chain| chain.emit().to_vec()));
                fields.extend(roster.iter());
                FORM_LINKED
            }
        };
        frame(form, &fields)
    }

    /// Reads the form for a file.
    ///
    /// # Errors
    /// [`SecretError`] when the bytes are something else, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, SecretError> {
        let (form, fields) = unframe(bytes)?;
        let mut reader = Reader::new(fields);
        let secret = match form {
            FORM_LINKED => parse_linked(&mut reader)?,
            FORM_PENDING => return Err(SecretError::NotLinked),
            _ => parse_home(form, &mut reader)?,
        };
        reader.finish()?;
        Ok(secret)
    }

    /// The secret of the device's own keys.
    pub(crate) fn device(&self) -> Key {
        match &self.holder {
            Holder::Home { secret, .. } => kdf::derive(secret, "device secret", b""),
            Holder::Linked { device, .. } => device.clone(),
        }
    }

    /// The seed of the owner key of the mailbox.
    pub(crate) fn owner(&self) -> Key {
        match &self.holder {
            Holder::Home { secret, .. } => kdf::derive(secret, "mailbox", b""),
            Holder::Linked { owner, .. } => owner.clone(),
        }
    }

    /// The devices that home has linked; none on a linked device.
    pub(crate) fn devices(&self) -> Devices {
        match &self.holder {
            Holder::Home { linked, .. } => *linked,
            Holder::Linked { .. } => no_devices(),
        }
    }
}

/// The chain of prekeys that a seed gives.
pub(crate) fn first_chain(seed: &Seed) -> Chain {
    Chain::new(kdf::derive(seed.expose(), "first prekeys", b""))
}

/// The list of devices that was never changed: its date is that of the first prekeys.
const fn no_devices() -> Devices {
    Devices::since(FIRST_PERIOD * dates::PREKEY_PERIOD.as_secs())
}

fn parse_home(form: u8, reader: &mut Reader<'_>) -> Result<Secret, Malformed> {
    let secret = Zeroizing::new(reader.array()?);
    let (chain, linked) = match form {
        FORM_1 => (None, no_devices()),
        _ => (Some(Chain::parse(reader)?), Devices::parse(reader)?),
    };
    if linked.indices().any(|index| index == HOME) {
        return Err(Malformed::Invalid("slots"));
    }
    Ok(Secret { holder: Holder::Home { secret, linked }, chain })
}

fn parse_linked(reader: &mut Reader<'_>) -> Result<Secret, Malformed> {
    let (device, owner) = (Zeroizing::new(reader.array()?), Zeroizing::new(reader.array()?));
    let (root, index) = (reader.array()?, reader.u8()?);
    let chain = Chain::parse(reader)?;
    let roster: [u8; ROSTER_LEN] = reader.array()?;
    if RootKey::new(root).is_none() {
        return Err(Malformed::Invalid("root key"));
    }
    if index == HOME || usize::from(index) >= MAX_DEVICES {
        return Err(Malformed::Invalid("index"));
    }
    Roster::parse(&roster)?;
    let holder = Holder::Linked { device, owner, root, index, roster: Box::new(roster) };
    Ok(Secret { holder, chain: Some(chain) })
}

/// A file of that form: what stands before and behind its fields.
pub(crate) fn frame(form: u8, fields: &[u8]) -> Zeroizing<Vec<u8>> {
    let checksum = checksum(form, fields);
    Zeroizing::new([&MAGIC[..], &[form], fields, &checksum].concat())
}

/// The form of a file, and its fields.
pub(crate) fn unframe(bytes: &[u8]) -> Result<(u8, &[u8]), SecretError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(SecretError::NotASecret)?;
    let (form, rest) = rest.split_first().ok_or(SecretError::Damaged)?;
    if *form == KEY_FORM {
        return Err(SecretError::KeyFile);
    }
    if !(FORM_1..=FORM_PENDING).contains(form) {
        return Err(SecretError::UnknownForm(*form));
    }
    let (fields, written) = rest.split_last_chunk::<CHECKSUM_LEN>().ok_or(SecretError::Damaged)?;
    if !kdf::equal(written, &checksum(*form, fields)) {
        return Err(SecretError::Damaged);
    }
    Ok((*form, fields))
}

fn checksum(form: u8, fields: &[u8]) -> [u8; CHECKSUM_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip identity file", &[form], fields]))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn form_1() -> Vec<u8> {
        // The vector of the form that was written before.
        let text = "703270766f697001808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fd6fc59ec";
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_file_gives_back_its_secret() {
        let secret = Secret::generate(&Seed::from_u64(1));
        let file = secret.encode();
        assert_eq!(file.len(), Secret::HOME_LEN);
        assert_eq!(Secret::decode(&file).unwrap().encode(), file);
        assert!(secret.is_home() && !secret.needs_renewal(NOW));
    }

    #[test]
    fn every_flipped_bit_and_every_wrong_length_is_noticed() {
        let file = Secret::generate(&Seed::from_u64(1)).encode();
        for bit in 0..file.len() * 8 {
            let mut damaged = file.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Secret::decode(&damaged).is_err(), "bit {bit}");
        }
        for len in 0..file.len() {
            assert!(Secret::decode(&file[..len]).is_err());
        }
        assert_eq!(Secret::decode(&[&file[..], &[0]].concat()).unwrap_err(), SecretError::Damaged);
    }

    #[test]
    fn a_newer_form_asks_for_an_update() {
        let mut file = Secret::generate(&Seed::from_u64(1)).encode();
        file[7] = 5;
        assert_eq!(Secret::decode(&file).unwrap_err(), SecretError::UnknownForm(5));
        assert_eq!(Secret::decode(b"-----BEGIN").unwrap_err(), SecretError::NotASecret);
    }

    #[test]
    fn a_file_without_a_chain_is_read_and_asks_for_prekeys() {
        let mut old = Secret::decode(&form_1()).unwrap();
        assert_eq!(old.encode().to_vec(), form_1());
        assert!(old.needs_renewal(NOW) && !old.advance(NOW));
        let identity = crate::Identity::from_secret(&old);
        assert!(identity.prekey_bundle(NOW.day(), NOW).is_empty());
        old.renew(&Seed::from_u64(3));
        assert!(!old.needs_renewal(NOW));
        assert_eq!(crate::Identity::from_secret(&old).fingerprint(), identity.fingerprint());
        assert_eq!(Secret::decode(&old.encode()).unwrap().encode().len(), Secret::HOME_LEN);
    }

    #[test]
    fn what_was_advanced_has_lost_the_prekeys_of_the_past_in_its_file_too() {
        let mut secret = Secret::generate(&Seed::from_u64(1));
        let past = dates::period_of(NOW) - 2;
        assert!(crate::Identity::from_secret(&secret).prekeys(past).is_some());
        assert!(secret.advance(NOW));
        let read = Secret::decode(&secret.encode()).unwrap();
        assert!(crate::Identity::from_secret(&read).prekeys(past).is_none());
        assert!(crate::Identity::from_secret(&read).prekeys(past + 2).is_some());
    }

    #[test]
    fn a_clock_that_ran_ahead_is_healed_by_new_prekeys() {
        let mut secret = Secret::generate(&Seed::from_u64(1));
        assert!(secret.advance(NOW + Duration::from_secs(90 * 86_400)));
        assert!(secret.needs_renewal(NOW));
        secret.renew(&Seed::from_u64(2));
        assert!(!secret.needs_renewal(NOW));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(form in 0u8..6, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Secret::decode(&bytes).is_err());
            // With a right checksum the fields are read.
            let _ = Secret::decode(&frame(form, &bytes));
        }
    }
}
