//! What reports tell, as facts in order, for the controllers that follow published laws (NADA, GCC).
//!
//! Around the [`History`]: what cannot be true is refused whole, what is too old to be remembered is stale; arrival
//! times are told in rising order of number, in microseconds of an unwrapped clock of the receiver. Also whether
//! anything is told at all.

mod silence;
mod window;

use silence::Silence;
pub(crate) use window::{Sums, Window};

use crate::Fixed;
use crate::controller::{Path, Phase, Sent, Stats};
use crate::history::{Fate, History, Record};
use crate::loss::LossEstimator;
use crate::report::{RemoteTime, Report, TICK_MICROS};
use crate::rtt::RttEstimator;
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant, Wake};

/// Packets remembered: 2 s of 250 packets a second, 10 s of voice at 20 ms.
pub(crate) const CAPACITY: usize = 512;
/// The receiver may round, so its holding time may exceed the time since the packet left by so many microseconds.
const ROUNDING_MICROS: u64 = 1_000;
/// The two clocks parted by more than so many microseconds between two reports: the receiver's clock was set anew.
const JUMP_MICROS: u64 = 3_000_000;
/// The round trip taken before there is a sample, in microseconds: what most calls stay below (ITU-T G.114).
const ASSUMED_MICROS: u32 = 300_000;

/// The largest rate that is allowed.
const MOST: Bitrate = Bitrate::from_kbps(10_000_000);

/// Whether a flow can be controlled between these rates.
pub(crate) fn are_rates(least: Bitrate, start: Bitrate, most: Bitrate) -> bool {
    least > Bitrate::default() && least <= start && start <= most && most <= MOST
}

/// What a report tells of one packet of the present path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fact {
    /// Its fate is known; each packet once, in rising order of number. Told before all arrivals.
    Decided { lost: bool },
    /// It left at `sent` and came at `at` of the other clock, in microseconds; in rising order of number. `size` counts
    /// the bytes that were not told before.
    Came { sent: i64, at: i64, size: u32 },
}

/// What a report tells as a whole; it told of at least one packet of this path that it had come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct News {
    /// When the report was made, in microseconds of the receiver's clock.
    pub(crate) end: i64,
    /// Bytes that came without being told when.
    pub(crate) untimed: u32,
    /// Packets newly marked by the network; never more than came.
    pub(crate) marked: u16,
    /// Packets newly found lost, and packets whose fate became known.
    pub(crate) lost: u16,
    pub(crate) decided: u16,
    /// The receiver's clock was set anew: what was measured against it before is void.
    pub(crate) jumped: bool,
}

