//! What flows of media do in a run: their sources, their pacers, their feedback.

use p2pvoip_cc::Report;
use p2pvoip_core::Ecn;

use super::{Load, Packet, What, World};
use crate::audio::Plan;
use crate::companion;
use crate::receiver::{self, Feedback};
use crate::record::Sound;
use crate::scenario;
use crate::sender::Leaving;
use crate::time::Micros;

/// What a packet of media carries.
#[derive(Clone, Copy)]
pub(super) struct Media {
    pub(super) number: u64,
    /// The frame of adaptive sound, and what rides with it.
    pub(super) sound: Option<(u32, Plan)>,
    pub(super) is_padding: bool,
}

impl World<'_> {
    pub(super) fn on_media(&mut self, packet: &Packet, media: Media) {
        let index = packet.owner;
        let flow = &mut self.flows[index];
        let propagation = self.scenario.flows[index].forward.propagation();
        let late = (self.now - packet.made).saturating_sub(propagation);
        if !media.is_padding {
            flow.record.late.push(late as u32);
        }
        flow.record.marked += u64::from(packet.ecn == Ecn::Ce);
        if let Some((frame, plan)) = media.sound {
            hear(&mut flow.record.sound, frame as usize, plan.copies, self.now - propagation);
        }
        let feedback = flow.receiver.on_packet(media.number, packet.size, packet.ecn, self.now);
        self.send_feedback(index, feedback);
    }

    pub(super) fn on_feedback(&mut self, index: usize, feedback: &Feedback) {
        let flow = &mut self.flows[index];
        match feedback {
            Feedback::Compact(bytes, len) => {
                let largest = flow.sender.largest().unwrap_or(0);
                if let Ok(report) = Report::parse(&bytes[..*len], largest) {
                    flow.sender.on_feedback(&report, self.now);
                }
            }
            Feedback::Transport(reports, _) => {
                for report in reports {
                    flow.sender.on_feedback(report, self.now);
                }
            }
        }
        self.after(index);
    }

    fn send_feedback(&mut self, index: usize, feedback: Option<Feedback>) {
        let spec = &self.scenario.flows[index];
        // What is told of packets that were under way when the flow ended or paused is of no time that counts.
        let counts = self.now.checked_sub(spec.forward.propagation()).is_some_and(|at| spec.is_active(at));
        let flow = &mut self.flows[index];
        if let Some(feedback) = feedback {
            if counts {
                flow.record.feedback += feedback.size() as u64;
                flow.record.feedbacks += 1;
            }
            let size = feedback.size() as u32 + receiver::HEADERS;
            let load = Load::Feedback(feedback);
            let ecn = Ecn::NotEct;
            self.launch(Packet { owner: index, hop: 0, size, made: self.now, queued: 0, ecn, load });
        }
        let flow = &mut self.flows[index];
        let next = flow.receiver.next_at();
        if let Some(at) = next.filter(|at| flow.feedback.is_none_or(|scheduled| *at < scheduled)) {
            flow.feedback = Some(at);
            self.schedule(at, What::Receiver, index);
        }
    }

    pub(super) fn on_receiver(&mut self, index: usize) {
        if self.flows[index].feedback != Some(self.now) {
            return;
        }
        self.flows[index].feedback = None;
        let feedback = self.flows[index].receiver.on_time(self.now);
        self.send_feedback(index, feedback);
    }

    pub(super) fn on_control(&mut self, index: usize) {
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

    pub(super) fn schedule_control(&mut self, index: usize) {
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

    pub(super) fn on_frame(&mut self, index: usize) {
        let spec = &self.scenario.flows[index];
        if self.now >= spec.end {
            return;
        }
        let flow = &mut self.flows[index];
        let is_silent = !spec.is_active(self.now) || flow.sender.is_stopped();
        flow.sender.on_frame(is_silent, self.now);
        if let Some(at) = flow.sender.video_at() {
            self.schedule(at, What::Frame, index);
        }
        self.after(index);
    }

    pub(super) fn on_sound(&mut self, index: usize) {
        let spec = &self.scenario.flows[index];
        if self.now >= spec.end {
            return;
        }
        if !spec.is_active(self.now) {
            return self.schedule(self.now + companion::PTIME, What::Sound, index);
        }
        if self.flows[index].sender.is_stopped() {
            self.skip(index);
            return self.after(index);
        }
        let (first, second, next) = self.flows[index].sender.on_sound(self.now);
        self.send(index, first);
        if let Some(second) = second {
            self.send(index, second);
        }
        self.schedule(next, What::Sound, index);
        self.after(index);
    }

    /// Sound is made, and never sent.
    fn skip(&mut self, index: usize) {
        let (made, ptime) = (self.now, companion::PTIME);
        if let scenario::Media::Audio(_) = self.scenario.flows[index].media {
            let skipped = Sound { made, ptime, late: None, repaired: 0, skipped: true };
            self.flows[index].record.sound.push(skipped);
        }
        self.schedule(made + ptime, What::Sound, index);
    }

    pub(super) fn on_pacer(&mut self, index: usize) {
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
        let Leaving { number, size, made, plan, is_padding } = leaving;
        let sound = plan.map(|plan| {
            record.payload += u64::from(plan.primary);
            let frame = record.sound.len() as u32;
            let ptime = plan.ptime;
            record.sound.push(Sound { made, ptime, late: None, repaired: 0, skipped: false });
            (frame, plan)
        });
        let load = Load::Media(Media { number, sound, is_padding });
        self.launch(Packet { owner: index, hop: 0, size, made, queued: 0, ecn, load });
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
