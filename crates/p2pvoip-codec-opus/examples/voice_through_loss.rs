//! A voice in Opus over a link that loses a twentieth of its packets: most of what was lost is repaired, and nearly all is heard.

use std::path::Path;
use std::time::Duration;

use p2pvoip_codec_opus::{OpusConfig, OpusDecoder, OpusEncoder};
use p2pvoip_core::{Bitrate, DataSize, Instant, Seed};
use p2pvoip_media::payload::{Chunks, Kind};
use p2pvoip_media::{Budget, FRAME, Frame, Receiver, ReceiverConfig, Sender, SenderConfig, compare, wav};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let voice = Path::new(env!("CARGO_MANIFEST_DIR")).join("../p2pvoip-cli/assets/voice-a.wav");
    let said = wav::read(&voice)?;
    let mut sender = Sender::new(OpusEncoder::new(&OpusConfig::default())?, &SenderConfig::default());
    // What congestion control would tell: how fast, and what the link does to packets.
    sender.set_budget(Budget {
        wire: Bitrate::from_kbps(80),
        overhead: DataSize::from_bytes(67),
        ptime: Duration::from_millis(20),
        loss: 0.05,
        burst: 1.0,
        largest: 300,
    });
    let mut receiver = Receiver::new(OpusDecoder::new()?, &ReceiverConfig::default());
    let mut chance = Seed::from_u64(1).rng();
    let mut heard = Vec::new();
    let silence = [0; FRAME];
    let frames = said.chunks_exact(FRAME).chain(std::iter::repeat_n(&silence[..], 20));
    for (number, samples) in (0_u64..).zip(frames) {
        let now = Instant::from_millis(1_000 + 10 * number);
        sender.push(&Frame(samples.try_into()?), now);
        let mut packet = [0; 300];
        while let Some(packed) = sender.pull(&mut packet) {
            if chance.chance(0.05) {
                continue;
            }
            for (kind, inside) in Chunks::new(packet.get(..packed.len).unwrap_or_default()).flatten() {
                if kind == Kind::AUDIO {
                    receiver.push(inside, now)?;
                }
            }
        }
        let mut frame = Frame::SILENCE;
        receiver.pull(&mut frame, now);
        heard.extend_from_slice(&frame.0);
    }

    let alignment = compare::align(&said, &heard);
    let stats = receiver.stats();
    println!(
        "{} frames lost on the way, {} concealed; {:.1} % of the voice was heard, {} samples later",
        stats.lost_before_repair,
        stats.concealed,
        100.0 * alignment.share(),
        alignment.offset,
    );
    assert!(alignment.share() > 0.95, "{}", alignment.share());
    Ok(())
}
