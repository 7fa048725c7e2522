//! The record: sealed bytes with a sequence and an end, signed (Ed25519, RFC 8032) by the key that names its slot.
//!
//! The slot is computed from the public key and never sent, so that a record cannot claim another's slot.

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader, Writer};
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::time::Duration;

/// The most sealed bytes in one record.
pub const MAX_SEALED_LEN: usize = 1_024;
/// The longest record in bytes.
pub const MAX_RECORD_LEN: usize = SIGNED_FIXED_LEN + MAX_SEALED_LEN + SIGNATURE_LEN;
/// The longest time from now to a record's end, so that a mistaken sequence does not hold a slot for ever.
pub const MAX_LIFETIME: Duration = Duration::from_secs(7 * 86_400);
/// How far the clocks of publisher and reader may differ.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Version, public key, sequence, end and length.
const SIGNED_FIXED_LEN: usize = 1 + PUBLIC_KEY_LEN + 8 + 8 + 2;
const PUBLIC_KEY_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;
const VERSION: u8 = 1;
/// What is signed begins with this, so that the signature means nothing elsewhere.
const SIGNED_LABEL: &[u8] = b"p2pvoip dht record v1";
/// What is hashed into a slot begins with this, for the same reason.
const SLOT_LABEL: &[u8] = b"p2pvoip dht slot v1";

/// Where a record lies: the first 16 bytes of SHA-256 of a label and the public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot([u8; 16]);

impl Slot {
    /// Of these bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// That of the records of this public key.
    #[must_use]
    pub fn of(public_key: &[u8; 32]) -> Self {
        let hash = digest(&SHA256, &[SLOT_LABEL, public_key].concat());
        let mut slot = [0; 16];
        for (to, from) in slot.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Self(slot)
    }

    /// Its bytes; they are never logged.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl core::fmt::Debug for Slot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Slot([redacted])")
    }
}

/// Why a record is not made, or not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The bytes are not a record.
    #[error("the bytes are not a record: {0}")]
    Malformed(#[from] Malformed),
    /// The signature is not that of its public key.
    #[error("the record's signature is wrong; it was changed on its way or forged")]
    Signature,
    /// It does not lie in the slot that was asked for.
    #[error("the record belongs to another slot than the one that was asked for")]
    WrongSlot,
    /// The verifier does not accept what is sealed in it.
    #[error("what the record holds is not vouched for by the peer that is looked for")]
    NotVouched,
    /// It has ended.
    #[error("the record has ended; its owner has to publish a new one")]
    Expired,
    /// It ends later than any record may.
    #[error("the record ends more than seven days from now; check the clocks of both devices")]
    TooLong,
    /// The secret is no Ed25519 seed.
    #[error("the secret cannot be used as a record key")]
    Key,
}

/// What signs records: holds a private key and knows its public one.
pub trait Signer {
    /// The public key, Ed25519.
    fn public(&self) -> &[u8; 32];

    /// Its signature (RFC 8032) over these bytes.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// The key of one slot: who holds it may publish there.
pub struct RecordKey {
    pair: Ed25519KeyPair,
    public: [u8; PUBLIC_KEY_LEN],
}

impl RecordKey {
    /// From 32 secret bytes which serve nothing else.
    ///
    /// # Errors
    /// [`RecordError::Key`] when they are no Ed25519 seed.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, RecordError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(secret).map_err(|_| RecordError::Key)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| RecordError::Key)?;
        Ok(Self { pair, public })
    }

    /// Its public key.
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Where its records lie.
    pub fn slot(&self) -> Slot {
        Slot::of(&self.public)
    }
}

impl Signer for RecordKey {
    fn public(&self) -> &[u8; 32] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        // Always as long; a shorter one would not verify.
        self.pair.sign(message).as_ref().try_into().unwrap_or([0; SIGNATURE_LEN])
    }
}

impl core::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RecordKey([redacted])")
    }
}

/// Sealed bytes in a slot; its signature is good by construction.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    public_key: [u8; PUBLIC_KEY_LEN],
    sequence: u64,
    expires: UnixTime,
    sealed: Vec<u8>,
    signature: [u8; SIGNATURE_LEN],
}

