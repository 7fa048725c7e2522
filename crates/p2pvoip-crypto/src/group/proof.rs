//! A proof: short hashes of the packets that a sender has sealed since three proofs ago, signed by its Ed25519 key.
//!
//! ```text
//! first number (6) | how many, 1 to 192 (1) | how many of the last ones the next proof repeats (1) | salt (8) |
//! a hash of each (4) | signature (64)
//! ```
//! Every number from the first on is in it, proofs included, and the packet that carries it has the number after the last.
//! Nobody but the sender knows the salt before: whoever makes a packet in its name cannot look for one whose hash fits,
//! and is not found out with a probability of 2^-32. A packet counts as proven by a proof that came after it alone.

use p2pvoip_core::wire::{Malformed, Reader, Writer};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};

use super::header::Digest;
use super::keys::SenderScope;
use crate::identity::{PUBLIC_LEN, SIGNATURE_LEN};
use crate::kdf;
use crate::packet::LAST_NUMBER;

/// In how many proofs a packet is.
pub(super) const REPEATS: usize = 3;
/// The most packets that one proof covers.
pub(super) const MOST: usize = 192;
/// Bytes of the salt.
pub(super) const SALT_LEN: usize = 8;
const HASH_LEN: usize = 4;
const HEAD_LEN: usize = 6 + 1 + 1 + SALT_LEN;
/// The longest body.
pub(super) const MAX_LEN: usize = HEAD_LEN + MOST * HASH_LEN + SIGNATURE_LEN;

const DOMAIN: &[u8] = b"p2pvoip group proof\0";
const SCOPE_LEN: usize = 16 + 1 + 4;
const MAX_SIGNED_LEN: usize = DOMAIN.len() + SCOPE_LEN + HEAD_LEN + MOST * HASH_LEN;

/// What a proof says, before or after its signature was verified.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    first: u64,
    repeated: u8,
    salt: [u8; SALT_LEN],
    hashes: &'a [u8],
    signed: &'a [u8],
    signature: [u8; SIGNATURE_LEN],
}

/// What a sender puts into a proof.
#[derive(Clone, Copy)]
pub(super) struct Contents<I> {
    pub(super) first: u64,
    /// How many of the last ones the next proof repeats.
    pub(super) repeated: u8,
    pub(super) salt: [u8; SALT_LEN],
    /// From the first on.
    pub(super) digests: I,
}

impl<'a> Proof<'a> {
    /// Reads the body of a proof.
    ///
    /// # Errors
    /// [`Malformed`] when it is not what the format says.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let first = reader.u48()?;
        let count = usize::from(reader.u8()?);
        if count == 0 || count > MOST || first + count as u64 >= LAST_NUMBER {
            return Err(Malformed::Invalid("count"));
        }
        let repeated = reader.u8()?;
        if usize::from(repeated) > count {
            return Err(Malformed::Invalid("repeated"));
        }
        let salt = reader.array()?;
        let hashes = reader.bytes(count * HASH_LEN)?;
        let signature = reader.array()?;
        reader.finish()?;
        let signed = body.get(..HEAD_LEN + hashes.len()).ok_or(Malformed::Truncated)?;
        Ok(Self { first, repeated, salt, hashes, signed, signature })
    }

    /// The first number that it covers.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The number after the last one that it covers, which is that of the packet that carries it.
    pub const fn end(&self) -> u64 {
        self.first + (self.hashes.len() / HASH_LEN) as u64
    }

    /// The first number that the next proof covers.
    pub const fn next_first(&self) -> u64 {
        self.end() - self.repeated as u64
    }

    /// What it says of the packet of that number and digest; `None` when it does not cover it.
    pub(super) fn fits(&self, number: u64, digest: &Digest) -> Option<bool> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let hash = self.hashes.as_chunks::<HASH_LEN>().0.get(place)?;
        Some(*hash == short(self.salt, digest))
    }

    /// Whether that sender has signed it.
    pub fn is_signed(&self, scope: &SenderScope, key: &[u8; PUBLIC_LEN]) -> bool {
        let (signed, len) = signed(scope, self.signed);
        let signed = signed.get(..len).unwrap_or_default();
        UnparsedPublicKey::new(&ED25519, key).verify(signed, &self.signature).is_ok()
    }
}

