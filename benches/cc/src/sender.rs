//! The end that media comes from: sources, the controller's answer, and the queue that is paced.
//!
//! Voice is never held; video leaves at the pacing rate and within the window.

use std::collections::VecDeque;
use std::fmt;

use p2pvoip_cc::{Breaker, Path, Report, Sent, Target};
use p2pvoip_core::{DataSize, Seed};

use crate::audio::{self, Plan};
use crate::companion;
use crate::controllers::Subject;
use crate::scenario::{Flow, Ladder, Media};
use crate::time::{MILLI, Micros, SECOND, instant, micros};
use crate::video::{self, Video};

/// The source leaves frames out while the oldest packet of the sender's queue is older than this.
const OLD: Micros = 150 * MILLI;

/// A packet that leaves now.
#[derive(Clone, Copy, Debug)]
pub struct Leaving {
    /// Its number.
    pub number: u64,
    /// Its size on the wire.
    pub size: u32,
    /// When its source made it.
    pub made: Micros,
    /// What adaptive sound it carries.
    pub plan: Option<Plan>,
    /// It carries nothing that anyone wants.
    pub is_padding: bool,
}

struct Queued {
    size: u32,
    made: Micros,
}

/// The sending half of a flow.
pub struct Sender {
    controller: Box<dyn Subject>,
    target: Target,
    media: Media,
    video: Option<Video>,
    next_number: u64,
    queue: VecDeque<Queued>,
    /// When the pacer lets the next packet go.
    paced: Micros,
    /// When the last packet left.
    left: Option<Micros>,
    flight: VecDeque<(u64, u32)>,
    in_flight: u64,
    skipped: u64,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Sender {
    /// A sender that has sent nothing.
    pub fn new(flow: &Flow, mut controller: Box<dyn Subject>, seed: &Seed) -> Self {
        let now = instant(flow.start);
        controller.on_path(Path::ipv4(0), now);
        controller.on_time(now);
        let mut sender = Self {
            target: controller.target(),
            controller,
            media: flow.media,
            video: (flow.media == Media::Video).then(|| Video::new(seed, flow.start)),
            next_number: 0,
            queue: VecDeque::new(),
            paced: 0,
            left: None,
            flight: VecDeque::new(),
            in_flight: 0,
            skipped: 0,
        };
        sender.follow();
        sender
    }

    /// The controller's last answer.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the circuit breaker is open.
    pub fn is_stopped(&self) -> bool {
        self.target.breaker == Breaker::Open
    }

    /// Frames left out so far.
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    fn follow(&mut self) {
        self.target = self.controller.target();
        if let Some(video) = &mut self.video {
            video.set_target(self.target.wire.as_bps().saturating_sub(companion::RATE));
        }
    }

    /// Feedback came.
    pub fn on_feedback(&mut self, report: &Report, now: Micros) {
        while let Some((_, size)) = self.flight.front().filter(|sent| sent.0 <= report.largest()) {
            self.in_flight -= u64::from(*size);
            self.flight.pop_front();
        }
        self.controller.on_feedback(report, instant(now));
        self.follow();
    }

    /// The highest number that was sent.
    pub const fn largest(&self) -> Option<u64> {
        self.next_number.checked_sub(1)
    }

    /// Time has passed for the controller.
    pub fn on_time(&mut self, now: Micros) {
        self.controller.on_time(instant(now));
        self.follow();
    }

    /// When the controller wants to be told of time.
    pub fn control_at(&self) -> Option<Micros> {
        self.controller.next_at().map(|wake| micros(wake.at))
    }

    /// When the next video frame is made.
    pub fn video_at(&self) -> Option<Micros> {
        self.video.as_ref().map(Video::next_at)
    }

    /// A video frame is made, or left out while the sender's queue is old or `silent`.
    pub fn on_frame(&mut self, silent: bool, now: Micros) {
        let Some(video) = &mut self.video else { return };
        let size = video.frame(now);
        if silent {
            self.queue.clear();
            return;
        }
        if self.queue.front().is_some_and(|oldest| now - oldest.made > OLD) {
            self.skipped += 1;
            return;
        }
        self.queue.extend(video::packets(size).map(|size| Queued { size, made: now }));
    }

    /// Sound is made, and leaves: the packet and when the next is made. A second packet is a probe.
    pub fn on_sound(&mut self, now: Micros) -> (Leaving, Option<Leaving>, Micros) {
        let Media::Audio(ladder) = self.media else {
            let leaving = self.leave(companion::PACKET, now, None, now);
            return (leaving, None, now + companion::PTIME);
        };
        let asked = self.target.ptime.as_micros() as Micros;
        let ptime = match ladder {
            Ladder::Fixed20 => 20 * MILLI,
            Ladder::Free if asked > 0 => asked.clamp(10 * MILLI, 120 * MILLI),
            Ladder::Free => audio::ladder(self.target.wire.as_bps()),
        };
        let plan = audio::plan(&self.target, ptime);
        let first = self.leave(plan.size(), now, Some(plan), now);
        let copy = self.target.probe;
        let second = copy.then(|| self.leave(audio::least(ptime), now, None, now));
        (first, second, now + ptime)
    }

    /// The next packet of video that may leave now.
    ///
    /// # Errors
    /// When to ask again; `None` when something else must happen first.
    pub fn next_paced(&mut self, now: Micros) -> Result<Leaving, Option<Micros>> {
        let probing = self.controller.probing().filter(|_| self.next_number > 0);
        if let Some(probing) = probing.filter(|_| self.queue.is_empty()) {
            if self.paced > now {
                return Err(Some(self.paced));
            }
            let padding = self.leave(probing.padding, now, None, now);
            return Ok(Leaving { is_padding: true, ..padding });
        }
        let Some(first) = self.queue.front() else { return Err(None) };
        let (size, made) = (first.size, first.made);
        if self.in_flight > 0 && self.in_flight + u64::from(size) > self.target.window.as_bytes() {
            return Err(None);
        }
        if self.paced > now && !(self.left == Some(now) && self.target.probe) {
            return Err(Some(self.paced));
        }
        self.queue.pop_front();
        Ok(self.leave(size, made, None, now))
    }

    fn leave(&mut self, size: u32, made: Micros, plan: Option<Plan>, now: Micros) -> Leaving {
        let number = self.next_number;
        self.next_number += 1;
        self.left = Some(now);
        let probing = self.controller.probing().map(|probing| probing.rate);
        let pacing = probing.unwrap_or(self.target.pacing.as_bps()).max(1_000);
        self.paced = self.paced.max(now) + u64::from(size) * 8 * SECOND / pacing;
        self.flight.push_back((number, size));
        self.in_flight += u64::from(size);
        let sent = Sent { number, size: DataSize::from_bytes(u64::from(size)), path: 0 };
        self.controller.on_sent(sent, instant(now));
        // A pair that has left is not asked for again.
        self.target.probe = self.controller.target().probe;
        Leaving { number, size, made, plan, is_padding: false }
    }
}
