//! The devices of the system's sound: which there are, and which one is meant by a name.
//!
//! On Linux these are the devices of PulseAudio or PipeWire where one of them runs, and of ALSA where none does.

use cpal::traits::{DeviceTrait as _, HostTrait as _};
use cpal::{Device, ErrorKind, Host};

use super::{Choice, DeviceError, Kind};

/// Most devices that are listed; a system with more shows its first ones.
const MOST_DEVICES: usize = 256;

/// A sound server's copy of what a speaker plays: a recording device that nobody speaks into.
const MONITOR: &str = ".monitor";

/// A device that can be opened.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Listed {
    /// What it is for.
    pub kind: Kind,
    /// What people call it; several may share a name.
    pub name: String,
    /// What the system calls it; no two of a kind share it.
    pub id: String,
    /// Whether it is used when nobody chooses.
    pub is_default: bool,
    /// It records what a speaker plays: never the default, but can be chosen by its id.
    pub is_monitor: bool,
}

/// The system's sound, as far as it is reached.
fn host() -> Host {
    // ALSA's library writes on standard error whatever it does not find; nobody can use that. What fails is told by errors.
    #[cfg(target_os = "linux")]
    let _ = alsa::Output::local_error_handler();
    cpal::default_host()
}

/// Whether a device of ALSA leads to a card, or to what the system uses; its other names are plugins, some of which start servers.
fn is_wanted(host: &Host, device: &Device) -> bool {
    host.id().name() != "ALSA"
        || device.id().is_ok_and(|id| matches!(id.id(), "default" | "pipewire") || id.id().contains("CARD="))
}

/// A device with its description.
pub(super) struct Found {
    pub(super) device: Device,
    pub(super) info: Listed,
}

/// All microphones and speakers, the default ones first.
///
/// # Errors
/// The system's sound cannot be asked. That there is no device is no error.
pub fn list() -> Result<Vec<Listed>, DeviceError> {
    let host = host();
    let mut all = Vec::new();
    for kind in [Kind::Microphone, Kind::Speaker] {
        all.extend(of_kind(&host, kind)?.into_iter().map(|found| found.info));
    }
    Ok(all)
}

/// The device that is meant.
pub(super) fn find(kind: Kind, choice: &Choice) -> Result<Found, DeviceError> {
    let host = host();
    match choice {
        Choice::Default => default(&host, kind)
            .or_else(|| of_kind(&host, kind).ok()?.into_iter().find(|found| !found.info.is_monitor))
            .ok_or(DeviceError::NoneFound(kind)),
        Choice::Named(name) => {
            let mut all = of_kind(&host, kind)?;
            let infos: Vec<Listed> = all.iter().map(|found| found.info.clone()).collect();
            let index = pick(kind, name, &infos)?;
            Ok(all.swap_remove(index))
        }
    }
}

/// Which of these is meant by a name: its id, else its name, else a part of either that only one has.
fn pick(kind: Kind, name: &str, infos: &[Listed]) -> Result<usize, DeviceError> {
    if let Some(index) = infos.iter().position(|info| info.id == name) {
        return Ok(index);
    }
    let lower = name.to_lowercase();
    let matching = |test: &dyn Fn(&Listed) -> bool| -> Vec<usize> {
        infos.iter().enumerate().filter(|(_, info)| test(info)).map(|(index, _)| index).collect()
    };
    let mut found = matching(&|info| info.name == name);
    if found.is_empty() {
        let part = |text: &str| text.to_lowercase().contains(&lower);
        found = matching(&|info| part(&info.name) || part(&info.id));
        // Whoever asks for a headset means its microphone, not what the speaker plays.
        if found.len() > 1 {
            found.retain(|index| infos.get(*index).is_some_and(|info| !info.is_monitor));
        }
    }
    match found.as_slice() {
        [index] => Ok(*index),
        [] => Err(DeviceError::NotFound { kind, name: name.to_owned() }),
        several => {
            let ids = several.iter().filter_map(|index| infos.get(*index)).map(|info| info.id.clone());
            Err(DeviceError::Ambiguous { kind, name: name.to_owned(), ids: ids.collect() })
        }
    }
}

fn default(host: &Host, kind: Kind) -> Option<Found> {
    let device = match kind {
        Kind::Microphone => host.default_input_device(),
        Kind::Speaker => host.default_output_device(),
    };
    let device = device.filter(|device| serves(device, kind))?;
    describe(device, kind)
        .map(|mut found| {
            found.info.is_default = true;
            found
        })
        .filter(|found| !found.info.is_monitor)
}

