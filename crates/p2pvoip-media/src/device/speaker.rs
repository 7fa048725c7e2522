//! A speaker: takes 10 ms of sound whenever it is given them.

use super::keeper::Kept;
use super::line::PlayoutLine;
use super::{Choice, DeviceError, DeviceEvent, DeviceStats};
use crate::frame::Frame;

/// Stage: what a speaker plays, on its writer's clock.
#[derive(Debug)]
pub struct Speaker(Kept<PlayoutLine>);

impl Speaker {
    /// Opens a speaker. May take seconds where a sound server is slow: not for a thread that must not wait.
    ///
    /// # Errors
    /// [`DeviceError`]: there is none, none or several of that name, or it cannot be used.
    pub fn open(choice: &Choice) -> Result<Self, DeviceError> {
        Kept::open(choice).map(Self)
    }

    /// Plays 10 ms (48 kHz, mono), to be given every 10 ms. Never waits; without a device nothing is heard.
    pub fn write(&mut self, frame: &Frame) {
        if let Some(line) = self.0.line() {
            line.write(frame);
        }
    }

    /// What happened to it since it was last asked; of several things the last.
    pub fn event(&mut self) -> Option<DeviceEvent> {
        self.0.event()
    }

    /// What people call the device in use, or the last one that was.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Samples a second of the device.
    pub const fn rate(&self) -> u32 {
        self.0.rate()
    }

    /// What it went through.
    pub fn stats(&self) -> DeviceStats {
        self.0.stats()
    }
}
