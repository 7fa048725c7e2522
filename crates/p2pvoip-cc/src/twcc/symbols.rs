//! The states of packets in chunks of two bytes: runs, and vectors of one or two bits for each.

use p2pvoip_core::wire::{Malformed, Reader};

/// It came; its time is one byte.
pub(super) const SMALL: u8 = 1;
/// It came; its time is two bytes, with a sign.
pub(super) const LARGE: u8 = 2;
/// The most that one run tells of: 13 bits.
const LONGEST_RUN: u16 = 0x1fff;
/// The most that a vector with one bit for each tells of.
const ONE_BIT: u16 = 14;
/// The most that a vector with two bits for each tells of.
const TWO_BITS: u16 = 7;

/// Bytes that the time of a packet in this state takes.
pub(super) const fn delta_len(symbol: usize) -> usize {
    match symbol {
        1 => 1,
        2 => 2,
        _ => 0,
    }
}

/// Stage: the states, one by one.
pub(super) struct Symbols<'a> {
    reader: Reader<'a>,
    chunk: u16,
    /// States of the chunk not read yet.
    in_chunk: u16,
    /// States of the packet not read yet.
    left: u16,
}

impl<'a> Symbols<'a> {
    pub(super) const fn new(bytes: &'a [u8], count: u16) -> Self {
        Self { reader: Reader::new(bytes), chunk: 0, in_chunk: 0, left: count }
    }

    /// What follows the chunks.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when they held fewer states than they should.
    pub(super) fn finish(self) -> Result<Reader<'a>, Malformed> {
        if self.left == 0 { Ok(self.reader) } else { Err(Malformed::Truncated) }
    }
}

impl Iterator for Symbols<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.left == 0 {
            return None;
        }
        while self.in_chunk == 0 {
            self.chunk = self.reader.u16().ok()?;
            self.in_chunk = match self.chunk >> 14 {
                0 | 1 => self.chunk & LONGEST_RUN,
                2 => ONE_BIT,
                _ => TWO_BITS,
            };
        }
        self.left -= 1;
        self.in_chunk -= 1;
        let symbol = match self.chunk >> 14 {
            0 | 1 => self.chunk >> 13,
            2 => (self.chunk >> self.in_chunk) & 1,
            _ => (self.chunk >> (2 * self.in_chunk)) & 3,
        };
        u8::try_from(symbol).ok()
    }
}

/// Stage: gathers states until they fill a chunk.
///
/// A run is taken where all are the same; else one bit for each, where no time takes two bytes; else two bits for each.
pub(super) struct Chunk {
    /// The first of them; all later ones of a longer run are the same.
    symbols: [u8; ONE_BIT as usize],
    len: u16,
}

impl Chunk {
    pub(super) const EMPTY: Self = Self { symbols: [0; ONE_BIT as usize], len: 0 };

    /// Adds a state; when it finds no room, the chunk that it makes complete is returned first.
    pub(super) fn add(&mut self, symbol: u8) -> Option<u16> {
        let mut full = None;
        if !self.takes(symbol) {
            full = Some(self.cut(false));
        }
        if let Some(place) = self.symbols.get_mut(usize::from(self.len)) {
            *place = symbol;
        }
        self.len += 1;
        full
    }

    /// The last chunk, if a state is left.
    pub(super) fn finish(&mut self) -> Option<u16> {
        (self.len > 0).then(|| self.cut(true))
    }

    fn held(&self) -> impl Iterator<Item = u8> + '_ {
        self.symbols.iter().take(usize::from(self.len)).copied()
    }

    /// The state that all have.
    fn same(&self) -> Option<u8> {
        let first = self.held().next()?;
        self.held().all(|symbol| symbol == first).then_some(first)
    }

    fn takes(&self, symbol: u8) -> bool {
        let small = symbol != LARGE && self.held().all(|symbol| symbol != LARGE);
        self.len < TWO_BITS
            || (self.len < ONE_BIT && small)
            || (self.len < LONGEST_RUN && self.same() == Some(symbol))
    }

    /// Takes a chunk from the front. Before the end of the packet, a vector has to be full.
    fn cut(&mut self, last: bool) -> u16 {
        let (bits, len) = match self.same() {
            Some(symbol) => (u16::from(symbol) << 13 | self.len, self.len),
            None if self.len == ONE_BIT || (last && self.len > TWO_BITS) => {
                (0x8000 | self.packed(1, ONE_BIT), self.len)
            }
            None => (0xc000 | self.packed(2, TWO_BITS), self.len.min(TWO_BITS)),
        };
        self.len -= len;
        self.symbols.rotate_left(usize::from(len % ONE_BIT));
        bits
    }

    /// The first states in `width` bits each, from the highest of `most` down.
    fn packed(&self, width: u16, most: u16) -> u16 {
        let places = (0..most).rev();
        places.zip(self.held()).fold(0, |bits, (place, symbol)| bits | u16::from(symbol) << (place * width))
    }
}
