//! Calls with microphones and speakers: real programs on a private PulseAudio.
#![cfg(all(target_os = "linux", feature = "device"))]

use crate::common::{Running, caller, failure, program, server};
use crate::pulse::Pulse;

/// Two speakers; in the room a microphone hears what is played.
const MODULES: [&str; 2] = [
    "module-null-sink sink_name=other rate=44100",
    "module-null-sink sink_name=room sink_properties=device.description=Room",
];

/// A program that knows this sound server, and whose words are not JSON.
fn plain(pulse: &Pulse, arguments: &[&str]) -> (i32, String, String) {
    let output = program(arguments).envs(pulse.environment()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (code, complaint) = failure(&output);
    (code, said, complaint)
}

/// Writes six seconds of 1 kHz.
fn write_tone(path: &std::path::Path) {
    const SAMPLES: u32 = 6 * 48_000;
    let mut bytes = Vec::from(*b"RIFF");
    bytes.extend((36 + SAMPLES * 2).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend([48_000_u32, 96_000].map(u32::to_le_bytes).concat());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((SAMPLES * 2).to_le_bytes());
    for n in 0..SAMPLES {
        #[expect(clippy::cast_possible_truncation, reason = "a quarter of what 16 bits hold")]
        let sample = ((f64::from(n) * std::f64::consts::TAU / 48.0).sin() * 8_192.0) as i16;
        bytes.extend(sample.to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_tone_goes_out_by_a_speaker_and_comes_back_by_a_microphone_through_a_call() {
    let Some(pulse) = Pulse::start(&MODULES) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (tone, back) = (file("tone.wav"), file("back.wav"));
    write_tone(tone.as_ref());
    let (_server, url) = server();
    let listen = ["listen", "--throwaway", "--bind", "127.0.0.1", "--server", &url, "--once"];
    let devices = ["--speaker", "room", "--microphone", "room.monitor"];
    let mut listener = Running::start_with(&[&listen[..], &devices].concat(), &pulse.environment());
    let card = listener.expect("listening")["card"].as_str().unwrap().to_owned();
    let mut caller = caller(&card, &["--input", &tone, "--output", &back, "--tail", "0.1"]);
    let opened = listener.expect("device");
    assert_eq!((&opened["kind"], &opened["state"]), (&"microphone".into(), &"open".into()), "{opened}");
    assert_eq!(caller.expect("ended")["reason"], "hung-up");
    assert_eq!((caller.code(), listener.code()), (0, 0));
    // 44 bytes of header; the tone begins when both devices and the jitter buffer have settled.
    let bytes = std::fs::read(&back).unwrap();
    let sound: Vec<i16> =
        bytes[44..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    // A stretch of ten periods at a time: where a busy machine had the devices run dry, the tone goes on at another phase, and
    // over longer ones the two parts would cancel each other.
    let settled = &sound[sound.len() / 2..];
    let shares: Vec<f64> = settled.as_chunks::<480>().0.iter().map(|part| share_of_tone(part)).collect();
    let tones = shares.iter().filter(|share| **share > 0.5).count();
    assert!(
        shares.len() > 200 && tones * 10 >= shares.len() * 7,
        "{tones} of {} hundredths of a second are the tone; its share of each: {shares:.2?}",
        shares.len()
    );
}

/// How much of the energy is at 1 kHz (Goertzel), from 0 to 1.
fn share_of_tone(sound: &[i16]) -> f64 {
    let twice_cosine = 2.0 * (std::f64::consts::TAU / 48.0).cos();
    let (mut before, mut last, mut energy) = (0.0, 0.0, f64::EPSILON);
    for sample in sound {
        let sample = f64::from(*sample);
        energy += sample * sample;
        (before, last) = (last, sample + twice_cosine * last - before);
    }
    let power = before * before + last * last - twice_cosine * before * last;
    power * 2.0 / f64::from(u32::try_from(sound.len()).unwrap()) / energy
}

#[test]
fn devices_are_listed_for_people_and_for_programs() {
    let Some(pulse) = Pulse::start(&MODULES) else { return };
    let (code, said, _) = plain(&pulse, &["devices"]);
    assert_eq!(code, 0);
    assert!(
        said.contains("Speakers\n* ") && said.contains("[room]") && said.contains("--microphone"),
        "{said}"
    );
    let mut devices = Running::start_with(&["devices"], &pulse.environment());
    let event = devices.expect("devices");
    let speakers = event["speakers"].as_array().unwrap();
    assert_eq!(speakers.len(), 2, "{event}");
    assert_eq!(speakers.iter().filter(|speaker| speaker["default"] == true).count(), 1, "{event}");
    assert!(event["microphones"].as_array().unwrap().iter().all(|one| one["monitor"] == true), "{event}");
}

#[test]
fn a_device_that_is_named_and_not_there_is_told_before_the_call() {
    let Some(pulse) = Pulse::start(&MODULES) else { return };
    let listen = ["listen", "--throwaway", "--server", "ws://127.0.0.1:1", "--speaker", "gramophone"];
    let (code, _, complaint) = plain(&pulse, &listen);
    assert_eq!(code, 3, "{complaint}");
    assert!(complaint.contains("no speaker is called `gramophone`"), "{complaint}");
    assert!(complaint.contains("p2pvoip devices"), "{complaint}");
}
