//! Opus at 24 kbit/s and 20 ms: encode, decode and conceal.

use core::time::Duration;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use p2pvoip_codec_opus::{OpusConfig, OpusDecoder, OpusEncoder};
use p2pvoip_core::Seed;
use p2pvoip_media::Rung;
use p2pvoip_media::codec::{Decoder, Encoder, Setup};

/// 20 ms at 48 kHz.
const SAMPLES: usize = 960;
/// 24 kbit/s.
const PAYLOAD: usize = 60;
/// Frames of sound that go round: one second.
const FRAMES: usize = 50;

/// Something like a voice: a tone of 140 Hz with its overtones, swelling, with breath.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small numbers of a sound")]
fn voice() -> Vec<[i16; SAMPLES]> {
    let mut rng = Seed::from_u64(1).rng();
    let mut sample = |n: usize| {
        let time = n as f64 / 48_000.0;
        let tones =
            (1..12).map(|k| (time * 140.0 * f64::from(k) * core::f64::consts::TAU).sin() / f64::from(k));
        let swell = 0.55 + 0.45 * (time * 4.0 * core::f64::consts::TAU).sin();
        (swell * (6_000.0 * tones.sum::<f64>() + 800.0 * (rng.unit() - 0.5))) as i16
    };
    (0..FRAMES).map(|frame| core::array::from_fn(|n| sample(frame * SAMPLES + n))).collect()
}

fn encoder() -> OpusEncoder {
    let mut encoder = OpusEncoder::new(&OpusConfig::default()).expect("libopus makes an encoder");
    let rung = Rung { ptime: Duration::from_millis(20), payload: PAYLOAD };
    encoder.configure(Setup { rung, expected_loss: 0.05, fec: true }).expect("24 kbit/s are possible");
    encoder
}

fn encode(criterion: &mut Criterion) {
    let sound = voice();
    let mut encoder = encoder();
    let mut frames = sound.iter().cycle();
    let mut out = [0; PAYLOAD];
    criterion.bench_function("opus/encode", |bencher| {
        bencher.iter(|| {
            let frame = frames.next().expect("it goes round");
            encoder.encode(black_box(frame), &mut out).expect("a frame of 20 ms")
        });
    });
}

fn decode(criterion: &mut Criterion) {
    let mut encoder = encoder();
    let payloads: Vec<[u8; PAYLOAD]> = voice()
        .iter()
        .map(|frame| {
            let mut out = [0; PAYLOAD];
            encoder.encode(frame, &mut out).expect("a frame of 20 ms");
            out
        })
        .collect();
    let mut decoder = OpusDecoder::new().expect("libopus makes a decoder");
    let mut next = payloads.iter().cycle();
    let mut out = [0; SAMPLES];
    criterion.bench_function("opus/decode", |bencher| {
        bencher.iter(|| {
            let payload = next.next().expect("it goes round");
            decoder.decode(black_box(payload), &mut out).expect("it was encoded")
        });
    });
    criterion.bench_function("opus/decode-then-conceal", |bencher| {
        bencher.iter(|| {
            let payload = next.next().expect("it goes round");
            decoder.decode(black_box(payload), &mut out).expect("it was encoded");
            decoder.conceal(&mut out).expect("there was sound")
        });
    });
}

criterion_group!(benches, encode, decode);
criterion_main!(benches);
