//! One sender of video frames under any controller, one bottleneck with a drop-tail queue, one receiver whose reports come
//! back; virtual time in steps of one millisecond.

use core::time::Duration;
use p2pvoip_cc::{Controller, Path, RemoteTime, Report, Sent};
use p2pvoip_core::{DataSize, Instant, Seed};
use std::collections::{BTreeMap, VecDeque};

/// The largest packet, headers included.
const PACKET: u64 = 1_250;
/// A frame is made so often: 30 a second.
const FRAME_MS: u64 = 33;
/// The receiver's clock is another one.
const REMOTE_OFFSET: u64 = 987_654_321;

pub(crate) struct Scene {
    pub(crate) seconds: u64,
    /// From a second on, so many kbit/s.
    pub(crate) capacity: Vec<(u64, u64)>,
    pub(crate) one_way_ms: u64,
    pub(crate) queue_ms: u64,
    pub(crate) report_ms: u64,
    /// Independent loss behind the queue.
    pub(crate) loss: f64,
    /// No report passes in these milliseconds.
    pub(crate) silent: core::ops::Range<u64>,
    /// A queue longer than this marks packets as having met congestion.
    pub(crate) mark_above_ms: Option<u64>,
    pub(crate) seed: u64,
}

impl Scene {
    pub(crate) fn new(seconds: u64, capacity: &[(u64, u64)]) -> Self {
        Self {
            seconds,
            capacity: capacity.to_vec(),
            one_way_ms: 50,
            queue_ms: 300,
            report_ms: 100,
            loss: 0.0,
            silent: 0..0,
            mark_above_ms: None,
            seed: 1,
        }
    }
}

/// What a second was like.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Second {
    pub(crate) target_kbps: u64,
    pub(crate) delivered_bits: u64,
    pub(crate) worst_queue_ms: u64,
}

pub(crate) struct Outcome {
    pub(crate) seconds: Vec<Second>,
    pub(crate) dropped: u64,
    queues: Vec<u64>,
}

impl Outcome {
    /// Mean delivered kbit/s of these seconds.
    pub(crate) fn delivered(&self, from: usize, to: usize) -> u64 {
        self.seconds[from..to].iter().map(|s| s.delivered_bits).sum::<u64>() / 1_000 / (to - from) as u64
    }

    /// Mean target of these seconds.
    pub(crate) fn target(&self, from: usize, to: usize) -> u64 {
        self.seconds[from..to].iter().map(|s| s.target_kbps).sum::<u64>() / (to - from) as u64
    }

    /// The 95th percentile of the queueing delay in milliseconds.
    pub(crate) fn p95(&self) -> u64 {
        let mut sorted = self.queues.clone();
        sorted.sort_unstable();
        sorted[sorted.len() * 95 / 100]
    }

    /// The first second from `from` on that delivers so much.
    pub(crate) fn reaches(&self, kbps: u64, from: usize) -> Option<usize> {
        self.seconds[from..].iter().position(|s| s.delivered_bits >= kbps * 1_000)
    }
}

/// What is under way: a number with its size, and when it entered or comes.
type Moving = VecDeque<(u64, u64, u64)>;

struct World<'a, C> {
    scene: &'a Scene,
    controller: &'a mut C,
    rng: p2pvoip_core::Rng,
    /// The sender's own queue, with what the pacer has saved in bits.
    waiting: VecDeque<u64>,
    saved: i64,
    number: u64,
    /// The bottleneck, with the bits it has sent of its first packet.
    queue: Moving,
    sent_bits: u64,
    arriving: Moving,
    arrived: BTreeMap<u64, u64>,
    marked: u8,
    reports: VecDeque<(u64, Report)>,
    outcome: Outcome,
}

pub(crate) fn run<C: Controller>(scene: &Scene, controller: &mut C) -> Outcome {
    controller.on_path(Path::ipv4(0), Instant::default());
    let mut world = World {
        scene,
        controller,
        rng: Seed::from_u64(scene.seed).rng(),
        waiting: VecDeque::new(),
        saved: 0,
        number: 0,
        queue: VecDeque::new(),
        sent_bits: 0,
        arriving: VecDeque::new(),
        arrived: BTreeMap::new(),
        marked: 0,
        reports: VecDeque::new(),
        outcome: Outcome { seconds: Vec::new(), dropped: 0, queues: Vec::new() },
    };
    for ms in 0..scene.seconds * 1_000 {
        if ms % 1_000 == 0 {
            let target_kbps = world.controller.target().wire.as_bps() / 1_000;
            world.outcome.seconds.push(Second { target_kbps, ..Second::default() });
        }
        world.send(ms);
        world.serve(ms);
        world.listen(ms);
    }
    world.outcome
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(1_000 + ms)
}

