//! Microphones and speakers, by cpal: frames of 10 ms on this side, the device's own rate, format and clock on the other.
//!
//! ```no_run
//! use p2pvoip_media::Frame;
//! use p2pvoip_media::device::{Choice, Microphone, Speaker};
//!
//! # fn every_ten_milliseconds() -> bool { false }
//! let mut microphone = Microphone::open(&Choice::Default)?;
//! let mut speaker = Speaker::open(&Choice::Default)?;
//! let mut frame = Frame::SILENCE;
//! while every_ten_milliseconds() {
//!     microphone.read(&mut frame);
//!     speaker.write(&frame);
//! }
//! # Ok::<(), p2pvoip_media::device::DeviceError>(())
//! ```
//!
//! [`Microphone::read`] and [`Speaker::write`] never wait: the caller's clock is the one that counts. A ring without locks lies between
//! them and the stream's callback, and how full it is steers the resampler by at most half a percent, so that a sound card whose
//! clock is off by some parts in ten thousand neither starves nor floods it. The callbacks of this module allocate nothing and take
//! no lock; what cpal and the system do around them is theirs.
//!
//! A device that goes away in mid-call is told by an event; silence takes its place while it, and else the default one, is
//! tried again.
//!
//! # Timers
//! They run on a thread for each open device, in steps of a quarter of a second (`keeper`).
//!
//! # Left out
//! - Echo cancellation and gain control: headphones, or the system's own.
//! - Following the system when another device becomes the default while the one in use is still there.

mod callback;
mod convert;
mod drift;
mod host;
mod keeper;
mod line;
mod microphone;
mod ring;
mod speaker;
mod stream;
#[cfg(test)]
mod tests;

pub use host::{Listed, list};
pub use keeper::ATTEMPTS;
pub use microphone::Microphone;
pub use ring::RING_MILLIS;
pub use speaker::Speaker;

use core::fmt;
use core::time::Duration;

/// Which way sound goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// In: what is said.
    Microphone,
    /// Out: what is heard.
    Speaker,
}

impl Kind {
    /// `microphone` or `speaker`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Speaker => "speaker",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which device is wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Choice {
    /// What the system uses when nobody chooses.
    #[default]
    Default,
    /// The one of this id or name; else the only one with this in its id or name, in whatever case.
    Named(String),
}

/// Why a device cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// There is none.
    #[error(
        "there is no {0} here; plug one in and check that the sound server runs (a container needs the host's sound handed in)"
    )]
    NoneFound(Kind),
    /// None has that name.
    #[error("no {kind} is called `{name}`; list the devices and choose one of their names")]
    NotFound {
        /// Of which kind.
        kind: Kind,
        /// The name.
        name: String,
    },
    /// Several have it in their names.
    #[error("more than one {kind} matches `{name}`: {}; give one of these ids", .ids.join(", "))]
    Ambiguous {
        /// Of which kind.
        kind: Kind,
        /// The name.
        name: String,
        /// The ids of those that match.
        ids: Vec<String>,
    },
    /// Another program has it.
    #[error("the {kind} `{name}` is in use by another program; close that one, or choose another device")]
    Busy {
        /// Of which kind.
        kind: Kind,
        /// What it is called.
        name: String,
    },
    /// The system does not let us.
    #[error(
        "this program may not use the {kind} `{name}`; allow it in the system's privacy settings (on Linux: join the group `audio`)"
    )]
    Forbidden {
        /// Of which kind.
        kind: Kind,
        /// What it is called.
        name: String,
    },
    /// It went away.
    #[error("the {kind} `{name}` went away; plug it in again, or choose another device")]
    Gone {
        /// Of which kind.
        kind: Kind,
        /// What it is called.
        name: String,
    },
    /// It speaks no format that can be converted.
    #[error("the {kind} `{name}` offers no usable sample format ({why}); choose another device")]
    Unsupported {
        /// Of which kind.
        kind: Kind,
        /// What it is called.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The system's sound fails otherwise.
    #[error("the system's sound does not work ({0}); check that its sound server runs, then try again")]
    System(String),
}

/// What happens to an open device.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DeviceEvent {
    /// It went away, or stopped asking for sound. Silence takes its place; others are tried.
    Lost,
    /// There is sound again, by the device of this name.
    Back(String),
    /// Nothing came back in [`ATTEMPTS`] attempts; silence stays.
    GaveUp(DeviceError),
}

/// What an open device went through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct DeviceStats {
    /// How often the ring ran dry: a moment of silence each.
    pub underruns: u64,
    /// How often sound was dropped since the ring was too full: a skip each.
    pub overruns: u64,
    /// Glitches that the system itself reported.
    pub xruns: u64,
    /// Sound that waits in the ring, on average; the device's own buffer comes on top.
    pub waiting: Duration,
}
