//! A microphone: 10 ms of sound whenever it is asked.

use super::keeper::Kept;
use super::line::CaptureLine;
use super::{Choice, DeviceError, DeviceEvent, DeviceStats};
use crate::frame::Frame;

/// Stage: what a microphone hears, on its reader's clock.
#[derive(Debug)]
pub struct Microphone(Kept<CaptureLine>);

impl Microphone {
    /// Opens a microphone. May take seconds where a sound server is slow: not for a thread that must not wait.
    ///
    /// # Errors
    /// [`DeviceError`]: there is none, none or several of that name, or it cannot be used.
    pub fn open(choice: &Choice) -> Result<Self, DeviceError> {
        Kept::open(choice).map(Self)
    }

    /// The next 10 ms (48 kHz, mono), to be asked for every 10 ms; says whether they are sound, and not silence for want of it.
    /// Never waits. What was recorded long before the first call, or between two calls, is skipped.
    pub fn read(&mut self, frame: &mut Frame) -> bool {
        if let Some(line) = self.0.line() {
            return line.read(frame);
        }
        *frame = Frame::SILENCE;
        false
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
