//! One bottleneck in front of several voice flows, in virtual time of one millisecond a step.
//!
//! The way forward has a rate, a drop-tail queue, gaps, jitter and loss; the way back only delay, loss and gaps. Each flow
//! is a controller, a pacer, a codec with a ladder of constant rates, and a collector whose feedback rides on a packet
//! every 20 ms.

use p2pvoip_cc::{
    AudioConfig, AudioController, Breaker, Class, Controller, Feedback, FeedbackCollector, Pacer, Sent,
};
use p2pvoip_core::{Bitrate, DataSize, Ecn, Instant, Rng, Seed};
use std::collections::VecDeque;

/// The codec's rates in kbit/s.
const RUNGS: [u64; 12] = [6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 56, 64];
/// Headers of a packet: RTP 12, tag 10, UDP 8, IP 20, so that figures can be laid beside other controllers' ones.
const OVERHEAD: u64 = 50;

/// How packets get lost.
#[derive(Clone, Copy)]
pub enum Loss {
    /// Each with that probability.
    Independent(f64),
    /// In runs (Gilbert-Elliott): probability to begin, and to end.
    Bursts(f64, f64),
}

/// What the network is like.
pub struct Scene {
    pub name: &'static str,
    pub seconds: u64,
    /// `(from second, kbit/s)`.
    pub capacity: Vec<(f64, u64)>,
    pub queue_ms: u64,
    pub loss: Loss,
    /// Standard deviation of the jitter after the queue; packets stay in order.
    pub jitter_ms: f64,
    /// The forward link stands still in `[from, to)` milliseconds of each period.
    pub gap: Option<(u64, u64, u64)>,
    /// No feedback in `[from, to)` milliseconds.
    pub silent: Option<(u64, u64)>,
    /// `(start second, one-way delay)` of each flow.
    pub flows: Vec<(u64, u64)>,
    /// Others keep the queue filled with that many milliseconds in `[from, to)` seconds.
    pub others: Option<(u64, u64, u64)>,
    pub seed: u64,
}

impl Scene {
    pub fn new(name: &'static str, seconds: u64, capacity: &[(f64, u64)]) -> Self {
        Self {
            name,
            seconds,
            capacity: capacity.to_vec(),
            queue_ms: 500,
            loss: Loss::Independent(0.0),
            jitter_ms: 0.0,
            gap: None,
            silent: None,
            flows: vec![(0, 40)],
            others: None,
            seed: 1,
        }
    }
}

/// One second of one flow, for claims about time.
#[derive(Clone, Copy, Default, Debug)]
pub struct Second {
    pub wire: u64,
    pub payload_bits: u64,
    pub delivered_bits: u64,
    pub worst_queue: u64,
    pub target_kbps: u64,
    pub ptime_ms: u128,
}

/// What became of one flow.
#[derive(Default)]
pub struct Outcome {
    pub seconds: Vec<Second>,
    /// Milliseconds each delivered packet waited in the queue, its own time on the link included.
    pub queues: Vec<u64>,
    pub sent: u64,
    pub lost: u64,
    /// Delivered more than 150 ms later than an empty link would.
    pub late: u64,
    pub held_back: u64,
    pub opened: bool,
    /// The longest time in ms during which every packet met more than 150 ms of queue.
    pub longest_stand: u64,
    pub loss: f32,
    pub burst: f32,
    stand_since: Option<u64>,
}

impl Outcome {
    pub fn percentile(&self, percent: usize) -> u64 {
        let mut sorted = self.queues.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0)
    }

    /// Packets lost or too late, in percent.
    pub fn bad(&self) -> f64 {
        100.0 * (self.lost + self.late + self.held_back) as f64 / (self.sent + self.held_back).max(1) as f64
    }

    /// Mean kbit/s sent between two seconds.
    pub fn wire(&self, from: usize, to: usize) -> f64 {
        self.mean(from, to, |s| s.wire)
    }

    /// Mean payload kbit/s sent between two seconds.
    pub fn payload(&self, from: usize, to: usize) -> f64 {
        self.mean(from, to, |s| s.payload_bits)
    }

    /// Mean kbit/s delivered between two seconds.
    pub fn delivered(&self, from: usize, to: usize) -> f64 {
        self.mean(from, to, |s| s.delivered_bits)
    }

    fn mean(&self, from: usize, to: usize, of: impl Fn(&Second) -> u64) -> f64 {
        let span = &self.seconds[from..to.min(self.seconds.len())];
        span.iter().map(of).sum::<u64>() as f64 / 1_000.0 / span.len().max(1) as f64
    }

    /// The first second from `from` on in which the flow sends at least `kbps`.
    pub fn reaches(&self, kbps: u64, from: usize) -> Option<usize> {
        self.seconds
            .iter()
            .enumerate()
            .skip(from)
            .find(|(_, s)| s.wire >= kbps * 1_000)
            .map(|(i, _)| i - from)
    }
}

