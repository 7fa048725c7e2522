//! Chance that can be repeated: a [`Seed`] is given at construction and derived by name (ChaCha20, RFC 8439).

/// A secret of 256 bits from which all chance of one machine is derived.
///
/// Two names give independent seeds; a derived seed tells nothing of its parent. The owner draws the first one from the
/// system. It is overwritten when it is dropped (best effort: this crate has no `unsafe` and cannot pin memory).
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A seed for tests and simulations, told apart by a number. Never for a real call.
    #[must_use]
    pub fn from_u64(number: u64) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(number.to_le_bytes()) {
            *to = from;
        }
        Self(bytes)
    }

    /// The seed of the part called `name`.
    ///
    /// A chain of ChaCha20 blocks keyed by the seed: the first takes the name's length, each next one 12 bytes of it.
    #[must_use]
    pub fn derive(&self, name: &str) -> Self {
        let mut key = self.first_half(u32::MAX, &(name.len() as u64).to_le_bytes());
        for chunk in name.as_bytes().chunks(12) {
            key = Self(key).first_half(u32::MAX - 1, chunk);
        }
        Self(key)
    }

    /// The seed of the `index`-th part called `name`.
    #[must_use]
    pub fn derive_index(&self, name: &str, index: u64) -> Self {
        Self(self.derive(name).first_half(u32::MAX - 2, &index.to_le_bytes()))
    }

    /// Its 32 bytes, for a key derivation. Secret.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A generator that starts from this seed.
    #[must_use]
    pub fn rng(&self) -> Rng {
        Rng { seed: self.clone(), block: 0, buffer: [0; 64], used: 64 }
    }

    /// The first half of the block that a nonce of at most 12 bytes selects.
    fn first_half(&self, counter: u32, nonce: &[u8]) -> [u8; 32] {
        let mut padded = [0; 12];
        for (to, from) in padded.iter_mut().zip(nonce) {
            *to = *from;
        }
        let block = chacha20_block(&self.0, counter, &padded);
        let mut half = [0; 32];
        half.copy_from_slice(block.split_at(32).0);
        half
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.0 = [0; 32];
        core::hint::black_box(&self.0);
    }
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed([redacted])")
    }
}

/// A stream of pseudo-random bytes, the same for the same seed; unpredictable to who does not know it.
#[derive(Clone)]
pub struct Rng {
    seed: Seed,
    block: u64,
    buffer: [u8; 64],
    used: usize,
}

impl Rng {
    /// Fills `out`.
    pub fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.used == self.buffer.len() {
                self.refill();
            }
            *byte = self.buffer.get(self.used).copied().unwrap_or_default();
            self.used += 1;
        }
    }

    /// An array of chance.
    #[must_use]
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// Any number of 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// Any number of 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// A number below `bound`, each equally likely to within 2^-64; zero when `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((self.next_u64() as u128 * bound as u128) >> 64) as u64
    }

    /// A number from 0 up to, but not including, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exactly what an f64 holds")]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with that probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    fn refill(&mut self) {
        let mut nonce = [0; 12];
        for (to, from) in nonce.iter_mut().zip((self.block >> 31).to_le_bytes()) {
            *to = from;
        }
        // Counters from 2^31 on belong to `derive`.
        let counter = u32::try_from(self.block & 0x7fff_ffff).unwrap_or_default();
        self.buffer = chacha20_block(&self.seed.0, counter, &nonce);
        self.block += 1;
        self.used = 0;
    }
}

impl Drop for Rng {
    /// What was drawn and not used could be a secret of the next who asks. The seed sees to itself.
    fn drop(&mut self) {
        self.buffer = [0; 64];
        core::hint::black_box(&self.buffer);
    }
}

impl core::fmt::Debug for Rng {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Rng([redacted])")
    }
}

/// The ChaCha20 block function (RFC 8439 section 2.3).
#[expect(clippy::indexing_slicing, reason = "every index is a constant below 16")]
fn chacha20_block(key: &[u8; 32], counter: u32, nonce: &[u8; 12]) -> [u8; 64] {
    let mut start =
        [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574, 0, 0, 0, 0, 0, 0, 0, 0, counter, 0, 0, 0];
    let words = |bytes: &[u8], to: &mut [u32]| {
        for (to, from) in to.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *to = u32::from_le_bytes(*from);
        }
    };
    words(key, &mut start[4..12]);
    words(nonce, &mut start[13..]);
    let mut x = start;
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        for (left, right) in [(16, 12), (8, 7)] {
            x[a] = x[a].wrapping_add(x[b]);
            x[d] = (x[d] ^ x[a]).rotate_left(left);
            x[c] = x[c].wrapping_add(x[d]);
            x[b] = (x[b] ^ x[c]).rotate_left(right);
        }
    };
    for _ in 0..10 {
        for i in 0..4 {
            quarter(i, 4 + i, 8 + i, 12 + i);
        }
        for i in 0..4 {
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    let mut out = [0; 64];
    for ((to, mixed), start) in out.as_chunks_mut::<4>().0.iter_mut().zip(x).zip(start) {
        *to = mixed.wrapping_add(start).to_le_bytes();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_that_of_rfc_8439_section_2_3_2() {
        let key: [u8; 32] = core::array::from_fn(|i| u8::try_from(i).unwrap());
        let nonce = [0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0];
        let block = chacha20_block(&key, 1, &nonce);
        assert_eq!(block[..8], [0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15]);
        assert_eq!(block[56..], [0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e]);
    }
}
