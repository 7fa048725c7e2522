//! What calls learnt of the rate that a path carries, so that the next one to the same peer from the same network starts
//! there. In memory alone: it tells who was called from where.
//!
//! # Left out
//! - Networks by any other name than the own address: two of them that give the same one are taken for one, and the first
//!   seconds of a call mend that.

use core::time::Duration;
use std::net::IpAddr;

use p2pvoip_cc::Memory;
use p2pvoip_core::Instant;
use p2pvoip_crypto::Fingerprint;

/// Paths that are remembered; of more, the one that was learnt longest ago is forgotten.
const MOST: usize = 64;
/// What is older tells nothing of the network any more.
const KEPT: Duration = Duration::from_secs(3_600);

/// To whom, from which of our addresses.
pub(super) type Way = (Fingerprint, IpAddr);

/// Estimator: what the last call of each way learnt.
#[derive(Default)]
pub(super) struct Ways(Vec<(Way, Memory, Instant)>);

impl Ways {
    /// A call of this way has ended.
    pub(super) fn learn(&mut self, way: Way, learnt: Memory, now: Instant) {
        self.0.retain(|(known, ..)| *known != way);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push((way, learnt, now));
    }

    /// What the last call of this way learnt, unless that is long ago.
    pub(super) fn recall(&self, way: Way, now: Instant) -> Option<Memory> {
        let (_, learnt, at) = self.0.iter().find(|(known, ..)| *known == way)?;
        (now.saturating_since(*at) <= KEPT).then_some(*learnt)
    }
}

#[cfg(test)]
mod tests {
    use p2pvoip_cc::Fixed;
    use p2pvoip_core::Bitrate;

    use super::*;

    fn way(number: u8) -> Way {
        (Fingerprint::new([number; Fingerprint::LEN]), IpAddr::from([192, 0, 2, 1]))
    }

    fn learnt(kbps: u64) -> Memory {
        Memory { wire: Bitrate::from_kbps(kbps), rtt: None, loss: Fixed::ZERO }
    }

    #[test]
    fn each_way_recalls_its_last_call_for_an_hour() {
        let (mut ways, now) = (Ways::default(), Instant::from_millis(1_000));
        ways.learn(way(1), learnt(40), now);
        ways.learn(way(2), learnt(90), now);
        ways.learn(way(1), learnt(50), now);
        assert_eq!(ways.recall(way(1), now + KEPT), Some(learnt(50)));
        assert_eq!(ways.recall(way(2), now), Some(learnt(90)));
        assert_eq!(ways.recall(way(1), now + KEPT + Duration::from_micros(1)), None);
        assert_eq!(ways.recall((way(1).0, IpAddr::from([192, 0, 2, 2])), now), None, "another network");
    }

    #[test]
    fn beyond_the_limit_the_oldest_is_forgotten() {
        let (mut ways, now) = (Ways::default(), Instant::from_millis(1_000));
        (0..=64).for_each(|number| ways.learn(way(number), learnt(u64::from(number)), now));
        assert_eq!((ways.recall(way(0), now), ways.0.len()), (None, MOST));
        assert_eq!(ways.recall(way(1), now), Some(learnt(1)));
    }
}
