//! The rate of the slowest link, from packets that were sent right behind one another (Keshav 1991; Dovrolis 2001).
//!
//! The second of two such packets arrives after the first by at least its own time on the slowest link, and
//! jitter that keeps the order only makes that more. So the least time that a byte took is the link's, and its rate
//! is told while the link is far from full: a rise of capacity is seen before anything has been risked.
//!
//! # Left out
//! - Links that release packets in bursts (Wi-Fi aggregation): there the rate comes out as endless, and nobody relies on it.

use crate::fixed::low_u32;
use crate::report::{RemoteTime, TICK_MICROS};

/// Sent within this of one another, two packets are a pair: 0.5 ms in ticks.
const TOGETHER: i32 = 8;
/// Pairs remembered: at two a second, 4 s.
const PAIRS: u8 = 8;
/// For each such step of jitter, 5 ms in ticks, one more pair is needed: it makes half of them tell too slow a link.
const JITTER_STEP: i32 = 80;
/// At most so many more are needed.
const MOST_MORE: i32 = 4;
/// A packet's own time is at most this: 64 ms in ticks. On a link that slow nothing else would be heard.
const LONGEST: i32 = 1_000;
/// The fastest rate told, in bits a second: above it ticks of 64 us tell nothing of small packets.
const ENDLESS: u64 = 20_000_000;

/// Bits a second times ticks a byte, in 65,536ths.
const BYTE: u64 = (8_000_000 << 16) / TICK_MICROS;

/// Estimator: the rate of the slowest link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pairs {
    /// Rates of the last pairs in bits a second, a ring; zero where there is none.
    rates: [u32; PAIRS as usize],
    next: u8,
    /// Pairs since the link is measured anew, and how many it takes.
    count: u8,
    needed: u8,
    /// The greatest of the rates, zero while there are too few.
    link: u32,
    /// The link as it was before it was to be measured anew, and what it carries at least.
    former: u32,
    proven: u32,
    /// Ticks a byte on the slowest link in 65,536ths, rounded up, and the rate for which that was divided.
    byte: u32,
    byte_at: u32,
    /// The number after the last packet's, zero where there is none; its departure and its arrival.
    after: u64,
    left: RemoteTime,
    came: RemoteTime,
}

impl Pairs {
    pub(crate) const fn new() -> Self {
        Self {
            rates: [0; PAIRS as usize],
            next: 0,
            count: 0,
            needed: 1,
            link: 0,
            former: 0,
            proven: 0,
            byte: 0,
            byte_at: 0,
            after: 0,
            left: RemoteTime::from_ticks(0),
            came: RemoteTime::from_ticks(0),
        }
    }

    /// A packet and its arrival, in the order of sending. Whether it was the second of a pair, so that packets' own time may
    /// have changed.
    pub(crate) fn push(&mut self, number: u64, size: u16, sent: RemoteTime, arrived: RemoteTime) -> bool {
        let (after, apart, gap) = (self.after, sent.since(self.left), arrived.since(self.came));
        (self.after, self.left, self.came) = (number + 1, sent, arrived);
        let paired = after != 0 && number == after && (0..=TOGETHER).contains(&apart) && gap >= 0;
        if paired {
            self.measure(size, gap.unsigned_abs());
        }
        paired
    }

    /// The second of a pair has this size, and came so many ticks after the first.
    #[cold]
    fn measure(&mut self, size: u16, gap: u32) {
        let micros = u64::from(gap) * TICK_MICROS;
        let rate = (u64::from(size) * 8_000_000).checked_div(micros).unwrap_or(ENDLESS).min(ENDLESS);
        if let Some(place) = self.rates.get_mut(usize::from(self.next % PAIRS)) {
            *place = u32::try_from(rate).unwrap_or(u32::MAX);
            self.next = (self.next + 1) % PAIRS;
            self.count = self.count.saturating_add(1);
            self.divide();
        }
    }

    /// The slowest link carries so many bits a second at least.
    pub(crate) fn prove(&mut self, proven: u64) {
        let proven = u32::try_from(proven).unwrap_or(u32::MAX);
        if proven != self.proven {
            self.proven = proven;
            self.divide();
        }
    }

    /// The mean jitter in ticks: where there is much, one pair is not enough.
    pub(crate) fn on_jitter(&mut self, jitter: i32) {
        if jitter < JITTER_STEP && self.needed == 1 {
            return;
        }
        let more = (jitter / JITTER_STEP).clamp(0, MOST_MORE);
        let needed = 1 + u8::try_from(more).unwrap_or(0);
        // What is known does not become unknown by jitter that comes later.
        if needed < self.needed || (needed > self.needed && self.link == 0) {
            self.needed = needed;
            self.divide();
        }
    }

    /// There are pairs, and not enough of them.
    pub(crate) const fn is_begun(&self) -> bool {
        self.count > 0 && self.count < self.needed
    }

