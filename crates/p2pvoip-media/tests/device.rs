//! Microphone and speaker on real streams: a private PulseAudio whose null sink is heard by its monitor.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "set-up of a test: a failure here fails it, and its tones and counts are small"
)]

mod pulse;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use p2pvoip_media::device::{Choice, DeviceError, DeviceEvent, Kind, Microphone, Speaker, list};
use p2pvoip_media::{FRAME, Frame, Level};
use pulse::Pulse;

/// Set in the process that does what a test is about: the sound server is chosen by the environment, which a process does not
/// change under its own threads.
const INSIDE: &str = "P2PVOIP_DEVICE_TEST";

/// Whether this is the process in which the test's work is to be done.
fn inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs the test of that name again, as a process which knows that sound server; says what it wrote.
fn again(test: &str, pulse: &Pulse) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .envs(pulse.environment())
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text
}

/// Ten milliseconds after another.
struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the sound server runs in real time")]
    fn start() -> Self {
        Self(Instant::now())
    }

    /// Waits for the next moment; by how much that was missed.
    #[expect(clippy::disallowed_methods, reason = "the sound server runs in real time")]
    fn tick(&mut self) -> Duration {
        self.0 += Duration::from_millis(10);
        while let Some(left) = self.0.checked_duration_since(Instant::now()) {
            thread::park_timeout(left);
        }
        self.0.elapsed()
    }
}

const PITCH: f64 = 1_000.0;
const LOUDNESS: f64 = 8_192.0;

/// The `n`-th frame of a tone.
fn tone(n: usize) -> Frame {
    Frame(std::array::from_fn(|i| {
        let phase = (n * FRAME + i) as f64 / 48_000.0 * PITCH * std::f64::consts::TAU;
        (phase.sin() * LOUDNESS) as i16
    }))
}

/// Cycles a second, by counting where the sound rises through zero.
fn pitch(sound: &[Frame]) -> f64 {
    let samples: Vec<i16> = sound.iter().flat_map(|frame| frame.0).collect();
    let rises: Vec<usize> =
        samples.windows(2).enumerate().filter(|(_, two)| two[0] < 0 && two[1] >= 0).map(|(n, _)| n).collect();
    let (first, last) = (rises[0], rises[rises.len() - 1]);
    (rises.len() - 1) as f64 * 48_000.0 / (last - first) as f64
}

/// Whether a frame is 6 dB quieter than the tone.
fn is_quiet(frame: &Frame) -> bool {
    let full = 20.0 * (LOUDNESS / 32_768.0 / 2.0_f64.sqrt()).log10();
    f64::from(Level::of(frame).rms) <= full - 6.0
}

/// The longest stretch of frames that are quiet.
fn longest_gap(sound: &[Frame]) -> usize {
    sound.split(|frame| !is_quiet(frame)).map(<[Frame]>::len).max().unwrap_or(0)
}

/// Frames until both devices have settled, and those that are judged then.
const SETTLING: usize = 200;
const STRETCH: usize = 500;
/// Quiet frames in a row that are nothing missing.
const LONGEST_GAP: usize = 2;
/// A quiet machine wakes this test no later. On a busy one the sound server is late too, and leaves out what nobody counts.
const ON_TIME: Duration = Duration::from_millis(5);

/// Whether this is the tone, whole, at its pitch and as loud; or what is wrong.
fn judge(heard: &[Frame]) -> Result<(), String> {
    let (gap, level) = (longest_gap(heard), Level::of(&heard[heard.len() / 2]).rms);
    let pitch = pitch(heard);
    if gap > LONGEST_GAP || (pitch - PITCH).abs() >= 6.0 || (level + 15.05).abs() >= 1.0 {
        return Err(format!("a gap of {gap} frames, {pitch} Hz at {level} dBFS"));
    }
    Ok(())
}

/// The same where the machine was late: most of what came is the tone, in parts.
fn judge_parts(heard: &[Frame]) -> Result<(), String> {
    let tones = heard.iter().filter(|frame| share_of_tone(frame) > 0.5).count();
    if tones * 10 < heard.len() * 7 {
        Err(format!("{tones} of {} frames are the tone", heard.len()))
    } else {
        Ok(())
    }
}

/// How much of a frame's energy is the tone (Goertzel), from 0 to 1.
fn share_of_tone(frame: &Frame) -> f64 {
    let twice_cosine = 2.0 * (PITCH / 48_000.0 * std::f64::consts::TAU).cos();
    let (mut before, mut last, mut energy) = (0.0, 0.0, f64::EPSILON);
    for sample in frame.0.map(f64::from) {
        energy += sample * sample;
        (before, last) = (last, sample + twice_cosine * last - before);
    }
    let power = before * before + last * last - twice_cosine * before * last;
    power * 2.0 / FRAME as f64 / energy
}

