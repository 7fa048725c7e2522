//! A WAV file as packets, a tenth of which is lost, and back into a WAV file of the same length.
//!
//! The codec below keeps one sample of each 2.5 ms, so that the example needs no other crate; p2pvoip-codec-opus has a real one.

use std::time::Duration;

use p2pvoip_core::{Instant, Seed};
use p2pvoip_media::codec::{CodecError, Decoder, Encoder, Setup};
use p2pvoip_media::payload::{Chunks, Kind};
use p2pvoip_media::{FRAME, Frame, Receiver, ReceiverConfig, Sender, SenderConfig, wav};

/// Samples that one byte stands for.
const STEP: usize = FRAME / 4;

/// A codec for the example alone.
struct Coarse {
    payload: usize,
}

impl Encoder for Coarse {
    fn configure(&mut self, setup: Setup) -> Result<(), CodecError> {
        self.payload = setup.rung.payload;
        Ok(())
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        let out = out.get_mut(..self.payload).ok_or(CodecError::Room)?;
        out.fill(0);
        for (byte, part) in out.iter_mut().zip(pcm.chunks(STEP)) {
            *byte = part.first().map_or(0, |sample| sample.to_be_bytes()[0]);
        }
        Ok(out.len())
    }

    fn lookahead(&self) -> usize {
        0
    }
}

impl Decoder for Coarse {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        for (part, byte) in out.chunks_mut(STEP).zip(payload) {
            part.fill(i16::from_be_bytes([*byte, 0]));
        }
        Ok(out.len())
    }

    fn can_recover(&self, _next: &[u8]) -> bool {
        false
    }

    fn recover(&mut self, _next: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.conceal(out)
    }

    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        out.fill(0);
        Ok(out.len())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Two seconds of a rough tone.
    let folder = std::env::temp_dir().join(format!("p2pvoip-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (said, heard) = (folder.join("said.wav"), folder.join("heard.wav"));
    let tone: Vec<i16> = (0..96_000).map(|n| if (n / 480) % 2 == 0 { 9_000 } else { -9_000 }).collect();
    wav::write(&said, &tone)?;

    let mut sender = Sender::new(Coarse { payload: 0 }, &SenderConfig::default());
    let mut receiver = Receiver::new(Coarse { payload: 0 }, &ReceiverConfig::default());
    let mut chance = Seed::from_u64(1).rng();
    let mut sink = wav::Sink::create(&heard)?;
    let mut now = Instant::from_millis(1_000);
    for frame in wav::Source::open(&said)? {
        sender.push(&frame?, now);
        let mut packet = [0; 300];
        while let Some(packed) = sender.pull(&mut packet) {
            for (kind, inside) in Chunks::new(packet.get(..packed.len).unwrap_or_default()).flatten() {
                if kind == Kind::AUDIO && !chance.chance(0.1) {
                    receiver.push(inside, now)?;
                }
            }
        }
        let mut out = Frame::SILENCE;
        receiver.pull(&mut out, now);
        sink.write(&out)?;
        now += Duration::from_millis(10);
    }
    sink.finish()?;

    let (samples, stats) = (wav::read(&heard)?, receiver.stats());
    std::fs::remove_dir_all(&folder)?;
    println!(
        "{} of {} frames of 10 ms were concealed, after {:?}",
        stats.concealed, stats.played, stats.playout_delay
    );
    assert_eq!(samples.len(), tone.len(), "loss does not shorten what is played");
    assert!(stats.concealed > 0 && stats.concealed * 4 < stats.played, "{stats:?}");
    let loud = samples.iter().filter(|sample| sample.unsigned_abs() > 5_000).count();
    assert!(loud * 4 > samples.len() * 3, "most of the tone is heard");
    Ok(())
}
