//! What the owner of a NADA flow says about it, checked once.

use crate::{Fixed, Nada};
use core::fmt;
use p2pvoip_core::Bitrate;

/// What a NADA flow may use, all headers included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct NadaConfig {
    /// The least rate (`RMIN`); 150 kbit/s.
    pub least: Bitrate,
    /// The rate to begin with; 150 kbit/s, as RFC 8698 section 4.3 begins at `RMIN`.
    pub start: Bitrate,
    /// The largest rate (`RMAX`); 1.5 Mbit/s. The rate at which a queue settles is proportional to it.
    pub most: Bitrate,
    /// The weight among NADA flows (`PRIO`); 1.
    pub priority: Fixed,
    /// Whether packets leave as ECT(0) (RFC 8698 section 6.5); no.
    pub ecn: bool,
}

impl Default for NadaConfig {
    fn default() -> Self {
        Self {
            least: Bitrate::from_kbps(150),
            start: Bitrate::from_kbps(150),
            most: Bitrate::from_kbps(1_500),
            priority: Fixed::ONE,
            ecn: false,
        }
    }
}

impl NadaConfig {
    /// With these rates.
    #[must_use]
    pub const fn rates(mut self, least: Bitrate, start: Bitrate, most: Bitrate) -> Self {
        (self.least, self.start, self.most) = (least, start, most);
        self
    }

    /// With this weight.
    #[must_use]
    pub const fn priority(mut self, priority: Fixed) -> Self {
        self.priority = priority;
        self
    }

    /// With packets that leave as ECT(0).
    #[must_use]
    pub const fn ecn(mut self, ecn: bool) -> Self {
        self.ecn = ecn;
        self
    }

    /// The controller.
    ///
    /// # Errors
    /// Rates out of order or out of range, or no priority.
    pub fn build(self) -> Result<Nada, NadaConfigError> {
        Nada::new(self)
    }
}

/// Why a configuration is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NadaConfigError {
    /// Give `0 < least <= start <= most`, at most 10 Gbit/s.
    Rates,
    /// Give a priority above zero.
    Priority,
}

impl fmt::Display for NadaConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rates => "give rates with 0 < least <= start <= most, at most 10 Gbit/s",
            Self::Priority => "give a priority above zero",
        })
    }
}

impl core::error::Error for NadaConfigError {}
