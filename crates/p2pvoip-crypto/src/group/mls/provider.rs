//! What openmls is given: primitives by ring and curve25519-dalek, chance from a seed alone, and a store in memory.
//!
//! One suite: `MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519` (RFC 9420 section 17.1).
//!
//! # Left out
//! - Suites with a post-quantum half: they are drafts. Who records a large group may read it when X25519 falls.
//! - Overwriting what openmls keeps in the store when it is dropped: the store offers no way.

use core::fmt;
use std::sync::{Mutex, PoisonError};

use openmls::prelude::tls_codec::SecretVLBytes;
use openmls_memory_storage::MemoryStorage;
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext, HpkeConfig,
    HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
};
use p2pvoip_core::Seed;
use ring::aead::{Aad, Nonce};
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::hpke::{self, Context};
use crate::group::machine::stirred;
use crate::kdf::{self, Key};
use crate::suite::Aead;

/// The suite of all our groups.
pub(super) const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519;
/// Bytes of a nonce.
pub(super) const NONCE_LEN: usize = 12;

/// Seals by ChaCha20-Poly1305; the tag is behind the ciphertext.
pub(super) fn aead_seal(
    key: &[u8],
    plaintext: &[u8],
    nonce: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let (key, nonce) = aead_key(key, nonce)?;
    let mut sealed = plaintext.to_vec();
    let done = key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed);
    done.map_err(|_| CryptoError::CryptoLibraryError).map(|()| sealed)
}

/// Opens what [`aead_seal`] has sealed.
pub(super) fn aead_open(key: &[u8], sealed: &[u8], nonce: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (key, nonce) = aead_key(key, nonce)?;
    let mut bytes = sealed.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(aad), &mut bytes);
    let len = opened.map_err(|_| CryptoError::AeadDecryptionError)?.len();
    bytes.truncate(len);
    Ok(bytes)
}

fn aead_key(key: &[u8], nonce: &[u8]) -> Result<(ring::aead::LessSafeKey, Nonce), CryptoError> {
    let key: &[u8; 32] = key.try_into().map_err(|_| CryptoError::InvalidLength)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::InvalidLength)?;
    Ok((Aead::ChaCha20Poly1305.key(key), nonce))
}

/// Primitives, and chance that follows from one seed and what is stirred into it. After each draw the seed is replaced by one
/// from which the drawn does not follow.
pub(super) struct Primitives(Mutex<Seed>);

impl Primitives {
    fn fill(&self, out: &mut [u8]) {
        let mut chance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chance.derive("draw").rng().fill(out);
        *chance = chance.derive("spent");
    }

    fn draw(&self) -> Key {
        let mut drawn = Zeroizing::new([0; 32]);
        self.fill(&mut *drawn);
        drawn
    }
}

impl fmt::Debug for Primitives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Primitives([redacted])")
    }
}

/// There is always chance.
#[derive(Debug, thiserror::Error)]
#[error("there is no chance left; this cannot happen")]
pub(super) struct NoChance;

impl OpenMlsRand for Primitives {
    type Error = NoChance;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], NoChance> {
        let mut out = [0; N];
        self.fill(&mut out);
        Ok(out)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, NoChance> {
        let mut out = vec![0; len];
        self.fill(&mut out);
        Ok(out)
    }
}

fn check_hash(hash: HashType) -> Result<(), CryptoError> {
    if hash == HashType::Sha2_256 { Ok(()) } else { Err(CryptoError::UnsupportedHashAlgorithm) }
}

fn check_aead(aead: AeadType) -> Result<(), CryptoError> {
    if aead == AeadType::ChaCha20Poly1305 { Ok(()) } else { Err(CryptoError::UnsupportedAeadAlgorithm) }
}

fn check_signature(scheme: SignatureScheme) -> Result<(), CryptoError> {
    if scheme == SignatureScheme::ED25519 { Ok(()) } else { Err(CryptoError::UnsupportedSignatureScheme) }
}

