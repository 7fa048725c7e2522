//! Audio chunks, the receiver that plays them, libopus behind it, and files of sound.

use core::time::Duration;
use std::io::Write as _;

use p2pvoip_codec_opus::OpusDecoder;
use p2pvoip_core::Instant;
use p2pvoip_media::codec::Decoder;
use p2pvoip_media::payload::{Chunk, Chunks, LONGEST_INSIDE};
use p2pvoip_media::pcm::{RawSink, RawSource};
use p2pvoip_media::{Frame, PlayedKind, Receiver, ReceiverConfig, wav};

use crate::codec::Listener;
use crate::script::{millis, number, steps};

/// The most frames that are pulled in one run.
const MOST_FRAMES: usize = 500;
/// Samples in the longest frame of Opus, 120 ms (RFC 6716 section 2.1.4).
const LONGEST_FRAME: usize = 5_760;

/// The inside of an audio chunk: what parses is emitted as the same bytes behind a chunk header.
pub fn chunk(data: &[u8]) {
    let Ok(chunk) = Chunk::parse(data) else { return };
    let mut out = vec![0; 2 + LONGEST_INSIDE];
    let len = chunk.emit(&mut out).expect("what was read can be written");
    assert_eq!(&out[2..len], data, "emit undoes parse");
    let whole: Vec<_> = Chunks::new(&out[..len]).collect();
    assert!(matches!(whole.as_slice(), [Ok((_, inside))] if *inside == data), "one chunk");
}

/// A row of chunks: it ends, at the end or at the first error, and no chunk is longer than the row.
pub fn chunks(data: &[u8]) {
    let all: Vec<_> = Chunks::new(data).collect();
    let inside: usize = all.iter().flatten().map(|(_, inside)| inside.len() + 2).sum();
    assert!(inside <= data.len());
    let errors = all.iter().filter(|chunk| chunk.is_err()).count();
    assert!(errors == 0 || (errors == 1 && all.last().is_some_and(Result::is_err)), "nothing after an error");
    all.iter().flatten().for_each(|(_, inside)| chunk(inside));
}

/// A script for a receiver: chunks at any time, pulls at any pace. There is sound for every pull, and every frame that was
/// pulled is counted.
pub fn receiver(script: &[u8]) {
    let mut receiver = Receiver::new(Listener, &ReceiverConfig::default());
    let mut now = Instant::from_millis(1_000);
    let (mut frame, mut played, mut refused) = (Frame::SILENCE, 0, 0);
    for (step, bytes) in steps(script) {
        match step % 3 {
            0 => refused += u64::from(receiver.push(bytes, now).is_err()),
            1 => now += millis(bytes),
            _ => {
                for _ in 0..(number(bytes) >> 59) {
                    let kind = receiver.pull(&mut frame, now).kind;
                    played += u64::from(kind != PlayedKind::Silence);
                    now += Duration::from_millis(10);
                }
            }
        }
    }
    let stats = receiver.stats();
    assert_eq!((stats.played, stats.refused), (played, refused));
    assert!(stats.concealed <= stats.played, "{stats:?}");
    assert!(stats.target_delay <= Duration::from_secs(2), "{stats:?}");
}

/// A script for libopus: payloads to decode, to recover from, and nothing at all. It never writes more than there is room.
pub fn opus(script: &[u8]) {
    let mut decoder = OpusDecoder::new().expect("libopus makes a decoder");
    let mut out = [0; LONGEST_FRAME];
    for (step, bytes) in steps(script) {
        let room = [480, 960, 1_920, LONGEST_FRAME][usize::from(step >> 2 & 3)];
        let out = &mut out[..room];
        let made = match step & 3 {
            0 | 1 => decoder.decode(bytes, out),
            2 => {
                let _only_asked = decoder.can_recover(bytes);
                decoder.recover(bytes, out)
            }
            _ => decoder.conceal(out),
        };
        assert!(made.unwrap_or_default() <= room, "no more than there is room for");
    }
}

/// A WAV file: it gives as much sound as it said, or an error, and then ends.
pub fn wav_file(data: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(data).expect("there is room for it");
    let Ok(mut source) = wav::Source::open(file.path()) else { return };
    let frames = source.samples().div_ceil(480);
    let (mut whole, mut failed) = (0, false);
    for frame in source.by_ref().take(MOST_FRAMES) {
        assert!(!failed, "nothing comes after an error");
        failed = frame.is_err();
        whole += u64::from(!failed);
    }
    let ended = failed || whole == frames;
    assert!(whole <= frames && (ended || whole == MOST_FRAMES as u64), "{whole} of {frames} frames");
    assert!(!ended || source.next().is_none(), "it stays at its end");
}

/// Raw sound: written again it is the same, filled with silence to a whole frame.
pub fn raw_sound(data: &[u8]) {
    let mut sink = RawSink::new(Vec::new());
    for frame in RawSource::new(data) {
        sink.write(&frame.expect("a slice can be read")).expect("a vector can be written");
    }
    let written = sink.finish().expect("a vector can be written");
    assert_eq!(written.len(), data.len().next_multiple_of(960));
    let (sound, silence) = written.split_at(data.len());
    assert!(sound == data && silence.iter().all(|&byte| byte == 0));
}
