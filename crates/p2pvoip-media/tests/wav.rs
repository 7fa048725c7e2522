//! WAV files of all kinds in, whole files out.
#![allow(clippy::unwrap_used, clippy::unnecessary_wraps, clippy::allow_attributes, reason = "a test")]
#![cfg(feature = "wav")]

use core::f64::consts::TAU;
use hound::{SampleFormat, WavSpec, WavWriter};
use p2pvoip_media::wav::{self, Sink, Source, WavError};
use p2pvoip_media::{FRAME, Frame};
use std::path::Path;

/// Half a second of a tone of 440 Hz at half of full scale, the same in each channel.
#[allow(clippy::cast_possible_truncation, clippy::allow_attributes, reason = "a test signal")]
fn write_tone(
    path: &Path,
    sample_rate: u32,
    channels: u16,
    bits_per_sample: u16,
    sample_format: SampleFormat,
) {
    let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
    let mut writer = WavWriter::create(path, spec).unwrap();
    for n in 0..sample_rate / 2 {
        let value = (f64::from(n) * TAU * 440.0 / f64::from(sample_rate)).sin() * 0.5;
        for _ in 0..channels {
            match sample_format {
                SampleFormat::Float => writer.write_sample(value as f32).unwrap(),
                SampleFormat::Int => {
                    let full = 2f64.powi(i32::from(bits_per_sample) - 1);
                    writer.write_sample((value * full) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
}

/// How much of the tone is in a sound that begins at that sample, in and out of phase, and its mean power.
#[allow(clippy::cast_precision_loss, clippy::allow_attributes, reason = "a few thousand samples")]
fn project(sound: &[i16], from: u32) -> (f64, f64, f64) {
    let (mut sin, mut cos, mut power) = (0.0, 0.0, 0.0);
    for (n, sample) in (from..).zip(sound) {
        let phase = f64::from(n) * TAU * 440.0 / 48_000.0;
        sin += f64::from(*sample) * phase.sin();
        cos += f64::from(*sample) * phase.cos();
        power += f64::from(*sample).powi(2);
    }
    let len = sound.len() as f64;
    (2.0 * sin / len, 2.0 * cos / len, power / len)
}

#[test]
fn any_rate_depth_and_channels_become_48_khz_mono() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tone.wav");
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
        for (bits, format) in [
            (8, SampleFormat::Int),
            (16, SampleFormat::Int),
            (24, SampleFormat::Int),
            (32, SampleFormat::Float),
        ] {
            let channels = if bits == 16 { 2 } else { 1 };
            write_tone(&path, rate, channels, bits, format);
            let sound = wav::read(&path).unwrap();
            // Half a second, to the sample (11,025 is odd: half a sample of it more or less).
            assert!(sound.len().abs_diff(24_000) <= 3, "{rate} {bits}: {}", sound.len());
            // 18,000 samples hold 165 whole periods.
            let (sin, cos, power) = project(&sound[2_000..20_000], 2_000);
            let late = (cos / sin).atan() * 48_000.0 / (TAU * 440.0);
            assert!(late.abs() < 2.0, "{rate} {bits}: {late} samples early");
            assert!((sin.hypot(cos) - 16_384.0).abs() < 200.0, "{rate} {bits}: {sin} {cos}");
            let rest = power - f64::midpoint(sin * sin, cos * cos);
            let signal = power / rest.max(1e-9);
            assert!(signal > if bits == 8 { 4_000.0 } else { 100_000.0 }, "{rate} {bits}: {signal}");
        }
    }
}

#[test]
fn what_is_written_is_read_again_sample_by_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sound.wav");
    let sound: Vec<i16> = (0..1_000).map(|n| n * 30 - 15_000).collect();
    wav::write(&path, &sound).unwrap();
    assert_eq!(wav::read(&path).unwrap(), sound);
    let copy = folder.path().join("copy.wav");
    wav::convert(&path, &copy).unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&path).unwrap());
    assert_eq!(Source::open(&path).unwrap().count(), 3, "the last frame is filled with silence");
}

#[test]
fn a_sink_that_is_dropped_leaves_what_was_there_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.wav");
    std::fs::write(&path, "before").unwrap();
    let mut sink = Sink::create(&path).unwrap();
    sink.write(&Frame([1; FRAME])).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"before");
    let mut second = Sink::create(&path).unwrap();
    second.write(&Frame([2; FRAME])).unwrap();
    drop(sink);
    assert_eq!(std::fs::read(&path).unwrap(), b"before");
    second.finish().unwrap();
    assert_eq!(wav::read(&path).unwrap(), [2; FRAME]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_sink_replaces_nothing_but_regular_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("dir")).unwrap();
    for name in ["dir", "dir/", "dir/.", "new/", "new/.", ".."] {
        assert!(matches!(Sink::create(&at(name)), Err(WavError::Target(_))), "{name}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at("else.wav"), at("link.wav")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for name in ["link.wav", "socket"] {
            assert!(matches!(Sink::create(&at(name)), Err(WavError::Target(_))), "{name}");
        }
        assert!(matches!(Sink::create(Path::new("/dev/null")), Err(WavError::Target(_))));
    }
}

#[test]
fn a_file_that_cannot_be_read_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    assert!(matches!(Source::open(&path), Err(WavError::Read(_))));
    std::fs::write(&path, "this is not sound at all, and it is long enough for a header").unwrap();
    let error = Source::open(&path).unwrap_err();
    assert!(matches!(error, WavError::NotWav(_)) && error.to_string().contains("export it again"), "{error}");
    std::fs::write(&path, "").unwrap();
    assert!(matches!(Source::open(&path), Err(WavError::NotWav(_))));
    wav::write(&path, &[]).unwrap();
    assert!(matches!(Source::open(&path), Err(WavError::Empty)));
    wav::write(&path, &[5; 4_800]).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] = 6; // A-law
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(Source::open(&path), Err(WavError::Unsupported)));
    bytes[20] = 1;
    bytes.truncate(5_000);
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(Source::open(&path), Err(WavError::NotWav(_))), "cut off");
    assert!(matches!(Sink::create(&folder.path().join("no/where.wav")), Err(WavError::Write(_))));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(100))]
    #[test]
    fn a_damaged_header_never_panics(place in 0usize..44, value: u8) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wav");
        wav::write(&path, &[5; 960]).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[place] = value;
        std::fs::write(&path, &bytes).unwrap();
        let _ = wav::read(&path);
    }
}
