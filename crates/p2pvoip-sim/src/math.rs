//! Functions whose results are the same on every platform: sums, products and square roots alone, as IEEE 754 rounds them.
//!
//! Those of the standard library differ in the last bit from one platform to another, and a story would with them.

use std::f64::consts::{LN_2, SQRT_2};

/// The natural logarithm of a normal number above zero.
pub(crate) fn ln(x: f64) -> f64 {
    // x = m 2^e with m from 1 to 2, then from 1/sqrt(2) to sqrt(2).
    let bits = x.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default() - 1_023;
    let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1_023 << 52);
    let (m, e) = if mantissa > SQRT_2 { (mantissa / 2.0, exponent + 1) } else { (mantissa, exponent) };
    // ln m = 2 artanh s; the twelfth term is below 2^-60.
    let s = (m - 1.0) / (m + 1.0);
    let mut term = s;
    let mut sum = 0.0;
    for odd in (1..24_u32).step_by(2) {
        sum += term / f64::from(odd);
        term *= s * s;
    }
    2.0 * sum + f64::from(e) * LN_2
}

/// e to the power of `x`, which is cut to what a normal number holds.
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let k = (x / LN_2).round();
    let r = x - k * LN_2;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..18_u32 {
        term *= r / f64::from(n);
        sum += term;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 12 to 2,034")]
    let exponent = (k + 1_023.0) as u64;
    sum * f64::from_bits(exponent << 52)
}

/// The cube root; zero for what is not above zero.
pub(crate) fn cube_root(x: f64) -> f64 {
    if x < f64::MIN_POSITIVE {
        return 0.0;
    }
    let root = exp(ln(x) / 3.0);
    // One step of Newton takes the last error away.
    root - (root - x / (root * root)) / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn they_are_what_the_standard_library_finds() {
        for i in 1..2_000_u32 {
            let x = f64::from(i) * 0.037;
            near(ln(x), x.ln());
            near(ln(1.0 / x), -x.ln());
            near(exp(-x), (-x).exp());
            near(exp(x / 10.0) / (x / 10.0).exp(), 1.0);
            near(cube_root(x), x.cbrt());
        }
    }

    #[test]
    fn they_hold_at_the_ends() {
        near(ln(1.0), 0.0);
        near(exp(0.0), 1.0);
        near(cube_root(0.0), 0.0);
        near(cube_root(-1.0), 0.0);
        assert!(exp(1e9).is_finite() && exp(-1e9) > 0.0);
    }
}