impl Record {
    /// Signs a record. The highest `sequence` wins: the time in seconds at which it is made serves well.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] when there are more than [`MAX_SEALED_LEN`] bytes.
    pub fn sign(
        key: &impl Signer,
        sequence: u64,
        expires: UnixTime,
        sealed: &[u8],
    ) -> Result<Self, RecordError> {
        let (public_key, sealed) = (*key.public(), sealed.to_vec());
        let mut record = Self { public_key, sequence, expires, sealed, signature: [0; SIGNATURE_LEN] };
        record.signature = key.sign(&[SIGNED_LABEL, &record.signed_bytes()?].concat());
        Ok(record)
    }

    /// Its bytes.
    ///
    /// # Errors
    /// [`Malformed`] never happens to a record that was signed or parsed.
    pub fn emit(&self) -> Result<Vec<u8>, Malformed> {
        let mut bytes = self.signed_bytes()?;
        bytes.extend_from_slice(&self.signature);
        Ok(bytes)
    }

    /// Reads a record and checks its signature.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] or [`RecordError::Signature`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(Malformed::Invalid("record version").into());
        }
        let public_key = reader.array()?;
        let sequence = reader.u64()?;
        let expires = UnixTime::from_secs(reader.u64()?);
        let sealed = reader.block16()?;
        if sealed.len() > MAX_SEALED_LEN {
            return Err(Malformed::Invalid("record length").into());
        }
        let sealed = sealed.to_vec();
        let signature = reader.array()?;
        reader.finish()?;
        let record = Self { public_key, sequence, expires, sealed, signature };
        let message = [SIGNED_LABEL, &record.signed_bytes()?].concat();
        let key = UnparsedPublicKey::new(&ED25519, public_key);
        key.verify(&message, &signature).map_err(|_| RecordError::Signature)?;
        Ok(record)
    }

    /// When a record ends that was parsed before, without checking its signature again.
    #[cfg(feature = "kad")]
    pub(crate) fn end_of(bytes: &[u8]) -> Option<UnixTime> {
        let mut reader = Reader::new(bytes);
        reader.bytes(1 + PUBLIC_KEY_LEN + 8).ok()?;
        reader.u64().ok().map(UnixTime::from_secs)
    }

    /// Whether it answers a lookup of `slot` at `now`.
    ///
    /// # Errors
    /// [`RecordError::WrongSlot`], [`RecordError::Expired`] or [`RecordError::TooLong`].
    pub fn check(&self, slot: &Slot, now: UnixTime) -> Result<(), RecordError> {
        if self.slot() != *slot {
            return Err(RecordError::WrongSlot);
        }
        self.check_time(now)
    }

    /// Whether it is a record of this time.
    ///
    /// # Errors
    /// [`RecordError::Expired`] or [`RecordError::TooLong`].
    pub fn check_time(&self, now: UnixTime) -> Result<(), RecordError> {
        if self.expires + CLOCK_SKEW <= now {
            return Err(RecordError::Expired);
        }
        if self.expires > now + MAX_LIFETIME + CLOCK_SKEW {
            return Err(RecordError::TooLong);
        }
        Ok(())
    }

    /// Where it lies.
    pub fn slot(&self) -> Slot {
        Slot::of(&self.public_key)
    }

    /// The key that signed it.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// The highest wins.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When it ends.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// What it holds.
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    fn signed_bytes(&self) -> Result<Vec<u8>, Malformed> {
        if self.sealed.len() > MAX_SEALED_LEN {
            return Err(Malformed::Invalid("record length"));
        }
        let mut buf = vec![0; SIGNED_FIXED_LEN + self.sealed.len()];
        let mut writer = Writer::new(&mut buf);
        writer.u8(VERSION)?;
        writer.bytes(&self.public_key)?;
        writer.u64(self.sequence)?;
        writer.u64(self.expires.as_secs())?;
        writer.block16(&self.sealed)?;
        Ok(buf)
    }
}

impl core::fmt::Debug for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Record");
        shown.field("sequence", &self.sequence).field("expires", &self.expires).finish_non_exhaustive()
    }
}