struct Flying {
    number: u64,
    size: u64,
    payload: u64,
    entered: u64,
}

struct Flow {
    controller: AudioController,
    pacer: Pacer,
    collector: FeedbackCollector,
    start: u64,
    delay: u64,
    next_frame: u64,
    number: u64,
    waiting: VecDeque<(u64, u64, u64)>,
    arriving: VecDeque<(u64, u64)>,
    returning: VecDeque<(u64, Vec<u8>)>,
    outcome: Outcome,
}

/// Jain's index of fairness.
pub fn jain(shares: &[f64]) -> f64 {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    sum * sum / (shares.len() as f64 * squares)
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

struct Link {
    queue: VecDeque<(usize, Flying)>,
    bytes: u64,
    credit: u64,
    in_burst: bool,
    rng: Rng,
    last_arrival: Vec<u64>,
}

/// Runs a scene; one outcome for each flow.
pub fn run(scene: &Scene) -> Vec<Outcome> {
    let mut flows: Vec<Flow> =
        scene.flows.iter().map(|&(start, delay)| Flow::new(start * 1_000, delay)).collect();
    let rng = Seed::from_u64(scene.seed).rng();
    let last_arrival = vec![0; flows.len()];
    let mut link = Link { queue: VecDeque::new(), bytes: 0, credit: 0, in_burst: false, rng, last_arrival };
    for now in 0..scene.seconds * 1_000 {
        let schedule = scene.capacity.iter().rev().find(|(from, _)| now as f64 >= from * 1_000.0);
        let mut kbps = schedule.map_or(0, |(_, kbps)| *kbps);
        if scene.gap.is_some_and(|(from, to, period)| (from..to).contains(&(now % period))) {
            kbps = 0;
        }
        for (index, flow) in flows.iter_mut().enumerate().filter(|(_, f)| f.start <= now) {
            if now % 1_000 == 0 {
                flow.outcome.seconds.push(Second::default());
            }
            flow.capture(now);
            link.enter(scene, index, flow, schedule.map_or(0, |(_, kbps)| *kbps), now);
        }
        link.serve(scene, kbps, &mut flows, now);
        for flow in flows.iter_mut().filter(|f| f.start <= now) {
            flow.listen(scene, now);
        }
    }
    flows.into_iter().map(Flow::end).collect()
}

impl Link {
    /// What the pacer permits enters the queue, or is dropped.
    fn enter(&mut self, scene: &Scene, index: usize, flow: &mut Flow, kbps: u64, now: u64) {
        while let Some((size, payload)) = flow.leave(now) {
            let number = flow.number - 1;
            if (self.bytes + size) * 8 > (scene.queue_ms * kbps).max(size * 8) && self.bytes > 0 {
                flow.outcome.lost += 1;
                continue;
            }
            self.bytes += size;
            self.queue.push_back((index, Flying { number, size, payload, entered: now }));
        }
    }

    fn serve(&mut self, scene: &Scene, kbps: u64, flows: &mut [Flow], now: u64) {
        self.credit = if self.queue.is_empty() { 0 } else { self.credit + kbps };
        while let Some((_, head)) = self.queue.front() {
            if head.size * 8 > self.credit {
                break;
            }
            let Some((index, packet)) = self.queue.pop_front() else { break };
            self.credit -= packet.size * 8;
            self.bytes -= packet.size;
            let flow = &mut flows[index];
            if self.loses(scene.loss) {
                flow.outcome.lost += 1;
                continue;
            }
            let others = scene.others.filter(|(_, from, to)| (from * 1_000..to * 1_000).contains(&now));
            let wait = now - packet.entered + others.map_or(0, |(ms, _, _)| ms);
            let jitter = (self.normal() * scene.jitter_ms).abs() as u64;
            let last = &mut self.last_arrival[index];
            *last = (packet.entered + wait + flow.delay + jitter).max(*last);
            flow.arriving.push_back((*last, packet.number));
            flow.outcome.note(&packet, wait, now);
        }
    }

    fn loses(&mut self, loss: Loss) -> bool {
        match loss {
            Loss::Independent(share) => self.rng.chance(share),
            Loss::Bursts(begin, end) => {
                self.in_burst = self.rng.chance(if self.in_burst { 1.0 - end } else { begin });
                self.in_burst
            }
        }
    }

    /// Nearly normal: the sum of twelve even ones.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.rng.unit()).sum::<f64>() - 6.0
    }
}

