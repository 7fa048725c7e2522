//! How good a call probably sounds, in the words of ITU-T G.107: the rating R and the opinion scores that follow from it.

use core::time::Duration;

/// What the listener at this side probably thinks of the call now.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Quality {
    /// The rating of the whole, 0 to 100 (RFC 3611 section 4.7.5 R factor): that of the fullband E-model over 1.48.
    pub r: f32,
    /// The opinion score of the conversation, 1 to 4.5, delay included (RFC 3611 section 4.7.5 MOS-CQ).
    pub mos: f32,
    /// The opinion score of listening alone, 1 to 4.5, delay left out (RFC 3611 section 4.7.5 MOS-LQ).
    pub mos_listening: f32,
    /// From mouth to ear, one way: what `mos` was made of, beside the sound.
    pub mouth_to_ear: Duration,
    /// The share of sound that was made up lately, 0 to 1: loss after repair.
    pub loss: f32,
    /// Mean length of a loss over what it would be under independent loss, at least 1 (ITU-T G.107 `BurstR`).
    pub burst_ratio: f32,
}

/// A rating in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Grade {
    /// Nearly all users are dissatisfied: R below 60.
    Poor,
    /// Some or many users are dissatisfied: R from 60.
    Fair,
    /// Users are satisfied: R from 80.
    Good,
}

impl Grade {
    /// The grade of a rating from 0 to 100.
    pub fn of(r: f32) -> Self {
        [Self::Good, Self::Fair].into_iter().find(|grade| r >= grade.least_r()).unwrap_or(Self::Poor)
    }

    /// The grade of an opinion score.
    pub fn of_mos(mos: f64) -> Self {
        [Self::Good, Self::Fair].into_iter().find(|grade| mos >= grade.least_mos()).unwrap_or(Self::Poor)
    }

    /// The rating at which it begins (ITU-T G.107 annex B, table B.1: users are satisfied from 80 on; from 60
    /// to 80 some or many are dissatisfied, below nearly all).
    pub const fn least_r(self) -> f32 {
        match self {
            Self::Poor => 0.0,
            Self::Fair => 60.0,
            Self::Good => 80.0,
        }
    }

    /// The opinion score at which it begins: that of its rating.
    pub const fn least_mos(self) -> f64 {
        match self {
            Self::Poor => 1.0,
            Self::Fair => 3.1,
            Self::Good => 4.024,
        }
    }

    /// A stable word for machines and people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poor => "poor",
            Self::Fair => "fair",
            Self::Good => "good",
        }
    }
}

impl Quality {
    /// The rating in one word.
    pub fn grade(&self) -> Grade {
        Grade::of(self.r)
    }
}
