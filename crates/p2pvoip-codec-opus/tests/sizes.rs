//! Every packet of a rung has one size, whatever is said and however losses are to be made good.
#![allow(clippy::unwrap_used, clippy::unnecessary_wraps, clippy::allow_attributes, reason = "a test")]

use p2pvoip_codec_opus::{OpusConfig, OpusDecoder, OpusEncoder};
use p2pvoip_core::Seed;
use p2pvoip_media::codec::{CodecError, Decoder, Encoder, Setup};
use p2pvoip_media::{LADDER, Rung};
use std::path::Path;

/// A second and a half of speech at 48 kHz.
fn speech() -> Vec<i16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../p2pvoip-cli/assets/voice-a.wav");
    p2pvoip_media::wav::read(&path).unwrap().split_off(48_000)[..72_000].to_vec()
}

fn noise() -> Vec<i16> {
    let mut rng = Seed::from_u64(7).rng();
    (0..48_000).map(|_| i16::from_le_bytes(rng.array())).collect()
}

fn samples(rung: &Rung) -> usize {
    usize::try_from(rung.ptime.as_millis()).unwrap() * 48
}

#[test]
fn one_size_per_rung_for_speech_silence_and_noise_with_all_kinds_of_repair() {
    let sounds = [speech(), vec![0; 24_000], noise()];
    let mut encoder = OpusEncoder::new(&OpusConfig::default()).unwrap();
    let mut decoder = OpusDecoder::new().unwrap();
    for full in LADDER {
        // As it is, and so small that a copy fits.
        for payload in [full.payload, (full.payload - 5) / 2] {
            let rung = Rung { payload, ..full };
            for (fec, expected_loss) in [(false, 0.0), (false, 0.2), (true, 0.02), (true, 0.3)] {
                encoder.configure(Setup { rung, expected_loss, fec }).unwrap();
                for pcm in sounds.iter().flat_map(|sound| sound.chunks_exact(samples(&rung))).step_by(3) {
                    let mut out = [0; 300];
                    assert_eq!(encoder.encode(pcm, &mut out), Ok(payload), "{rung:?} {fec} {expected_loss}");
                    let decoded = decoder.decode(&out[..payload], &mut [0; 2_880]);
                    assert_eq!(decoded, Ok(samples(&rung)));
                }
            }
        }
    }
}

#[test]
fn what_the_caller_gets_wrong_is_said() {
    let mut encoder = OpusEncoder::new(&OpusConfig::default()).unwrap();
    assert_eq!(encoder.encode(&[0; 960], &mut [0; 99]), Err(CodecError::Setup), "not configured");
    let setup = Setup { rung: LADDER[1], expected_loss: f32::NAN, fec: false };
    encoder.configure(setup).unwrap();
    assert_eq!(encoder.encode(&[0; 959], &mut [0; 99]), Err(CodecError::FrameLength));
    assert_eq!(encoder.encode(&[0; 960], &mut [0; 60]), Err(CodecError::Room));
    for payload in [0, 7, 1_276] {
        let wrong = Setup { rung: Rung { payload, ..LADDER[1] }, ..setup };
        assert_eq!(encoder.configure(wrong), Err(CodecError::Setup));
    }
    assert_eq!(encoder.encode(&[0; 960], &mut [0; 61]), Ok(61), "the setup before stays");
    let mut decoder = OpusDecoder::new().unwrap();
    assert_eq!(decoder.conceal(&mut [0; 100]), Err(CodecError::FrameLength));
    assert_eq!(decoder.decode(&[], &mut [0; 960]), Err(CodecError::Undecodable));
    assert_eq!(decoder.decode(&[0xff, 0xff], &mut [0; 960]), Err(CodecError::Undecodable));
}

proptest::proptest! {
    #[test]
    fn arbitrary_payloads_never_panic_and_never_overflow(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), room in 1usize..13,
    ) {
        let mut decoder = OpusDecoder::new().unwrap();
        let mut out = vec![0; room * 480];
        let _ = decoder.can_recover(&bytes);
        for result in [decoder.decode(&bytes, &mut out), decoder.recover(&bytes, &mut out), decoder.conceal(&mut out)] {
            proptest::prop_assert!(result.is_err() || result.is_ok_and(|len| len <= room * 480));
        }
    }
}
