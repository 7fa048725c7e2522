//! Draws from distributions that models of networks need.

use p2pvoip_core::Rng;

use crate::math::ln;

/// A number of the exponential distribution with that mean.
pub(crate) fn exponential(rng: &mut Rng, mean: f64) -> f64 {
    -ln(1.0 - rng.unit()) * mean
}

/// A number of the normal distribution with mean 0 and deviation 1 (Marsaglia's polar method).
pub(crate) fn gaussian(rng: &mut Rng) -> f64 {
    loop {
        let (x, y) = (rng.unit() * 2.0 - 1.0, rng.unit() * 2.0 - 1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * ln(square) / square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;

    const DRAWS: u32 = 100_000;

    fn mean(mut draw: impl FnMut(&mut Rng) -> f64) -> f64 {
        let mut rng = Seed::from_u64(4).rng();
        (0..DRAWS).map(|_| draw(&mut rng)).sum::<f64>() / f64::from(DRAWS)
    }

    #[test]
    fn a_normal_draw_has_its_moments_and_tails() {
        assert!(mean(gaussian).abs() < 0.01);
        assert!((mean(|rng| gaussian(rng).powi(2)) - 1.0).abs() < 0.02);
        let beyond_two = mean(|rng| f64::from(u8::from(gaussian(rng).abs() > 2.0)));
        assert!((beyond_two - 0.0455).abs() < 0.003, "{beyond_two}");
    }

    #[test]
    fn an_exponential_draw_has_its_mean_and_its_tail() {
        assert!((mean(|rng| exponential(rng, 3.0)) - 3.0).abs() < 0.04);
        let beyond_mean = mean(|rng| f64::from(u8::from(exponential(rng, 3.0) > 3.0)));
        assert!((beyond_mean - 0.3679).abs() < 0.005, "{beyond_mean}");
    }
}
