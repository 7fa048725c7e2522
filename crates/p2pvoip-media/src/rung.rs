//! The ladder of rates, and how the wire's rate is spent on voice and on repair.
//!
//! A packet's size depends on its rung alone, never on what is said: an observer learns the network, not the speech.
//! The choice is a pure function of the budget, so equal budgets never make it flap; hysteresis belongs to the
//! congestion controller which gives the budget.
//!
//! # Left out
//! - Rungs of 10 ms: their headers would outweigh the voice.

use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize};

use crate::payload::{CHUNK_OVERHEAD, Span};

/// One step of the ladder: how much time a packet holds and how many bytes of codec payload.
///
/// Every payload is odd: two chunks of equal size then fill the body exactly, since a copy costs 5 bytes of header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rung {
    /// The time in one packet: 20, 40 or 60 ms.
    pub ptime: Duration,
    /// Codec payload in bytes, the same in every packet.
    pub payload: usize,
}

const fn rung(millis: u64, payload: usize) -> Rung {
    Rung { ptime: Duration::from_millis(millis), payload }
}

/// All rungs, by packet time and then by rate, from 6 to 64 kbit/s of voice.
pub const LADDER: [Rung; 19] = [
    rung(20, 51),
    rung(20, 61),
    rung(20, 81),
    rung(20, 101),
    rung(20, 121),
    rung(20, 161),
    rung(40, 81),
    rung(40, 101),
    rung(40, 121),
    rung(40, 161),
    rung(40, 201),
    rung(40, 241),
    rung(60, 45),
    rung(60, 61),
    rung(60, 91),
    rung(60, 121),
    rung(60, 151),
    rung(60, 181),
    rung(60, 241),
];

/// The largest audio body of the ladder in bytes.
pub const LARGEST_BODY: usize = 241 + CHUNK_OVERHEAD;

/// A packet time is taken when at least this rate of voice fits into it; headers of shorter ones eat the voice.
const GOOD_ENOUGH: [(Duration, Bitrate); 2] = [
    (Duration::from_millis(20), Bitrate::from_kbps(20)),
    (Duration::from_millis(40), Bitrate::from_kbps(16)),
];

impl Rung {
    /// The size of a packet's audio body in bytes: the payload and its chunk's headers. Copies share it.
    pub const fn body_len(&self) -> usize {
        self.payload + CHUNK_OVERHEAD
    }

    /// The rate of the voice alone.
    pub fn bitrate(&self) -> Bitrate {
        size(self.payload) / self.ptime
    }

    /// The rate on the wire when each packet costs `overhead` bytes beside its audio body.
    pub fn wire(&self, overhead: DataSize) -> Bitrate {
        (size(self.body_len()) + overhead) / self.ptime
    }

    /// How the packet time is written in a media header.
    pub(crate) fn span(&self) -> Option<Span> {
        Span::of(self.ptime)
    }

    /// The bytes of a frame that leaves room for a copy of its like in the same body.
    const fn shared_payload(&self) -> usize {
        self.payload.saturating_sub(CHUNK_OVERHEAD) / 2
    }
}

fn size(bytes: usize) -> DataSize {
    DataSize::from_bytes(bytes as u64)
}

/// What the network grants, told by the engine from the controller's target and the path.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Budget {
    /// The rate on the wire, everything included.
    pub wire: Bitrate,
    /// A packet's bytes that are not the audio body: IP, UDP, relay, seal, the slot's room for feedback.
    pub overhead: DataSize,
    /// The least packet time that the controller asks for.
    pub ptime: Duration,
    /// The part of the packets that is lost, from 0 to 1.
    pub loss: f32,
    /// The mean length of a loss burst in packets, at least 1.
    pub burst: f32,
    /// The largest audio body in bytes that the path carries.
    pub largest: usize,
}

