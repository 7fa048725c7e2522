//! How much is lost, and in what runs: the two numbers by which media chooses redundancy.
//!
//! Per packet, not per time: a share of packets has the same noise at every ptime. The mean run is the share lost
//! divided by the share of losses that begin a run, both smoothed alike. Shares are counted in 2^-24.
//!
//! # Left out
//! - Recovery by the media: what counts here is the network's loss.

use crate::Fixed;

/// Packets over which loss is smoothed: 2.5 s at 20 ms; its noise is 2 % at 10 % independent loss.
const MEMORY: i32 = 128;
/// The longest mean run told: a silence of 32 packets is an outage, which redundancy does not repair.
const LONGEST_BURST: u32 = 32 << 16;
/// One, in 2^-24.
const ONE: i32 = 1 << 24;

/// A difference over [`MEMORY`], rounded towards zero: shifted, since this is for each packet.
const fn of_memory(difference: i32) -> i32 {
    (difference + (difference >> 31 & (MEMORY - 1))) >> MEMORY.trailing_zeros()
}

/// Estimator: the share of packets lost and the mean length of a run of losses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossEstimator {
    share: i32,
    starts: i32,
    previous_lost: bool,
    /// Packets counted, up to [`MEMORY`].
    packets: u8,
}

impl LossEstimator {
    pub(crate) const fn new() -> Self {
        Self { share: 0, starts: 0, previous_lost: false, packets: 0 }
    }

    /// The share that was lost on the path before, in no runs: it holds until as many packets as are waited for at first tell
    /// another.
    pub(crate) fn recalled(loss: Fixed) -> Self {
        let share = i32::try_from(loss.bits().min(Fixed::ONE.bits()) << 8).unwrap_or(ONE);
        Self { share, starts: share, previous_lost: false, packets: 0 }
    }

    /// The fate of the next packet in the order of numbers.
    pub(crate) fn on_decided(&mut self, lost: bool) {
        // The first packets weigh as much as there are, so that the estimate does not start from a guess.
        if i32::from(self.packets) < MEMORY {
            self.packets += 1;
        }
        let packets = i32::from(self.packets);
        let sample = |happened: bool| if happened { ONE } else { 0 };
        let (share, starts) = (sample(lost) - self.share, sample(lost && !self.previous_lost) - self.starts);
        if packets == MEMORY {
            self.share += of_memory(share);
            self.starts += of_memory(starts);
        } else {
            let divisor = packets.max(MEMORY / 4);
            self.share += share / divisor;
            self.starts += starts / divisor;
        }
        self.previous_lost = lost;
    }

    /// A packet that was decided as lost came after all.
    pub(crate) fn on_late(&mut self) {
        self.share = (self.share - ONE / MEMORY).max(0);
        self.starts = (self.starts - ONE / MEMORY).max(0);
    }

    /// The share of packets lost, 0 to 1.
    pub(crate) fn loss(&self) -> Fixed {
        Fixed::from_bits(self.share.unsigned_abs() >> 8)
    }

    /// The mean number of packets lost in a row, at least 1.
    pub(crate) fn burst(&self) -> Fixed {
        // Below half a loss in the memory there is no run to speak of.
        if self.starts < ONE / MEMORY / 2 {
            return Fixed::ONE;
        }
        let ratio = Fixed::ratio(u64::from(self.share.unsigned_abs()), u64::from(self.starts.unsigned_abs()));
        Fixed::from_bits(ratio.bits().clamp(Fixed::ONE.bits(), LONGEST_BURST))
    }
}
