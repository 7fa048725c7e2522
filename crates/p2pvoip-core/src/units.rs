//! Rates, sizes and the congestion mark, so that no bare number crosses a seam.

use core::ops::{Add, AddAssign, Div, Mul, Sub};
use core::time::Duration;

/// Bits a second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bitrate(u64);

impl Bitrate {
    /// That many bits a second.
    pub const fn from_bps(bps: u64) -> Self {
        Self(bps)
    }

    /// That many thousand bits a second.
    pub const fn from_kbps(kbps: u64) -> Self {
        Self(kbps.saturating_mul(1_000))
    }

    /// Bits a second.
    pub const fn as_bps(self) -> u64 {
        self.0
    }

    /// `numerator / denominator` of this rate, rounded down; a zero denominator counts as one.
    #[must_use]
    pub const fn scaled(self, numerator: u64, denominator: u64) -> Self {
        let denominator = if denominator == 0 { 1 } else { denominator };
        Self(wide(self.0 as u128 * numerator as u128 / denominator as u128))
    }
}

/// Bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct DataSize(u64);

impl DataSize {
    /// That many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// What is left after `other`, or nothing.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Cuts a wide product to 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the branch before it proves that it fits")]
const fn wide(value: u128) -> u64 {
    if value > u64::MAX as u128 { u64::MAX } else { value as u64 }
}

/// Bits times microseconds a second.
const BIT_MICROS: u128 = 8 * 1_000_000;

impl Mul<Duration> for Bitrate {
    type Output = DataSize;
    /// What passes in that time, in whole bytes.
    #[expect(clippy::suspicious_arithmetic_impl, reason = "bits become bytes")]
    fn mul(self, duration: Duration) -> DataSize {
        DataSize(wide((self.0 as u128).saturating_mul(duration.as_micros()) / BIT_MICROS))
    }
}

impl Div<Bitrate> for DataSize {
    type Output = Duration;
    /// How long it takes to pass; the longest duration in microseconds when the rate is zero.
    #[expect(clippy::suspicious_arithmetic_impl, reason = "bytes become bits")]
    fn div(self, rate: Bitrate) -> Duration {
        match (self.0 as u128 * BIT_MICROS).checked_div(rate.0 as u128) {
            Some(micros) => Duration::from_micros(wide(micros)),
            None => Duration::from_micros(u64::MAX),
        }
    }
}

impl Div<Duration> for DataSize {
    type Output = Bitrate;
    /// The rate at which it passes in that time; a duration of zero counts as one microsecond.
    fn div(self, duration: Duration) -> Bitrate {
        Bitrate(wide(self.0 as u128 * BIT_MICROS / duration.as_micros().max(1)))
    }
}

macro_rules! sums {
    ($unit:ty) => {
        impl Add for $unit {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }
        impl AddAssign for $unit {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl Sub for $unit {
            type Output = Self;
            /// Saturates at zero.
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
    };
}
sums!(Bitrate);
sums!(DataSize);

/// Explicit congestion notification: the two bits of an IP header (RFC 3168 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Ecn {
    /// The sender does not take part.
    #[default]
    NotEct,
    /// Takes part; low latency, low loss (RFC 9331).
    Ect1,
    /// Takes part.
    Ect0,
    /// The network says that it is congested.
    Ce,
}

impl Ecn {
    /// The two bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::NotEct => 0,
            Self::Ect1 => 1,
            Self::Ect0 => 2,
            Self::Ce => 3,
        }
    }

    /// From the two low bits of a traffic class byte.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::NotEct,
            1 => Self::Ect1,
            2 => Self::Ect0,
            _ => Self::Ce,
        }
    }
}