/// How lost packets are made good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Redundancy {
    /// Not at all: the receiver conceals.
    #[default]
    None,
    /// Each packet describes the frame before it in the codec's own way.
    InBand,
    /// Each packet carries a copy of the frame that many packets before it.
    Copy {
        /// How many packets before, at least 1.
        distance: u8,
    },
}

/// What a budget is spent on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Spending {
    pub(crate) rung: Rung,
    /// Bytes of one encoded frame: the rung's payload, or less when a copy shares the body.
    pub(crate) payload: usize,
    pub(crate) redundancy: Redundancy,
    pub(crate) loss: f32,
}

impl Spending {
    /// Spends the budget: first a rung, then the repair that fits into it.
    pub(crate) fn of(budget: &Budget) -> Self {
        let rung = choose(budget);
        let redundancy = redundancy(rung, budget);
        let payload = match redundancy {
            Redundancy::Copy { .. } => rung.shared_payload(),
            Redundancy::None | Redundancy::InBand => rung.payload,
        };
        Self { rung, payload, redundancy, loss: budget.loss }
    }
}

/// The rung for a budget: the shortest packets in which the voice is good enough, else the best voice; the
/// thriftiest rung when nothing fits.
pub fn choose(budget: &Budget) -> Rung {
    let longest = LADDER.iter().map(|rung| rung.ptime).max().unwrap_or_default();
    let least = budget.ptime.min(longest);
    let allowed = || LADDER.iter().filter(move |r| r.ptime >= least && r.body_len() <= budget.largest);
    let fitting = || allowed().filter(|rung| rung.wire(budget.overhead) <= budget.wire);
    for (ptime, enough) in GOOD_ENOUGH {
        let best = fitting().filter(|rung| rung.ptime == ptime).max_by_key(|rung| rung.payload);
        if let Some(rung) = best.filter(|rung| rung.bitrate() >= enough) {
            return *rung;
        }
    }
    let thriftiest = || LADDER.iter().min_by_key(|rung| rung.body_len());
    let chosen = fitting()
        .max_by_key(|rung| rung.bitrate())
        .or_else(|| allowed().min_by_key(|rung| rung.wire(budget.overhead)))
        .or_else(thriftiest);
    chosen.copied().unwrap_or(LADDER[0])
}

/// Below this loss, repair costs more than it gives.
const LOSS_WORTH_REPAIR: f32 = 0.015;
/// From this loss on, a copy of a narrower frame beats in-band repair (docs/spec/media.md).
const LOSS_WORTH_NARROWING: f32 = 0.08;
/// Copies of this rate cost little quality, so they come with the first losses.
const WIDE_COPY: Bitrate = Bitrate::from_bps(18_000);
/// Copies below this rate are not worth their bytes.
const NARROW_COPY: Bitrate = Bitrate::from_bps(9_000);
/// A copy comes at most this late after its frame: longer waits cost more than a burst.
const LATEST_COPY: Duration = Duration::from_millis(80);
/// The most packets between a frame and its copy.
pub(crate) const FARTHEST_COPY: u8 = 4;

fn redundancy(rung: Rung, budget: &Budget) -> Redundancy {
    if budget.loss.is_nan() || budget.loss < LOSS_WORTH_REPAIR {
        return Redundancy::None;
    }
    let shared = size(rung.shared_payload()) / rung.ptime;
    let narrow = shared >= NARROW_COPY && budget.loss >= LOSS_WORTH_NARROWING;
    if shared >= WIDE_COPY || narrow {
        return Redundancy::Copy { distance: distance(rung, budget.burst) };
    }
    Redundancy::InBand
}

