//! The sealed form of a small file: an identity or a contact book, unreadable without a store key.
//!
//! Magic and form | content | how the key is protected | nonce | ciphertext (ChaCha20-Poly1305, RFC 8439) | checksum. The
//! checksum is over the whole file and unkeyed: it tells damage from a wrong key, so that nobody is told that a passphrase is
//! wrong when the disk is. `docs/spec/store.md` has the bytes.
//!
//! # Left out
//! - Rollback: who can write the file can put an older one of the same key in its place, and it opens. To notice that, a
//!   counter outside of the file would be needed.
//! - Files, permissions and keyrings: this crate does no IO; the facade's `store` does it.

mod key;

use core::fmt;

use p2pvoip_core::Seed;
use p2pvoip_core::wire::{Malformed, Reader};
use ring::aead;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::kdf::{self, Key};
use crate::suite::{Aead, TAG_LEN};

pub(crate) use key::KEY_FORM;
pub use key::{KeyId, MAX_PASSPHRASE_LEN, Passphrase, StoreKey, Stretching};

/// The longest content of a sealed file in bytes: 1 MiB, more than a full contact book.
pub const MAX_CONTENT_LEN: usize = 1 << 20;
/// The longest sealed file in bytes.
pub const MAX_SEALED_LEN: usize = HEAD_LEN + padded(MAX_CONTENT_LEN) + TAG_LEN + CHECKSUM_LEN;

const MAGIC: &[u8; 7] = b"p2pvoip";
/// Forms below are those of a secret in clear, so that a program which does not know this one asks for an update.
const FORM: u8 = 64;
const CHECKSUM_LEN: usize = 4;
const NONCE_LEN: usize = 16;
/// Magic, form, content, protection with its fields, nonce.
const HEAD_LEN: usize = 7 + 1 + 1 + PROTECTION_LEN + NONCE_LEN;
const PROTECTION_LEN: usize = 1 + 4 + 4 + 1 + KeyId::LEN;
/// Content is padded to a multiple of this, so that a file does not tell how many contacts are in it to the byte.
const PAD: usize = 1_024;
/// The length of the content, before it.
const LENGTH_LEN: usize = 4;

/// Bytes of a content of this length with its own length and padding.
const fn padded(len: usize) -> usize {
    (LENGTH_LEN + len).div_ceil(PAD) * PAD
}

/// What is in a sealed file. A file of one content is refused in place of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Content {
    /// A [`Secret`](crate::Secret) in its form for a file.
    Identity = 1,
    /// A contact book.
    Contacts = 2,
    /// A [`PendingDevice`](crate::PendingDevice) in its form for a file.
    Pending = 3,
}

impl Content {
    const fn from_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Identity),
            2 => Some(Self::Contacts),
            3 => Some(Self::Pending),
            _ => None,
        }
    }
}

/// Where the store key of a file comes from. It stands in clear at the file's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Protection {
    /// A file of its own holds the key of this name.
    KeyFile(KeyId),
    /// A passphrase, stretched so.
    Passphrase(Stretching),
    /// The system's keyring holds the key of this name.
    Keyring(KeyId),
}

/// Why a sealed file or a key file cannot be read or made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// It does not start as a sealed file does.
    #[error("this is not a sealed file; give the file that the program wrote")]
    NotSealed,
    /// A newer version wrote it.
    #[error("the sealed file has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// Bytes of it are missing, added or changed.
    #[error("the file is damaged; restore it from a backup")]
    Damaged,
    /// It holds something else than what was looked for.
    #[error("the file holds something else than what belongs there; restore the right one from a backup")]
    OtherContent,
    /// To derive its key would take more memory or time than is reasonable.
    #[error(
        "the file asks for more memory or time than a passphrase may cost; do not trust where it comes from"
    )]
    TooCostly,
    /// The system gives no memory for the derivation.
    #[error("there is not enough memory to stretch the passphrase; close other programs and try again")]
    NoMemory,
    /// The passphrase is not the one that the file was sealed with, or somebody changed the file.
    #[error("the passphrase is wrong; try again")]
    WrongPassphrase,
    /// The key is not the one that the file was sealed with, or somebody changed the file.
    #[error("the key does not open the file; give the key that belongs to it")]
    WrongKey,
    /// The content is longer than a sealed file holds.
    #[error("the content has {0} bytes; a sealed file holds at most {MAX_CONTENT_LEN}")]
    TooLarge(usize),
    /// A passphrase has no characters, or too many.
    #[error("a passphrase has 1 to {MAX_PASSPHRASE_LEN} bytes; choose one of several words")]
    PassphraseLength,
}

