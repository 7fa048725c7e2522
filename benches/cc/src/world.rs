//! One run in virtual time: an event queue, links, and flows with a controller each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use p2pvoip_cc::Report;
use p2pvoip_core::{Bitrate, DataSize, Ecn, Rng, Seed};
use p2pvoip_sim::{Bottleneck, BottleneckConfig, Out, START};

use crate::audio::Plan;
use crate::controllers::Made;
use crate::receiver::{self, Feedback, Receiver};
use crate::record::{FlowRecord, Sound};
use crate::scenario::{Loss, Route, Scenario};
use crate::sender::{Leaving, Sender};
use crate::time::{Micros, SECOND, instant, micros};

/// What a packet carries.
enum Load {
    Media { number: u64, sound: Option<(u32, Plan)> },
    Feedback(Feedback),
}

struct Packet {
    flow: usize,
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
pub struct World<'a> {
    scenario: &'a Scenario,
    now: Micros,
    events: BinaryHeap<Reverse<Event>>,
    order: u32,
    packets: Vec<Option<Packet>>,
    free: Vec<u32>,
    links: Vec<LinkState>,
    flows: Vec<FlowState>,
}

/// Runs a scenario, with a controller for each flow.
pub fn run(scenario: &Scenario, controllers: Vec<Made>, seed: &Seed) -> Vec<FlowRecord> {
    let mut world = World::new(scenario, controllers, seed);
    world.go();
    world.flows.into_iter().map(FlowState::finish).collect()
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
        let mut world = Self {
            scenario,
            now: 0,
            events: BinaryHeap::new(),
            order: 0,
            packets: Vec::new(),
            free: Vec::new(),
            links,
            flows,
        };
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
        let flow = &self.scenario.flows[packet.flow];
        match packet.load {
            Load::Media { .. } => &flow.forward,
            Load::Feedback(_) => &flow.backward,
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
                self.on_arrival(packet);
            }
            return;
        };
        let (flow, size, ecn) =
            (packet.flow as u32, DataSize::from_bytes(u64::from(packet.size)), packet.ecn);
        let state = &mut self.links[link];
        if state.queue.push(flow, size, ecn, place, instant(self.now)).is_err() {
            self.lose(place);
        }
        self.schedule_link(link);
    }

    fn lose(&mut self, place: u32) {
        if let Some(packet) = self.take(place)
            && matches!(packet.load, Load::Media { .. })
        {
            self.flows[packet.flow].record.lost.add(self.now, 1);
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
        let flow = &self.scenario.flows[packet.flow];
        let is_media = matches!(packet.load, Load::Media { .. });
        let route = if is_media { &flow.forward } else { &flow.backward };
        let next = route.hops.get(packet.hop);
        if is_media && next.is_none() {
            let record = &mut self.flows[packet.flow].record;
            record.queued.push((now, packet.queued));
            record.queue.raise(now, u64::from(packet.queued));
            if !lost {
                record.delivered.add(now, u64::from(packet.size));
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

    fn on_arrival(&mut self, packet: Packet) {
        let index = packet.flow;
        let flow = &mut self.flows[index];
        match packet.load {
            Load::Media { number, sound } => {
                let propagation = self.scenario.flows[index].forward.propagation();
                let late = (self.now - packet.made).saturating_sub(propagation);
                flow.record.late.push(late as u32);
                flow.record.marked += u64::from(packet.ecn == Ecn::Ce);
                if let Some((frame, plan)) = sound {
                    hear(&mut flow.record.sound, frame as usize, plan.copies, self.now - propagation);
                }
                let feedback = flow.receiver.on_packet(number, packet.size, packet.ecn, self.now);
                self.send_feedback(index, feedback);
            }
            Load::Feedback(feedback) => {
                match feedback {
                    Feedback::Compact(bytes, len) => {
                        let largest = flow.sender.largest().unwrap_or(0);
                        if let Ok(report) = Report::parse(&bytes[..len], largest) {
                            flow.sender.on_feedback(&report, self.now);
                        }
                    }
                    Feedback::Transport(reports, _) => {
                        for report in &reports {
                            flow.sender.on_feedback(report, self.now);
                        }
                    }
                }
                self.after(index);
            }
        }
    }

    fn send_feedback(&mut self, index: usize, feedback: Option<Feedback>) {
        let flow = &mut self.flows[index];
        if let Some(feedback) = feedback {
            flow.record.feedback += feedback.len() as u64;
            flow.record.feedbacks += 1;
            let size = feedback.len() as u32 + receiver::HEADERS;
            let load = Load::Feedback(feedback);
            let ecn = Ecn::NotEct;
            self.launch(Packet { flow: index, hop: 0, size, made: self.now, queued: 0, ecn, load });
        }
        let flow = &mut self.flows[index];
        let next = flow.receiver.next_at();
        if let Some(at) = next.filter(|at| flow.feedback.is_none_or(|scheduled| *at < scheduled)) {
            flow.feedback = Some(at);
            self.schedule(at, What::Receiver, index);
        }
    }

    fn on_receiver(&mut self, index: usize) {
        if self.flows[index].feedback != Some(self.now) {
            return;
        }
        self.flows[index].feedback = None;
        let feedback = self.flows[index].receiver.on_time(self.now);
        self.send_feedback(index, feedback);
    }

    fn on_control(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        if flow.control != Some(self.now) {
            return;
        }
        flow.control = None;
        if flow.sender.control_at().is_some_and(|at| at <= self.now) {
            flow.sender.on_time(self.now);
        }
        self.after(index);
    }

    fn schedule_control(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        // A controller that wants to be called at once is called in the next microsecond, so that time goes on.
        let next = flow.sender.control_at().map(|at| at.max(self.now + 1));
        if let Some(at) = next.filter(|at| flow.control.is_none_or(|scheduled| *at < scheduled)) {
            flow.control = Some(at);
            self.schedule(at, What::Control, index);
        }
    }

    /// What the controller was told may have changed what may leave.
    fn after(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        flow.record.target.raise(self.now, flow.sender.target().wire.as_bps());
        self.pump(index);
        self.schedule_control(index);
    }

    fn on_frame(&mut self, index: usize) {
        let spec = &self.scenario.flows[index];
        if self.now >= spec.end {
            return;
        }
        let flow = &mut self.flows[index];
        flow.sender.on_frame(!spec.is_active(self.now), self.now);
        if let Some(at) = flow.sender.video_at() {
            self.schedule(at, What::Frame, index);
        }
        self.after(index);
    }

    fn on_sound(&mut self, index: usize) {
        let spec = &self.scenario.flows[index];
        if self.now >= spec.end {
            return;
        }
        if !spec.is_active(self.now) {
            return self.schedule(self.now + SECOND / 50, What::Sound, index);
        }
        let (first, second, next) = self.flows[index].sender.on_sound(self.now);
        self.send(index, first);
        if let Some(second) = second {
            self.send(index, second);
        }
        self.schedule(next, What::Sound, index);
        self.after(index);
    }

    fn on_pacer(&mut self, index: usize) {
        if self.flows[index].pacer == Some(self.now) {
            self.flows[index].pacer = None;
            self.after(index);
        }
    }

    fn pump(&mut self, index: usize) {
        loop {
            match self.flows[index].sender.next_paced(self.now) {
                Ok(leaving) => self.send(index, leaving),
                Err(None) => return,
                Err(Some(at)) => {
                    let flow = &mut self.flows[index];
                    if flow.pacer.is_none_or(|scheduled| at < scheduled) {
                        flow.pacer = Some(at);
                        self.schedule(at, What::Pacer, index);
                    }
                    return;
                }
            }
        }
    }

    fn send(&mut self, index: usize, leaving: Leaving) {
        let ecn = self.flows[index].sender.target().ecn;
        let record = &mut self.flows[index].record;
        record.sent.add(self.now, u64::from(leaving.size));
        record.packets += 1;
        let Leaving { number, size, made, plan } = leaving;
        let sound = plan.map(|plan| {
            record.payload += u64::from(plan.primary);
            let frame = record.sound.len() as u32;
            let ptime = plan.ptime;
            record.sound.push(Sound { made, ptime, late: None, repaired: 0, skipped: false });
            (frame, plan)
        });
        let load = Load::Media { number, sound };
        self.launch(Packet { flow: index, hop: 0, size, made, queued: 0, ecn, load });
    }
}

/// Sound came, with copies of what was before it; `now` is the moment less propagation.
fn hear(sound: &mut [Sound], frame: usize, copies: u32, now: Micros) {
    let carrier = sound[frame].made;
    let before = (0..32).filter(|bit| (copies >> bit) & 1 == 1).map(|bit| bit + 1);
    for back in std::iter::once(0).chain(before) {
        let Some(heard) = frame.checked_sub(back).and_then(|place| sound.get_mut(place)) else { continue };
        if heard.late.is_none() {
            heard.late = Some(now.saturating_sub(heard.made));
            heard.repaired = carrier - heard.made;
        }
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
