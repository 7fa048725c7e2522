//! This side of a ring: frames out of it or into it, steered by its level. No device is needed to test it.

use core::time::Duration;
use std::sync::Arc;

use rtrb::{Consumer, Producer};

use super::DeviceStats;
use super::convert::{FromFrames, ToFrames};
use super::drift::Steering;
use super::ring::Shared;
use crate::frame::Frame;

/// Stage: frames from what a microphone's callback wrote.
#[derive(Debug)]
pub(super) struct CaptureLine {
    ring: Consumer<f32>,
    frames: ToFrames,
    steering: Steering,
    shared: Arc<Shared>,
    /// Enough waited once, and the ring did not run dry since.
    running: bool,
}

impl CaptureLine {
    /// `None` when the rate is out of range.
    pub(super) fn new(rate: u32, ring: Consumer<f32>, shared: Arc<Shared>) -> Option<Self> {
        let frames = ToFrames::new(rate)?;
        Some(Self { ring, frames, steering: Steering::new(rate), shared, running: false })
    }

    /// The next 10 ms; says whether they are sound, and not silence for want of it.
    pub(super) fn read(&mut self, frame: &mut Frame) -> bool {
        self.shared.on_use();
        let waiting = self.ring.slots();
        let speed = self.steering.observe(waiting, self.shared.take_largest());
        if self.steering.is_too_much(waiting) {
            self.skip(waiting);
        }
        if !self.running && waiting < self.steering.target_samples() {
            *frame = Frame::SILENCE;
            return false;
        }
        if !self.running {
            self.steering.on_skip();
        }
        self.running = self.frames.next(speed, |samples| self.ring.pop_entire_slice(samples).is_ok(), frame);
        if !self.running {
            *frame = Frame::SILENCE;
            self.shared.on_underrun();
            self.steering.on_underrun();
        }
        self.running
    }

    /// Drops what is older than the target.
    fn skip(&mut self, waiting: usize) {
        let older = waiting.saturating_sub(self.steering.target_samples());
        if let Ok(chunk) = self.ring.read_chunk(older) {
            chunk.commit_all();
        }
        // What waited before anybody listened is no loss.
        if self.running {
            self.shared.on_overrun();
        }
        self.steering.on_skip();
    }

    pub(super) fn counted(&self) -> DeviceStats {
        stats(&self.shared, &self.steering)
    }
}

/// Stage: frames for a speaker's callback to take.
#[derive(Debug)]
pub(super) struct PlayoutLine {
    ring: Producer<f32>,
    frames: FromFrames,
    steering: Steering,
    shared: Arc<Shared>,
    underruns: usize,
}

impl PlayoutLine {
    /// `None` when the rate is out of range.
    pub(super) fn new(rate: u32, ring: Producer<f32>, shared: Arc<Shared>) -> Option<Self> {
        let frames = FromFrames::new(rate)?;
        Some(Self { ring, frames, steering: Steering::new(rate), shared, underruns: 0 })
    }

    /// Puts 10 ms in; they are dropped and counted when too much waits.
    pub(super) fn write(&mut self, frame: &Frame) {
        self.shared.on_use();
        let waiting = self.ring.buffer().capacity() - self.ring.slots();
        let underruns = self.shared.underruns();
        if underruns != self.underruns {
            self.underruns = underruns;
            self.steering.on_underrun();
        }
        let speed = self.steering.observe(waiting, self.shared.take_largest());
        self.shared.set_start(self.steering.target_samples().max(1));
        if self.steering.is_too_much(waiting) {
            self.shared.on_overrun();
            self.steering.on_skip();
            return;
        }
        if self.ring.push_entire_slice(self.frames.next(speed, frame)).is_err() {
            self.shared.on_overrun();
        }
    }

    pub(super) fn counted(&self) -> DeviceStats {
        stats(&self.shared, &self.steering)
    }
}

fn stats(shared: &Shared, steering: &Steering) -> DeviceStats {
    DeviceStats {
        underruns: shared.underruns() as u64,
        overruns: shared.overruns() as u64,
        xruns: shared.xruns() as u64,
        waiting: Duration::from_secs_f64(steering.level().max(0.0)),
    }
}
