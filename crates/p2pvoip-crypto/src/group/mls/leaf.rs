//! A leaf of the tree: its Ed25519 key, and the credential by which our identity stands behind it.
//!
//! Identity of the basic credential (RFC 9420 section 5.3), 371 bytes: device credential (275) | device X25519 key (32) |
//! signature of the device signing key (64) over the leaf's public key, domain "mls leaf".

use core::fmt;

use openmls::prelude::{BasicCredential, Credential, CredentialWithKey, SignatureScheme};
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::CryptoError;
use p2pvoip_core::wire::Reader;
use p2pvoip_core::{Seed, UnixTime};
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::error::MlsError;
use crate::credential::{self, CREDENTIAL_LEN};
use crate::identity::{self, Identity, PUBLIC_LEN, PeerIdentity, SIGNATURE_LEN};
use crate::kdf::{self, Key};

const DOMAIN: &str = "mls leaf";

/// The key of one's own leaf, which signs what MLS says and the proofs of packets.
pub(super) struct LeafKey {
    seed: Key,
    public: [u8; PUBLIC_LEN],
}

impl LeafKey {
    pub(super) fn new(seed: &Seed) -> Result<Self, MlsError> {
        let seed: Key = kdf::derive(seed.expose(), "mls leaf", b"");
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(MlsError::refused)?;
        let public = kdf::array(pair.public_key().as_ref());
        Ok(Self { seed, public })
    }

    /// The seed of the key, for the sender of packets.
    pub(super) const fn seed(&self) -> &Key {
        &self.seed
    }

    /// The credential by which that identity stands behind this key.
    pub(super) fn credential(&self, identity: &Identity, now: UnixTime) -> CredentialWithKey {
        let signature = identity.sign(DOMAIN, &[&self.public]);
        let shown = [&identity.credential(now)[..], identity.device_public(), &signature].concat();
        CredentialWithKey {
            credential: BasicCredential::new(shown).into(),
            signature_key: self.public.to_vec().into(),
        }
    }
}

impl fmt::Debug for LeafKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeafKey([redacted])")
    }
}

impl Signer for LeafKey {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*self.seed);
        let pair = pair.map_err(|_| SignerError::CryptoError(CryptoError::SigningError))?;
        Ok(pair.sign(payload).as_ref().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Who stands behind a leaf, and its key. Whether that is somebody who may come in, its caller judges.
pub(super) fn verify(
    credential: &Credential,
    signature_key: &[u8],
    now: UnixTime,
) -> Result<(PeerIdentity, [u8; PUBLIC_LEN]), MlsError> {
    let shown = BasicCredential::try_from(credential.clone()).map_err(|_| MlsError::Credential)?;
    let public: [u8; PUBLIC_LEN] = signature_key.try_into().map_err(|_| MlsError::Credential)?;
    let (device_credential, device, signature) = parse(shown.identity()).ok_or(MlsError::Credential)?;
    let peer = credential::verify(&device_credential, &device, now).map_err(|_| MlsError::Credential)?;
    let signing =
        credential::Credential::parse(&device_credential).map_err(|_| MlsError::Credential)?.signing;
    if identity::verify(&signing, DOMAIN, &[&public], &signature) {
        Ok((peer, public))
    } else {
        Err(MlsError::Credential)
    }
}

type Shown = ([u8; CREDENTIAL_LEN], [u8; PUBLIC_LEN], [u8; SIGNATURE_LEN]);

fn parse(bytes: &[u8]) -> Option<Shown> {
    let mut reader = Reader::new(bytes);
    let shown = (reader.array().ok()?, reader.array().ok()?, reader.array().ok()?);
    reader.finish().ok()?;
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    #[test]
    fn a_leaf_shows_who_stands_behind_it_and_every_bit_counts() {
        let identity = Identity::generate(&Seed::from_u64(1));
        let leaf = LeafKey::new(&Seed::from_u64(2)).unwrap();
        let shown = leaf.credential(&identity, NOW);
        let who = verify(&shown.credential, shown.signature_key.as_slice(), NOW).unwrap();
        assert_eq!((who.0.fingerprint, who.1), (identity.fingerprint(), leaf.public));
        assert_eq!(who.0.device, *identity.device_public());
        let other = LeafKey::new(&Seed::from_u64(3)).unwrap().public;
        assert_eq!(verify(&shown.credential, &other, NOW), Err(MlsError::Credential));
        let bytes = BasicCredential::try_from(shown.credential).unwrap().identity().to_vec();
        assert_eq!(bytes.len(), 371);
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let wrong: Credential = BasicCredential::new(wrong).into();
            assert_eq!(verify(&wrong, &leaf.public, NOW), Err(MlsError::Credential), "bit {bit}");
        }
        let late = NOW + core::time::Duration::from_secs(30 * 86_400);
        let shown = leaf.credential(&identity, NOW);
        assert_eq!(verify(&shown.credential, &leaf.public, late), Err(MlsError::Credential));
    }
}
