//! Who one is: an Ed25519 root, a device of it with its own keys and prekeys, and the owner key of the mailbox.
//!
//! The home device holds the root and derives all but the prekeys from one secret. A linked device holds keys of its own, the
//! owner key of the mailbox, and a roster in which the root lists it. Both do the same but for one thing: home signs the
//! roster anew each day, and a linked one shows the last that it was given.
//!
//! # Left out
//! - What changes an identity (linking, revoking, moving prekeys on): that is done to its [`Secret`], which is written to a file.

use core::fmt;
use std::sync::Arc;

use data_encoding::HEXUPPER;
use p2pvoip_core::{Seed, UnixTime};
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::blinding::{self, BlindedKey, Purpose};
use crate::card::{CardError, ContactCard};
use crate::chain::PrekeyPair;
use crate::credential::{CREDENTIAL_LEN, Credential};
use crate::device::{DeviceKeys, SigningKey};
use crate::kdf::{self, Key};
use crate::linking::DeviceCode;
use crate::mailbox::MailboxKey;
use crate::ready::Ready;
use crate::roster::{HOME, ROSTER_LEN, Roster, RosterPin};
use crate::secret::{Holder, Secret};
use crate::suite::VersionRange;
use crate::{bundle, presence};

/// Bytes of a public key, of either kind.
pub(crate) const PUBLIC_LEN: usize = 32;
/// Bytes of an Ed25519 signature.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// The first 24 bytes of the hash of a root public key: who somebody is, in a contact card and when compared aloud.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; Self::LEN]);

impl Fingerprint {
    /// Its bytes: 192 bits, against which finding another root takes 2^192 tries.
    pub const LEN: usize = 24;

    /// The fingerprint of these bytes.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    pub(crate) fn of(root: &[u8; PUBLIC_LEN]) -> Self {
        Self(kdf::array(&kdf::sha256(&[b"p2pvoip root", root])))
    }
}

impl fmt::Display for Fingerprint {
    /// Twelve groups of four hexadecimal digits.
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
    /// The X25519 public key of its device.
    pub device: [u8; PUBLIC_LEN],
    /// What the list of its devices said.
    pub roster: RosterPin,
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerIdentity([redacted])")
    }
}

/// What a device can show of its root.
enum Standing {
    /// It holds the root and lists the devices itself.
    Home(SigningKey),
    /// It was listed.
    Linked(Box<[u8; ROSTER_LEN]>),
}

/// Stage: an own identity on one device, which signs, seals its bundle and takes part in handshakes.
pub struct Identity {
    secret: Secret,
    root: [u8; PUBLIC_LEN],
    standing: Standing,
    device: DeviceKeys,
    owner: Key,
    mailbox: MailboxKey,
    ready: Ready,
}

impl Identity {
    /// A new identity. The seed comes from the system and is used for nothing else.
    pub fn generate(seed: &Seed) -> Self {
        Self::from_secret(&Secret::generate(seed))
    }

    /// The identity of a secret.
    pub fn from_secret(secret: &Secret) -> Self {
        let (root, standing) = match &secret.holder {
            Holder::Home { secret, .. } => {
                let key = root_key(secret);
                (key.public(), Standing::Home(key))
            }
            Holder::Linked { root, roster, .. } => (*root, Standing::Linked(roster.clone())),
        };
        let owner = secret.owner();
        Self {
            root,
            standing,
            device: DeviceKeys::new(secret.device()),
            mailbox: MailboxKey::of_owner(&owner),
            owner,
            secret: secret.clone(),
            ready: Ready::default(),
        }
    }

    /// The secret, to be kept in a file.
    pub fn to_secret(&self) -> Secret {
        self.secret.clone()
    }