/// Memory of one flow: what was sent, what came of it, the round trip, and for how long nothing has been told.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    history: History<CAPACITY>,
    loss: LossEstimator,
    rtt: RttEstimator,
    silence: Silence,
    path: u8,
    /// A remote time and the microseconds it stands for.
    clock: Option<(RemoteTime, i64)>,
    /// When the last report was made, and when it was read.
    last: Option<(i64, Instant)>,
    /// Congestion marks told so far, modulo 256.
    ce: u8,
    stats: Stats,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            history: History::new(),
            loss: LossEstimator::new(),
            rtt: RttEstimator::new(),
            silence: Silence::default(),
            path: 0,
            clock: None,
            last: None,
            ce: 0,
            stats: Stats::default(),
        }
    }

    /// Notes a packet; one whose number is not above all before it is only counted.
    pub(crate) fn on_sent(&mut self, sent: Sent, now: Instant) {
        if self.history.record(sent, now) {
            self.silence.on_sent(now);
        } else {
            self.stats.misnumbered += 1;
        }
    }

    /// Whether the silence of the receiver has grown by one measure.
    pub(crate) fn is_more_silent(&mut self, now: Instant) -> bool {
        self.silence.grown(now)
    }

    /// When that is to be asked next.
    pub(crate) fn next_at(&self) -> Option<Wake> {
        self.silence.next_at()
    }

    /// Another path: what was measured on the old one is void. Whether it is another one.
    pub(crate) fn moved(&mut self, path: Path) -> bool {
        let moved = path.id != self.path;
        if moved {
            (self.path, self.loss, self.rtt) = (path.id, LossEstimator::new(), RttEstimator::new());
        }
        moved
    }

    /// The smoothed round trip in microseconds.
    pub(crate) fn rtt_micros(&self) -> u64 {
        u64::from(self.rtt.smoothed().unwrap_or(ASSUMED_MICROS))
    }

    /// The share of packets lost and the mean run of losses.
    pub(crate) fn loss(&self) -> (Fixed, Fixed) {
        (self.loss.loss(), self.loss.burst())
    }

    /// What has been counted and measured here.
    pub(crate) fn stats(&self, phase: Phase) -> Stats {
        let micros = |micros: Option<u32>| micros.map(|micros| Duration::from_micros(u64::from(micros)));
        Stats {
            rtt: micros(self.rtt.smoothed()),
            min_rtt: micros(self.rtt.least()),
            loss: self.loss.loss(),
            burst: self.loss.burst(),
            in_flight: DataSize::from_bytes(self.history.in_flight()),
            phase: if self.silence.is_silent() { Phase::Silent } else { phase },
            ..self.stats
        }
    }

    /// Reads a report and calls `each` with what it tells of packets. Nothing when it is refused, stale, or tells
    /// nothing new of this path.
    pub(crate) fn read(&mut self, report: &Report, now: Instant, each: impl FnMut(Fact)) -> Option<News> {
        let news = self.believe(report, now, each);
        if news.is_some() {
            self.silence.on_news();
        }
        news
    }

    fn believe(&mut self, report: &Report, now: Instant, mut each: impl FnMut(Fact)) -> Option<News> {
        let held = u64::from(report.held_ticks().unwrap_or(0)) * TICK_MICROS;
        let largest = self.history.get(report.largest());
        let gone = largest.map(|record| elapsed(record, now));
        let late = gone.is_some_and(|gone| held > gone.saturating_add(ROUNDING_MICROS));
        if !self.history.can_be_true(report) || late {
            self.stats.refused += 1;
            return None;
        }
        let (Some(largest), Some(gone)) = (largest, gone) else {
            self.stats.stale += 1;
            return None;
        };
        let before = self.history.told();
        let (mut news, came) = self.fates(report, &mut each);
        let overtaken = before.is_some_and(|told| report.largest() < told);
        if came.packets == 0 || overtaken {
            self.stats.stale += u64::from(overtaken);
            news.untimed = came.bytes;
            news.end = self.expected(now).unwrap_or(0);
            return (came.packets > 0).then_some(news);
        }
        if largest.path == self.path && before != Some(report.largest()) {
            self.rtt.push(gone.saturating_sub(held), now);
        }
        news.marked = self.marks(report, came.packets);
        news.untimed = self.arrivals(report, now, came.bytes, &mut each);
        (news.end, news.jumped) = self.end(report, held, now);
        Some(news)
    }

    /// What became of packets, and what came of this path.
    fn fates(&mut self, report: &Report, each: &mut impl FnMut(Fact)) -> (News, Ours) {
        let Self { history, loss, stats, path, .. } = self;
        let mut news = News { end: 0, untimed: 0, marked: 0, lost: 0, decided: 0, jumped: false };
        let mut late = Ours { packets: 0, bytes: 0 };
        let came = history.take(report, *path, |fate, ours| match fate {
            Fate::Late(size) => {
                stats.acked += 1;
                stats.lost = stats.lost.saturating_sub(1);
                if ours {
                    loss.on_late();
                    (late.packets, late.bytes) = (late.packets + 1, late.bytes + u32::from(size));
                }
            }
            Fate::Kept | Fate::Lost => {
                let lost = fate == Fate::Lost;
                stats.lost += u64::from(lost);
                if ours {
                    loss.on_decided(lost);
                    news.lost += u16::from(lost);
                    news.decided += 1;
                    each(Fact::Decided { lost });
                }
            }
            Fate::Unreported => stats.unreported += 1,
        });
        stats.acked += u64::from(came.packets);
        let ours = Ours { packets: came.ours + late.packets, bytes: came.bytes + late.bytes };
        (news, ours)
    }

    /// When packets came, the lowest number first; the bytes of which it was not told.
    fn arrivals(&mut self, report: &Report, now: Instant, bytes: u32, each: &mut impl FnMut(Fact)) -> u32 {
        let mut left = bytes;
        for back in (0..report.reach()).rev().filter(|back| report.received() & (1 << back) != 0) {
            let rank = (report.received() & ((1u64 << back) - 1)).count_ones() as usize;
            let Some(time) = report.times().get(rank).copied() else { continue };
            let number = report.largest() - back as u64;
            let Some(record) = self.history.time(number).filter(|record| record.path == self.path) else {
                continue;
            };
            let size = u32::from(record.size).min(left);
            left -= size;
            each(Fact::Came { sent: sent_at(record, now), at: self.remote(time), size });
        }
        left
    }

    /// Packets newly marked. Counts are of the whole flow, whatever path.
    fn marks(&mut self, report: &Report, came: u32) -> u16 {
        let Some(ecn) = report.ecn() else { return 0 };
        let marked = u16::from(ecn.ce.wrapping_sub(self.ce)).min(u16::try_from(came).unwrap_or(u16::MAX));
        self.ce = ecn.ce;
        self.stats.marked += u64::from(marked);
        marked
    }

    /// When the report was made, and whether the receiver's clock was set anew before that.
    fn end(&mut self, report: &Report, held: u64, now: Instant) -> (i64, bool) {
        let expected = self.expected(now);
        let Some(time) = report.times().first().copied() else { return (expected.unwrap_or(0), false) };
        let at = self.remote(time);
        let end = at.saturating_add(signed(held));
        (self.clock, self.last) = (Some((time, at)), Some((end, now)));
        (end, expected.is_some_and(|expected| end.abs_diff(expected) > JUMP_MICROS))
    }

    /// What the receiver's clock should show.
    fn expected(&self, now: Instant) -> Option<i64> {
        self.last.map(|(end, read)| end.saturating_add(signed(micros(now.saturating_since(read)))))
    }

    /// Microseconds of the receiver's clock.
    fn remote(&mut self, time: RemoteTime) -> i64 {
        let (known, micros) = *self.clock.get_or_insert((time, 0));
        micros + i64::from(time.since(known)) * signed(TICK_MICROS)
    }
}

/// What came on this path and had not been told before.
#[derive(Clone, Copy, Debug)]
struct Ours {
    packets: u32,
    bytes: u32,
}

/// Microseconds since it was sent, to the tick.
const fn elapsed(record: Record, now: Instant) -> u64 {
    record.age(now) as u64 * TICK_MICROS
}

fn sent_at(record: Record, now: Instant) -> i64 {
    signed(now.as_micros() / TICK_MICROS * TICK_MICROS) - signed(elapsed(record, now))
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
