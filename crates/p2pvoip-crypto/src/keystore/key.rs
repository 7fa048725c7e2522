//! The key of a store: drawn from the system, or stretched from a passphrase by Argon2id (RFC 9106).

use core::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::HEXLOWER;
use p2pvoip_core::Seed;
use p2pvoip_core::wire::Reader;
use zeroize::{Zeroize as _, Zeroizing};

use super::{KeystoreError, MAGIC};
use crate::kdf::{self, Key};

/// The longest passphrase in bytes.
pub const MAX_PASSPHRASE_LEN: usize = 1_024;

/// The form byte of a key file.
pub(crate) const KEY_FORM: u8 = 65;
const CHECKSUM_LEN: usize = 4;

/// The most memory that a file may ask for, in KiB: 256 MiB.
const MAX_MEMORY_KIB: u32 = 256 * 1_024;
/// The most passes that a file may ask for.
const MAX_PASSES: u32 = 16;
/// The most lanes that a file may ask for.
const MAX_LANES: u8 = 16;
/// Argon2 needs eight blocks of 1 KiB for each lane (RFC 9106 section 3.1).
const LEAST_KIB_A_LANE: u32 = 8;

/// The name of a store key, which tells nothing of it: a key file or an entry of a keyring is found by it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 16]);

impl KeyId {
    pub(super) const LEN: usize = 16;

    pub(super) const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A passphrase; overwritten when dropped. Its bytes are used as they are: UTF-8, with no normalisation.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// The passphrase of this text.
    ///
    /// # Errors
    /// [`KeystoreError::PassphraseLength`] when it is empty or has more than [`MAX_PASSPHRASE_LEN`] bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, KeystoreError> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() || text.len() > MAX_PASSPHRASE_LEN {
            return Err(KeystoreError::PassphraseLength);
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([redacted])")
    }
}

/// How a passphrase becomes a key: Argon2id, version 0x13, with this cost and salt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretching {
    memory_kib: u32,
    passes: u32,
    lanes: u8,
    salt: [u8; 16],
}

impl Stretching {
    /// The second recommended cost of RFC 9106 section 4: 64 MiB, three passes, four lanes. The seed gives the salt, comes
    /// from the system and is used for nothing else.
    pub fn recommended(seed: &Seed) -> Self {
        Self { memory_kib: 64 * 1_024, passes: 3, lanes: 4, salt: *kdf::derive(seed.expose(), "salt", b"") }
    }

    /// Another cost: memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    /// [`KeystoreError::TooCostly`] above 256 MiB, 16 passes or 16 lanes, or below what Argon2 needs (1 pass, 1 lane, 8 KiB
    /// a lane).
    pub fn new(memory_kib: u32, passes: u32, lanes: u8, salt: [u8; 16]) -> Result<Self, KeystoreError> {
        let least = LEAST_KIB_A_LANE * u32::from(lanes);
        let is_bounded = (1..=MAX_LANES).contains(&lanes)
            && (1..=MAX_PASSES).contains(&passes)
            && (least..=MAX_MEMORY_KIB).contains(&memory_kib);
        is_bounded.then_some(Self { memory_kib, passes, lanes, salt }).ok_or(KeystoreError::TooCostly)
    }

    pub(super) const fn costs(&self) -> (u32, u32, u8) {
        (self.memory_kib, self.passes, self.lanes)
    }

    pub(super) const fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// The key of this passphrase. It takes some tenths of a second, on purpose, and the memory of the cost.
    ///
    /// # Errors
    /// [`KeystoreError::NoMemory`].
    pub fn key(&self, passphrase: &Passphrase) -> Result<StoreKey, KeystoreError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes.into(), Some(32))
            .map_err(|_| KeystoreError::TooCostly)?;
        let count = params.block_count();
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count).map_err(|_| KeystoreError::NoMemory)?;
        blocks.resize(count, Block::default());
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Key::default();
        let stretched =
            argon.hash_password_into_with_memory(passphrase.0.as_bytes(), &self.salt, &mut *key, &mut blocks);
        blocks.iter_mut().for_each(zeroize::Zeroize::zeroize);
        stretched.map_err(|_| KeystoreError::TooCostly)?;
        Ok(StoreKey(key))
    }
}

/// The key that seals the files of a store; overwritten when dropped.
#[derive(Clone)]
pub struct StoreKey(Key);

impl StoreKey {
    /// Bytes of the form for a key file or a keyring.
    pub const ENCODED_LEN: usize = 44;

    /// A new key. The seed comes from the system and is used for nothing else.
    pub fn generate(seed: &Seed) -> Self {
        Self(kdf::derive(seed.expose(), "store key", b""))
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        KeyId(*kdf::derive(&self.0, "store key id", b""))
    }

    /// The form for a key file or a keyring.
    pub fn encode(&self) -> Zeroizing<[u8; Self::ENCODED_LEN]> {
        let mut out = Zeroizing::new([0; Self::ENCODED_LEN]);
        let mut sum = checksum(&self.0);
        let fields = MAGIC.iter().chain([&KEY_FORM]).chain(self.0.iter()).chain(&sum);
        for (to, from) in out.iter_mut().zip(fields) {
            *to = *from;
        }
        sum.zeroize();
        out
    }

    /// Reads the form for a key file or a keyring.
    ///
    /// # Errors
    /// [`KeystoreError`] when the bytes are something else, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeystoreError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<7>().ok().as_ref() != Some(MAGIC) {
            return Err(KeystoreError::NotSealed);
        }
        match reader.u8()? {
            KEY_FORM => {}
            newer if newer > KEY_FORM => return Err(KeystoreError::UnknownForm(newer)),
            _ => return Err(KeystoreError::NotSealed),
        }
        let key = Zeroizing::new(reader.array()?);
        let written = reader.array()?;
        reader.finish()?;
        if kdf::equal(&written, &checksum(&key)) { Ok(Self(key)) } else { Err(KeystoreError::Damaged) }
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey([redacted])")
    }
}

fn checksum(key: &[u8; 32]) -> [u8; CHECKSUM_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip key file", &[KEY_FORM], key]))
}
