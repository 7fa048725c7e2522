//! A program built without the feature `device`: files and silence alone.

use p2pvoip::{AudioSender, Frame};
use tokio::sync::oneshot;

use super::{Want, wants};
use crate::args::{self, Sound};
use crate::events::{self, Printer};
use crate::exit::Failure;

/// What to do about it.
const WITHOUT: &str =
    "this program was built without microphone and speaker; build it with its default features";

/// No device.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    wanted: bool,
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Mouth {}

/// There is none.
#[derive(Debug)]
pub(crate) enum Ear {}

impl Devices {
    /// Refuses a device that is named.
    pub(crate) fn open(sound: &Sound, json: bool) -> Result<Self, Failure> {
        let (microphone, speaker) = wants(sound, json);
        if matches!((&microphone, &speaker), (Want::Must(_), _) | (_, Want::Must(_))) {
            return Err(Failure::Device(WITHOUT.to_owned()));
        }
        let nothing = sound.input.is_none() && sound.output.is_none();
        Ok(Self { wanted: nothing && microphone == Want::IfThere })
    }

    /// Tells that there is no sound, where a person may expect some.
    pub(crate) fn warn(&self) {
        if self.wanted {
            events::warning(&format!("{WITHOUT}, or name recordings by --input and --output"));
        }
    }

    /// None of both.
    pub(crate) fn take(self, _: &Printer) -> (Option<Mouth>, Option<Ear>) {
        (None, None)
    }
}

impl Mouth {
    /// Cannot be called.
    pub(crate) async fn talk(self, _: AudioSender, _: oneshot::Receiver<()>, _: impl FnMut(&Frame)) {
        match self {}
    }
}

impl Ear {
    /// Cannot be called.
    pub(crate) fn play(&mut self, _: &Frame) {
        match *self {}
    }
}

/// The command `devices`.
pub(crate) fn list(_: &args::Common) -> Result<(), Failure> {
    Err(Failure::Device(WITHOUT.to_owned()))
}
