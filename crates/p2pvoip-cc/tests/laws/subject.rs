//! The controllers that the laws bind, and a way to state a law once for both.

use p2pvoip_cc::{AudioConfig, AudioController, Controller, Stats, VideoConfig, VideoController};

/// A controller of this crate with its default configuration.
pub(crate) trait Subject: Controller + Clone {
    /// The rates in bits a second between which it stays.
    const LEAST: u64;
    const MOST: u64;

    /// A usual packet in bytes.
    const PACKET: u64;
    /// A capacity in kbit/s that it can fill, and one that it cannot.
    const NARROW: u64;
    const WIDE: u64;

    fn fresh() -> Self;
    fn stats(&self) -> Stats;
}

impl Subject for AudioController {
    const LEAST: u64 = 10_800;
    const MOST: u64 = 100_000;
    const PACKET: u64 = 200;
    const NARROW: u64 = 60;
    const WIDE: u64 = 300;

    fn fresh() -> Self {
        Self::new(AudioConfig::default()).unwrap()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }
}

impl Subject for VideoController {
    const LEAST: u64 = 150_000;
    const MOST: u64 = 1_500_000;
    const PACKET: u64 = 1_200;
    const NARROW: u64 = 1_000;
    const WIDE: u64 = 6_000;

    fn fresh() -> Self {
        Self::new(VideoConfig::default()).unwrap()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }
}

/// Makes a test for each controller of a law that is generic over it.
macro_rules! laws {
    ($($(#[$attribute:meta])* $law:ident;)*) => {
        mod voice {
            $($(#[$attribute])* #[test] fn $law() { super::$law::<p2pvoip_cc::AudioController>(); })*
        }
        mod video {
            $($(#[$attribute])* #[test] fn $law() { super::$law::<p2pvoip_cc::VideoController>(); })*
        }
    };
}

pub(crate) use laws;
