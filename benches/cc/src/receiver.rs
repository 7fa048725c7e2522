//! The end that media comes to: it notes arrivals and writes feedback, in our form or at the cadence of others.

use p2pvoip_cc::{FeedbackCollector, MAX_LEN, RemoteTime, Report};
use p2pvoip_core::Ecn;

use crate::time::{MILLI, Micros, SECOND, instant};

/// Which feedback a controller is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cadence {
    /// The compact form, when the collector says so.
    Compact,
    /// Transport-wide feedback as libwebrtc sends it: 5 % of the rate for it, every 100 to 250 ms.
    Transport,
}

/// Bytes of IP, UDP and tag on feedback that travels alone.
pub const HEADERS: u32 = 38;
/// Room for feedback in the compact form.
const ROOM: usize = 48;
const _: () = assert!(ROOM <= MAX_LEN);
/// Transport-wide feedback of one packet, by libwebrtc's own reckoning.
const TRANSPORT_BITS: u64 = 68 * 8;
const SHORTEST: Micros = 100 * MILLI;
const LONGEST: Micros = 250 * MILLI;
/// Numbers in one report.
const REACH: u64 = 32;

/// Feedback on its way.
#[derive(Clone, Debug)]
pub enum Feedback {
    /// Bytes in the compact form.
    Compact([u8; ROOM], usize),
    /// Reports, and how many bytes they take.
    Transport(Vec<Report>, usize),
}

impl Feedback {
    /// Its bytes, headers left out.
    pub const fn size(&self) -> usize {
        match self {
            Self::Compact(_, len) | Self::Transport(_, len) => *len,
        }
    }
}

/// The receiving half of a flow.
#[derive(Debug)]
pub struct Receiver {
    cadence: Cadence,
    collector: FeedbackCollector,
    /// What came since the last transport-wide feedback: number, moment.
    came: Vec<(u64, Micros)>,
    /// All numbers below have been told.
    told: u64,
    due: Option<Micros>,
    bytes: u64,
    since: Micros,
}

impl Receiver {
    /// Nothing has come.
    pub fn new(cadence: Cadence) -> Self {
        Self {
            cadence,
            collector: FeedbackCollector::new(),
            came: Vec::new(),
            told: 0,
            due: None,
            bytes: 0,
            since: 0,
        }
    }

    /// A packet came; feedback that goes at once.
    pub fn on_packet(&mut self, number: u64, size: u32, ecn: Ecn, now: Micros) -> Option<Feedback> {
        match self.cadence {
            Cadence::Compact => {
                self.collector.on_received(number, 0, ecn, instant(now));
                self.compact(now)
            }
            Cadence::Transport => {
                self.came.push((number, now));
                self.bytes += u64::from(size);
                self.due.get_or_insert(now + SHORTEST);
                None
            }
        }
    }

    /// When it wants to be asked.
    pub fn next_at(&self) -> Option<Micros> {
        match self.cadence {
            Cadence::Compact => self.collector.next_at().map(|wake| crate::time::micros(wake.at)),
            Cadence::Transport => self.due,
        }
    }

    /// Time has passed.
    pub fn on_time(&mut self, now: Micros) -> Option<Feedback> {
        match self.cadence {
            Cadence::Compact => {
                self.next_at().filter(|at| *at <= now)?;
                self.compact(now)
            }
            Cadence::Transport => {
                self.due.filter(|due| *due <= now)?;
                Some(self.transport(now))
            }
        }
    }

    fn compact(&mut self, now: Micros) -> Option<Feedback> {
        let mut bytes = [0; ROOM];
        let len = self.collector.emit(&mut bytes, instant(now))?;
        Some(Feedback::Compact(bytes, len))
    }

    fn transport(&mut self, now: Micros) -> Feedback {
        let passed = (now - self.since).max(SHORTEST);
        let rate = self.bytes * 8 * SECOND / passed;
        let every = (TRANSPORT_BITS * SECOND * 20 / rate.max(1)).clamp(SHORTEST, LONGEST);
        (self.bytes, self.since) = (0, now);
        self.came.sort_unstable();
        let mut reports = Vec::new();
        let mut rest = self.came.as_slice();
        while let Some((first, _)) = rest.first() {
            let lowest = (*first).min(self.told.max(first.saturating_sub(REACH - 1)));
            let count = rest.partition_point(|(number, _)| *number < lowest + REACH);
            let (these, others) = rest.split_at(count);
            rest = others;
            reports.push(report(these, lowest, now));
            self.told = these.last().map_or(self.told, |last| last.0 + 1).max(self.told);
        }
        // Twenty bytes of header, and of each packet a quarter byte of status and a byte of time.
        let len = 20 + self.came.len() * 5 / 4;
        self.came.clear();
        self.due = Some(now + every);
        Feedback::Transport(reports, len)
    }
}

/// A report of `these` packets, rising, and of what is missing from `lowest` on.
fn report(these: &[(u64, Micros)], lowest: u64, now: Micros) -> Report {
    let (largest, at) = these.last().copied().unwrap_or_default();
    let held = (now.saturating_sub(at) / 64) as u32;
    let mut report = Report::new(largest, Some(time(at)), Some(held));
    let mut left = these.iter().rev().skip(1).peekable();
    for number in (lowest..largest).rev() {
        match left.next_if(|came| came.0 == number) {
            Some((_, at)) => report.push(Some(time(*at))),
            None => report.push_missing(),
        }
    }
    report
}

fn time(at: Micros) -> RemoteTime {
    RemoteTime::from_micros(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_feedback_tells_every_packet_once_and_what_is_missing() {
        let mut receiver = Receiver::new(Cadence::Transport);
        for number in (0..100).filter(|number| number % 10 != 3) {
            assert!(receiver.on_packet(number, 1_000, Ecn::NotEct, number * MILLI).is_none());
        }
        let due = receiver.next_at().expect("feedback is due");
        assert_eq!(due, SHORTEST);
        let Some(Feedback::Transport(reports, _)) = receiver.on_time(due) else { panic!("no feedback") };
        let mut told: Vec<u64> =
            reports.iter().flat_map(|report| report.arrivals().map(|arrival| arrival.0)).collect();
        told.sort_unstable();
        assert_eq!(told, (0..100).filter(|number| number % 10 != 3).collect::<Vec<_>>());
        assert!(reports.iter().all(|report| report.times().len() == report.arrivals().count()));
        let again = receiver.on_time(due + LONGEST);
        assert!(matches!(again, Some(Feedback::Transport(reports, _)) if reports.is_empty()));
    }
}
