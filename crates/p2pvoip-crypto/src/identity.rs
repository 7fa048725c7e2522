//! Who one is: an Ed25519 root, an X25519 device key and prekeys, and a mailbox secret, all from one [`Secret`].
//!
//! A prekey derives from the secret and the number of its week, so that no state changes from call to call. The price
//! is stated in the specification: who steals the secret can read the first handshake message of every past call;
//! everything after it is safe, since both ephemeral keys are gone.
//!
//! # Left out
//! - Several devices under one root: the device key derives from the same secret.

use core::fmt;

use data_encoding::HEXUPPER;
use p2pvoip_core::{Seed, UnixTime};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::blinding::{self, BlindedKey};
use crate::card::{CardError, ContactCard};
use crate::handshake::resolver;
use crate::kdf::{self, Key};
use crate::mailbox::MailboxSecret;
use crate::secret::Secret;
use crate::suite::VersionRange;
use crate::{bundle, dates, presence};

/// Bytes of a public key, of either kind.
pub(crate) const PUBLIC_LEN: usize = 32;
/// Bytes of an Ed25519 signature.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// The hash of a root public key: who somebody is, in a contact card and when compared aloud.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn of(root: &[u8; PUBLIC_LEN]) -> Self {
        Self(kdf::sha256(&[b"p2pvoip root", root]))
    }
}

impl fmt::Display for Fingerprint {
    /// Sixteen groups of four hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, group) in self.0.chunks(2).enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{}", HEXUPPER.encode(group))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint([redacted])")
    }
}

/// A root public key (Ed25519) that was checked: on the curve, and of the prime order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootKey([u8; PUBLIC_LEN]);

impl RootKey {
    /// The key of these bytes; `None` when they are no public key, or one of a small order.
    pub fn new(bytes: [u8; PUBLIC_LEN]) -> Option<Self> {
        blinding::is_sound(&bytes).then_some(Self(bytes))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_LEN] {
        &self.0
    }

    /// Its hash, which people compare.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey([redacted])")
    }
}

/// Who the peer of a handshake has proven to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The hash of its root public key.
    pub fingerprint: Fingerprint,
    /// Its Ed25519 root public key.
    pub root: [u8; PUBLIC_LEN],
    /// Its X25519 device public key.
    pub device: [u8; PUBLIC_LEN],
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerIdentity([redacted])")
    }
}

/// Stage: an own identity, which signs, seals its bundle and takes part in handshakes.
pub struct Identity {
    secret: Secret,
    root: Ed25519KeyPair,
    device: Key,
    device_public: [u8; PUBLIC_LEN],
    mailbox: MailboxSecret,
}

impl Identity {
    /// A new identity. The seed comes from the system and is used for nothing else.
    pub fn generate(seed: &Seed) -> Self {
        Self::from_secret(&Secret::generate(seed))
    }

    /// The identity of a secret.
    pub fn from_secret(secret: &Secret) -> Self {
        let device = kdf::derive(secret.expose(), "device", b"");
        Self {
            root: root_key(&kdf::derive(secret.expose(), "root", b"")),
            device_public: resolver::public_key(&device),
            device,
            mailbox: MailboxSecret::new(*kdf::derive(secret.expose(), "mailbox", b"")),
            secret: secret.clone(),
        }
    }

    /// The secret, to be kept in a file.
    pub fn to_secret(&self) -> Secret {
        self.secret.clone()
    }

