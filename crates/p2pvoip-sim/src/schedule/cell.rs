//! What one phone gets of a cell: proportional fair turns among phones whose channels fade (after RFC 8869 section 2).
//!
//! Every 10 ms each phone's channel is drawn anew from what it was: a slow part (shadowing, log-normal) and a fast one
//! (Rayleigh). Ten turns of 1 ms go to the phone for which the cell is best by its own measure. A handover stops
//! the flow, which waits and is not lost.
//!
//! # Left out
//! - Frequency selectivity, retransmissions of the radio, other cells: their sum is the noise of the channel.

use std::time::Duration;

use p2pvoip_core::{Bitrate, Rng, Seed};

use super::{Rates, at_least_a_microsecond};
use crate::chance::{exponential, gaussian};
use crate::math::{exp, ln};

/// How often the channel and the rate change.
const STEP: Duration = Duration::from_millis(10);
/// Turns in a step: the transmission intervals of LTE.
const TURNS: u32 = 10;
/// Share of a turn in the average that fairness is measured by: 100 turns (the usual `t_c` of proportional fair).
const FORGET: f64 = 0.01;
/// Deviation of the slow part in decibels (3GPP TR 36.814, urban macro: 6 to 8).
const SHADOW_DB: f64 = 6.0;
/// Metres in which the slow part is forgotten (3GPP TR 36.814: 50).
const SHADOW_METRES: f64 = 50.0;
/// Wavelength at 2 GHz, in metres.
const WAVELENGTH: f64 = 0.15;
/// Signal over noise and interference in the middle, in decibels.
const MEAN_DB: f64 = 10.0;
/// Least and most bits a second and hertz: QPSK 1/8 to 64-QAM 0.93.
const EFFICIENCY: (f64, f64) = (0.25, 5.55);
/// Shortest and longest interruption by a handover, in milliseconds (3GPP TR 36.881: about 50).
const HANDOVER_MS: (f64, f64) = (30.0, 80.0);

/// A cell, and the phone in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// The phone's mean rate; the shape is scaled to it.
    pub mean: Bitrate,
    /// How fast it and the others move: 3 and 30 in RFC 8869.
    pub speed_kmh: u32,
    /// Other phones that always have something to receive.
    pub others: usize,
    /// The mean time between handovers; zero is none.
    pub handover_every: Duration,
}

impl Default for Cell {
    /// 2 Mbit/s at walking pace among four others, a handover every 30 s.
    fn default() -> Self {
        Self {
            mean: Bitrate::from_kbps(2_000),
            speed_kmh: 3,
            others: 4,
            handover_every: Duration::from_secs(30),
        }
    }
}

/// What one phone gets in each 10 ms for `duration`, a part of 10 ms as a whole.
pub fn lte(cell: &Cell, duration: Duration, seed: &Seed) -> Rates {
    let mut rng = seed.derive("lte").rng();
    let fading = Fading::new(cell.speed_kmh);
    let mut phones: Vec<Phone> = (0..=cell.others).map(|_| Phone::new(&mut rng)).collect();
    let mut handovers = Handovers::new(cell.handover_every, &mut rng);
    let mut at = Duration::ZERO;
    let mut shares = Vec::new();
    while at < duration {
        for phone in &mut phones {
            phone.fade(&fading, &mut rng);
        }
        let is_away = handovers.is_away(at, &mut rng);
        shares.push(if is_away { 0.0 } else { turns(&mut phones) });
        at += STEP;
    }
    scaled(&shares, cell.mean)
}

/// How much of a channel is kept from one step to the next.
struct Fading {
    slow: f64,
    fast: f64,
}

impl Fading {
    fn new(speed_kmh: u32) -> Self {
        let metres = f64::from(speed_kmh) / 3.6 * STEP.as_secs_f64();
        // The Bessel function of Jakes' spectrum, as far as it falls: exp(-(pi v t / wavelength)^2).
        let phase = std::f64::consts::PI * metres / WAVELENGTH;
        Self { slow: exp(-metres / SHADOW_METRES), fast: exp(-phase * phase) }
    }
}

/// A phone's channel, and what it has had.
struct Phone {
    shadow: f64,
    /// The real and the imaginary part of the fast fading.
    fast: [f64; 2],
    efficiency: f64,
    average: f64,
}

impl Phone {
    fn new(rng: &mut Rng) -> Self {
        let fast = [gaussian(rng), gaussian(rng)];
        Self { shadow: gaussian(rng), fast, efficiency: 1.0, average: 1.0 }
    }

    fn fade(&mut self, fading: &Fading, rng: &mut Rng) {
        let next = |kept: f64, old: f64, rng: &mut Rng| {
            kept * old + (1.0 - kept * kept).max(0.0).sqrt() * gaussian(rng)
        };
        self.shadow = next(fading.slow, self.shadow, rng);
        self.fast = self.fast.map(|part| next(fading.fast, part, rng));
        let power = f64::midpoint(self.fast[0] * self.fast[0], self.fast[1] * self.fast[1]);
        let decibels = MEAN_DB + SHADOW_DB * self.shadow;
        let ratio = exp(decibels * std::f64::consts::LN_10 / 10.0) * power;
        let efficiency = ln(1.0 + ratio) / std::f64::consts::LN_2;
        self.efficiency = efficiency.clamp(EFFICIENCY.0, EFFICIENCY.1);
    }

