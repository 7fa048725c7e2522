//! The sender: seals voice once for all members, and proves four times a second that it was the one who did.
//!
//! # Timers
//! - A proof is due [`PROOF_INTERVAL`] after the first packet that none has covered, and at once when 48 wait. Each packet is
//!   in three proofs that follow each other, so that two may be lost.

use core::fmt;

use p2pvoip_core::Instant;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::header::{self, AAD_LEN, Digest, PROOF, VOICE};
use super::keys::{Keys, SenderScope, SenderSecret};
use super::{HEADER_LEN, OVERHEAD, PROOF_INTERVAL, SealError, Sealed, proof};
use crate::identity::PUBLIC_LEN;
use crate::kdf::{self, Key};
use crate::packet::{LAST_NUMBER, MAX_PACKET_LEN, MIN_PLAINTEXT_LEN};

/// How many uncovered packets make a proof due at once.
const HURRY: u64 = 48;
/// The most packets between two proofs.
const SPAN: u64 = (proof::MOST / proof::REPEATS) as u64;

/// Stage: seals the packets of one member for all others. It does not allocate.
pub struct Sender {
    scope: SenderScope,
    secret: SenderSecret,
    keys: Keys,
    signer: Ed25519KeyPair,
    next: u64,
    /// Packets sealed under the present key.
    used: u64,
    book: Book,
    /// The secret of the salts of proofs.
    salts: Key,
    /// How many more proofs are made though nothing is said.
    owed: usize,
    due: Option<Instant>,
}

/// The digests of the latest packets.
struct Book {
    digests: [Digest; proof::MOST],
    /// The first numbers of the spans that the next proof covers, the oldest first; no proof has covered the last one.
    spans: [u64; proof::REPEATS],
}

impl Book {
    const fn new(next: u64) -> Self {
        Self { digests: [[0; 16]; proof::MOST], spans: [next; proof::REPEATS] }
    }

    fn note(&mut self, number: u64, digest: Digest) {
        if let Some(place) = self.digests.get_mut(place(number)) {
            *place = digest;
        }
    }

    /// The first number that no proof has covered.
    const fn fresh(&self) -> u64 {
        let [.., fresh] = self.spans;
        fresh
    }

    /// The first number of the next proof, and that of the one after it.
    const fn firsts(&self) -> (u64, u64) {
        let [first, second, ..] = self.spans;
        (first, second)
    }

    fn digests(&self, end: u64) -> impl ExactSizeIterator<Item = &Digest> {
        let first = self.firsts().0;
        // At most 192: `SPAN` limits each of the three.
        let count = usize::try_from(end - first).unwrap_or(usize::MAX);
        (0..count).map(move |i| self.digests.get(place(first + i as u64)).unwrap_or(&[0; 16]))
    }

