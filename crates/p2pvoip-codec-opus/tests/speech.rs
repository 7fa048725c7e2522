//! Real speech through encoder, a lossy link, receiver and decoder, compared with what was said.
#![allow(clippy::unwrap_used, clippy::unnecessary_wraps, clippy::allow_attributes, reason = "a test")]

use core::time::Duration;
use p2pvoip_codec_opus::{OpusConfig, OpusDecoder, OpusEncoder};
use p2pvoip_core::{Bitrate, DataSize, Instant, Seed};
use p2pvoip_media::compare::{Alignment, align};
use p2pvoip_media::payload::Chunks;
use p2pvoip_media::{
    Budget, FRAME, Frame, Receiver, ReceiverConfig, ReceiverStats, Redundancy, Sender, SenderConfig, wav,
};
use std::path::Path;

fn voice(name: &str) -> Vec<i16> {
    wav::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../p2pvoip-cli/assets").join(name)).unwrap()
}

struct Call {
    kbps: u64,
    /// What the sender is told of the loss.
    told: f32,
    loss: f64,
    /// Largest jitter in milliseconds.
    jitter: u64,
}

struct Heard {
    sound: Vec<i16>,
    stats: ReceiverStats,
    redundancy: Redundancy,
}

impl Call {
    fn budget(&self) -> Budget {
        Budget {
            wire: Bitrate::from_kbps(self.kbps),
            overhead: DataSize::from_bytes(67),
            ptime: Duration::from_millis(20),
            loss: self.told,
            burst: 1.0,
            largest: 300,
        }
    }

    fn run(&self, said: &[i16]) -> Heard {
        let mut rng = Seed::from_u64(5).derive("link").rng();
        let mut sender =
            Sender::new(OpusEncoder::new(&OpusConfig::default()).unwrap(), &SenderConfig::default());
        sender.set_budget(self.budget());
        let mut receiver = Receiver::new(OpusDecoder::new().unwrap(), &ReceiverConfig::default());
        let mut link: Vec<(Instant, Vec<u8>)> = Vec::new();
        let mut sound = Vec::new();
        let frames = said.chunks_exact(FRAME).chain(core::iter::repeat_n(&[0; FRAME][..], 30));
        for (n, frame) in (0u64..).zip(frames) {
            let now = Instant::from_millis(1_000 + 10 * n);
            sender.push(&Frame(frame.try_into().unwrap()), now);
            let mut out = [0; 300];
            while let Some(packed) = sender.pull(&mut out) {
                assert_eq!(packed.len, packed.rung.body_len(), "one size per rung");
                let late = Duration::from_millis(15 + rng.below(self.jitter + 1));
                if n < 10 || !rng.chance(self.loss) {
                    link.push((now + late, out[..packed.len].to_vec()));
                }
            }
            link.sort_by_key(|packet| packet.0);
            while link.first().is_some_and(|packet| packet.0 <= now) {
                let (at, body) = link.remove(0);
                for chunk in Chunks::new(&body).filter_map(Result::ok).filter(|chunk| chunk.0.bits() == 1) {
                    receiver.push(chunk.1, at).unwrap();
                }
            }
            let mut heard = Frame::SILENCE;
            receiver.pull(&mut heard, now);
            sound.extend_from_slice(&heard.0);
        }
        Heard { sound, stats: receiver.stats(), redundancy: sender.stats().redundancy }
    }
}

fn check(call: &Call, least_share: f32) -> (Heard, Alignment) {
    let said = voice("voice-a.wav");
    let heard = call.run(&said);
    let alignment = align(&said, &heard.sound);
    println!(
        "{} kbps, loss {}: share {:.3} gap {} offset {} corr {:.2} {:?} {:?}",
        call.kbps,
        call.loss,
        alignment.share(),
        alignment.longest_gap(),
        alignment.offset,
        alignment.correlation,
        heard.redundancy,
        heard.stats
    );
    assert!(alignment.share() >= least_share, "{}", alignment.share());
    (heard, alignment)
}

#[test]
fn a_clean_call_is_heard_whole_and_soon() {
    let (heard, alignment) = check(&Call { kbps: 70, told: 0.0, loss: 0.0, jitter: 0 }, 0.99);
    assert_eq!((heard.stats.concealed, heard.stats.lost_before_repair), (0, 0));
    assert!(heard.stats.playout_delay <= Duration::from_millis(40), "{:?}", heard.stats.playout_delay);
    assert!(alignment.correlation > 0.7, "{}", alignment.correlation);
    // 20 ms to gather, 15 ms of link, 6.5 ms of codec, and at most 40 ms of waiting.
    assert!((1_000..=48 * 95).contains(&alignment.offset), "{}", alignment.offset);
}

#[test]
fn the_lowest_rate_is_still_the_same_voice() {
    check(&Call { kbps: 14, told: 0.0, loss: 0.0, jitter: 0 }, 0.85);
}

#[test]
fn in_band_repair_rebuilds_most_of_five_percent() {
    let (heard, _) = check(&Call { kbps: 56, told: 0.05, loss: 0.05, jitter: 10 }, 0.95);
    assert_eq!(heard.redundancy, Redundancy::InBand);
    let ReceiverStats { lost_before_repair, recovered_fec, .. } = heard.stats;
    assert!(lost_before_repair >= 8 && recovered_fec * 10 >= lost_before_repair * 7, "{:?}", heard.stats);
}

#[test]
fn copies_repair_nearly_all_of_ten_percent() {
    let (heard, _) = check(&Call { kbps: 90, told: 0.1, loss: 0.1, jitter: 10 }, 0.95);
    assert_eq!(heard.redundancy, Redundancy::Copy { distance: 1 });
    let ReceiverStats { lost_before_repair, recovered_copy, .. } = heard.stats;
    assert!(lost_before_repair >= 20 && recovered_copy * 10 >= lost_before_repair * 7, "{:?}", heard.stats);
}

#[test]
fn jitter_is_waited_for_and_the_stretched_voice_is_still_found() {
    let (heard, _) = check(&Call { kbps: 70, told: 0.0, loss: 0.0, jitter: 80 }, 0.95);
    assert!(heard.stats.concealed * 20 < heard.stats.played, "{:?}", heard.stats);
}

#[test]
fn another_voice_and_silence_are_not_what_was_said() {
    let said = voice("voice-a.wav");
    let other = Call { kbps: 70, told: 0.0, loss: 0.0, jitter: 0 }.run(&voice("voice-b.wav"));
    let alignment = align(&said, &other.sound);
    assert!(alignment.share() < 0.1, "{}", alignment.share());
    assert_eq!(align(&said, &vec![0; 300_000]).present(), 0);
    assert_eq!(align(&vec![0; 300_000], &other.sound).active(), 0);
    // Half of it only.
    let half = &said[..said.len() / 2];
    let alignment = align(&said, half);
    assert!((0.35..0.65).contains(&alignment.share()), "{}", alignment.share());
}
