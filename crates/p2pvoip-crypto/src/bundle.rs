//! The prekey bundle: what a caller needs before the first handshake message, signed by the root, sealed for card holders.
//!
//! Its length is fixed. The seal hides it from the server; the signature keeps card holders from making one.
//!
//! # Timers
//! - It expires [`PREKEY_GRACE`](crate::PREKEY_GRACE) after the end of its prekey's period.
//!
//! # Left out
//! - One-time prekeys: the server would have to hand out each once, and could tell callers apart.

use core::fmt;

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use ring::aead::{Aad, Nonce};
use thiserror::Error;

use crate::dates::{self, CLOCK_SKEW};
use crate::identity::{self, Fingerprint, Identity, PUBLIC_LEN, SIGNATURE_LEN};
use crate::kdf;
use crate::mailbox::MailboxSecret;
use crate::suite::{Aead, TAG_LEN, VersionRange};

/// Bytes of every sealed bundle.
pub const BUNDLE_LEN: usize = NONCE_LEN + BODY_LEN + SIGNATURE_LEN + TAG_LEN;

const FORM: u8 = 1;
const NONCE_LEN: usize = 12;
/// The signed bytes, 41 reserved ones at their end included.
const BODY_LEN: usize = 164;
const RESERVED_LEN: usize = BODY_LEN - 3 - 3 * PUBLIC_LEN - 3 * 8;
const DOMAIN: &str = "prekey bundle";
const AAD: &[u8] = b"p2pvoip prekey bundle";

/// What a caller learns from a bundle.
#[derive(Clone, PartialEq, Eq)]
pub struct Prekeys {
    pub(crate) root: [u8; PUBLIC_LEN],
    pub(crate) device: [u8; PUBLIC_LEN],
    pub(crate) prekey: [u8; PUBLIC_LEN],
    pub(crate) versions: VersionRange,
    pub(crate) period: u64,
    sequence: u64,
    expires: UnixTime,
}

impl Prekeys {
    /// Whose they are.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.root)
    }

    /// The versions that they speak.
    pub const fn versions(&self) -> VersionRange {
        self.versions
    }

    /// The later of two bundles has the higher one: the second in which it was made.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When it must be fetched again.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }
}

impl fmt::Debug for Prekeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prekeys([redacted])")
    }
}

/// Why a bundle is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Its length is not that of a bundle.
    #[error("the prekey bundle has {0} bytes instead of {BUNDLE_LEN}; fetch it again")]
    Length(usize),
    /// It was not sealed under this mailbox secret.
    #[error("the prekey bundle does not open with this contact card; fetch it again, or ask for a new card")]
    Sealed,
    /// A newer version made it.
    #[error("the prekey bundle has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// A field has a value that the format does not allow.
    #[error("the prekey bundle is not well formed: {0}; ask the contact to update")]
    Malformed(#[from] Malformed),
    /// It is of somebody else, or not signed by its root.
    #[error(
        "the prekey bundle is not of the person on the contact card; do not call, and ask for a new card"
    )]
    WrongIdentity,
    /// It has expired.
    #[error("the prekey bundle has expired; the contact was not online for days, or this clock is wrong")]
    Expired,
    /// It was made in the future.
    #[error("the prekey bundle was made in the future; set the clock of this computer")]
    FromTheFuture,
}

/// Makes, signs and seals the bundle of an identity.
pub(crate) fn seal(identity: &Identity, versions: VersionRange, now: UnixTime) -> Vec<u8> {
    let (prekey, period) = identity.prekey_public(now);
    let mut bytes = Vec::with_capacity(BUNDLE_LEN);
    bytes.extend([FORM, versions.least(), versions.greatest()]);
    for key in [&identity.root_public(), identity.device_public(), &prekey] {
        bytes.extend(key);
    }
    for number in [now.as_secs(), dates::end_of(period).as_secs(), period] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend([0; RESERVED_LEN]);
    bytes.extend(identity.sign(DOMAIN, &[&bytes]));

    // The nonce depends on all that is sealed and on a secret, so that no two bundles share one.
    let nonce: [u8; NONCE_LEN] = kdf::array(&*identity.private_key("bundle nonce", &kdf::sha256(&[&bytes])));
    let key = Aead::ChaCha20Poly1305.key(&identity.mailbox().bundle_key());
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(AAD), &mut bytes);
    // The seal fails for plaintexts of 256 GiB alone; without its tag the bundle would be refused.
    let tag = tag.map_or_else(|_| Vec::new(), |tag| tag.as_ref().to_vec());
    [&nonce[..], &bytes, &tag].concat()
}

/// Opens a bundle and checks whose it is and its dates.
pub(crate) fn open(
    mailbox: &MailboxSecret,
    bytes: &[u8],
    expect: &Fingerprint,
    now: UnixTime,
) -> Result<Prekeys, BundleError> {
    if bytes.len() != BUNDLE_LEN {
        return Err(BundleError::Length(bytes.len()));
    }
    let mut reader = Reader::new(bytes);
    let nonce = Nonce::assume_unique_for_key(reader.array()?);
    let mut sealed = reader.rest().to_vec();
    let key = Aead::ChaCha20Poly1305.key(&mailbox.bundle_key());
    let plain = key.open_in_place(nonce, Aad::from(AAD), &mut sealed).map_err(|_| BundleError::Sealed)?;
    let prekeys = parse(plain)?;
    if prekeys.fingerprint() != *expect || !is_signed(plain, &prekeys.root) {
        return Err(BundleError::WrongIdentity);
    }
    check_dates(&prekeys, now)?;
    Ok(prekeys)
}