impl From<Malformed> for KeystoreError {
    fn from(_: Malformed) -> Self {
        Self::Damaged
    }
}

/// Whether the bytes begin as a sealed file does, of this or of a newer form.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.strip_prefix(MAGIC).and_then(<[u8]>::first).is_some_and(|form| *form == FORM)
}

/// Seals a content. The seed comes from the system and is used for this file alone.
///
/// # Errors
/// [`KeystoreError::TooLarge`].
pub fn seal(
    content: Content,
    bytes: &[u8],
    protection: &Protection,
    key: &StoreKey,
    seed: &Seed,
) -> Result<Vec<u8>, KeystoreError> {
    if bytes.len() > MAX_CONTENT_LEN {
        return Err(KeystoreError::TooLarge(bytes.len()));
    }
    let nonce: [u8; NONCE_LEN] = *kdf::derive(seed.expose(), "file nonce", b"");
    let mut file = Vec::with_capacity(HEAD_LEN + padded(bytes.len()) + TAG_LEN + CHECKSUM_LEN);
    file.extend(MAGIC);
    file.extend([FORM, content as u8]);
    protection.emit(&mut file);
    file.extend(nonce);
    let mut text = Zeroizing::new(Vec::with_capacity(padded(bytes.len())));
    text.extend(u32::try_from(bytes.len()).unwrap_or_default().to_be_bytes());
    text.extend_from_slice(bytes);
    text.resize(padded(bytes.len()), 0);
    let (file_key, file_nonce) = file_key(key, content, &nonce);
    let tag = Aead::ChaCha20Poly1305
        .key(&file_key)
        .seal_in_place_separate_tag(file_nonce, aead::Aad::from(&file), &mut text)
        .map_err(|_| KeystoreError::TooLarge(bytes.len()))?;
    file.extend_from_slice(&text);
    file.extend_from_slice(tag.as_ref());
    let sum = checksum(&file);
    file.extend(sum);
    Ok(file)
}

/// The key and the nonce of one file: both new for each file that is written.
fn file_key(key: &StoreKey, content: Content, nonce: &[u8; NONCE_LEN]) -> (Key, aead::Nonce) {
    let context = [&[content as u8], &nonce[..]].concat();
    let file_key = kdf::derive(key.expose(), "file key", &context);
    let file_nonce = kdf::derive::<12>(key.expose(), "file iv", &context);
    (file_key, aead::Nonce::assume_unique_for_key(*file_nonce))
}

fn checksum(file: &[u8]) -> [u8; CHECKSUM_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip sealed file", file]))
}

/// Stage: a sealed file whose head was read, to be opened with the key that its protection asks for.
#[derive(Clone, Copy)]
pub struct SealedFile<'a> {
    content: Content,
    protection: Protection,
    head: &'a [u8],
    nonce: [u8; NONCE_LEN],
    text: &'a [u8],
}