    /// The hash of the root public key.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.root)
    }

    /// The root public key.
    pub const fn root(&self) -> RootKey {
        // What derives from a seed is of the prime order, and that of a linked device was checked when it was read.
        RootKey(self.root)
    }

    /// The place of this device in the roster: 0 for the home device, which holds the root.
    pub const fn index(&self) -> u8 {
        match self.secret.holder {
            Holder::Home { .. } => HOME,
            Holder::Linked { index, .. } => index,
        }
    }

    /// What this device showed when it was linked; home has one as well.
    pub fn device_code(&self) -> DeviceCode {
        DeviceCode::of(&self.device.hash())
    }

    /// What all contacts know of the mailbox.
    pub const fn mailbox(&self) -> &MailboxKey {
        &self.mailbox
    }

    /// The key by which this device owns its mailbox and its slot on that server and day ([`UnixTime::day`]).
    pub fn owner_key(&self, day: u64, server: &str) -> BlindedKey {
        BlindedKey::new(&self.owner, &self.mailbox, Purpose::Owner { index: self.index(), server }, day)
    }

    /// The key under which records of a day are signed in a directory without a server; contacts derive its public half.
    pub fn blinded_key(&self, day: u64) -> BlindedKey {
        BlindedKey::new(&self.owner, &self.mailbox, Purpose::Presence, day)
    }

    /// Seals what all contacts may know on that day. Pad it: its length is seen.
    pub fn seal_presence(&self, day: u64, text: &[u8]) -> Vec<u8> {
        presence::seal(self, day, text)
    }

    /// A card that names this identity, its server and its mailbox; it demands version 1.1.
    ///
    /// # Errors
    /// [`CardError`] when the server's name is too long or has characters that a card cannot carry.
    pub fn card(&self, server: &str) -> Result<ContactCard, CardError> {
        let least = VersionRange::CURRENT.least();
        ContactCard::new(self.fingerprint(), server, self.mailbox.clone(), least)
    }

    /// What callers need on that day to reach this device at `now`: signed, sealed for contacts,
    /// [`BUNDLE_LEN`](crate::BUNDLE_LEN) bytes. Publish a new one at least daily.
    ///
    /// Nothing (no bytes) when the prekeys do not reach `now`: see [`Secret::needs_renewal`].
    pub fn prekey_bundle(&self, day: u64, now: UnixTime) -> Vec<u8> {
        self.prekey_bundle_for(VersionRange::CURRENT, 0, day, now)
    }

    /// A bundle which says that these versions and features are spoken.
    pub fn prekey_bundle_for(
        &self,
        versions: VersionRange,
        features: u32,
        day: u64,
        now: UnixTime,
    ) -> Vec<u8> {
        bundle::seal(self, (versions, features), day, now).unwrap_or_default()
    }

    /// What shows that this device speaks for the root. Home signs it once a day: about 20 us.
    pub(crate) fn credential(&self, now: UnixTime) -> [u8; CREDENTIAL_LEN] {
        self.ready.credential(now.day(), || self.make_credential(now))
    }

    fn make_credential(&self, now: UnixTime) -> [u8; CREDENTIAL_LEN] {
        let roster = match &self.standing {
            Standing::Home(key) => {
                let devices = self.secret.devices().with_home(self.device.hash());
                let roster = Roster::of_day(VersionRange::CURRENT.least(), devices, now);
                roster.emit(|domain, message| key.sign(domain, message))
            }
            Standing::Linked(roster) => **roster,
        };
        Credential { root: self.root, roster, signing: self.device.signing().public() }.emit()
    }

    /// The private prekeys of a period; `None` for one that is past or not covered by the chain.
    pub(crate) fn prekeys(&self, period: u64) -> Option<Arc<PrekeyPair>> {
        self.ready.prekeys(period, || self.secret.chain.as_ref()?.prekeys(period))
    }

    /// The X25519 private key of this device.
    pub(crate) const fn device(&self) -> &Key {
        self.device.x25519()
    }

    pub(crate) const fn device_public(&self) -> &[u8; PUBLIC_LEN] {
        self.device.x25519_public()
    }

    /// The signature of this device's signing key over a message of the purpose `domain`.
    pub(crate) fn sign(&self, domain: &str, message: &[&[u8]]) -> [u8; SIGNATURE_LEN] {
        self.device.signing().sign(domain, message)
    }

    /// The root's signature, on the home device.
    pub(crate) fn sign_as_root(&self, domain: &str, message: &[&[u8]]) -> Option<[u8; SIGNATURE_LEN]> {
        match &self.standing {
            Standing::Home(key) => Some(key.sign(domain, message)),
            Standing::Linked(_) => None,
        }
    }

    /// A secret of this device alone, for what must not repeat nor be foreseen.
    pub(crate) fn private_key(&self, label: &str, context: &[u8]) -> Key {
        self.device.private_key(label, context)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity([redacted])")
    }
}