    fn worth(&self) -> f64 {
        self.efficiency / self.average
    }
}

/// Gives the turns of one step; what the first phone got.
fn turns(phones: &mut [Phone]) -> f64 {
    let mut got = 0.0;
    for _ in 0..TURNS {
        // The first of the best has the turn, so that equals are told apart in the same way each time.
        let best = phones.iter().map(Phone::worth).fold(0.0, f64::max);
        let winner = phones.iter().position(|phone| phone.worth() >= best);
        for (place, phone) in phones.iter_mut().enumerate() {
            let served = if Some(place) == winner { phone.efficiency } else { 0.0 };
            // A phone that starves keeps a least average, or its worth would be without bound.
            phone.average = (phone.average * (1.0 - FORGET) + served * FORGET).max(1e-3);
            got += if place == 0 { served } else { 0.0 };
        }
    }
    got
}

/// When the phone is between two cells.
struct Handovers {
    /// Seconds; zero is never.
    every: f64,
    from: Duration,
    until: Duration,
}

impl Handovers {
    fn new(every: Duration, rng: &mut Rng) -> Self {
        let mut handovers = Self { every: every.as_secs_f64(), from: Duration::ZERO, until: Duration::ZERO };
        handovers.plan(rng);
        handovers
    }

    fn is_away(&mut self, at: Duration, rng: &mut Rng) -> bool {
        if self.every == 0.0 {
            return false;
        }
        while self.until <= at {
            self.plan(rng);
        }
        self.from <= at
    }

    /// The next one, after the last.
    fn plan(&mut self, rng: &mut Rng) {
        let length = HANDOVER_MS.0 + rng.unit() * (HANDOVER_MS.1 - HANDOVER_MS.0);
        self.from = self.until + at_least_a_microsecond(exponential(rng, self.every));
        self.until = self.from + Duration::from_secs_f64(length / 1_000.0);
    }
}

/// Rates in proportion to the shares, of that mean.
fn scaled(shares: &[f64], mean: Bitrate) -> Rates {
    let sum: f64 = shares.iter().sum();
    let mut rates = Rates::new();
    let mut at = Duration::ZERO;
    for share in shares {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates are positive and far below 2^53; a conversion of floats saturates"
        )]
        let rate =
            if sum > 0.0 { (share / sum * shares.len() as f64 * mean.as_bps() as f64) as u64 } else { 0 };
        rates.push((at, Bitrate::from_bps(rate)));
        at += STEP;
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::super::carries;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn zeros(rates: &Rates) -> usize {
        rates.iter().filter(|(_, rate)| rate.as_bps() == 0).count()
    }

    #[test]
    fn a_phone_has_its_mean_rate_and_a_new_one_every_10_ms() {
        for seed in 0..5 {
            let rates = lte(&Cell::default(), MINUTE, &Seed::from_u64(seed));
            assert_eq!(rates.len(), 6_000);
            let mean = carries(&rates, Duration::ZERO, MINUTE) / MINUTE;
            assert!((1_999_000..=2_000_000).contains(&mean.as_bps()), "{mean:?}");
            assert!(rates.windows(2).all(|two| two[1].0 == two[0].0 + STEP));
        }
    }

    #[test]
    fn it_varies_more_than_twofold_within_seconds() {
        let rates = lte(&Cell { others: 0, ..Cell::default() }, MINUTE, &Seed::from_u64(1));
        let second = |place: u64| {
            let from = Duration::from_secs(place);
            carries(&rates, from, from + Duration::from_secs(1)).as_bytes()
        };
        let seconds: Vec<u64> = (0..60).map(second).collect();
        let (least, most) = (seconds.iter().min().unwrap(), seconds.iter().max().unwrap());
        assert!(most > &(least * 2), "{seconds:?}");
    }

    #[test]
    fn a_walking_phone_keeps_its_channel_longer_than_a_driving_one() {
        let changes = |speed_kmh| {
            let cell = Cell { others: 0, speed_kmh, handover_every: Duration::ZERO, ..Cell::default() };
            let rates = lte(&cell, MINUTE, &Seed::from_u64(2));
            let change = |two: &[(Duration, Bitrate)]| two[0].1.as_bps().abs_diff(two[1].1.as_bps());
            rates.windows(2).map(change).sum::<u64>()
        };
        assert!(changes(3) * 2 < changes(30));
    }

    #[test]
    fn a_handover_stops_the_flow_for_30_to_80_ms() {
        let cell = Cell { others: 0, handover_every: Duration::from_secs(1), ..Cell::default() };
        let rates = lte(&cell, MINUTE, &Seed::from_u64(3));
        let runs: Vec<usize> = rates
            .chunk_by(|one, next| (one.1.as_bps() == 0) == (next.1.as_bps() == 0))
            .filter(|run| run[0].1.as_bps() == 0)
            .map(<[_]>::len)
            .collect();
        assert!((35..80).contains(&runs.len()), "{runs:?}");
        assert!(runs.iter().filter(|run| !(3..=8).contains(*run)).count() <= runs.len() / 10, "{runs:?}");
        let none = Cell { handover_every: Duration::ZERO, ..cell };
        assert_eq!(zeros(&lte(&none, MINUTE, &Seed::from_u64(3))), 0);
    }
}