impl Outcome {
    fn note(&mut self, packet: &Flying, wait: u64, now: u64) {
        self.queues.push(wait);
        self.late += u64::from(wait > 150);
        if wait > 150 {
            let since = *self.stand_since.get_or_insert(now);
            self.longest_stand = self.longest_stand.max(now - since);
        } else {
            self.stand_since = None;
        }
        if let Some(second) = self.seconds.last_mut() {
            second.delivered_bits += packet.size * 8;
            second.payload_bits += packet.payload * 8;
            second.worst_queue = second.worst_queue.max(wait);
        }
    }
}

impl Flow {
    fn new(start: u64, delay: u64) -> Self {
        let mut config = AudioConfig::default();
        (config.header, config.overhead) = (DataSize::from_bytes(OVERHEAD - 28), DataSize::from_bytes(28));
        let controller = AudioController::new(config).unwrap();
        Self {
            pacer: Pacer::new(&controller.target(), at(start)),
            controller,
            collector: FeedbackCollector::new(),
            start,
            delay,
            next_frame: start,
            number: 0,
            waiting: VecDeque::new(),
            arriving: VecDeque::new(),
            returning: VecDeque::new(),
            outcome: Outcome::default(),
        }
    }

    /// The codec makes a packet every ptime, of the largest rung that fits.
    fn capture(&mut self, now: u64) {
        let target = self.controller.target();
        self.outcome.opened |= target.breaker == Breaker::Open;
        if now < self.next_frame || target.breaker == Breaker::Open {
            return;
        }
        let fits = |kbps: &&u64| {
            let payload = Bitrate::from_kbps(**kbps) * target.ptime;
            (payload + DataSize::from_bytes(OVERHEAD)) / target.ptime <= target.wire
        };
        let rung = RUNGS.iter().rev().find(fits).unwrap_or(&RUNGS[0]);
        let payload = (Bitrate::from_kbps(*rung) * target.ptime).as_bytes();
        self.next_frame = now + u64::try_from(target.ptime.as_millis()).unwrap();
        self.waiting.push_back((payload + OVERHEAD, payload, now));
        if let Some(second) = self.outcome.seconds.last_mut() {
            (second.target_kbps, second.ptime_ms) = (target.wire.as_bps() / 1_000, target.ptime.as_millis());
        }
    }

    /// The next packet that may leave now; one that has waited for 100 ms is dropped.
    fn leave(&mut self, now: u64) -> Option<(u64, u64)> {
        self.pacer.set_target(&self.controller.target(), at(now));
        while self.waiting.front().is_some_and(|(_, _, made)| now - made > 100) {
            self.waiting.pop_front();
            self.outcome.held_back += 1;
        }
        let &(size, payload, _) = self.waiting.front()?;
        self.pacer.permit(DataSize::from_bytes(size), Class::Audio, at(now)).ok()?;
        self.waiting.pop_front();
        let sent = Sent { number: self.number, size: DataSize::from_bytes(size), path: 0 };
        self.controller.on_sent(sent, at(now));
        self.number += 1;
        self.outcome.sent += 1;
        if let Some(second) = self.outcome.seconds.last_mut() {
            second.wire += size * 8;
        }
        Some((size, payload))
    }

    /// Arrivals, feedback on the way back every 20 ms, and its arrival.
    fn listen(&mut self, scene: &Scene, now: u64) {
        while self.arriving.front().is_some_and(|(when, _)| *when <= now) {
            let Some((_, number)) = self.arriving.pop_front() else { break };
            self.collector.on_received(number, 0, Ecn::NotEct, at(now));
        }
        let silent = scene.silent.is_some_and(|(from, to)| (from..to).contains(&now));
        if (now - self.start) % 20 == 7 && !silent {
            let mut slot = [0; 18];
            if let Some(len) = self.collector.emit(&mut slot, at(now)) {
                self.returning.push_back((now + self.delay, slot[..len].to_vec()));
            }
        }
        while self.returning.front().is_some_and(|(when, _)| *when <= now) {
            let Some((_, bytes)) = self.returning.pop_front() else { break };
            self.controller.on_feedback(&Feedback::parse(&bytes).unwrap(), at(now));
        }
    }

    fn end(mut self) -> Outcome {
        let stats = self.controller.stats();
        assert_eq!((stats.refused, stats.misnumbered), (0, 0), "honest feedback is never refused");
        (self.outcome.loss, self.outcome.burst) = (stats.loss, stats.burst);
        self.outcome
    }
}
