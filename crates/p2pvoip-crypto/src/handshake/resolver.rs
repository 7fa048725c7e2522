//! The primitives that snow is given: X25519 of its default resolver, all else of ring, and chance from a seed alone.
//!
//! A shared secret of zero is refused here (RFC 7748 section 6.1), which every low-order public key of the peer leads to,
//! the one of all zeros included.
//!
//! # Left out
//! - Overwriting what snow itself keeps (chaining key, handshake hash): it offers no way. Private keys are overwritten.

use std::sync::{Arc, OnceLock};

use p2pvoip_core::Seed;
use ring::aead::{Aad, LessSafeKey, Nonce};
use ring::digest;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};

use crate::identity::PUBLIC_LEN;
use crate::kdf::{self, HASH_LEN, Key};
use crate::suite::{Aead, TAG_LEN};

/// The X25519 public key of a private one.
pub(crate) fn public_key(private: &Key) -> [u8; PUBLIC_LEN] {
    let mut dh = Contributory(x25519());
    dh.set(&**private);
    kdf::array(dh.pubkey())
}

#[expect(clippy::expect_used, reason = "the feature `use-curve25519` of snow is on")]
fn x25519() -> Box<dyn Dh> {
    DefaultResolver.resolve_dh(&DHChoice::Curve25519).expect("snow has X25519")
}

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
pub(super) struct Resolver(pub(super) Chance);

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(self.0.clone()))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| -> Box<dyn Dh> { Box::new(Contributory(x25519())) })
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        let sha256 = || -> Box<dyn Hash> { Box::new(Sha256(digest::Context::new(&digest::SHA256))) };
        matches!(choice, HashChoice::SHA256).then(sha256)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::ChaChaPoly).then(|| -> Box<dyn Cipher> { Box::new(ChaChaPoly(None)) })
    }
}

/// X25519 that refuses a shared secret of zero, and overwrites its private key at the end.
struct Contributory(Box<dyn Dh>);

impl Dh for Contributory {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn pub_len(&self) -> usize {
        self.0.pub_len()
    }

    fn priv_len(&self) -> usize {
        self.0.priv_len()
    }

    fn set(&mut self, privkey: &[u8]) {
        self.0.set(privkey);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        self.0.generate(rng)
    }

    fn pubkey(&self) -> &[u8] {
        self.0.pubkey()
    }

    fn privkey(&self) -> &[u8] {
        self.0.privkey()
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        self.0.dh(pubkey, out)?;
        let shared: Key = zeroize::Zeroizing::new(kdf::array(out));
        if kdf::equal(&shared, &[0; 32]) { Err(snow::Error::Dh) } else { Ok(()) }
    }
}

impl Drop for Contributory {
    fn drop(&mut self) {
        self.0.set(&[0; 32]);
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
        let builder = Builder::with_resolver(name, Box::new(Resolver(chance)));
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
    fn public_keys_of_low_order_are_refused() {
        // The points of order 1, 2, 4 and 8 of the curve and its twist, as bytes (RFC 7748 section 6.1 warns of them).
        let points = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        let mut dh = Contributory(x25519());
        dh.set(&[5; 32]);
        for point in points {
            assert_eq!(dh.dh(&hex(point), &mut [0; 56]), Err(snow::Error::Dh), "{point}");
        }
        assert!(dh.dh(&public_key(&Key::new([6; 32])), &mut [0; 56]).is_ok());
    }

    #[test]
    fn x25519_is_that_of_rfc_7748_section_6_1() {
        let alice = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
        let public = public_key(&Key::new(hex(alice).try_into().unwrap()));
        assert_eq!(public.to_vec(), hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
    }

    #[test]
    fn chance_that_was_not_given_yet_is_an_error() {
        assert_eq!(Chance::default().try_fill_bytes(&mut [0; 32]), Err(snow::Error::Rng));
    }
}
