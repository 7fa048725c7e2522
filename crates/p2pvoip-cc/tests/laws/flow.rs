//! One flow over one link, in virtual time of a millisecond a step: a controller, a pacer, a receiver that reports, and between them
//! a bottleneck that can do everything that the laws speak of.
//!
//! The sender's and the receiver's clock are apart by any amount, run at different speeds, and jump.

use crate::link::{Link, Tcp};
use core::time::Duration;
use p2pvoip_cc::{
    Breaker, Class, Controller, EcnCounts, Pacer, Path, REACH, RemoteTime, Report, Sent, Target,
};
use p2pvoip_core::{DataSize, Instant, Rng, Seed};
use std::collections::{BTreeMap, VecDeque};

/// Bytes of headers in a packet, the path's 28 included.
const HEADERS: u64 = 50;
/// The size of a packet of video.
const VIDEO: u64 = 1_200;

/// What the link and the clocks do.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) seed: u64,
    pub(crate) ms: u64,
    /// `(from ms, kbit/s)`.
    pub(crate) capacity: Vec<(u64, u64)>,
    /// One way, in ms.
    pub(crate) delay: u64,
    pub(crate) queue_ms: u64,
    /// Packets lost, overtaken by later ones, and delivered twice, in a hundred.
    pub(crate) loss: u64,
    pub(crate) overtaken: u64,
    pub(crate) twice: u64,
    /// Every packet comes up to so many ms later, in order.
    pub(crate) jitter: u64,
    /// The receiver's clock, in parts in a million faster than the sender's.
    pub(crate) skew: i64,
    /// `(at ms, by ms)`.
    pub(crate) receiver_jumps: Vec<(u64, i64)>,
    pub(crate) sender_jumps: Vec<(u64, i64)>,
    /// The clocks at the start, in us.
    pub(crate) sender_epoch: u64,
    pub(crate) receiver_epoch: u64,
    /// The first packet's number.
    pub(crate) first: u64,
    /// No feedback in `[from, to)` ms, feedback that comes so many ms late, and how much of it is lost, in a hundred.
    pub(crate) silent: Option<(u64, u64)>,
    pub(crate) feedback_delay: u64,
    pub(crate) feedback_loss: u64,
    /// So much of what the target allows is sent, in a hundred.
    pub(crate) spent: u64,
    /// Packets are followed by a copy when the controller wants it.
    pub(crate) pairs: bool,
    /// At these moments another path is taken.
    pub(crate) paths: Vec<u64>,
    /// `(at ms, by ms)`: the way there becomes longer, or shorter, and so does the way back.
    pub(crate) detours: Vec<(u64, i64)>,
    /// Packets that wait for longer than so many ms are marked, and the receiver counts marks.
    pub(crate) mark_above: Option<u64>,
    /// In `[from, to)` ms nothing is sent.
    pub(crate) pause: Option<(u64, u64)>,
    /// In `[from, to)` ms a TCP sends over the same link.
    pub(crate) tcp: Option<(u64, u64)>,
    /// Reports tell no times.
    pub(crate) untimed: bool,
}

impl Scene {
    pub(crate) fn new(seconds: u64, kbps: u64) -> Self {
        Self {
            seed: 1,
            ms: 1_000 * seconds,
            capacity: vec![(0, kbps)],
            delay: 40,
            queue_ms: 300,
            loss: 0,
            overtaken: 0,
            twice: 0,
            jitter: 0,
            skew: 0,
            receiver_jumps: vec![],
            sender_jumps: vec![],
            sender_epoch: 1_000_000_000,
            receiver_epoch: 77_000_000,
            first: 0,
            silent: None,
            feedback_delay: 0,
            feedback_loss: 0,
            spent: 100,
            pairs: true,
            paths: vec![],
            detours: vec![],
            mark_above: None,
            pause: None,
            tcp: None,
            untimed: false,
        }
    }

    /// One way at that moment, in ms.
    fn way(&self, ms: u64) -> u64 {
        let detour: i64 = self.detours.iter().filter(|(at, _)| *at <= ms).map(|(_, by)| by).sum();
        self.delay.saturating_add_signed(detour)
    }

    fn kbps(&self, ms: u64) -> u64 {
        self.capacity.iter().rev().find(|(from, _)| *from <= ms).map_or(0, |(_, kbps)| *kbps)
    }
}

/// What was seen in one millisecond.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Seen {
    pub(crate) ms: u64,
    pub(crate) target: Target,
    /// Bytes that left and bytes that came.
    pub(crate) sent: u64,
    pub(crate) came: u64,
    /// The wait of a packet that entered the link now, in ms.
    pub(crate) queue: u64,
}

/// A packet on its way.
struct Flying {
    number: u64,
    size: u64,
    path: u8,
    marked: bool,
}