#[expect(clippy::needless_pass_by_value, reason = "openmls gives it by value")]
fn check_hpke(config: HpkeConfig) -> Result<(), CryptoError> {
    let HpkeConfig(kem, kdf, aead) = config;
    let is_ours = kem == HpkeKemType::DhKem25519
        && kdf == HpkeKdfType::HkdfSha256
        && aead == HpkeAeadType::ChaCha20Poly1305;
    if is_ours { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
}

impl OpenMlsCrypto for Primitives {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        if ciphersuite == SUITE { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![SUITE]
    }

    fn hkdf_extract(&self, hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        check_hash(hash)?;
        Ok(kdf::extract(salt, ikm).to_vec().into())
    }

    fn hmac(&self, hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        check_hash(hash)?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
        Ok(tag.as_ref().to_vec().into())
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        check_hash(hash)?;
        if okm_len > 255 * kdf::HASH_LEN {
            return Err(CryptoError::HkdfOutputLengthInvalid);
        }
        let mut out = vec![0; okm_len];
        kdf::expand(prk, &[info], &mut out);
        Ok(out.into())
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        check_hash(hash)?;
        Ok(kdf::sha256(&[data]).to_vec())
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check_aead(alg)?;
        aead_seal(key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check_aead(alg)?;
        aead_open(key, ct_tag, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        check_signature(alg)?;
        let seed = self.draw();
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| CryptoError::CryptoLibraryError)?;
        Ok((seed.to_vec(), pair.public_key().as_ref().to_vec()))
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        check_signature(alg)?;
        let key = UnparsedPublicKey::new(&ED25519, pk);
        key.verify(data, signature).map_err(|_| CryptoError::InvalidSignature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        check_signature(alg)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(key).map_err(|_| CryptoError::SigningError)?;
        Ok(pair.sign(data).as_ref().to_vec())
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        check_hpke(config)?;
        let (enc, context) = Context::to_receiver(pk_r, info, &self.draw())?;
        let ciphertext = context.seal(aad, ptxt)?;
        Ok(HpkeCiphertext { kem_output: enc.to_vec().into(), ciphertext: ciphertext.into() })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check_hpke(config)?;
        let context = Context::of_receiver(input.kem_output.as_slice(), sk_r, info)?;
        context.open(aad, input.ciphertext.as_slice()).map_err(|_| CryptoError::HpkeDecryptionError)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        check_hpke(config)?;
        let (enc, context) = Context::to_receiver(pk_r, info, &self.draw())?;
        Ok((enc.to_vec(), context.export(exporter_context, exporter_length)?.into()))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        check_hpke(config)?;
        let context = Context::of_receiver(enc, sk_r, info)?;
        Ok(context.export(exporter_context, exporter_length)?.into())
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        check_hpke(config)?;
        let (private, public) = hpke::derive_key_pair(ikm);
        Ok(HpkeKeyPair { private: private.to_vec().into(), public: public.to_vec() })
    }
}

/// What openmls is given.
#[derive(Debug)]
pub(super) struct Provider {
    primitives: Primitives,
    storage: MemoryStorage,
}

impl Provider {
    /// A provider whose chance follows from that seed.
    pub(super) fn new(seed: &Seed) -> Self {
        let primitives = Primitives(Mutex::new(seed.derive("mls chance")));
        Self { primitives, storage: MemoryStorage::default() }
    }

    /// Mixes fresh chance into what later draws follow from.
    pub(super) fn stir(&self, fresh: &[u8; 32]) {
        let mut chance = self.primitives.0.lock().unwrap_or_else(PoisonError::into_inner);
        *chance = stirred(&chance, fresh);
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = Primitives;
    type RandProvider = Primitives;
    type StorageProvider = MemoryStorage;

    fn storage(&self) -> &MemoryStorage {
        &self.storage
    }

    fn crypto(&self) -> &Primitives {
        &self.primitives
    }

    fn rand(&self) -> &Primitives {
        &self.primitives
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(provider: &Provider) -> Seed {
        provider.primitives.0.lock().unwrap().clone()
    }

    #[test]
    fn who_takes_the_chance_after_a_draw_does_not_find_what_was_drawn() {
        let provider = Provider::new(&Seed::from_u64(1));
        let before = chance(&provider);
        let drawn = provider.primitives.draw();
        let after = chance(&provider);
        assert_ne!(before.expose(), after.expose());
        let again = |chance: Seed| *Primitives(Mutex::new(chance)).draw();
        assert_eq!(again(before), *drawn, "who has the seed of before can draw it");
        assert_ne!(again(after.clone()), *drawn);
        assert_ne!(after.rng().array::<32>(), *drawn);
        assert_ne!(*provider.primitives.draw(), *drawn);
    }

    #[test]
    fn fresh_chance_is_mixed_in_and_does_not_replace_what_is_there() {
        let drawn = |seed: u64, fresh: [u8; 32]| {
            let provider = Provider::new(&Seed::from_u64(seed));
            provider.stir(&fresh);
            *provider.primitives.draw()
        };
        assert_ne!(drawn(1, [1; 32]), drawn(1, [2; 32]));
        assert_ne!(drawn(1, [1; 32]), drawn(2, [1; 32]));
        assert_ne!(drawn(1, [0; 32]), *Provider::new(&Seed::from_u64(1)).primitives.draw());
    }
}