    /// The rate of the slowest link: the greatest that a pair told lately. `None` before there are enough.
    pub(crate) const fn rate(&self) -> Option<u64> {
        if self.link == 0 { None } else { Some(self.link as u64) }
    }

    /// Ticks that `size` bytes take on the slowest link, zero where it is not known.
    pub(crate) const fn own(&self, size: u16) -> i32 {
        let ticks = (size as u64 * self.byte as u64) >> 16;
        if ticks < LONGEST.unsigned_abs() as u64 { low_u32(ticks).cast_signed() } else { LONGEST }
    }

    /// Divides once for all packets, when the rate has changed.
    fn divide(&mut self) {
        let greatest = self.rates.iter().copied().max().unwrap_or(0);
        self.link = if self.count < self.needed { 0 } else { greatest };
        let rate = if self.link == 0 { self.former } else { self.link };
        let rate = if rate == 0 { 0 } else { rate.max(self.proven) };
        if rate != self.byte_at {
            let byte = if rate == 0 { 0 } else { BYTE.div_ceil(u64::from(rate)) };
            (self.byte_at, self.byte) = (rate, u32::try_from(byte).unwrap_or(u32::MAX));
        }
    }

    /// Whether [`own`](Self::own) can be relied on: the link is not being measured anew.
    pub(crate) fn is_settled(&self) -> bool {
        self.former == 0 || self.link != 0
    }

    /// No pairs came: the link is taken to be what it was.
    pub(crate) fn give_up(&mut self) {
        if self.former > 0 && self.count < self.needed {
            let [first, ..] = &mut self.rates;
            (*first, self.count) = (self.former, self.needed);
            self.divide();
        }
    }

    /// The link may have changed: it is to be measured anew.
    pub(crate) fn restart(&mut self) {
        self.former = if self.link == 0 { self.former } else { self.link };
        (self.rates, self.count) = ([0; PAIRS as usize], 0);
        self.divide();
    }
}

/// Ticks that `size` bytes take at a rate.
pub(crate) fn ticks(size: u16, rate: u64) -> i32 {
    let ticks = (u64::from(size) * (8_000_000 / TICK_MICROS)).checked_div(rate).unwrap_or(0);
    i32::try_from(ticks).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(pairs: &mut Pairs, number: u64, sent: u32, arrived: u32) -> bool {
        pairs.push(number, 250, RemoteTime::from_ticks(sent), RemoteTime::from_ticks(arrived))
    }

    #[test]
    fn a_pair_tells_the_link_and_later_delay_does_not_hide_it() {
        let mut pairs = Pairs::new();
        // 250 bytes at 32 kbit/s take 62.5 ms.
        for (index, gap) in [(0, 977), (1, 1_500), (2, 1_100)] {
            let number = 10 * u64::from(index);
            let tick = 50_000 * index;
            push(&mut pairs, number, tick, tick + 600);
            push(&mut pairs, number + 1, tick + 1, tick + 600 + gap);
        }
        let rate = pairs.rate().unwrap();
        assert!((31_900..32_100).contains(&rate), "{rate}");
        assert_eq!(pairs.own(250), 977);
    }

    #[test]
    fn packets_apart_or_out_of_order_tell_nothing() {
        let mut pairs = Pairs::new();
        push(&mut pairs, 1, 0, 100);
        push(&mut pairs, 2, 300, 110);
        push(&mut pairs, 4, 300, 120);
        push(&mut pairs, 5, 301, 110);
        assert_eq!(pairs.rate(), None);
        assert_eq!(pairs.own(250), 0);
    }

    #[test]
    fn a_link_that_no_pair_measures_anew_is_what_it_was() {
        let mut pairs = Pairs::new();
        push(&mut pairs, 1, 0, 100);
        push(&mut pairs, 2, 0, 1_077);
        let before = pairs.rate();
        pairs.restart();
        assert_eq!((pairs.rate(), pairs.own(250), pairs.is_settled()), (None, 977, false));
        pairs.give_up();
        assert_eq!((pairs.rate(), pairs.own(250), pairs.is_settled()), (before, 977, true));
    }

    #[test]
    fn a_link_beyond_the_clock_is_endless_and_takes_no_time() {
        let mut pairs = Pairs::new();
        push(&mut pairs, 1, 0, 100);
        push(&mut pairs, 2, 0, 100);
        assert_eq!((pairs.rate(), pairs.own(250)), (Some(ENDLESS), 1));
    }

    #[test]
    fn jitter_that_comes_later_does_not_make_a_known_link_unknown() {
        let mut pairs = Pairs::new();
        push(&mut pairs, 1, 0, 100);
        push(&mut pairs, 2, 1, 1_077);
        assert!(pairs.rate().is_some());
        pairs.on_jitter(1_000);
        assert!(pairs.rate().is_some());
        pairs.restart();
        pairs.on_jitter(1_000);
        push(&mut pairs, 3, 5_000, 6_000);
        push(&mut pairs, 4, 5_001, 6_977);
        assert_eq!(pairs.rate(), None, "one pair is not enough where there is jitter");
    }
}