impl<C: Controller> World<'_, C> {
    fn capacity(&self, ms: u64) -> u64 {
        self.scene.capacity.iter().rev().find(|(from, _)| from * 1_000 <= ms).map_or(0, |(_, kbps)| *kbps)
    }

    /// A frame is made and cut into packets; the pacer lets them go.
    fn send(&mut self, ms: u64) {
        let target = self.controller.target();
        if ms % FRAME_MS == 0 {
            let frame = (target.wire * Duration::from_millis(FRAME_MS)).as_bytes().max(60);
            let packets = frame.div_ceil(PACKET);
            self.waiting.extend((0..packets).map(|_| frame / packets));
        }
        let pacing = i64::try_from(target.pacing.as_bps() / 1_000).unwrap();
        self.saved = (self.saved + pacing).min(pacing * 5);
        while self.saved > 0 {
            let Some(size) = self.waiting.pop_front() else { break };
            self.saved -= i64::try_from(size * 8).unwrap();
            let sent = Sent { number: self.number, size: DataSize::from_bytes(size), path: 0 };
            self.controller.on_sent(sent, at(ms));
            let queued = self.queue.iter().map(|(_, size, _)| size * 8).sum::<u64>();
            if queued <= self.capacity(ms) * self.scene.queue_ms {
                self.queue.push_back((self.number, size, ms));
            } else {
                self.outcome.dropped += 1;
            }
            self.number += 1;
        }
    }

    /// The bottleneck sends for one millisecond.
    fn serve(&mut self, ms: u64) {
        self.sent_bits += self.capacity(ms);
        while let Some(&(number, size, entered)) = self.queue.front() {
            let Some(left) = self.sent_bits.checked_sub(size * 8) else { return };
            self.sent_bits = left;
            self.queue.pop_front();
            let wait = ms - entered;
            self.outcome.queues.push(wait);
            if let Some(second) = self.outcome.seconds.last_mut() {
                second.worst_queue_ms = second.worst_queue_ms.max(wait);
                second.delivered_bits += size * 8;
            }
            self.marked =
                self.marked.wrapping_add(u8::from(self.scene.mark_above_ms.is_some_and(|m| wait > m)));
            if !self.rng.chance(self.scene.loss) {
                self.arriving.push_back((number, size, ms + self.scene.one_way_ms));
            }
        }
        self.sent_bits = 0;
    }

    /// Arrivals, reports, and the controller's own timer.
    fn listen(&mut self, ms: u64) {
        while self.arriving.front().is_some_and(|(_, _, when)| *when <= ms) {
            let Some((number, _, when)) = self.arriving.pop_front() else { break };
            self.arrived.insert(number, when);
        }
        if ms % self.scene.report_ms == 0 && !self.scene.silent.contains(&ms) {
            let report = report(&self.arrived, ms, self.marked);
            self.reports.extend(report.map(|report| (ms + self.scene.one_way_ms, report)));
        }
        while self.reports.front().is_some_and(|(when, _)| *when <= ms) {
            let Some((_, report)) = self.reports.pop_front() else { break };
            self.controller.on_feedback(&report, at(ms));
        }
        if self.controller.next_at().is_some_and(|wake| wake.at <= at(ms)) {
            self.controller.on_time(at(ms));
        }
    }
}

/// What the receiver tells: the newest 64 numbers.
fn report(arrived: &BTreeMap<u64, u64>, ms: u64, marked: u8) -> Option<Report> {
    let time = |ms: u64| RemoteTime::from_micros(REMOTE_OFFSET + ms * 1_000);
    let (&largest, &newest) = arrived.last_key_value()?;
    let held = u32::try_from((ms - newest) * 1_000 / 64).unwrap();
    let mut report = Report::new(largest, Some(time(newest)), Some(held));
    for number in (largest.saturating_sub(63)..largest).rev() {
        match arrived.get(&number) {
            Some(ms) => report.push(Some(time(*ms))),
            None => report.push_missing(),
        }
    }
    let ecn = p2pvoip_cc::EcnCounts { ce: marked, ..Default::default() };
    Some(report.with(0, (marked > 0).then_some(ecn)))
}