/// Whether it can be used that way. What a driver tells of directions is not enough: ALSA names plugins that lead to no card. A device
/// that others use, or that we may not, is there all the same.
fn serves(device: &Device, kind: Kind) -> bool {
    let format = match kind {
        Kind::Microphone => device.default_input_config(),
        Kind::Speaker => device.default_output_config(),
    };
    format.map_or_else(
        |error| matches!(error.kind(), ErrorKind::DeviceBusy | ErrorKind::PermissionDenied),
        |_| true,
    )
}

fn of_kind(host: &Host, kind: Kind) -> Result<Vec<Found>, DeviceError> {
    let default = default(host, kind);
    let default_id = default.as_ref().map(|found| found.info.id.clone());
    let devices = match host.devices() {
        Ok(devices) => devices,
        Err(error) if is_absence(error.kind()) => return Ok(Vec::new()),
        Err(error) => return Err(DeviceError::System(error.to_string())),
    };
    let mut all: Vec<Found> = default.into_iter().collect();
    for device in devices.filter(|device| is_wanted(host, device)).take(MOST_DEVICES) {
        let wanted = serves(&device, kind).then(|| describe(device, kind)).flatten();
        all.extend(wanted.filter(|found| Some(&found.info.id) != default_id.as_ref()));
    }
    Ok(all)
}

/// Its name and id.
fn describe(device: Device, kind: Kind) -> Option<Found> {
    let id = device.id().ok()?.id().to_owned();
    let name = device.description().ok().map_or_else(|| id.clone(), |about| about.name().to_owned());
    let is_monitor = kind == Kind::Microphone && id.ends_with(MONITOR);
    (id != "null").then_some(Found { device, info: Listed { kind, name, id, is_default: false, is_monitor } })
}

fn is_absence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::HostUnavailable | ErrorKind::DeviceNotAvailable)
}

/// What cpal says of a device, in our words.
pub(super) fn refused(error: &cpal::Error, kind: Kind, name: &str) -> DeviceError {
    let name = name.to_owned();
    let what = error.kind();
    if what == ErrorKind::DeviceBusy {
        DeviceError::Busy { kind, name }
    } else if what == ErrorKind::PermissionDenied {
        DeviceError::Forbidden { kind, name }
    } else if is_absence(what) || what == ErrorKind::StreamInvalidated {
        DeviceError::Gone { kind, name }
    } else if matches!(what, ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation) {
        DeviceError::Unsupported { kind, name, why: error.to_string() }
    } else {
        DeviceError::System(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infos() -> Vec<Listed> {
        let info = |name: &str, id: &str| Listed {
            kind: Kind::Microphone,
            name: name.to_owned(),
            id: id.to_owned(),
            is_default: false,
            is_monitor: id.ends_with(MONITOR),
        };
        vec![
            info("Built-in", "pci.analog"),
            info("USB Headset", "usb.headset"),
            info("Monitor of USB Headset", "usb.headset.out.monitor"),
            info("USB Camera", "usb.camera"),
            info("Built-in", "pci.digital"),
        ]
    }

    #[test]
    fn a_name_means_the_id_then_the_whole_name_then_the_only_part() {
        let infos = infos();
        let pick = |name: &str| pick(Kind::Microphone, name, &infos);
        assert_eq!(pick("pci.digital"), Ok(4));
        assert_eq!(pick("USB Camera"), Ok(3));
        assert_eq!(pick("CAM"), Ok(3));
        assert_eq!(pick("headset"), Ok(1), "what a speaker plays is not meant");
        assert_eq!(pick("usb.headset.out.monitor"), Ok(2));
        assert_eq!(pick("monitor"), Ok(2));
    }

    #[test]
    fn a_name_that_none_or_several_have_is_refused_with_what_to_do() {
        let infos = infos();
        let none = pick(Kind::Microphone, "Bluetooth", &infos).unwrap_err();
        assert_eq!(
            none.to_string(),
            "no microphone is called `Bluetooth`; list the devices and choose one of their names"
        );
        let several = pick(Kind::Microphone, "Built-in", &infos).unwrap_err();
        assert!(several.to_string().contains("pci.analog, pci.digital"), "{several}");
    }

    #[test]
    fn what_cpal_says_becomes_a_sentence_that_says_what_to_do() {
        let said = |kind| refused(&cpal::Error::new(kind), Kind::Speaker, "Hi-Fi").to_string();
        assert!(said(ErrorKind::DeviceBusy).contains("in use by another program"));
        assert!(said(ErrorKind::PermissionDenied).contains("privacy settings"));
        assert!(said(ErrorKind::DeviceNotAvailable).contains("plug it in again"));
        assert!(said(ErrorKind::UnsupportedConfig).contains("choose another device"));
        assert!(said(ErrorKind::BackendError).contains("sound server"));
    }
}
