//! The primitives that snow is given: X25519 of this crate, all else of ring, and chance from a seed alone.
//!
//! A shared secret of zero ends the handshake, in each of its agreements (RFC 7748 section 6.1).
//!
//! # Left out
//! - Overwriting what snow itself keeps (chaining key, handshake hash): it offers no way. Private keys are overwritten.

use std::sync::{Arc, OnceLock};

use p2pvoip_core::Seed;
use ring::aead::{Aad, LessSafeKey, Nonce};
use ring::digest;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};

use crate::identity::PUBLIC_LEN;
use crate::kdf::{self, HASH_LEN, Key};
use crate::suite::{Aead, TAG_LEN};
use crate::x25519;

pub(crate) use crate::x25519::public_key;

/// The seed of a handshake's ephemeral key; the responder gives it only when it answers.
#[derive(Clone, Default)]
pub(super) struct Chance(Arc<OnceLock<Seed>>);

impl Chance {
    /// Gives the seed; only the first one counts.
    pub(super) fn set(&self, seed: Seed) {
        let _ = self.0.set(seed);
    }
}

impl Random for Chance {
    /// The seed itself is the ephemeral private key: it is derived for that alone, and asked for once.
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        let seed = self.0.get().ok_or(snow::Error::Rng)?;
        let seed: &mut [u8] = &mut *zeroize::Zeroizing::new(*seed.expose());
        if dest.len() == seed.len() {
            dest.copy_from_slice(seed);
            Ok(())
        } else {
            Err(snow::Error::Rng)
        }
    }
}

/// What snow asks for its primitives.
pub(super) struct Resolver {
    pub(super) chance: Chance,
    /// The public half of the static key, which is known already and costs to compute.
    pub(super) public: [u8; PUBLIC_LEN],
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(self.chance.clone()))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        let x25519 = || -> Box<dyn Dh> {
            Box::new(X25519 { private: Key::new([0; PUBLIC_LEN]), public: self.public })
        };
        matches!(choice, DHChoice::Curve25519).then(x25519)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        let sha256 = || -> Box<dyn Hash> { Box::new(Sha256(digest::Context::new(&digest::SHA256))) };
        matches!(choice, HashChoice::SHA256).then(sha256)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::ChaChaPoly).then(|| -> Box<dyn Cipher> { Box::new(ChaChaPoly(None)) })
    }
}

/// A key pair that refuses a shared secret of zero, and overwrites its private key at the end.
struct X25519 {
    private: Key,
    public: [u8; PUBLIC_LEN],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        PUBLIC_LEN
    }

    fn priv_len(&self) -> usize {
        PUBLIC_LEN
    }

    /// Asked for the static key alone, whose public half is there.
    fn set(&mut self, privkey: &[u8]) {
        self.private = Key::new(kdf::array(privkey));
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        rng.try_fill_bytes(&mut *self.private)?;
        self.public = x25519::public_key(&self.private);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &*self.private
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        // Snow hands over a buffer that has room for longer keys than these.
        let (public, _) = pubkey.split_first_chunk().ok_or(snow::Error::Dh)?;
        let secret = x25519::agree(&self.private, public).ok_or(snow::Error::Dh)?;
        out.get_mut(..secret.len()).ok_or(snow::Error::Dh)?.copy_from_slice(&*secret);
        Ok(())
    }
}

/// SHA-256 by ring.
struct Sha256(digest::Context);

impl Hash for Sha256 {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        digest::SHA256.block_len()
    }

    fn hash_len(&self) -> usize {
        HASH_LEN
    }

    fn reset(&mut self) {
        self.0 = digest::Context::new(&digest::SHA256);
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let hash = self.0.clone().finish();
        self.reset();
        for (to, from) in out.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
    }
}

/// ChaCha20-Poly1305 by ring, with Noise's nonce: four zeros and the counter, its least byte first.
struct ChaChaPoly(Option<LessSafeKey>);

