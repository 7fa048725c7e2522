//! A voice of 6 to 64 kbit/s that adapts: packet duration and size follow the target, and what loss asks for goes into
//! copies of earlier sound inside the same packets.
//!
//! The rule of copies: under independent loss `p`, as few copies of the frames just before as leave `p^(n+1)` of 0.6 % at
//! most; under loss in bursts, small copies spread over the last 160 ms, five for each packet of the mean burst.

use p2pvoip_cc::Target;

use crate::time::{MILLI, Micros};

/// Bytes of headers on every packet: RTP 12, tag 10, UDP 8, IP 20.
pub const HEADERS: u32 = 50;
/// The least rate of sound, in bits a second.
pub const LEAST: u64 = 6_000;
/// The most.
pub const MOST: u64 = 64_000;
/// The most on the wire: [`MOST`] and the headers of 50 packets a second, or copies in their place.
pub const MOST_WIRE: u64 = MOST + 20_000;
/// Sound may be lost after repair in this part.
const RESIDUAL: f64 = 0.006;
/// Below this loss there are no copies.
const NEGLIGIBLE: f64 = 0.003;
/// The most copies against independent loss: 60 ms of the shortest packets.
const MOST_COPIES: u32 = 3;
/// Losses come in bursts when their mean length is so many times that of independent ones, `1 / (1 - p)`.
const BURST: f64 = 1.5;
/// Copies for each packet of the mean burst.
const COPIES_A_BURST: f64 = 5.0;
/// How far back copies reach against bursts.
const REACH: Micros = 160 * MILLI;

/// What one packet carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// The sound in it.
    pub ptime: Micros,
    /// Bytes of new sound.
    pub primary: u32,
    /// Bytes of each copy.
    pub copy: u32,
    /// Bit k: a copy of the frame `k + 1` before it.
    pub copies: u32,
}

impl Plan {
    /// Bytes on the wire.
    pub const fn size(&self) -> u32 {
        HEADERS + self.primary + self.copy * self.copies.count_ones()
    }
}

fn bytes(rate: u64, time: Micros) -> u32 {
    (rate * time / 8_000_000) as u32
}

/// Bytes on the wire of sound of the least rate: a copy that follows to measure the path.
pub fn least(ptime: Micros) -> u32 {
    HEADERS + bytes(LEAST, ptime)
}

/// How the wire rate of `target` is spent; `ptime` is that of the ladder.
pub fn plan(target: &Target, ptime: Micros) -> Plan {
    let least = bytes(LEAST, ptime);
    let most = bytes(MOST, ptime);
    let wire = target.wire.as_bps().min(MOST_WIRE);
    let room = bytes(wire, ptime).saturating_sub(HEADERS).max(least);
    let loss = f64::from(target.loss.to_f32());
    let burst = f64::from(target.burst.to_f32());
    // Copies are of the least rate at least, and the new sound is never below that either.
    let affordable = (room - least) / least;
    let burst = burst * (1.0 - loss).max(0.1);
    let copies = offsets(loss, burst, ptime, affordable);
    let count = copies.count_ones();
    if count == 0 {
        // Longer packets than the shortest save headers: beyond the most that the codec takes, they carry a copy.
        let over = room.saturating_sub(most);
        let copies = u32::from(over >= least);
        return Plan { ptime, primary: room.min(most), copy: over * copies, copies };
    }
    let copy = if burst >= BURST { least } else { (room / (count + 1)).max(least) };
    let copy = copy.max(room.saturating_sub(most).div_ceil(count));
    Plan { ptime, primary: room - copy * count, copy, copies }
}

/// Which earlier frames a packet repeats.
fn offsets(loss: f64, burst: f64, ptime: Micros, affordable: u32) -> u32 {
    if loss < NEGLIGIBLE {
        return 0;
    }
    if burst < BURST {
        let needed = (RESIDUAL.ln() / loss.min(0.9).ln()).ceil() as u32 - 1;
        let count = needed.clamp(1, MOST_COPIES).min(affordable);
        return (1 << count) - 1;
    }
    let reach = (REACH / ptime).clamp(1, 16) as u32;
    let count = reach.min(affordable).min((burst * COPIES_A_BURST).ceil() as u32);
    (1..=count).map(|index| 1 << (reach * index / count - 1)).sum()
}

/// The packet duration for a controller that does not choose one: the shortest that leaves 12 kbit/s for sound, by which
/// the frozen rows of a1 come out (docs/cc-suite.md).
pub const fn ladder(wire: u64) -> Micros {
    if wire >= 32_000 {
        20 * MILLI
    } else if wire >= 22_000 {
        40 * MILLI
    } else {
        60 * MILLI
    }
}

#[cfg(test)]
mod tests {
    use p2pvoip_cc::Fixed;
    use p2pvoip_core::Bitrate;

    use super::*;

    fn target(kbps: u64, loss: u64, burst: u64) -> Target {
        let mut target = Target::plain(Bitrate::from_kbps(kbps), Bitrate::from_kbps(kbps));
        target.loss = Fixed::ratio(loss, 100);
        target.burst = Fixed::ratio(burst, 10);
        target
    }

    #[test]
    fn the_wire_rate_is_spent_and_never_exceeded() {
        for kbps in 26..=84 {
            for loss in [0, 5, 10, 20, 30] {
                for burst in [10, 13, 40] {
                    let plan = plan(&target(kbps, loss, burst), 20 * MILLI);
                    let most = (kbps * 20 / 8) as u32;
                    assert!(
                        plan.size() <= most && plan.size() + 1 >= most,
                        "{kbps} {loss} {burst}: {plan:?}"
                    );
                    assert!(plan.primary >= bytes(LEAST, 20 * MILLI));
                }
            }
        }
    }

    #[test]
    fn what_longer_packets_save_goes_into_a_copy() {
        let plan = plan(&target(84, 0, 10), 40 * MILLI);
        assert_eq!((plan.size(), plan.primary, plan.copy, plan.copies), (420, 320, 50, 1));
    }

    #[test]
    fn copies_follow_the_loss() {
        let copies = |loss, burst| plan(&target(84, loss, burst), 20 * MILLI).copies;
        assert_eq!(copies(0, 10), 0);
        assert_eq!(copies(2, 10), 0b1);
        assert_eq!(copies(10, 11), 0b11);
        assert_eq!(copies(30, 14), 0b111, "a mean burst of 1.4 is that of independent loss");
        assert_eq!(copies(10, 40), 0b1111_1111, "bursts of four are met by 160 ms of copies");
    }

    #[test]
    fn the_least_rate_leaves_no_room_for_copies() {
        let plan = plan(&target(26, 30, 14), 20 * MILLI);
        assert_eq!((plan.primary, plan.copies), (15, 0));
    }
}