    /// A proof has covered all before `end`.
    const fn turn(&mut self, end: u64) {
        let [_, second, third] = self.spans;
        self.spans = [second, third, end];
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder below 192")]
const fn place(number: u64) -> usize {
    (number % proof::MOST as u64) as usize
}

impl Sender {
    /// A sender that begins with that secret and number; `signing` is the seed of its Ed25519 key.
    pub fn new(scope: SenderScope, secret: SenderSecret, signing: &[u8; 32], next: u64) -> Self {
        Self {
            keys: secret.keys(&scope),
            scope,
            secret,
            signer: signer(signing),
            next,
            used: 0,
            book: Book::new(next),
            salts: kdf::derive(signing, "group salts", b""),
            owed: 0,
            due: None,
        }
    }

    /// Seals the plaintext at `buf[HEADER_LEN..HEADER_LEN + len]`; the packet is at the front of `buf` then.
    ///
    /// # Errors
    /// [`SealError`]; `buf` is as it was then, and no number was spent.
    pub fn seal(&mut self, buf: &mut [u8], len: usize, now: Instant) -> Result<Sealed, SealError> {
        if self.next - self.book.fresh() >= SPAN - 1 {
            return Err(SealError::ProofDue);
        }
        let sealed = self.write(VOICE, buf, len)?;
        self.owed = proof::REPEATS;
        let due = self.due.unwrap_or(now + PROOF_INTERVAL);
        self.due = Some(if self.next - self.book.fresh() >= HURRY { due.min(now) } else { due });
        Ok(sealed)
    }

    /// When a proof is due.
    pub const fn next_at(&self) -> Option<Instant> {
        self.due
    }

    /// Makes the proof that is due, a packet at the front of `buf`, which has [`MAX_PROOF_LEN`](super::MAX_PROOF_LEN) bytes.
    /// Send it to all members, as any other packet.
    ///
    /// `None` when none is due, or the keys are used up.
    pub fn pull(&mut self, buf: &mut [u8], now: Instant) -> Option<Sealed> {
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        self.due = None;
        let (number, (first, second)) = (self.next, self.book.firsts());
        let contents = proof::Contents {
            first,
            repeated: u8::try_from(number - second).unwrap_or(u8::MAX),
            salt: *kdf::derive(&self.salts, "salt", &number.to_be_bytes()),
            digests: self.book.digests(number),
        };
        let len = proof::emit(&self.scope, &self.signer, contents, buf.get_mut(HEADER_LEN..)?)?;
        let sealed = self.write(PROOF, buf, len).ok()?;
        self.book.turn(number);
        // What was said last is proven three times, though nothing else is.
        self.owed = self.owed.saturating_sub(1);
        self.due = (self.owed > 0).then(|| now + PROOF_INTERVAL);
        Some(sealed)
    }

    /// Seals from now on with that secret.
    pub fn install(&mut self, secret: SenderSecret) {
        self.keys = secret.keys(&self.scope);
        self.secret = secret;
        self.used = 0;
    }

    /// The secret of the present epoch, from which those after it follow.
    pub const fn secret(&self) -> &SenderSecret {
        &self.secret
    }

    /// What its keys are bound to.
    pub const fn scope(&self) -> &SenderScope {
        &self.scope
    }

    /// The number that the next packet gets.
    pub const fn next_number(&self) -> u64 {
        self.next
    }

    /// The key that its proofs are verified with.
    pub fn verifying_key(&self) -> [u8; PUBLIC_LEN] {
        kdf::array(self.signer.public_key().as_ref())
    }

    /// Signs for the group, under a purpose that is no proof's.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        kdf::array(self.signer.sign(message).as_ref())
    }

    fn write(&mut self, stream: u8, buf: &mut [u8], len: usize) -> Result<Sealed, SealError> {
        let total = check(buf.len(), len)?;
        if self.next >= LAST_NUMBER || self.used >= self.scope.aead.sealing_limit() {
            return Err(SealError::Exhausted);
        }
        let number = self.next;
        let aad = header::associated(self.scope.member, self.keys.epoch, stream, number);
        let digest = self.protect(stream, number, aad, buf, len, total).ok_or(SealError::Buffer(total))?;
        self.book.note(number, digest);
        self.next += 1;
        self.used += 1;
        Ok(Sealed { number, len: total })
    }

    /// Hashes, encrypts, then samples the ciphertext and masks the header; gives the digest.
    fn protect(
        &self,
        stream: u8,
        number: u64,
        aad: [u8; AAD_LEN],
        buf: &mut [u8],
        len: usize,
        total: usize,
    ) -> Option<Digest> {
        let packet = buf.get_mut(..total)?;
        let (plaintext, tag) = packet.get_mut(HEADER_LEN..)?.split_at_mut_checked(len)?;
        let digest = header::digest(&aad, plaintext);
        tag.copy_from_slice(&self.keys.seal(number, aad, plaintext)?);
        let mask = self.keys.mask(packet)?;
        *packet.first_chunk_mut()? = header::emit(self.scope.member, self.keys.epoch, stream, number, mask);
        Some(digest)
    }
}

/// The length of the packet, when it can be made.
const fn check(room: usize, len: usize) -> Result<usize, SealError> {
    const MOST: usize = MAX_PACKET_LEN - OVERHEAD;
    if len < MIN_PLAINTEXT_LEN {
        return Err(SealError::TooShort(len));
    }
    if len > MOST {
        return Err(SealError::TooLong { len, most: MOST });
    }
    let total = len + OVERHEAD;
    if room < total { Err(SealError::Buffer(total)) } else { Ok(total) }
}

#[expect(clippy::expect_used, reason = "every 32 bytes are an Ed25519 private key (RFC 8032 section 5.1.5)")]
fn signer(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed of 32 bytes")
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Sender");
        debug.field("member", &self.scope.member).field("epoch", &self.keys.epoch);
        debug.field("next", &self.next).finish_non_exhaustive()
    }
}