    /// The hash of the root public key.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.root_public())
    }

    /// The root public key.
    pub fn root(&self) -> RootKey {
        // What derives from a seed is of the prime order.
        RootKey(self.root_public())
    }

    /// The key under which records of a day are signed; contacts derive its public half from the card.
    pub fn blinded_key(&self, day: u64) -> BlindedKey {
        let seed = kdf::derive(self.secret.expose(), "root", b"");
        let prefix = self.private_key("blinded nonce", &day.to_be_bytes());
        BlindedKey::new(&seed, &self.root_public(), &self.mailbox, day, &prefix)
    }

    /// Seals what all contacts may know on that day. Pad it: its length is seen.
    pub fn seal_presence(&self, day: u64, text: &[u8]) -> Vec<u8> {
        presence::seal(self, day, text)
    }

    /// The secret that all contacts share with this identity.
    pub const fn mailbox(&self) -> &MailboxSecret {
        &self.mailbox
    }

    /// A card that names this identity, its server and its mailbox; it demands version 1.1.
    ///
    /// # Errors
    /// [`CardError`] when the server's name is too long or has characters that a card cannot carry.
    pub fn card(&self, server: &str) -> Result<ContactCard, CardError> {
        let least = VersionRange::CURRENT.least();
        ContactCard::new(self.root(), server, self.mailbox.clone(), least)
    }

    /// What callers need to reach this identity at `now`: signed by the root, sealed under the mailbox secret,
    /// [`BUNDLE_LEN`](crate::BUNDLE_LEN) bytes. Publish a new one at least daily.
    pub fn prekey_bundle(&self, now: UnixTime) -> Vec<u8> {
        bundle::seal(self, VersionRange::CURRENT, now)
    }

    pub(crate) fn root_public(&self) -> [u8; PUBLIC_LEN] {
        kdf::array(self.root.public_key().as_ref())
    }

    pub(crate) const fn device(&self) -> &Key {
        &self.device
    }

    pub(crate) const fn device_public(&self) -> &[u8; PUBLIC_LEN] {
        &self.device_public
    }

    /// The X25519 private key of a period.
    pub(crate) fn prekey(&self, period: u64) -> Key {
        kdf::derive(self.secret.expose(), "prekey", &period.to_be_bytes())
    }

    /// The prekey's public half at `now`, and its period.
    pub(crate) fn prekey_public(&self, now: UnixTime) -> ([u8; PUBLIC_LEN], u64) {
        let period = dates::period_of(now);
        (resolver::public_key(&self.prekey(period)), period)
    }

    /// A secret of this identity alone, for what must not repeat nor be foreseen.
    pub(crate) fn private_key(&self, label: &str, context: &[u8]) -> Key {
        kdf::derive(self.secret.expose(), label, context)
    }

    /// The root's signature over a message of the purpose `domain`.
    pub(crate) fn sign(&self, domain: &str, message: &[&[u8]]) -> [u8; SIGNATURE_LEN] {
        kdf::array(self.root.sign(&signed(domain, message)).as_ref())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity([redacted])")
    }
}

/// Whether `root` has signed that message for that purpose.
pub(crate) fn verify(root: &[u8; PUBLIC_LEN], domain: &str, message: &[&[u8]], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, root).verify(&signed(domain, message), signature).is_ok()
}

/// What is signed: `p2pvoip `, the purpose, a zero byte, the message.
fn signed(domain: &str, message: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [b"p2pvoip ", domain.as_bytes(), &[0]].concat();
    bytes.extend(message.iter().copied().flatten());
    bytes
}

#[expect(clippy::expect_used, reason = "every 32 bytes are an Ed25519 private key (RFC 8032 section 5.1.5)")]
fn root_key(seed: &Zeroizing<[u8; 32]>) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&**seed).expect("a seed of 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_secret_is_the_same_identity() {
        let a = Identity::generate(&Seed::from_u64(1));
        let b = Identity::from_secret(&Secret::decode(&*a.to_secret().encode()).unwrap());
        assert_eq!(a.fingerprint(), b.fingerprint());
        assert_eq!(a.device_public(), b.device_public());
        assert_eq!(a.mailbox(), b.mailbox());
        assert_ne!(a.fingerprint(), Identity::generate(&Seed::from_u64(2)).fingerprint());
    }

    #[test]
    fn prekeys_change_with_the_period_and_are_not_the_device_key() {
        let identity = Identity::generate(&Seed::from_u64(1));
        let (first, period) = identity.prekey_public(UnixTime::from_secs(1_800_000_000));
        let (next, later) = identity.prekey_public(UnixTime::from_secs(1_800_000_000) + dates::PREKEY_PERIOD);
        assert_eq!(later, period + 1);
        assert!(first != next && first != *identity.device_public());
    }

    #[test]
    fn a_signature_holds_for_its_purpose_and_message_alone() {
        let identity = Identity::generate(&Seed::from_u64(1));
        let signature = identity.sign("a", &[b"b", b"c"]);
        let root = identity.root_public();
        assert!(verify(&root, "a", &[b"bc"], &signature));
        assert!(!verify(&root, "ab", &[b"c"], &signature));
        assert!(!verify(&root, "a", &[b"bd"], &signature));
    }

    #[test]
    fn a_fingerprint_is_read_aloud_in_sixteen_groups() {
        let text = Fingerprint::new([0xab; 32]).to_string();
        assert_eq!(text.split(' ').collect::<Vec<_>>(), ["ABAB"; 16]);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let identity = Identity::generate(&Seed::from_u64(1));
        assert_eq!(format!("{identity:?}"), "Identity([redacted])");
        assert_eq!(format!("{:?}", identity.to_secret()), "Secret([redacted])");
        assert_eq!(format!("{:?}", identity.fingerprint()), "Fingerprint([redacted])");
    }
}
