//! The E-model: from losses, delays and codecs to the rating R, and from R to a mean opinion score (ITU-T G.107, 06/2015).
//!
//! The rating is `R = Ro - Is - Id - Ie,eff + A`. The narrowband model (G.107) reaches to 100, the wideband model (G.107.1) to
//! 129 and the fullband model (G.107.2) to 148; all three are one scale, on which a wider band is worth more.
//! Every function takes any number: what is not finite counts as the worst or the default, as it says, and results are finite.
//!
//! # Left out
//! - Echo, sidetone and noise in the wideband and fullband models: their terms are zero, as on a headset without echo.

mod narrowband;
mod opus;

pub use narrowband::{Narrowband, Rating};
pub use opus::{Coding, Opus};

/// R at which the opinion score is highest (G.107 annex B).
const R_TOP: f64 = 100.0;
/// The highest opinion score (G.107 annex B).
pub const MOS_TOP: f64 = 4.5;
/// The lowest opinion score.
pub const MOS_BOTTOM: f64 = 1.0;
/// The longest delay that is told apart, in milliseconds: beyond, a conversation is over anyway.
const LONGEST_MS: f64 = 10_000.0;
/// The greatest burst ratio that is told apart.
const MOST_BURSTY: f64 = 100.0;
/// The least packet-loss robustness, so that nothing is divided by zero; codecs have more than 4 (G.113 appendix I).
const LEAST_BPL: f64 = 0.1;

/// The band for which a rating is made: how far its scale reaches, and what losing all packets costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Band {
    /// 50 to 7,000 Hz (G.107.1).
    Wide,
    /// 20 to 20,000 Hz (G.107.2).
    Full,
}

impl Band {
    /// R without any impairment (`Ro`).
    pub const fn top(self) -> f64 {
        match self {
            Self::Wide => 129.0,
            Self::Full => 148.0,
        }
    }

    /// The effective equipment impairment when all is lost.
    const fn cap(self) -> f64 {
        match self {
            Self::Wide => CAP,
            Self::Full => 132.0,
        }
    }

    /// How much more a delay costs on this scale than on that of narrowband.
    const fn delay_scale(self) -> f64 {
        match self {
            Self::Wide => 1.0,
            Self::Full => 1.48,
        }
    }

    /// R of this scale for each point of the opinion score's scale from 0 to 100.
    const fn points(self) -> f64 {
        self.top() / R_TOP
    }
}

/// The effective equipment impairment when all is lost, on the scales of narrowband and wideband (G.107 section 7.5).
const CAP: f64 = 95.0;

/// What a codec costs, and how well it stands losses.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Equipment {
    /// The equipment impairment factor `Ie`: what coding costs without any loss.
    pub ie: f64,
    /// The packet-loss robustness factor `Bpl`: the loss in percent at which half of what is left is gone.
    pub bpl: f64,
}

/// The losses that a listener hears.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Losses {
    /// The share of packets lost after repair, in percent (`Ppl`); what is no number counts as 100.
    pub percent: f64,
    /// The mean length of a loss over what it would be if losses were independent (`BurstR`): at least 1.
    pub burst_ratio: f64,
}

impl Losses {
    /// None at all.
    pub const NONE: Self = Self { percent: 0.0, burst_ratio: 1.0 };

    /// Within what the model knows.
    fn sane(self) -> Self {
        Self {
            percent: within(self.percent, 0.0, 100.0, 100.0),
            burst_ratio: within(self.burst_ratio, 1.0, MOST_BURSTY, MOST_BURSTY),
        }
    }
}

/// The effective equipment impairment factor `Ie,eff` (G.107 section 7.5) on a scale where losing all costs `cap`.
fn effective(equipment: Equipment, losses: Losses, cap: f64) -> f64 {
    let Losses { percent, burst_ratio } = losses.sane();
    let ie = within(equipment.ie, 0.0, cap, cap);
    let bpl = within(equipment.bpl, LEAST_BPL, 1e6, LEAST_BPL);
    ie + (cap - ie) * percent / (percent / burst_ratio + bpl).max(percent)
}

/// What delay alone costs (`Idd`, G.107 section 7.4), for the absolute delay from mouth to ear in milliseconds (`Ta`).
/// Nothing up to 100 ms, and continuous there; what is no number counts as the longest.
pub fn delay_impairment(absolute_ms: f64) -> f64 {
    let absolute = within(absolute_ms, 0.0, LONGEST_MS, LONGEST_MS);
    if absolute <= 100.0 {
        return 0.0;
    }
    let x = (absolute / 100.0).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    (25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)).max(0.0)
}

/// The rating on a wideband or fullband scale: from 0 to the [top](Band::top) of the band.
///
/// `Ie` and `Bpl` must be of the same scale.
pub fn rating(band: Band, equipment: Equipment, losses: Losses, absolute_ms: f64) -> f64 {
    let delay = band.delay_scale() * delay_impairment(absolute_ms);
    (band.top() - delay - effective(equipment, losses, band.cap())).clamp(0.0, band.top())
}

/// A rating of a band on the scale from 0 to 100, on which opinion scores and the R factor of RFC 3611 are.
pub fn r_factor(band: Band, rating: f64) -> f64 {
    within(rating / band.points(), 0.0, R_TOP, 0.0)
}

/// The mean opinion score of a rating of narrowband, or of an [`r_factor`]: 1 to 4.5 (G.107 annex B).
///
/// The polynomial falls a little below 1 between 0 and 6.5; there the score is 1, so that it never falls with a better R.
pub fn mos(r: f64) -> f64 {
    let r = within(r, 0.0, R_TOP, 0.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (R_TOP - r) * 7e-6).clamp(MOS_BOTTOM, MOS_TOP)
}

/// The least R that has this mean opinion score: the inverse of [`mos`] by bisection, to a millionth.
pub fn r_of_mos(score: f64) -> f64 {
    let score = within(score, MOS_BOTTOM, MOS_TOP, MOS_BOTTOM);
    let (mut low, mut high) = (0.0, R_TOP);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if mos(middle) < score {
            low = middle;
        } else {
            high = middle;
        }
    }
    if score <= MOS_BOTTOM { 0.0 } else { high }
}

/// The number within both bounds, and `otherwise` for what is no number.
fn within(number: f64, low: f64, high: f64, otherwise: f64) -> f64 {
    if number.is_nan() { otherwise } else { number.clamp(low, high) }
}
