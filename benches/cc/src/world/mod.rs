//! One run in virtual time: an event queue, links, and flows with a controller each.

mod flow;
mod tcp;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Ecn, Rng, Seed};
use p2pvoip_sim::tcp::{Ack, Segment};
use p2pvoip_sim::{Bottleneck, BottleneckConfig, Out, START};

use crate::controllers::Made;
use crate::metrics::CALM;
use crate::receiver::{Feedback, Receiver};
use crate::record::{Bins, FlowRecord};
use crate::scenario::{Loss, Route, Scenario};
use crate::sender::Sender;
use crate::time::{Micros, SECOND, instant, micros};

use flow::Media;
use tcp::TcpState;

/// What a packet carries; a transfer's number tells its packets from those of one before.
enum Load {
    Media(Media),
    Feedback(Feedback),
    Segment(Segment, u32),
    Ack(Ack, u32),
}

struct Packet {
    /// The flow, or the number of flows and the competitor.
    owner: usize,
    hop: usize,
    size: u32,
    made: Micros,
    queued: u32,
    ecn: Ecn,
    load: Load,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// A packet comes to its next link, or to its end.
    Packet,
    /// A packet leaves a link.
    Link,
    Frame,
    Sound,
    Pacer,
    Control,
    Receiver,
    TcpStart,
    TcpSender,
    TcpReceiver,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Micros,
    order: u32,
    what: What,
    which: u32,
}

struct LinkState {
    queue: Bottleneck<u32>,
    rng: Rng,
    bad: bool,
    scheduled: Option<Micros>,
    /// The last arrival behind the link: jitter does not reorder.
    last: Micros,
}

struct FlowState {
    sender: Sender,
    receiver: Receiver,
    pacer: Option<Micros>,
    control: Option<Micros>,
    feedback: Option<Micros>,
    record: FlowRecord,
}

/// One run.
struct World<'a> {
    scenario: &'a Scenario,
    now: Micros,
    events: BinaryHeap<Reverse<Event>>,
    order: u32,
    packets: Vec<Option<Packet>>,
    free: Vec<u32>,
    links: Vec<LinkState>,
    flows: Vec<FlowState>,
    tcps: Vec<TcpState>,
}

/// What was noted in a run.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Of each flow.
    pub flows: Vec<FlowRecord>,
    /// Bytes that each competitor's receiver had without a gap, in bins of a plot.
    pub tcps: Vec<Bins>,
}

/// Runs a scenario, with a controller for each flow.
pub fn run(scenario: &Scenario, controllers: Vec<Made>, seed: &Seed) -> Noted {
    let mut world = World::new(scenario, controllers, seed);
    world.go();
    Noted {
        flows: world.flows.into_iter().map(FlowState::finish).collect(),
        tcps: world.tcps.into_iter().map(|tcp| tcp.delivered).collect(),
    }
}