#[test]
fn a_tone_that_a_speaker_plays_is_heard_by_a_microphone_whole_and_at_its_pitch() {
    if !inside() {
        // At 44.1 kHz and in stereo, so that rates and channels are converted both ways.
        let sink =
            "module-null-sink sink_name=room rate=44100 channels=2 sink_properties=device.description=Room";
        if let Some(pulse) = Pulse::start(&[sink]) {
            let name = "a_tone_that_a_speaker_plays_is_heard_by_a_microphone_whole_and_at_its_pitch";
            println!("{}", again(name, &pulse));
        }
        return;
    }
    let mut speaker = Speaker::open(&Choice::Named("room".into())).unwrap();
    let mut microphone = Microphone::open(&Choice::Named("room.monitor".into())).unwrap();
    assert_eq!((speaker.name(), speaker.rate(), microphone.rate()), ("Room", 44_100, 44_100));
    let mut clock = Clock::start();
    let (mut heard, mut late) = (Vec::new(), Duration::ZERO);
    for n in 0..SETTLING + STRETCH {
        let mut frame = Frame::SILENCE;
        microphone.read(&mut frame);
        heard.push(frame);
        speaker.write(&tone(n));
        late = late.max(clock.tick());
    }
    let (played, recorded) = (speaker.stats(), microphone.stats());
    let begun = heard.iter().position(|frame| Level::of(frame).peak > -20.0);
    println!("heard after {begun:?} frames, late by {late:?}; speaker {played:?}, microphone {recorded:?}");
    let settled = &heard[SETTLING..];
    let glitches: u64 = [&played, &recorded].iter().map(|it| it.underruns + it.overruns + it.xruns).sum();
    let mut judged = judge(settled);
    if late > ON_TIME || glitches > 0 {
        judged = judged.or_else(|whole| judge_parts(settled).map_err(|part| whole + "; " + &part));
    }
    assert_eq!(judged, Ok(()), "late by {late:?}; speaker {played:?}, microphone {recorded:?}");
    assert!(begun.is_some_and(|frames| frames < 60), "{begun:?}");
    assert_eq!((speaker.event(), microphone.event()), (None, None));
}

#[test]
fn devices_are_listed_with_the_default_ones_and_a_monitor_is_no_default_microphone() {
    if !inside() {
        let sinks = [
            "module-null-sink sink_name=left",
            "module-null-sink sink_name=right",
            "module-null-source source_name=mic",
        ];
        if let Some(pulse) = Pulse::start(&sinks) {
            again("devices_are_listed_with_the_default_ones_and_a_monitor_is_no_default_microphone", &pulse);
        }
        return;
    }
    let all = list().unwrap();
    let of = |kind| all.iter().filter(move |info| info.kind == kind).collect::<Vec<_>>();
    assert_eq!(of(Kind::Speaker).len(), 2, "{all:?}");
    let microphones = of(Kind::Microphone);
    assert_eq!(microphones.iter().filter(|info| info.is_monitor).count(), 2, "{all:?}");
    let default: Vec<_> =
        microphones.iter().filter(|info| info.is_default).map(|info| info.id.as_str()).collect();
    assert!(default.is_empty() || default == ["mic"], "{all:?}");
    assert_eq!(of(Kind::Speaker).iter().filter(|info| info.is_default).count(), 1, "{all:?}");
    let refused = Speaker::open(&Choice::Named("nothing like it".into())).unwrap_err();
    assert!(matches!(refused, DeviceError::NotFound { .. }), "{refused}");
    let refused = Microphone::open(&Choice::Named("null".into()));
    assert!(refused.is_err() || refused.is_ok_and(|microphone| microphone.name().contains("Null")));
}

#[test]
fn where_no_sound_server_runs_and_no_card_is_there_none_is_found() {
    if std::path::Path::new("/dev/snd").exists() {
        eprintln!("passed over: this machine has a sound card");
        return;
    }
    if !inside() {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "where_no_sound_server_runs_and_no_card_is_there_none_is_found"])
            .env(INSIDE, "1")
            .env("PULSE_SERVER", "unix:/nonexistent/native")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    assert_eq!(list(), Ok(Vec::new()));
    assert_eq!(Speaker::open(&Choice::Default).unwrap_err(), DeviceError::NoneFound(Kind::Speaker));
    assert_eq!(Microphone::open(&Choice::Default).unwrap_err(), DeviceError::NoneFound(Kind::Microphone));
}

#[test]
fn a_device_that_goes_away_in_mid_call_is_told_and_leaves_silence() {
    if !inside() {
        if let Some(mut pulse) = Pulse::start(&["module-null-sink sink_name=room"]) {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "a_device_that_goes_away_in_mid_call_is_told_and_leaves_silence",
                    "--nocapture",
                ])
                .envs(pulse.environment())
                .env(INSIDE, "1")
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
            assert!(lines.any(|line| line.unwrap().contains("both are open")));
            pulse.end();
            let rest: Vec<_> = lines.map(Result::unwrap).collect();
            assert!(child.wait().unwrap().success(), "{rest:#?}");
        }
        return;
    }
    let mut speaker = Speaker::open(&Choice::Default).unwrap();
    let mut microphone = Microphone::open(&Choice::Named("room.monitor".into())).unwrap();
    println!("\nboth are open");
    let mut clock = Clock::start();
    let (mut speaker_lost, mut microphone_lost) = (false, false);
    for n in 0..1_000 {
        let mut frame = tone(n);
        speaker.write(&frame);
        let sound = microphone.read(&mut frame);
        assert!(sound || frame == Frame::SILENCE);
        speaker_lost |= speaker.event() == Some(DeviceEvent::Lost);
        microphone_lost |= microphone.event() == Some(DeviceEvent::Lost);
        if speaker_lost && microphone_lost {
            return;
        }
        clock.tick();
    }
    panic!("lost and not told: speaker {speaker_lost}, microphone {microphone_lost}");
}
