//! Units convert exactly and never panic.

use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Ecn};
use proptest::prelude::*;

#[test]
fn sixty_bytes_in_twenty_milliseconds_are_24_kbps() {
    let (size, ptime) = (DataSize::from_bytes(60), Duration::from_millis(20));
    assert_eq!(size / ptime, Bitrate::from_kbps(24));
    assert_eq!(size / Bitrate::from_kbps(24), ptime);
    assert_eq!(Bitrate::from_kbps(24) * ptime, size);
}

proptest! {
    #[test]
    fn no_arithmetic_panics(a: u64, b: u64, micros: u64) {
        let time = Duration::from_micros(micros);
        let _ = (Bitrate::from_bps(a) * time, DataSize::from_bytes(a) / time);
        let _ = (DataSize::from_bytes(a) / Bitrate::from_bps(b), Bitrate::from_bps(a).scaled(b, micros));
        let _ = (Bitrate::from_bps(a) + Bitrate::from_bps(b), Bitrate::from_bps(a) - Bitrate::from_bps(b));
    }

    #[test]
    fn ecn_bits_return(bits in 0u8..4) {
        prop_assert_eq!(Ecn::from_bits(bits).bits(), bits);
    }
}