impl FlowState {
    fn finish(mut self) -> FlowRecord {
        self.record.skipped_frames = self.sender.skipped();
        self.record
    }
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, controllers: Vec<Made>, seed: &Seed) -> Self {
        let link = |(index, link): (usize, &crate::scenario::Link)| {
            let rate = |(at, bps): &(Micros, u64)| (Duration::from_micros(*at), Bitrate::from_bps(*bps));
            let config = BottleneckConfig { rates: link.rates.iter().map(rate).collect(), queue: link.queue };
            let seed = seed.derive_index("link", index as u64);
            LinkState {
                queue: Bottleneck::new(config, &seed, START),
                rng: seed.rng(),
                bad: false,
                scheduled: None,
                last: 0,
            }
        };
        let links = scenario.links.iter().enumerate().map(link).collect();
        let flow = |(index, (spec, made)): (usize, (&crate::scenario::Flow, Made))| FlowState {
            sender: Sender::new(spec, made.controller, &seed.derive_index("flow", index as u64)),
            receiver: Receiver::new(made.cadence),
            pacer: None,
            control: None,
            feedback: None,
            record: FlowRecord::new(scenario.duration),
        };
        let flows = scenario.flows.iter().zip(controllers).enumerate().map(flow).collect();
        let tcp = |(index, spec): (usize, &crate::scenario::Tcp)| {
            TcpState::new(spec, scenario.duration, &seed.derive_index("tcp", index as u64))
        };
        let tcps = scenario.tcps.iter().enumerate().map(tcp).collect();
        let mut world = Self {
            scenario,
            now: 0,
            events: BinaryHeap::new(),
            order: 0,
            packets: Vec::new(),
            free: Vec::new(),
            links,
            flows,
            tcps,
        };
        world.schedule_competitors();
        for index in 0..world.flows.len() {
            if let Some(at) = world.flows[index].sender.video_at() {
                world.schedule(at, What::Frame, index);
            }
            let start = scenario.flows[index].start;
            let mut rng = seed.derive_index("sound", index as u64).rng();
            world.schedule(start + rng.below(SECOND / 50), What::Sound, index);
            world.schedule_control(index);
        }
        world
    }

    fn schedule(&mut self, at: Micros, what: What, which: usize) {
        self.order += 1;
        let event = Event { at: at.max(self.now), order: self.order, what, which: which as u32 };
        self.events.push(Reverse(event));
    }

    fn go(&mut self) {
        while let Some(Reverse(event)) = self.events.pop() {
            if event.at >= self.scenario.duration {
                break;
            }
            self.now = event.at;
            let which = event.which as usize;
            match event.what {
                What::Packet => self.on_packet(event.which),
                What::Link => self.on_link(which),
                What::Frame => self.on_frame(which),
                What::Sound => self.on_sound(which),
                What::Pacer => self.on_pacer(which),
                What::Control => self.on_control(which),
                What::Receiver => self.on_receiver(which),
                What::TcpStart => self.on_tcp_start(which),
                What::TcpSender => self.on_tcp_sender(which),
                What::TcpReceiver => self.on_tcp_receiver(which),
            }
        }
    }

    fn put(&mut self, packet: Packet) -> u32 {
        if let Some(place) = self.free.pop() {
            self.packets[place as usize] = Some(packet);
            return place;
        }
        self.packets.push(Some(packet));
        (self.packets.len() - 1) as u32
    }

    fn take(&mut self, place: u32) -> Option<Packet> {
        self.free.push(place);
        self.packets[place as usize].take()
    }

    fn route(&self, packet: &Packet) -> &'a Route {
        let scenario = self.scenario;
        let tcp = packet.owner.saturating_sub(self.flows.len());
        match packet.load {
            Load::Media(_) => &scenario.flows[packet.owner].forward,
            Load::Feedback(_) => &scenario.flows[packet.owner].backward,
            Load::Segment(..) => &scenario.tcps[tcp].forward,
            Load::Ack(..) => &scenario.tcps[tcp].backward,
        }
    }

    /// A packet is at its end.
    fn on_arrival(&mut self, packet: &Packet) {
        let tcp = packet.owner.saturating_sub(self.flows.len());
        match &packet.load {
            Load::Media(media) => self.on_media(packet, *media),
            Load::Feedback(feedback) => self.on_feedback(packet.owner, feedback),
            Load::Segment(segment, transfer) => self.on_segment(tcp, *segment, *transfer),
            Load::Ack(ack, transfer) => self.on_ack(tcp, *ack, *transfer),
        }
    }

    /// A packet leaves its sender.
    fn launch(&mut self, packet: Packet) {
        let route = self.route(&packet);
        let delay = route.hops.first().map_or(route.tail, |hop| hop.0);
        let place = self.put(packet);
        if delay == 0 {
            self.on_packet(place);
        } else {
            self.schedule(self.now + delay, What::Packet, place as usize);
        }
    }

    fn on_packet(&mut self, place: u32) {
        let Some(packet) = self.packets[place as usize].as_ref() else { return };
        let Some((_, link)) = self.route(packet).hops.get(packet.hop).copied() else {
            if let Some(packet) = self.take(place) {
                self.on_arrival(&packet);
            }
            return;
        };
        let (flow, size, ecn) =
            (packet.owner as u32, DataSize::from_bytes(u64::from(packet.size)), packet.ecn);
        let state = &mut self.links[link];
        if state.queue.push(flow, size, ecn, place, instant(self.now)).is_err() {
            self.lose(place);
        }
        self.schedule_link(link);
    }

    fn lose(&mut self, place: u32) {
        if let Some(packet) = self.take(place)
            && matches!(packet.load, Load::Media(_))
        {
            self.flows[packet.owner].record.lost.add(self.now, 1);
        }
    }

    fn schedule_link(&mut self, link: usize) {
        while let Some(place) = self.links[link].queue.pull_dropped() {
            self.lose(place);
        }
        let state = &mut self.links[link];
        let next = state.queue.next_at().map(micros);
        if let Some(at) = next.filter(|at| state.scheduled.is_none_or(|scheduled| *at < scheduled)) {
            state.scheduled = Some(at);
            self.schedule(at, What::Link, link);
        }
    }

    fn on_link(&mut self, link: usize) {
        if self.links[link].scheduled != Some(self.now) {
            return;
        }
        self.links[link].scheduled = None;
        while let Some(out) = self.links[link].queue.pull(instant(self.now)) {
            let lost = self.links[link].loses(&self.scenario.links[link].loss);
            self.on_left(link, &out, lost);
        }
        self.schedule_link(link);
    }

    /// A packet has left a link: it goes on, or is lost.
    fn on_left(&mut self, link: usize, out: &Out<u32>, lost: bool) {
        let (now, place) = (self.now, out.payload);
        let Some(packet) = self.packets[place as usize].as_mut() else { return };
        packet.queued += out.left.saturating_since(out.entered).as_micros() as u32;
        packet.ecn = out.ecn;
        packet.hop += 1;
        let (owner, size, queued) = (packet.owner, packet.size, packet.queued);
        let media = match &packet.load {
            Load::Media(media) => Some(*media),
            Load::Feedback(_) | Load::Segment(..) | Load::Ack(..) => None,
        };
        let Some(packet) = self.packets[place as usize].as_ref() else { return };
        let route = self.route(packet);
        let next = route.hops.get(packet.hop);
        if media.is_some_and(|media| next.is_none() && !media.is_padding) {
            let record = &mut self.flows[owner].record;
            record.queued.push((now, queued));
            record.queue.raise(now, u64::from(queued));
            if out.began.saturating_since(out.entered) > CALM {
                record.waited.push(now);
            }
            if !lost {
                record.delivered.add(now, u64::from(size));
            }
        }
        if lost {
            return self.lose(place);
        }
        let delay = next.map_or(route.tail, |hop| hop.0);
        let jitter = self.scenario.links[link].jitter;
        let state = &mut self.links[link];
        let mut at = now;
        if jitter > 0 {
            at = (now + state.jitter(jitter)).max(state.last);
            state.last = at;
        }
        self.schedule(at + delay, What::Packet, place as usize);
    }
}

impl LinkState {
    fn loses(&mut self, loss: &Loss) -> bool {
        match *loss {
            Loss::None => false,
            Loss::Independent(share) => self.rng.chance(share),
            Loss::Bursts { begin, end } => {
                let leaves = self.rng.chance(if self.bad { end } else { begin });
                self.bad ^= leaves;
                self.bad
            }
        }
    }

    /// A half-normal delay, at most three deviations (the delay variation of RFC 8868's jitter model).
    fn jitter(&mut self, deviation: Micros) -> Micros {
        let radius = (-2.0 * self.rng.unit().max(1e-12).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.rng.unit()).cos();
        (normal.abs().min(3.0) * deviation as f64) as Micros
    }
}