impl ChaChaPoly {
    fn nonce(counter: u64) -> Nonce {
        let mut nonce = [0; 12];
        for (to, from) in nonce.iter_mut().skip(4).zip(counter.to_le_bytes()) {
            *to = from;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&self, counter: u64, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Option<usize> {
        let (text, rest) = out.split_at_mut_checked(plaintext.len())?;
        let room = rest.get_mut(..TAG_LEN)?;
        text.copy_from_slice(plaintext);
        let key = self.0.as_ref()?;
        let tag = key.seal_in_place_separate_tag(Self::nonce(counter), Aad::from(aad), text).ok()?;
        room.copy_from_slice(tag.as_ref());
        Some(plaintext.len() + TAG_LEN)
    }

    fn open(&self, counter: u64, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Option<usize> {
        let (text, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_LEN)?)?;
        let out = out.get_mut(..text.len())?;
        out.copy_from_slice(text);
        let tag = tag.try_into().ok()?;
        let nonce = Self::nonce(counter);
        let opened = self.0.as_ref()?.open_in_place_separate_tag(nonce, Aad::from(aad), tag, out, 0..);
        opened.ok().map(|opened| opened.len())
    }
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Some(Aead::ChaCha20Poly1305.key(key));
    }

    fn encrypt(&self, nonce: u64, authtext: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        self.seal(nonce, authtext, plaintext, out).unwrap_or_else(|| {
            // Snow gives room and a key. If it did not, no plaintext may leave: an empty field fails at the peer.
            out.fill(0);
            0
        })
    }

    fn decrypt(
        &self,
        nonce: u64,
        authtext: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, snow::Error> {
        self.open(nonce, authtext, ciphertext, out).ok_or(snow::Error::Decrypt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use snow::{Builder, HandshakeState};

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn state(prologue: &str, s: &str, e: &str, rs: Option<&str>) -> HandshakeState {
        let chance = Chance::default();
        chance.set(Seed::new(hex(e).try_into().unwrap()));
        let (prologue, s, rs) = (hex(prologue), hex(s), rs.map(hex));
        let name = "Noise_IK_25519_ChaChaPoly_SHA256".parse().unwrap();
        let public = public_key(&Key::new(s.clone().try_into().unwrap()));
        let builder = Builder::with_resolver(name, Box::new(Resolver { chance, public }));
        let builder = builder.prologue(&prologue).unwrap().local_private_key(&s).unwrap();
        match &rs {
            Some(rs) => builder.remote_public_key(rs).unwrap().build_initiator().unwrap(),
            None => builder.build_responder().unwrap(),
        }
    }

    /// The file's blocks: `name value` lines, a blank line between two blocks.
    fn field<'a>(block: &'a str, name: &str) -> &'a str {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap()
    }

    #[test]
    fn noise_ik_is_that_of_the_cacophony_and_snow_vectors() {
        let file = include_str!("../../tests/vectors/noise_ik.txt");
        let blocks: Vec<_> = file.split("\n\n").filter(|block| block.contains("init_static")).collect();
        assert_eq!(blocks.len(), 2);
        for block in blocks {
            let get = |name| field(block, name);
            let numbered = |name: &str, i: usize| hex(field(block, &format!("{name}_{i}")));
            let mut initiator = state(
                get("prologue"),
                get("init_static"),
                get("init_ephemeral"),
                Some(get("init_remote_static")),
            );
            let mut responder = state(get("prologue"), get("resp_static"), get("resp_ephemeral"), None);
            for i in 0..2 {
                let (payload, expected) = (numbered("payload", i), numbered("message", i));
                let (from, to) =
                    if i == 0 { (&mut initiator, &mut responder) } else { (&mut responder, &mut initiator) };
                let mut message = vec![0; 300];
                let len = from.write_message(&payload, &mut message).unwrap();
                assert_eq!(message[..len], expected);
                let mut read = vec![0; len];
                let len = to.read_message(&message[..len], &mut read).unwrap();
                assert_eq!(read[..len], payload);
            }
            assert_eq!(initiator.get_handshake_hash(), responder.get_handshake_hash());
            if let Some(hash) = block.lines().find_map(|line| line.strip_prefix("handshake_hash ")) {
                assert_eq!(initiator.get_handshake_hash(), hex(hash));
            }
            let keys = initiator.dangerously_get_raw_split();
            assert_eq!(keys, responder.dangerously_get_raw_split());
            for (i, key) in [(2, keys.0), (3, keys.1)] {
                let mut cipher = ChaChaPoly(None);
                cipher.set(&key);
                let payload = numbered("payload", i);
                let mut out = vec![0; payload.len() + TAG_LEN];
                cipher.encrypt(0, &[], &payload, &mut out);
                assert_eq!(out, numbered("message", i), "the raw split gives the transport keys");
            }
        }
    }

    #[test]
    fn chance_that_was_not_given_yet_is_an_error() {
        assert_eq!(Chance::default().try_fill_bytes(&mut [0; 32]), Err(snow::Error::Rng));
    }
}
