//! Fixed-point numbers, so that every machine computes the same.

use core::fmt;

/// A number from 0 to 65,535 in steps of 1/65,536.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fixed(u32);

impl Fixed {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(1 << 16);

    /// That many 65,536ths.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// 65,536ths.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// `numerator / denominator`, rounded down and cut to the range; a zero denominator counts as one.
    pub const fn ratio(numerator: u64, denominator: u64) -> Self {
        let denominator = if denominator == 0 { 1 } else { denominator };
        let wide = ((numerator as u128) << 16) / denominator as u128;
        #[expect(clippy::cast_possible_truncation, reason = "the branch proves that it fits")]
        Self(if wide > u32::MAX as u128 { u32::MAX } else { wide as u32 })
    }

    /// The number as a float, for people and for parts that are no part of this crate.
    #[expect(clippy::cast_precision_loss, reason = "for showing")]
    pub const fn to_f32(self) -> f32 {
        self.0 as f32 / 65_536.0
    }

    /// This part of `whole`, rounded down.
    pub const fn of(self, whole: u64) -> u64 {
        let wide = (self.0 as u128 * whole as u128) >> 16;
        #[expect(clippy::cast_possible_truncation, reason = "the branch proves that it fits")]
        if wide > u64::MAX as u128 { u64::MAX } else { wide as u64 }
    }
}

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4}", self.to_f32())
    }
}

/// The low 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
pub(crate) const fn low_u32(value: u64) -> u32 {
    value as u32
}
