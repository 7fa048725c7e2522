//! What the law is told, and the arithmetic of rates.

/// The spans over which arrivals are measured, in microseconds: the shortest has five packets of 20 ms.
pub(crate) const SPANS: [u32; 3] = [100_000, 200_000, 400_000];

/// The rate rises at most to this many parts in a hundred of what is really sent.
const CLAIM: u64 = 140;

/// What one feedback tells the law. Times in microseconds, rates in bits a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals {
    /// The queue: the least of the newest samples.
    pub(crate) queue: u64,
    /// The span of sending over which it was looked for.
    pub(crate) span: u64,
    /// What the largest packet takes on the slowest link, as far as known.
    pub(crate) own: u64,
    /// The mean change of delay from packet to packet.
    pub(crate) jitter: u64,
    /// How sure the least of them is: the mean difference to the second.
    pub(crate) spread: u64,
    /// It falls as a released burst does.
    pub(crate) falls: bool,
    /// The rate of the slowest link.
    pub(crate) link: Option<u64>,
    /// The same, when delay has told that it is faster than it was.
    pub(crate) faster: Option<u64>,
    /// The rate of arrival over the three spans of [`SPANS`].
    pub(crate) delivered: [Option<u64>; 3],
    /// The rate of what came, losses left out, over 0.7 s.
    pub(crate) raw: Option<u64>,
    /// The rate of sending over the longest of them.
    pub(crate) sent: Option<u64>,
    /// The round trip.
    pub(crate) rtt: u64,
    /// A queue has appeared at once.
    pub(crate) jumped: bool,
    /// The queue that the newest packet met.
    pub(crate) met: u64,
    /// Bits of the newest packet that arrived.
    pub(crate) newest: u64,
    /// Bits sent whose fate is open: those sent after the newest packet that arrived, and few before.
    pub(crate) flight: u64,
    /// From the sending of the newest packet that arrived until now.
    pub(crate) behind: u64,
    /// Packets lost.
    pub(crate) lost: u32,
    /// Congestion marks, and packets acknowledged.
    pub(crate) marks: u32,
    pub(crate) acked: u32,
    /// So much is lost without a queue that short spans tell no rate.
    pub(crate) lossy: bool,
    /// The largest number that has arrived, and the next that will be sent.
    pub(crate) arrived: u64,
    pub(crate) next: u64,
}

impl Signals {
    /// The most that a rate may rise to: what is not sent proves nothing.
    pub(super) fn claim(&self, rate: u64) -> u64 {
        self.sent.map_or(rate, |sent| part(sent, CLAIM, 100))
    }

    /// The rate of arrival since a queue stands, for so many microseconds.
    pub(super) fn since(&self, stood: u64) -> Option<u64> {
        let [short, middle, long] = self.delivered;
        match stood {
            0..200_000 if self.lossy => middle.or(short),
            0..200_000 => short,
            200_000..400_000 => middle.or(short),
            _ => long.or(middle).or(short),
        }
    }
}

/// The limits of the rate, in bits a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) least: u64,
    pub(crate) most: u64,
    /// What is held behind a queue that others fill.
    pub(crate) floor: u64,
    /// The rise in a second of a flow that has a link to itself is at most this part of the rate.
    pub(crate) gentle: u64,
    /// Eighths: how much of a link this flow takes beside others.
    pub(crate) weight: u64,
}

/// `numerator / denominator` of `whole`.
pub(crate) const fn part(whole: u64, numerator: u64, denominator: u64) -> u64 {
    let denominator = if denominator == 0 { 1 } else { denominator };
    match whole.checked_mul(numerator) {
        Some(product) => product / denominator,
        #[expect(clippy::cast_possible_truncation, reason = "rates are far below 2^64")]
        None => (whole as u128 * numerator as u128 / denominator as u128) as u64,
    }
}