impl<'a> SealedFile<'a> {
    /// Reads a sealed file up to what needs the key.
    ///
    /// # Errors
    /// [`KeystoreError`] when the bytes are something else, damaged, of a newer form, or ask for too much.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, KeystoreError> {
        let form = bytes.strip_prefix(MAGIC).ok_or(KeystoreError::NotSealed)?.first();
        match form {
            Some(&FORM) => {}
            Some(&newer) if newer > FORM => return Err(KeystoreError::UnknownForm(newer)),
            _ => return Err(KeystoreError::NotSealed),
        }
        if bytes.len() > MAX_SEALED_LEN {
            return Err(KeystoreError::Damaged);
        }
        let (file, written) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(KeystoreError::Damaged)?;
        if *written != checksum(file) {
            return Err(KeystoreError::Damaged);
        }
        let (head, text) = file.split_at_checked(HEAD_LEN).ok_or(KeystoreError::Damaged)?;
        let mut reader = Reader::new(head);
        reader.bytes(MAGIC.len() + 1)?;
        let content = Content::from_id(reader.u8()?).ok_or(KeystoreError::Damaged)?;
        let protection = Protection::parse(&mut reader)?;
        let nonce = reader.array()?;
        let padded = text.len().checked_sub(TAG_LEN).ok_or(KeystoreError::Damaged)?;
        if padded == 0 || !padded.is_multiple_of(PAD) {
            return Err(KeystoreError::Damaged);
        }
        Ok(Self { content, protection, head, nonce, text })
    }

    /// What is in it.
    pub const fn content(&self) -> Content {
        self.content
    }

    /// Where its key comes from.
    pub const fn protection(&self) -> &Protection {
        &self.protection
    }

    /// Opens it: the content, when it is the one that is looked for.
    ///
    /// # Errors
    /// [`KeystoreError::OtherContent`]; [`KeystoreError::WrongPassphrase`] or [`KeystoreError::WrongKey`] by its
    /// protection.
    pub fn open(&self, content: Content, key: &StoreKey) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
        if self.content != content {
            return Err(KeystoreError::OtherContent);
        }
        let (file_key, nonce) = file_key(key, content, &self.nonce);
        let mut text = Zeroizing::new(self.text.to_vec());
        let opened = Aead::ChaCha20Poly1305
            .key(&file_key)
            .open_in_place(nonce, aead::Aad::from(self.head), &mut text)
            .map_err(|_| self.wrong_key())?;
        let mut reader = Reader::new(opened);
        let len = usize::try_from(reader.u32()?).map_err(|_| KeystoreError::Damaged)?;
        let bytes = Zeroizing::new(reader.bytes(len)?.to_vec());
        let rest = reader.rest();
        if rest.iter().any(|byte| *byte != 0) || opened.len() != padded(len) {
            return Err(KeystoreError::Damaged);
        }
        Ok(bytes)
    }

    const fn wrong_key(&self) -> KeystoreError {
        match self.protection {
            Protection::Passphrase(_) => KeystoreError::WrongPassphrase,
            Protection::KeyFile(_) | Protection::Keyring(_) => KeystoreError::WrongKey,
        }
    }
}

impl fmt::Debug for SealedFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedFile")
            .field("content", &self.content)
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

impl Protection {
    /// Kind | memory in KiB (4) | passes (4) | lanes (1) | salt or name of the key (16).
    fn emit(&self, out: &mut Vec<u8>) {
        let (kind, costs, name) = match self {
            Self::KeyFile(id) => (1, (0, 0, 0), *id.as_bytes()),
            Self::Passphrase(by) => (2, by.costs(), *by.salt()),
            Self::Keyring(id) => (3, (0, 0, 0), *id.as_bytes()),
        };
        let (memory_kib, passes, lanes) = costs;
        out.push(kind);
        out.extend(memory_kib.to_be_bytes());
        out.extend(passes.to_be_bytes());
        out.push(lanes);
        out.extend(name);
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, KeystoreError> {
        let kind = reader.u8()?;
        let (memory_kib, passes, lanes) = (reader.u32()?, reader.u32()?, reader.u8()?);
        let name = reader.array()?;
        let is_free = (memory_kib, passes, lanes) == (0, 0, 0);
        match kind {
            1 if is_free => Ok(Self::KeyFile(KeyId::new(name))),
            2 => Stretching::new(memory_kib, passes, lanes, name).map(Self::Passphrase),
            3 if is_free => Ok(Self::Keyring(KeyId::new(name))),
            _ => Err(KeystoreError::Damaged),
        }
    }
}

#[cfg(test)]
mod tests;