/// A copy has to jump over a burst, as far as the wait for it is bearable.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=4 before")]
fn distance(rung: Rung, burst: f32) -> u8 {
    let wanted = burst.round().clamp(1.0, f32::from(FARTHEST_COPY));
    let wanted = if wanted.is_nan() { 1 } else { wanted as u8 };
    let bearable = LATEST_COPY.as_micros() / rung.ptime.as_micros().max(1);
    wanted.min(u8::try_from(bearable).unwrap_or(FARTHEST_COPY)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn budget(kbps: u64) -> Budget {
        Budget {
            wire: Bitrate::from_kbps(kbps),
            overhead: DataSize::from_bytes(67),
            ptime: Duration::from_millis(20),
            loss: 0.0,
            burst: 1.0,
            largest: 1_200,
        }
    }

    #[test]
    fn every_payload_is_odd_and_spans_from_6_to_64_kbps() {
        assert!(LADDER.iter().all(|rung| rung.payload % 2 == 1 && rung.span().is_some()));
        assert!(LADDER.iter().all(|rung| rung.body_len() <= LARGEST_BODY));
        let rates = LADDER.iter().map(|rung| rung.bitrate().as_bps() / 1_000);
        assert_eq!((rates.clone().min(), rates.max()), (Some(6), Some(64)));
    }

    #[test]
    fn packets_grow_longer_as_the_rate_falls() {
        let ptime = |kbps| choose(&budget(kbps)).ptime.as_millis();
        assert_eq!(
            [ptime(100), ptime(60), ptime(40), ptime(25), ptime(16), ptime(1)],
            [20, 20, 40, 60, 60, 60]
        );
        assert_eq!(choose(&budget(1)).payload, 45, "the thriftiest when nothing fits");
        assert_eq!(choose(&budget(1_000)), rung(20, 161));
    }

    #[test]
    fn the_least_packet_time_and_the_largest_body_are_kept() {
        let slow = Budget { ptime: Duration::from_millis(60), ..budget(200) };
        assert_eq!(choose(&slow), rung(60, 241));
        let small = Budget { largest: 90, ..budget(200) };
        assert_eq!(choose(&small), rung(20, 81));
        assert_eq!(choose(&Budget { largest: 0, ..budget(200) }), rung(60, 45));
        assert_eq!(choose(&Budget { ptime: Duration::from_secs(1), ..budget(200) }).ptime.as_millis(), 60);
    }

    #[test]
    fn repair_follows_loss_and_rate() {
        let repair = |kbps, loss, burst| Spending::of(&Budget { loss, burst, ..budget(kbps) }).redundancy;
        assert_eq!(repair(200, 0.0, 1.0), Redundancy::None);
        assert_eq!(repair(200, 0.05, 1.0), Redundancy::Copy { distance: 1 });
        assert_eq!(repair(200, 0.2, 9.0), Redundancy::Copy { distance: 4 });
        assert_eq!(repair(55, 0.05, 1.0), Redundancy::InBand);
        assert_eq!(repair(55, 0.10, 1.0), Redundancy::Copy { distance: 1 });
        assert_eq!(repair(16, 0.10, 1.0), Redundancy::InBand);
        assert_eq!(repair(200, f32::NAN, f32::NAN), Redundancy::None);
        assert_eq!(repair(200, 0.1, f32::NAN), Redundancy::Copy { distance: 1 });
    }

    proptest! {
        #[test]
        fn what_fits_is_kept_and_a_copy_fills_the_body_exactly(
            kbps in 0u64..300, overhead in 0u64..120, least in 0u64..100, loss in 0f32..0.5, largest in 0usize..400,
        ) {
            let budget = Budget {
                overhead: DataSize::from_bytes(overhead), ptime: Duration::from_millis(least), loss, largest, ..budget(kbps)
            };
            let spending = Spending::of(&budget);
            prop_assert_eq!(spending, Spending::of(&budget), "equal input, equal choice");
            let fits = |r: &Rung| r.wire(budget.overhead) <= budget.wire && r.body_len() <= largest
                && r.ptime >= budget.ptime.min(Duration::from_millis(60));
            prop_assert!(fits(&spending.rung) || !LADDER.iter().any(fits));
            if let Redundancy::Copy { .. } = spending.redundancy {
                prop_assert_eq!(2 * (spending.payload + CHUNK_OVERHEAD), spending.rung.body_len());
            }
        }
    }
}