/// The flow and everything around it.
pub(crate) struct Flow<C> {
    pub(crate) controller: C,
    pub(crate) scene: Scene,
    pub(crate) ms: u64,
    rng: Rng,
    pacer: Pacer,
    /// What came lately: when and on which path, and whether any of it was not reported.
    came: BTreeMap<u64, (RemoteTime, u8)>,
    news: bool,
    number: u64,
    path: u8,
    /// Eighths of bits times milliseconds a second that the media may send.
    credit: u64,
    waiting: u64,
    next_packet: u64,
    link: Link,
    tcp: Tcp,
    last_came: u64,
    /// Packets that came, and those of them that were marked.
    counted: EcnCounts,
    arrivals: VecDeque<(u64, Flying)>,
    feedback: VecDeque<(u64, Report)>,
    /// Every report comes twice.
    pub(crate) repeats: bool,
}

impl<C: Controller> Flow<C> {
    pub(crate) fn new(mut controller: C, scene: Scene) -> Self {
        let now = Instant::from_micros(scene.sender_epoch);
        controller.on_path(Path::ipv4(0), now);
        Self {
            pacer: Pacer::new(&controller.target(), now),
            rng: Seed::from_u64(scene.seed).rng(),
            came: BTreeMap::new(),
            news: false,
            number: scene.first,
            path: 0,
            credit: 0,
            waiting: 0,
            next_packet: 0,
            link: Link::default(),
            tcp: Tcp::new(),
            last_came: 0,
            counted: EcnCounts::default(),
            arrivals: VecDeque::new(),
            feedback: VecDeque::new(),
            repeats: false,
            ms: 0,
            controller,
            scene,
        }
    }

    /// Runs to the end; what was seen in each millisecond.
    pub(crate) fn run(&mut self) -> Vec<Seen> {
        (0..self.scene.ms).map(|_| self.step()).collect()
    }

    /// The sender's clock.
    pub(crate) fn now(&self) -> Instant {
        Instant::from_micros(clock(self.scene.sender_epoch, self.ms, 0, &self.scene.sender_jumps))
    }

    /// The largest number that was sent.
    pub(crate) fn largest(&self) -> Option<u64> {
        self.number.checked_sub(1).filter(|_| self.number > self.scene.first)
    }

    pub(crate) fn step(&mut self) -> Seen {
        let came = self.receive();
        if within(self.scene.tcp, self.ms) {
            let Scene { queue_ms, .. } = self.scene;
            let (kbps, way) = (self.scene.kbps(self.ms), self.scene.way(self.ms));
            self.tcp.step(&mut self.link, kbps, queue_ms, way, self.ms);
        }
        let now = self.now();
        while self.feedback.front().is_some_and(|(at, _)| *at <= self.ms) {
            let Some((_, report)) = self.feedback.pop_front() else { break };
            self.controller.on_feedback(&report, now);
            if self.repeats {
                self.controller.on_feedback(&report, now);
            }
        }
        if self.controller.next_at().is_some_and(|wake| wake.at <= now) {
            self.controller.on_time(now);
        }
        if self.scene.paths.contains(&self.ms) {
            self.path += 1;
            self.controller.on_path(Path::ipv4(self.path), now);
        }
        let target = self.controller.target();
        self.pacer.set_target(&target, now);
        let sent = self.send(&target, now);
        let queue = self.link.wait(self.ms) / 1_000;
        let seen = Seen { ms: self.ms, target, sent, came, queue };
        self.ms += 1;
        seen
    }

    /// Voice in packets of its ptime; anything else in packets of 1,200 bytes as the pacer lets them go.
    fn send(&mut self, target: &Target, now: Instant) -> u64 {
        let wire = target.wire.as_bps() * self.scene.spent / 100;
        let ptime = u64::try_from(target.ptime.as_millis()).unwrap_or(0);
        let (class, size) = if ptime > 0 {
            let size = (wire * ptime / 8_000).max(HEADERS);
            if self.ms >= self.next_packet {
                self.waiting = (self.waiting + 1).min(3);
                self.next_packet = self.ms + ptime;
            }
            (Class::Audio, size)
        } else {
            self.credit = (self.credit + wire / 8).min(3 * 1_000 * VIDEO);
            self.waiting = self.credit / (1_000 * VIDEO);
            (Class::Video, VIDEO)
        };
        if within(self.scene.pause, self.ms) {
            (self.waiting, self.credit) = (0, 0);
        } else if target.breaker.is_open() {
            // Nothing, or one packet.
            self.waiting = u64::from(target.breaker == Breaker::Trial);
            self.credit = 0;
        }
        let mut sent = 0;
        while self.waiting > 0 && self.pacer.permit(DataSize::from_bytes(size), class, now).is_ok() {
            self.waiting -= 1;
            self.credit = self.credit.saturating_sub(1_000 * VIDEO);
            // The controller counts the first of a pair, so it is asked before.
            let copy = self.scene.pairs && self.controller.target().probe;
            sent += self.enter(size, now);
            if copy && self.pacer.permit(DataSize::from_bytes(size), Class::Probe, now).is_ok() {
                sent += self.enter(size, now);
            }
        }
        sent
    }

