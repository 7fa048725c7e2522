//! How good a call probably sounds, in the words of ITU-T G.107: the rating R and the opinion scores that follow from it.

use core::time::Duration;

/// R from which on users are satisfied (ITU-T G.107 annex B, table B.1: "satisfied" begins at 80).
const GOOD: f32 = 80.0;
/// R from which on not nearly all users are dissatisfied (the same table: "many users dissatisfied" begins at 60).
const FAIR: f32 = 60.0;

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
    /// Many users are dissatisfied: R below 60.
    Poor,
    /// Some users are dissatisfied: R from 60.
    Fair,
    /// Users are satisfied: R from 80.
    Good,
}

impl Grade {
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
        if self.r >= GOOD {
            Grade::Good
        } else if self.r >= FAIR {
            Grade::Fair
        } else {
            Grade::Poor
        }
    }
}