fn parse(plain: &[u8]) -> Result<Prekeys, BundleError> {
    let mut reader = Reader::new(plain);
    let form = reader.u8()?;
    if form != FORM {
        return Err(BundleError::UnknownForm(form));
    }
    let versions = VersionRange::new(reader.u8()?, reader.u8()?).ok_or(Malformed::Invalid("versions"))?;
    let prekeys = Prekeys {
        root: reader.array()?,
        device: reader.array()?,
        prekey: reader.array()?,
        versions,
        sequence: reader.u64()?,
        expires: UnixTime::from_secs(reader.u64()?),
        period: reader.u64()?,
    };
    if prekeys.device == [0; PUBLIC_LEN] || prekeys.prekey == [0; PUBLIC_LEN] {
        return Err(Malformed::Invalid("public key").into());
    }
    Ok(prekeys)
}

fn is_signed(plain: &[u8], root: &[u8; PUBLIC_LEN]) -> bool {
    plain
        .split_at_checked(BODY_LEN)
        .is_some_and(|(body, signature)| identity::verify(root, DOMAIN, &[body], signature))
}

fn check_dates(prekeys: &Prekeys, now: UnixTime) -> Result<(), BundleError> {
    let made = UnixTime::from_secs(prekeys.sequence);
    if prekeys.expires != dates::end_of(prekeys.period) || dates::period_of(made) != prekeys.period {
        return Err(Malformed::Invalid("dates").into());
    }
    if made > now + CLOCK_SKEW {
        return Err(BundleError::FromTheFuture);
    }
    if now > prekeys.expires + CLOCK_SKEW { Err(BundleError::Expired) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use p2pvoip_core::Seed;
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn alice() -> Identity {
        Identity::generate(&Seed::from_u64(1))
    }

    #[test]
    fn a_bundle_says_who_and_until_when() {
        let alice = alice();
        let bundle = alice.prekey_bundle(NOW);
        assert_eq!((bundle.len(), bundle.len()), (BUNDLE_LEN, 256));
        let prekeys = alice.mailbox().open_bundle(&bundle, &alice.fingerprint(), NOW).unwrap();
        assert_eq!(prekeys.fingerprint(), alice.fingerprint());
        assert_eq!(prekeys.device, *alice.device_public());
        assert_eq!(prekeys.prekey, alice.prekey_public(NOW).0);
        assert_eq!(prekeys.sequence(), NOW.as_secs());
        assert!(prekeys.expires() > NOW + dates::PREKEY_GRACE);
    }

    #[test]
    fn every_flipped_bit_and_every_wrong_length_is_refused() {
        let alice = alice();
        let bundle = alice.prekey_bundle(NOW);
        for bit in 0..bundle.len() * 8 {
            let mut wrong = bundle.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                alice.mailbox().open_bundle(&wrong, &alice.fingerprint(), NOW),
                Err(BundleError::Sealed)
            );
        }
        for len in 0..bundle.len() {
            let cut = alice.mailbox().open_bundle(&bundle[..len], &alice.fingerprint(), NOW);
            assert_eq!(cut, Err(BundleError::Length(len)));
        }
    }

    #[test]
    fn a_card_holder_cannot_make_a_bundle_of_somebody_else() {
        let (alice, mallory) = (alice(), Identity::generate(&Seed::from_u64(2)));
        let forged = Identity::from_secret(&mallory.to_secret()).prekey_bundle(NOW);
        let opened = mallory.mailbox().open_bundle(&forged, &alice.fingerprint(), NOW);
        assert_eq!(opened, Err(BundleError::WrongIdentity));
    }

    #[test]
    fn every_flipped_bit_under_the_seal_is_refused_too() {
        // A card holder can open and seal again, but not sign.
        let alice = alice();
        let bundle = alice.prekey_bundle(NOW);
        let key = Aead::ChaCha20Poly1305.key(&alice.mailbox().bundle_key());
        let nonce = || Nonce::try_assume_unique_for_key(&bundle[..NONCE_LEN]).unwrap();
        let mut plain = bundle[NONCE_LEN..].to_vec();
        let plain = key.open_in_place(nonce(), Aad::from(AAD), &mut plain).unwrap().to_vec();
        for bit in 0..plain.len() * 8 {
            let mut wrong = plain.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            key.seal_in_place_append_tag(nonce(), Aad::from(AAD), &mut wrong).unwrap();
            let wrong = [&bundle[..NONCE_LEN], &wrong].concat();
            assert!(alice.mailbox().open_bundle(&wrong, &alice.fingerprint(), NOW).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn dates_are_kept_to_the_second_of_the_skew() {
        let alice = alice();
        let bundle = alice.prekey_bundle(NOW);
        let open = |now| alice.mailbox().open_bundle(&bundle, &alice.fingerprint(), now);
        let second = Duration::from_secs(1);
        assert!(open(NOW - CLOCK_SKEW).is_ok());
        assert_eq!(open(NOW - CLOCK_SKEW - second), Err(BundleError::FromTheFuture));
        let end = open(NOW).unwrap().expires() + CLOCK_SKEW;
        assert!(open(end).is_ok());
        assert_eq!(open(end + second), Err(BundleError::Expired));
    }

    #[test]
    fn two_bundles_share_no_nonce() {
        let alice = alice();
        let (a, b) = (alice.prekey_bundle(NOW), alice.prekey_bundle(NOW + Duration::from_secs(1)));
        assert_ne!(a[..NONCE_LEN], b[..NONCE_LEN]);
        assert_eq!(a, alice.prekey_bundle(NOW));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let alice = alice();
            prop_assert!(alice.mailbox().open_bundle(&bytes, &alice.fingerprint(), NOW).is_err());
            prop_assert!(parse(&bytes).is_err() || bytes.len() >= BODY_LEN - RESERVED_LEN);
        }
    }
}
