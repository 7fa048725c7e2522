//! What Opus costs at a bitrate, on the fullband scale: a published table, with straight lines between its rows.
//!
//! The rows are those of Alahmadi et al. (ACM, doi 10.1145/3458751): superwideband
//! from 14 kbit/s (variable rate) and from 16 kbit/s (constant rate), and wideband at 11 and 13 kbit/s (variable rate).
//! - **Wideband rows** are on the wideband scale; 19 is added to their `Ie`, by which the two scales differ at the top.
//! - **Constant rate below 16 kbit/s** has no rows: it is taken to cost as much more than variable rate as it does at 16.
//! - **Below 11 kbit/s** `Ie` rises straight to 132 at nothing, and `Bpl` stays. **Above 40 kbit/s** the last row holds.
//! - **Bursts**: `Bpl` goes straight from its value for independent losses at a burst ratio of 1 to that for bursty losses at 2.
//!   That value was found for bursts already, so G.107's `BurstR` acts only beyond, as half the burst ratio.
//!
//! At any one bitrate R never rises with loss, burst ratio or delay, and nowhere does it jump. It is not monotone in the bitrate: the
//! published rows are not, since more is lost with each packet of a higher rate.
//!
//! # Left out
//! - In-band correction and copies: give the losses that are left after repair.

use p2pvoip_core::Bitrate;

use super::{Band, Equipment, Losses, rating};

/// The burst ratio that the values for bursty losses stand for (the end of the range of G.107 table 3).
const BURSTY: f64 = 2.0;
/// By how much `Ie` of a wideband codec is higher on the fullband scale: 148 - 129.
const WIDE_TO_FULL: f64 = 19.0;
/// How much more than variable rate constant rate costs at 16 kbit/s: 36.88 - 30.16.
const CONSTANT: f64 = 6.72;
/// `Ie` at which nothing is left on the fullband scale.
const NOTHING_LEFT: f64 = 132.0;

/// Whether each frame has its own size or all have one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Coding {
    /// The size follows what is said.
    Variable,
    /// All frames have one size: what p2pvoip sends.
    Constant,
}

/// What Opus costs at one bitrate, on the fullband scale.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Opus {
    /// The equipment impairment factor `Ie`.
    pub ie: f64,
    /// `Bpl` when losses are independent.
    pub bpl_independent: f64,
    /// `Bpl` when losses come in bursts.
    pub bpl_bursty: f64,
}

/// A row: kbit/s and what Opus costs there.
type Row = (f64, Opus);

const fn row(kbps: f64, ie: f64, bpl_independent: f64, bpl_bursty: f64) -> Row {
    (kbps, Opus { ie, bpl_independent, bpl_bursty })
}

const VARIABLE: [Row; 10] = [
    row(0.0, NOTHING_LEFT, 23.94, 20.12),
    row(11.0, 28.41 + WIDE_TO_FULL, 23.94, 20.12),
    row(13.0, 19.96 + WIDE_TO_FULL, 19.50, 16.92),
    row(14.0, 38.06, 16.51, 9.13),
    row(16.0, 30.16, 11.83, 10.06),
    row(19.0, 23.81, 10.67, 8.92),
    row(22.0, 20.22, 10.47, 8.57),
    row(28.0, 18.48, 10.63, 8.91),
    row(34.0, 14.76, 10.12, 8.54),
    row(40.0, 10.67, 9.79, 8.04),
];

const CONSTANT_RATE: [Row; 8] = [
    row(0.0, NOTHING_LEFT, 23.94, 20.12),
    row(11.0, 28.41 + WIDE_TO_FULL + CONSTANT, 23.94, 20.12),
    row(13.0, 19.96 + WIDE_TO_FULL + CONSTANT, 19.50, 16.92),
    row(16.0, 36.88, 13.30, 10.80),
    row(22.0, 23.38, 10.01, 8.46),
    row(28.0, 23.65, 11.67, 9.98),
    row(34.0, 20.62, 11.78, 9.69),
    row(40.0, 15.90, 11.35, 9.37),
];

impl Opus {
    /// What Opus costs when its frames have that bitrate, headers and copies not counted.
    pub fn at(rate: Bitrate, coding: Coding) -> Self {
        let rows: &[Row] = match coding {
            Coding::Variable => &VARIABLE,
            Coding::Constant => &CONSTANT_RATE,
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a bitrate of more than 52 bits is off the table anyway"
        )]
        let kbps = rate.as_bps() as f64 / 1_000.0;
        let above = rows.partition_point(|(known, _)| *known <= kbps);
        let below = above.checked_sub(1).and_then(|at| rows.get(at));
        match (below, rows.get(above)) {
            (Some((low, from)), Some((high, to))) => from.towards(*to, (kbps - low) / (high - low)),
            (Some((_, only)), None) | (None, Some((_, only))) => *only,
            (None, None) => Self { ie: NOTHING_LEFT, bpl_independent: 1.0, bpl_bursty: 1.0 },
        }
    }

    /// The rating on the fullband scale, 0 to 148, for losses after repair and a delay from mouth to ear in milliseconds.
    pub fn rating(self, losses: Losses, absolute_ms: f64) -> f64 {
        let Losses { percent, burst_ratio } = losses.sane();
        let bursty = ((burst_ratio - 1.0) / (BURSTY - 1.0)).min(1.0);
        let bpl = between(self.bpl_independent, self.bpl_bursty, bursty);
        let losses = Losses { percent, burst_ratio: (burst_ratio / BURSTY).max(1.0) };
        rating(Band::Full, Equipment { ie: self.ie, bpl }, losses, absolute_ms)
    }

    fn towards(self, other: Self, part: f64) -> Self {
        Self {
            ie: between(self.ie, other.ie, part),
            bpl_independent: between(self.bpl_independent, other.bpl_independent, part),
            bpl_bursty: between(self.bpl_bursty, other.bpl_bursty, part),
        }
    }
}

fn between(from: f64, to: f64, part: f64) -> f64 {
    from + (to - from) * part
}