/// The root key of a home's secret.
pub(crate) fn root_key(secret: &Key) -> SigningKey {
    SigningKey::new(&kdf::derive(secret, "root", b""))
}

/// Whether the Ed25519 key `key` has signed that message for that purpose.
pub(crate) fn verify(key: &[u8; PUBLIC_LEN], domain: &str, message: &[&[u8]], signature: &[u8]) -> bool {
    verify_bytes(key, &signed(domain, message), signature)
}

/// Whether the Ed25519 key `key` has signed these very bytes (RFC 8032 section 5.1.7).
pub(crate) fn verify_bytes(key: &[u8; PUBLIC_LEN], bytes: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(bytes, signature).is_ok()
}

/// What is signed: `p2pvoip `, the purpose, a zero byte, the message.
pub(crate) fn signed(domain: &str, message: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [b"p2pvoip ", domain.as_bytes(), &[0]].concat();
    bytes.extend(message.iter().copied().flatten());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{credential, dates};

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn alice() -> Identity {
        Identity::generate(&Seed::from_u64(1))
    }

    #[test]
    fn the_same_secret_is_the_same_identity() {
        let a = alice();
        let b = Identity::from_secret(&Secret::decode(&a.to_secret().encode()).unwrap());
        assert_eq!(a.fingerprint(), b.fingerprint());
        assert_eq!(a.device_public(), b.device_public());
        assert_eq!(a.mailbox(), b.mailbox());
        assert_eq!(a.prekey_bundle(20_833, NOW), b.prekey_bundle(20_833, NOW));
        assert_ne!(a.fingerprint(), Identity::generate(&Seed::from_u64(2)).fingerprint());
    }

    #[test]
    fn prekeys_change_with_the_period_and_are_not_the_device_key() {
        let public = |period| alice().prekeys(period).unwrap().x25519_public();
        let period = dates::period_of(NOW);
        assert_ne!(public(period), public(period + 1));
        assert_ne!(public(period), *alice().device_public());
        assert_ne!(
            alice().prekeys(period).unwrap().kem.public(),
            alice().prekeys(period + 1).unwrap().kem.public()
        );
    }

    #[test]
    fn a_credential_shows_who_it_is_to_who_knows_the_device_key() {
        let alice = alice();
        let shown = credential::verify(&alice.credential(NOW), alice.device_public(), NOW).unwrap();
        assert_eq!(shown.fingerprint, alice.fingerprint());
        assert_eq!(shown.root, *alice.root().as_bytes());
        assert_eq!(shown.roster.least_version, 0x11);
    }

    #[test]
    fn a_signature_holds_for_its_purpose_and_message_alone() {
        let alice = alice();
        let signature = alice.sign_as_root("a", &[b"b", b"c"]).unwrap();
        let root = alice.root;
        assert!(verify(&root, "a", &[b"bc"], &signature));
        assert!(!verify(&root, "ab", &[b"c"], &signature));
        assert!(!verify(&root, "a", &[b"bd"], &signature));
        assert!(!verify(&root, "a", &[b"bc"], &alice.sign("a", &[b"bc"])), "the device is not the root");
    }

    #[test]
    fn a_fingerprint_is_read_aloud_in_twelve_groups() {
        let text = Fingerprint::new([0xab; 24]).to_string();
        assert_eq!(text.split(' ').collect::<Vec<_>>(), ["ABAB"; 12]);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let identity = alice();
        assert_eq!(format!("{identity:?}"), "Identity([redacted])");
        assert_eq!(format!("{:?}", identity.to_secret()), "Secret([redacted])");
        assert_eq!(format!("{:?}", identity.fingerprint()), "Fingerprint([redacted])");
    }
}
