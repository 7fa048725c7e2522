//! What the owner of a flow under Google's congestion control says about it, checked once.

use crate::{Fixed, Gcc};
use core::fmt;
use p2pvoip_core::Bitrate;

/// What a flow may use, all headers included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GccConfig {
    /// The least rate; 150 kbit/s (RFC 8867 section 4.3).
    pub least: Bitrate,
    /// The rate to begin with; 300 kbit/s, as libwebrtc begins.
    pub start: Bitrate,
    /// The largest rate; 1.5 Mbit/s (RFC 8867 section 4.3).
    pub most: Bitrate,
    /// The pacing rate in parts of the rate, 1 to 4; 2.5, as libwebrtc paces.
    pub pacing: Fixed,
}

impl Default for GccConfig {
    fn default() -> Self {
        Self {
            least: Bitrate::from_kbps(150),
            start: Bitrate::from_kbps(300),
            most: Bitrate::from_kbps(1_500),
            pacing: Fixed::ratio(5, 2),
        }
    }
}

impl GccConfig {
    /// With these rates.
    #[must_use]
    pub const fn rates(mut self, least: Bitrate, start: Bitrate, most: Bitrate) -> Self {
        (self.least, self.start, self.most) = (least, start, most);
        self
    }

    /// With this pacing.
    #[must_use]
    pub const fn pacing(mut self, pacing: Fixed) -> Self {
        self.pacing = pacing;
        self
    }

    /// The controller.
    ///
    /// # Errors
    /// Rates out of order or out of range, or a pacing out of range.
    pub fn build(self) -> Result<Gcc, GccConfigError> {
        Gcc::new(self)
    }
}

/// Why a configuration is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum GccConfigError {
    /// Give `0 < least <= start <= most`, at most 10 Gbit/s.
    Rates,
    /// Give a pacing of 1 to 4 times the rate.
    Pacing,
}

impl fmt::Display for GccConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rates => "give rates with 0 < least <= start <= most, at most 10 Gbit/s",
            Self::Pacing => "give a pacing of 1 to 4 times the rate",
        })
    }
}

impl core::error::Error for GccConfigError {}