/// Writes a proof; gives its length, or `None` when there are no packets, too many, or they do not fit.
pub(super) fn emit<'d>(
    scope: &SenderScope,
    key: &Ed25519KeyPair,
    contents: Contents<impl ExactSizeIterator<Item = &'d Digest>>,
    out: &mut [u8],
) -> Option<usize> {
    let Contents { first, repeated, salt, digests } = contents;
    let count = u8::try_from(digests.len()).ok().filter(|count| (1..=MOST).contains(&usize::from(*count)))?;
    let mut writer = Writer::new(out);
    writer.u48(first).ok()?;
    writer.u8(count).ok()?;
    writer.u8(repeated).ok()?;
    writer.bytes(&salt).ok()?;
    for digest in digests {
        writer.bytes(&short(salt, digest)).ok()?;
    }
    let len = writer.len();
    let (signed, signed_len) = signed(scope, out.get(..len)?);
    let signature: [u8; SIGNATURE_LEN] = kdf::array(key.sign(signed.get(..signed_len)?).as_ref());
    out.get_mut(len..len + SIGNATURE_LEN)?.copy_from_slice(&signature);
    Some(len + SIGNATURE_LEN)
}

/// The hash of a packet in one proof.
fn short(salt: [u8; SALT_LEN], digest: &Digest) -> [u8; HASH_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip group proof", &salt, digest]))
}

/// What is signed: the purpose, the group, the sender and the body before the signature.
fn signed(scope: &SenderScope, body: &[u8]) -> ([u8; MAX_SIGNED_LEN], usize) {
    let mut out = [0; MAX_SIGNED_LEN];
    let since = scope.since.to_be_bytes();
    let fields = DOMAIN.iter().chain(scope.group.as_bytes()).chain([&scope.member]).chain(&since).chain(body);
    let mut len = 0;
    for (to, from) in out.iter_mut().zip(fields) {
        *to = *from;
        len += 1;
    }
    (out, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::GroupId;
    use crate::suite::Aead;
    use proptest::prelude::*;
    use ring::signature::KeyPair;

    fn scope() -> SenderScope {
        SenderScope { aead: Aead::Aes256Gcm, group: GroupId::new([1; 16]), member: 2, since: 3 }
    }

    fn signer() -> (Ed25519KeyPair, [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        (pair, public)
    }

    fn write(first: u64, repeated: u8, digests: &[Digest]) -> Option<Vec<u8>> {
        let mut out = [0; MAX_LEN];
        let contents = Contents { first, repeated, salt: [6; SALT_LEN], digests: digests.iter() };
        let len = emit(&scope(), &signer().0, contents, &mut out)?;
        Some(out[..len].to_vec())
    }

    #[test]
    fn a_proof_has_1_to_192_packets_and_all_of_its_bits_count() {
        let public = signer().1;
        assert!(write(0, 0, &[]).is_none());
        assert!(write(0, 0, &[[0; 16]; MOST + 1]).is_none());
        assert_eq!(write(0, 0, &[[0; 16]; MOST]).map(|proof| proof.len()), Some(MAX_LEN));
        let bytes = write(5, 1, &[[9; 16], [10; 16]]).unwrap();
        let proof = Proof::parse(&bytes).unwrap();
        assert!(proof.is_signed(&scope(), &public));
        assert_eq!((proof.first(), proof.end(), proof.next_first()), (5, 7, 6));
        assert_eq!((proof.fits(4, &[9; 16]), proof.fits(5, &[9; 16])), (None, Some(true)));
        assert_eq!((proof.fits(6, &[9; 16]), proof.fits(7, &[9; 16])), (Some(false), None));
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!Proof::parse(&wrong).is_ok_and(|proof| proof.is_signed(&scope(), &public)));
        }
        for other in [SenderScope { member: 3, ..scope() }, SenderScope { since: 4, ..scope() }] {
            assert!(!proof.is_signed(&other, &public));
        }
    }

    proptest! {
        #[test]
        fn a_proof_reads_as_it_was_written(
            first in 0..LAST_NUMBER - 200,
            digests in proptest::collection::vec(any::<Digest>(), 1..=MOST),
        ) {
            let bytes = write(first, 0, &digests).unwrap();
            let proof = Proof::parse(&bytes).unwrap();
            for (number, digest) in (first..).zip(&digests) {
                prop_assert_eq!(proof.fits(number, digest), Some(true));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Proof::parse(&bytes).map(|proof| proof.is_signed(&scope(), &[1; 32]));
        }
    }
}
