//! HPKE in its base mode (RFC 9180): X25519, HKDF-SHA256 and ChaCha20-Poly1305, which is what our MLS suite asks for.
//!
//! # Left out
//! - Modes with a psk or a sender's key, and contexts of more than one message: MLS uses neither.

use openmls_traits::types::CryptoError;
use zeroize::Zeroizing;

use super::provider::{NONCE_LEN, aead_open, aead_seal};
use crate::kdf::{self, Key};
use crate::x25519;

/// The KEM's name in its derivations: `KEM` and its number, 0x0020.
const KEM_SUITE: &[u8] = b"KEM\x00\x20";
/// That of the whole suite: `HPKE`, the KEM, HKDF-SHA256 (1) and ChaCha20-Poly1305 (3).
const SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x03";
const VERSION: &[u8] = b"HPKE-v1";
const BASE_MODE: u8 = 0;

/// What both sides have after the setup (section 5.1).
pub(super) struct Context {
    key: Key,
    nonce: [u8; NONCE_LEN],
    exporter: Key,
}

/// A key pair from 32 unpredictable bytes or more: private, public (section 7.1.3).
pub(super) fn derive_key_pair(material: &[u8]) -> (Key, [u8; 32]) {
    let prk = labeled_extract(KEM_SUITE, b"", b"dkp_prk", material);
    let mut private = Zeroizing::new([0; 32]);
    labeled_expand(KEM_SUITE, &prk, b"sk", &[], &mut *private);
    let public = x25519::public_key(&private);
    (private, public)
}

impl Context {
    /// The sender's side: what is sent along, and the context. The material is used for nothing else.
    pub(super) fn to_receiver(
        public: &[u8],
        info: &[u8],
        material: &Key,
    ) -> Result<([u8; 32], Self), CryptoError> {
        let public: [u8; 32] = public.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
        let (private, enc) = derive_key_pair(&**material);
        let shared = agree(&private, &public)?;
        Ok((enc, Self::new(&shared_secret(&shared, &enc, &public), info)))
    }

    /// The receiver's side.
    pub(super) fn of_receiver(enc: &[u8], private: &[u8], info: &[u8]) -> Result<Self, CryptoError> {
        let enc: [u8; 32] = enc.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
        let private: [u8; 32] = private.try_into().map_err(|_| CryptoError::InvalidLength)?;
        let private = Zeroizing::new(private);
        let public = x25519::public_key(&private);
        let shared = agree(&private, &enc)?;
        Ok(Self::new(&shared_secret(&shared, &enc, &public), info))
    }

    fn new(shared: &Key, info: &[u8]) -> Self {
        let psk_id = labeled_extract(SUITE, b"", b"psk_id_hash", b"");
        let info = labeled_extract(SUITE, b"", b"info_hash", info);
        let context: [&[u8]; 3] = [&[BASE_MODE], &*psk_id, &*info];
        let secret = labeled_extract(SUITE, &**shared, b"secret", b"");
        let (mut key, mut exporter) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        let mut nonce = [0; NONCE_LEN];
        labeled_expand(SUITE, &secret, b"key", &context, &mut *key);
        labeled_expand(SUITE, &secret, b"base_nonce", &context, &mut nonce);
        labeled_expand(SUITE, &secret, b"exp", &context, &mut *exporter);
        Self { key, nonce, exporter }
    }

    /// Seals the one message of this context.
    pub(super) fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        aead_seal(&*self.key, plaintext, &self.nonce, aad)
    }

    /// Opens it.
    pub(super) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CryptoError> {
        aead_open(&*self.key, sealed, &self.nonce, aad)
    }

    /// A secret of this context (section 5.3).
    pub(super) fn export(&self, context: &[u8], len: usize) -> Result<Vec<u8>, CryptoError> {
        if len > 255 * 32 {
            return Err(CryptoError::HkdfOutputLengthInvalid);
        }
        let mut out = vec![0; len];
        labeled_expand(SUITE, &self.exporter, b"sec", &[context], &mut out);
        Ok(out)
    }
}

/// X25519; a result of zero is refused (section 7.1.4).
fn agree(private: &Key, public: &[u8; 32]) -> Result<Key, CryptoError> {
    x25519::agree(private, public).ok_or(CryptoError::InvalidPublicKey)
}

/// Section 4.1.
fn shared_secret(shared: &Key, enc: &[u8; 32], public: &[u8; 32]) -> Key {
    let prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", &**shared);
    let mut out = Zeroizing::new([0; 32]);
    labeled_expand(KEM_SUITE, &prk, b"shared_secret", &[enc, public], &mut *out);
    out
}

fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], material: &[u8]) -> Key {
    let labeled = Zeroizing::new([VERSION, suite, label, material].concat());
    kdf::extract(salt, &labeled)
}

fn labeled_expand(suite: &[u8], key: &Key, label: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let len = u16::try_from(out.len()).unwrap_or(u16::MAX).to_be_bytes();
    let info = [&[&len, VERSION, suite, label], info].concat();
    kdf::expand(&**key, &info, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn key(text: &str) -> Key {
        Zeroizing::new(hex(text).try_into().unwrap())
    }

    const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
    const MATERIAL: &str = "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b";
    const ENC: &str = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
    const RECEIVER: &str = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb";
    const RECEIVER_PUBLIC: &str = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a";

    #[test]
    fn both_sides_are_those_of_rfc_9180_appendix_a_2_1() {
        let (enc, sender) = Context::to_receiver(&hex(RECEIVER_PUBLIC), &hex(INFO), &key(MATERIAL)).unwrap();
        assert_eq!(enc.to_vec(), hex(ENC));
        let receiver = Context::of_receiver(&enc, &hex(RECEIVER), &hex(INFO)).unwrap();
        for context in [&sender, &receiver] {
            assert_eq!(context.key, key("ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91"));
            assert_eq!(context.nonce.to_vec(), hex("5c4d98150661b848853b547f"));
            let exporter = "a3b010d4994890e2c6968a36f64470d3c824c8f5029942feb11e7a74b2921922";
            assert_eq!(context.exporter, key(exporter));
        }
        let aad = hex("436f756e742d30");
        let sealed = sender.seal(&aad, b"Beauty is truth, truth beauty").unwrap();
        assert_eq!(receiver.open(&aad, &sealed).unwrap(), b"Beauty is truth, truth beauty");
        assert!(receiver.open(b"", &sealed).is_err());
        assert_eq!(sealed, hex(SEALED));
        assert_eq!(sender.export(b"", 32).unwrap(), hex(EXPORTED));
    }

    #[test]
    fn points_of_small_order_and_wrong_lengths_are_refused() {
        assert!(Context::to_receiver(&[0; 32], b"", &key(MATERIAL)).is_err());
        assert!(Context::to_receiver(&[9; 31], b"", &key(MATERIAL)).is_err());
        assert!(Context::of_receiver(&[0; 32], &[1; 32], b"").is_err());
    }

    const SEALED: &str =
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";
    const EXPORTED: &str = "4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e";
}
