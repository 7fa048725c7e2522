//! Bytes in network order, read and written within bounds: a parse cannot panic and never half-succeeds.
//!
//! ```
//! use p2pvoip_core::wire::{Malformed, Reader, Writer};
//!
//! let mut buf = [0; 8];
//! let mut writer = Writer::new(&mut buf);
//! writer.u16(513)?;
//! writer.bytes(b"abc")?;
//! let len = writer.len();
//! let mut reader = Reader::new(&buf[..len]);
//! assert_eq!((reader.u16()?, reader.bytes(3)?), (513, &b"abc"[..]));
//! reader.finish()?;
//! # Ok::<(), Malformed>(())
//! ```

use core::fmt;

/// Bytes that are not what the format says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// The bytes end too early (read), or the buffer does (write).
    Truncated,
    /// Bytes are left over at the end.
    Trailing,
    /// A field has a value that the format does not allow; the text names the field.
    Invalid(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end too early"),
            Self::Trailing => f.write_str("there are bytes left over at the end"),
            Self::Invalid(field) => {
                write!(f, "the field `{field}` has a value that the format does not allow")
            }
        }
    }
}

impl core::error::Error for Malformed {}

/// The getters of a [`Reader`]: `name: type, width in bytes`.
macro_rules! read_numbers {
    ($($name:ident: $number:ty, $width:literal);*) => {$(
        #[doc = concat!("A number of ", $width, " bytes.\n\n# Errors\n[`Malformed::Truncated`] when fewer are left.")]
        pub fn $name(&mut self) -> Result<$number, Malformed> {
            let mut wide = [0; size_of::<$number>()];
            let low = self.array::<$width>()?;
            for (to, from) in wide.iter_mut().rev().zip(low.iter().rev()) {
                *to = *from;
            }
            Ok(<$number>::from_be_bytes(wide))
        }
    )*};
}

/// The setters of a [`Writer`]: `name: type, width in bytes`.
macro_rules! write_numbers {
    ($($name:ident: $number:ty, $width:literal);*) => {$(
        #[doc = concat!("The low ", $width, " bytes of a number.\n\n# Errors\n[`Malformed::Truncated`] when they do not fit.")]
        pub fn $name(&mut self, value: $number) -> Result<(), Malformed> {
            let wide = value.to_be_bytes();
            self.bytes(wide.split_at(wide.len() - $width).1)
        }
    )*};
}

/// Stage: reads a slice from the front.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from the front.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer are left; nothing is consumed then.
    pub const fn bytes(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        match self.rest.split_at_checked(n) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(Malformed::Truncated),
        }
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer are left.
    pub const fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(Malformed::Truncated),
        }
    }

    read_numbers! { u8: u8, 1; u16: u16, 2; u24: u32, 3; u32: u32, 4; u48: u64, 6; u64: u64, 8 }

    /// A length of 8 bits, then that many bytes.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer bytes are left.
    pub fn block8(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u8()?;
        self.bytes(usize::from(len))
    }

    /// A length of 16 bits, then that many bytes.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer bytes are left.
    pub fn block16(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u16()?;
        self.bytes(usize::from(len))
    }

    /// All that is left.
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }

    /// How many bytes are left.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Malformed::Trailing`] when bytes are left.
    pub const fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing) }
    }
}

/// Stage: writes into a slice from the front; what does not fit is refused whole.
#[derive(Debug)]
pub struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Writes to the front of `buf`.
    pub const fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Writes `bytes` as they are.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when they do not fit; nothing is written then.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let room = self.buf.get_mut(self.len..).and_then(|rest| rest.get_mut(..bytes.len()));
        room.ok_or(Malformed::Truncated)?.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    write_numbers! { u8: u8, 1; u16: u16, 2; u24: u32, 3; u32: u32, 4; u48: u64, 6; u64: u64, 8 }

    /// A length of 8 bits, then the bytes.
    ///
    /// # Errors
    /// [`Malformed::Invalid`] when there are more than 255, [`Malformed::Truncated`] when they do not fit.
    pub fn block8(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let len = u8::try_from(bytes.len()).map_err(|_| Malformed::Invalid("length"))?;
        self.require(1 + bytes.len())?;
        self.u8(len)?;
        self.bytes(bytes)
    }

    /// A length of 16 bits, then the bytes.
    ///
    /// # Errors
    /// [`Malformed::Invalid`] when there are more than 65,535, [`Malformed::Truncated`] when they do not fit.
    pub fn block16(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let len = u16::try_from(bytes.len()).map_err(|_| Malformed::Invalid("length"))?;
        self.require(2 + bytes.len())?;
        self.u16(len)?;
        self.bytes(bytes)
    }

    /// Fills all that is left with zeros.
    pub fn pad(&mut self) {
        if let Some(rest) = self.buf.get_mut(self.len..) {
            rest.fill(0);
        }
        self.len = self.buf.len();
    }

    /// How many bytes are written.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written yet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes still fit.
    pub const fn room(&self) -> usize {
        self.buf.len() - self.len
    }

    const fn require(&self, n: usize) -> Result<(), Malformed> {
        if n <= self.room() { Ok(()) } else { Err(Malformed::Truncated) }
    }
}
