//! Which sound a call has: files where they are named, devices where a person is there, and silence where that is asked for.

#[cfg(feature = "device")]
mod devices;
#[cfg(not(feature = "device"))]
mod without;

#[cfg(feature = "device")]
pub(crate) use devices::{Devices, Ear, Mouth, list};
#[cfg(not(feature = "device"))]
pub(crate) use without::{Devices, Ear, Mouth, list};

use crate::args::Sound;

/// What `--microphone` and `--speaker` take for the device that the system uses.
const DEFAULT: &str = "default";

/// Whether one of the two devices is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Want {
    /// It stays closed.
    No,
    /// The default one, if there is one.
    IfThere,
    /// The one of this name, or the default one; without it there is no call.
    Must(Option<String>),
}

/// What a command line asks for: microphone and speaker. A program that reads JSON gets a device only where it names one, so that
/// what it does never depends on the machine.
fn wants(sound: &Sound, json: bool) -> (Want, Want) {
    let want = |name: &Option<String>, has_file: bool| match name {
        Some(name) => Want::Must(Some(name.clone()).filter(|name| name != DEFAULT)),
        None if has_file || json || sound.silent => Want::No,
        None => Want::IfThere,
    };
    (want(&sound.microphone, sound.input.is_some()), want(&sound.speaker, sound.output.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Sound {
        Sound { input: None, output: None, microphone: None, speaker: None, silent: false }
    }

    #[test]
    fn a_person_without_files_has_both_devices_and_a_file_takes_the_place_of_its_own_side_alone() {
        assert_eq!(wants(&sound(), false), (Want::IfThere, Want::IfThere));
        let said = Sound { input: Some("a.wav".into()), ..sound() };
        assert_eq!(wants(&said, false), (Want::No, Want::IfThere));
        let heard = Sound { output: Some("b.wav".into()), ..sound() };
        assert_eq!(wants(&heard, false), (Want::IfThere, Want::No));
    }

    #[test]
    fn silence_and_json_open_no_device_unless_it_is_named() {
        let silent = Sound { silent: true, ..sound() };
        assert_eq!(wants(&silent, false), (Want::No, Want::No));
        assert_eq!(wants(&sound(), true), (Want::No, Want::No));
        let named = Sound { microphone: Some("default".into()), speaker: Some("Hi-Fi".into()), ..sound() };
        assert_eq!(wants(&named, true), (Want::Must(None), Want::Must(Some("Hi-Fi".into()))));
    }

    #[test]
    fn a_call_can_be_recorded_and_heard_at_once() {
        let both = Sound { output: Some("b.wav".into()), speaker: Some("default".into()), ..sound() };
        assert_eq!(wants(&both, false).1, Want::Must(None));
    }
}