    /// A packet enters the link.
    fn enter(&mut self, size: u64, now: Instant) -> u64 {
        let (number, path) = (self.number, self.path);
        self.number += 1;
        self.controller.on_sent(Sent { number, size: DataSize::from_bytes(size), path }, now);
        let (kbps, wait) = (self.scene.kbps(self.ms), self.link.wait(self.ms) / 1_000);
        if self.rng.below(100) < self.scene.loss {
            return size;
        }
        let Some(through) = self.link.enter(size, kbps, self.scene.queue_ms, self.ms) else { return size };
        let marked = self.scene.mark_above.is_some_and(|above| wait > above);
        let late = if self.rng.below(100) < self.scene.overtaken { 25 } else { 0 };
        let jitter = if self.scene.jitter == 0 { 0 } else { self.rng.below(self.scene.jitter) };
        let mut at = through.div_ceil(1_000) + self.scene.way(self.ms) + jitter;
        if self.scene.overtaken == 0 {
            at = at.max(self.last_came);
        }
        self.last_came = at;
        self.arrivals.push_back((at + late, Flying { number, size, path, marked }));
        if self.rng.below(100) < self.scene.twice {
            self.arrivals.push_back((at + late + 5, Flying { number, size, path, marked }));
        }
        size
    }

    /// What comes in this millisecond, and the feedback that goes back.
    fn receive(&mut self) -> u64 {
        let clock = clock(self.scene.receiver_epoch, self.ms, self.scene.skew, &self.scene.receiver_jumps);
        let there = RemoteTime::from_micros(clock);
        let mut came = 0;
        let (due, rest): (Vec<_>, Vec<_>) = self.arrivals.drain(..).partition(|(at, _)| *at <= self.ms);
        self.arrivals = rest.into();
        for (_, packet) in due {
            came += packet.size;
            self.news = true;
            self.counted.ect1 = self.counted.ect1.wrapping_add(u8::from(!packet.marked));
            self.counted.ce = self.counted.ce.wrapping_add(u8::from(packet.marked));
            self.came.entry(packet.number).or_insert((there, packet.path));
        }
        // The receiver sends a packet every 40 ms on which a report rides.
        if self.ms.is_multiple_of(40) && std::mem::take(&mut self.news) {
            let silent = within(self.scene.silent, self.ms);
            let lost = self.rng.below(100) < self.scene.feedback_loss;
            if let Some(report) = self.report(there).filter(|_| !silent && !lost) {
                let way = self.scene.way(self.ms) + self.scene.feedback_delay;
                self.feedback.push_back((self.ms + way, report));
            }
        }
        came
    }

    /// What a receiver tells whose clock may jump, which a collector's must not.
    fn report(&mut self, now: RemoteTime) -> Option<Report> {
        let (largest, (at, path)) = self.came.last_key_value()?;
        let held = u32::try_from(now.since(*at)).ok();
        let told = |at: RemoteTime| Some(at).filter(|_| !self.scene.untimed);
        let mut report = Report::new(*largest, told(*at), held);
        let lowest = largest.saturating_sub(REACH as u64 - 1).max(self.scene.first);
        for number in (lowest..*largest).rev() {
            match self.came.get(&number) {
                Some((at, _)) => report.push(told(*at)),
                None => report.push_missing(),
            }
        }
        let report = report.with(*path, self.scene.mark_above.map(|_| self.counted));
        self.came = self.came.split_off(&lowest);
        Some(report)
    }
}

/// Whether that millisecond is one of those.
fn within(span: Option<(u64, u64)>, ms: u64) -> bool {
    span.is_some_and(|(from, to)| (from..to).contains(&ms))
}

/// A clock after `ms`: its epoch, its speed, and its jumps.
fn clock(epoch: u64, ms: u64, skew: i64, jumps: &[(u64, i64)]) -> u64 {
    let jumped: i64 = jumps.iter().filter(|(at, _)| *at <= ms).map(|(_, by)| 1_000 * by).sum();
    let drift = i64::try_from(ms).unwrap() * skew / 1_000;
    (epoch + 1_000 * ms).saturating_add_signed(jumped + drift)
}

/// The mean of the target rates in kbit/s between two seconds.
pub(crate) fn mean(seen: &[Seen], from: usize, to: usize) -> u64 {
    let span = &seen[1_000 * from..1_000 * to];
    span.iter().map(|seen| seen.target.wire.as_bps()).sum::<u64>() / 1_000 / span.len() as u64
}

/// The wait that 95 % of the milliseconds between two seconds did not exceed.
pub(crate) fn queue_95(seen: &[Seen], from: usize, to: usize) -> u64 {
    let mut queues: Vec<u64> = seen[1_000 * from..1_000 * to].iter().map(|seen| seen.queue).collect();
    queues.sort_unstable();
    queues[queues.len() * 95 / 100]
}

/// That long.
pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
